"""What an API server was asked for, by whom: its audit log, written before each answer ends."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_WRITING: Final = frozenset({"create", "update", "patch", "delete", "deletecollection"})
_BEGUN: Final = "ResponseStarted"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, in the words of RBAC."""

    user: str
    verb: str
    group: str
    resource: str
    """Plural, with `/subresource` if there is one; empty: no object was asked for, but a path."""
    namespace: str
    name: str
    """Of one object, or the only one that a list or a watch is limited to; empty: all, or one that is new."""
    code: int
    """Of the answer."""
    is_open: bool
    """Whether it is a watch, or a log that is followed, which goes on."""

    @property
    def writes(self) -> bool:
        """Whether something was to be changed."""
        return self.verb in _WRITING


class AuditLog:
    """The log of one API server; of some users only."""

    def __init__(self, folder: Path, users: Sequence[str]) -> None:
        """Prepare the files that the API server is started with.

        Args:
            folder: where they are.
            users: whose requests are written down; none: there is no log.
        """
        self._is_kept = bool(users)
        self._file = folder / "audit.log"
        self._policy = folder / "audit-policy.yaml"
        rules = [{"level": "Metadata", "users": [*users]}, {"level": "None"}]  # of no users would mean: of all
        policy = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"], "rules": rules}
        self._policy.write_text(json.dumps(policy))

    def flags(self) -> dict[str, str]:
        """What the API server is told."""
        if not self._is_kept:
            return {}
        return {"audit-policy-file": str(self._policy), "audit-log-path": str(self._file)}

    def mark(self) -> int:
        """The end of what is written now, for `requests`."""
        return self._file.stat().st_size if self._file.exists() else 0

    def requests(self, since: int = 0) -> list[Asked]:
        """What was asked for after a mark, in the order of the answers' beginnings."""
        found: dict[str, Asked] = {}
        for entry in self._entries(since):
            found[entry["auditID"]] = _read(entry)
        return list(found.values())

    def _entries(self, since: int) -> Iterator[dict[str, Any]]:
        if not self._file.exists():
            return
        with self._file.open("rb") as log:
            log.seek(since)
            for line in log:
                if line.endswith(b"\n"):
                    yield json.loads(line)


def _read(entry: dict[str, Any]) -> Asked:
    of = entry.get("objectRef", {})
    parts = [each for each in (of.get("resource", ""), of.get("subresource", "")) if each]
    return Asked(
        user=entry["user"]["username"],
        verb=entry["verb"],
        group=of.get("apiGroup", ""),
        resource="/".join(parts),
        namespace=of.get("namespace", ""),
        name=of.get("name", ""),
        code=entry.get("responseStatus", {}).get("code", 0),
        is_open=entry["stage"] == _BEGUN,
    )
