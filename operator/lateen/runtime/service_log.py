"""The journal of an instance as lines of a service's log: what an operator on call wants to read, and no more."""

import structlog

from lateen.infra.base import Phase
from lateen.model.objects import Severity, print_path
from lateen.runtime.journal import Compiled, Entry, ProxyChanged, Refused, WentLive

_log = structlog.get_logger(__name__)


def log_entry(entry: Entry) -> None:
    """Write one entry. Every change is for those who debug; what goes wrong is for all."""
    match entry:
        case Compiled():
            _log_batch(entry)
        case WentLive(number, seconds, rejected):
            tell = _log.warning if rejected else _log.debug
            tell("batch is live", number=number, seconds=round(seconds, 4), rejected=rejected)
        case Refused(proxy, resource, message, origins):
            objects = [str(key) for key, _ in origins]
            _log.warning("proxy refused a resource", proxy=str(proxy), resource=resource, why=message, objects=objects)
        case ProxyChanged(state):
            tell = _log.warning if state.phase is Phase.FAILING else _log.info
            tell("proxies changed", proxy=str(state.proxy), phase=state.phase.value, error=state.error)
        case _:
            pass


def _log_batch(entry: Compiled) -> None:
    outcome = entry.outcome
    tell = _log.info if entry.number == 1 else _log.debug
    tell(
        "batch is compiled",
        number=entry.number,
        accepted=len(outcome.accepted),
        refused=len(outcome.refused),
        removed=len(outcome.removed),
        cells=outcome.recomputed,
        resources=entry.sent,
        seconds=round(entry.seconds, 4),
    )
    for key in outcome.refused:
        wrong = [finding for finding in entry.findings.get(key, ()) if finding.severity is Severity.ERROR]
        why = "; ".join(f"{print_path(finding.path)}: {finding.message}" for finding in wrong)
        _log.warning("object refused; its last good version stays in use", object=str(key), why=why)
