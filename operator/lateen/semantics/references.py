"""Where a destination leads, and what is missing when it leads nowhere.

Routes are built even to what does not exist, and answer 503 then (istio-semantics §0.3.1);
these functions put into words what a user has to mend.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum, auto

from lateen.ir.route import ClusterRef
from lateen.semantics.destination_rules import EffectiveRule
from lateen.semantics.registry import RegisteredService, service_for, visible


class Missing(Enum):
    """What a destination names that is not there."""

    HOST = auto()
    VISIBILITY = auto()
    """The host exists, but is not exported to the proxy's namespace."""
    PORT = auto()
    RULE = auto()
    """A subset is named, and no DestinationRule applies."""
    SUBSET = auto()


@dataclass(frozen=True, slots=True)
class Gap:
    """One thing missing, in words that fit behind the field's name."""

    what: Missing
    message: str


def find_gap(
    ref: ClusterRef,
    candidates: Sequence[RegisteredService],
    rule: EffectiveRule | None,
    viewer: str,
    *,
    known_hosts: Iterable[str] = (),
) -> Gap | None:
    """Say why there is no such cluster for proxies of namespace `viewer`; None: host, port and subset exist.

    `candidates` are the services of the host, `rule` the DestinationRule in effect,
    `known_hosts` the names that a misspelt host is compared with.
    """
    if not candidates:
        return Gap(Missing.HOST, f"there is no service {ref.host}{suggestion(ref.host, known_hosts)}")
    seen = visible(candidates, viewer)
    if not seen:
        owners = ", ".join(sorted({str(service.origin) for service in candidates}))
        return Gap(Missing.VISIBILITY, f"{owners} does not export {ref.host} to namespace {viewer}")
    if service_for(seen, viewer, ref.port) is None:
        numbers = sorted({port.number for service in seen for port in service.ports})
        listed = ", ".join(str(number) for number in numbers) or "none"
        return Gap(Missing.PORT, f"{ref.host} has no port {ref.port} (its ports: {listed})")
    if not ref.subset or (rule is not None and rule.subset(ref.subset) is not None):
        return None
    if rule is None:
        return Gap(Missing.RULE, f"no DestinationRule defines subsets of {ref.host} for namespace {viewer}")
    names = [subset.name for subset in rule.subsets]
    listed = ", ".join(names) or "none"
    sources = ", ".join(str(key) for key in rule.origins)
    message = f"{sources} has no subset {ref.subset} (its subsets: {listed}){suggestion(ref.subset, names)}"
    return Gap(Missing.SUBSET, message)


def suggestion(name: str, known: Iterable[str]) -> str:
    """Offer the known name that looks most like `name`: `; did you mean …?`, or nothing."""
    close = get_close_matches(name, tuple(known), n=1, cutoff=0.75)
    return f"; did you mean {close[0]}?" if close else ""
