"""Journal entries as JSON objects: `lateen up -o json`. The shapes are stable (docs/cli.md)."""

from collections.abc import Callable
from typing import Any, TypeAlias

from lateen.infra.base import ProxyState
from lateen.ir.finding import Finding
from lateen.model.keys import Key
from lateen.runtime.journal import (
    Compiled,
    Draining,
    Entry,
    FileReported,
    Happened,
    Listening,
    PortTaken,
    ProxyChanged,
    Refused,
    Restored,
    Serving,
    Started,
    Stopped,
    WentLive,
)
from lateen.runtime.listening import describe_port
from lateen.runtime.notices import Notice, notice_of_problem

Notices: TypeAlias = Callable[[Finding], Notice]
"""Puts a finding at its place."""


def record_of(entry: Entry, notice: Notices) -> dict[str, Any]:  # noqa: C901, PLR0911, PLR0912 - one case each
    """Give an entry's JSON form; `event` says which it is. `notice` may read files."""
    match entry:
        case Started(name, version, pid, paths):
            return {"event": "started", "name": name, "version": version, "pid": pid, "paths": list(paths)}
        case Compiled():
            return {"event": "compiled", **_compiled(entry, notice)}
        case WentLive(number, seconds, rejected, superseded):
            live = {"number": number, "seconds": seconds, "rejected": rejected, "superseded": superseded}
            return {"event": "live", **live}
        case Restored(proxy, seconds):
            return {"event": "restored", "proxy": str(proxy), "seconds": seconds}
        case Serving(seconds):
            return {"event": "serving", "seconds": seconds}
        case Listening(ports):
            return {"event": "listening", "ports": [describe_port(port) for port in ports]}
        case PortTaken(ports, reason):
            return {"event": "port_taken", "reason": reason, "ports": [describe_port(port) for port in ports]}
        case FileReported(report, kept, healed):
            problems = [notice_of_problem(problem).fields() for problem in report.problems]
            return {"event": "file", "file": report.file, "problems": problems, "kept": kept, "healed": healed}
        case ProxyChanged(state):
            return {"event": "proxy", **_proxy(state)}
        case Refused(proxy, resource, message, origins):
            objects = [
                {"object": str(key), "file": place.file if place else "", "line": place.line if place else 0}
                for key, place in origins
            ]
            refused = {"proxy": str(proxy), "resource": resource, "message": message, "objects": objects}
            return {"event": "refused", **refused}
        case Happened(key, reason, message, is_warning):
            happened = {"object": str(key), "reason": reason, "message": message}
            return {"event": "happened", **happened, "severity": "warning" if is_warning else "info"}
        case Draining(seconds):
            return {"event": "draining", "seconds": seconds}
        case Stopped():
            return {"event": "stopped"}


def _compiled(entry: Compiled, notice: Notices) -> dict[str, Any]:
    outcome = entry.outcome
    return {
        "number": entry.number,
        "accepted": _names(outcome.accepted),
        "rejected": _names(outcome.refused),
        "removed": _names(outcome.removed),
        "resources": entry.sent,
        "seconds": entry.seconds,
        "findings": [notice(finding).fields() for found in entry.findings.values() for finding in found],
    }


def _proxy(state: ProxyState) -> dict[str, Any]:
    return {
        "proxy": str(state.proxy),
        "phase": state.phase.value,
        "pid": state.pid,
        "admin": state.admin,
        "restarts": state.restarts,
        "error": state.error,
    }


def _names(keys: tuple[Key, ...]) -> list[str]:
    return [str(key) for key in keys]
