"""Files laid over the objects of a cluster, as if they were applied: what would be said about them then.

An object in a file takes the place of the cluster's object of that name, and its age with it. One that is new is the
youngest. One that is refused changes nothing: the version that is in use stays.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

from lateen.compile.compiler import Compiler
from lateen.compile.settings import CompileSettings
from lateen.ir.finding import Finding
from lateen.model.keys import Key
from lateen.model.objects import Change, Origin, RawObject
from lateen.runtime.notices import Notice, in_reading_order
from lateen.runtime.offline import Files, Offline
from lateen.validation.intake import Admission, Intake

Manifests: TypeAlias = Mapping[Key, Mapping[str, Any]]
"""Objects of a cluster."""

Fetch: TypeAlias = Callable[[Collection[Key]], Awaitable[Manifests]]
"""Reads Secrets, those that exist."""

_YOUNGEST: Final = "9999-12-31T23:59:59Z"


class TwoDoors(Intake):
    """Judges some objects by other rules than the rest."""

    def __init__(self, others: Intake, mine: Intake, keys: Collection[Key]) -> None:
        """Let `mine` judge the objects in `keys`, and `others` all others."""
        super().__init__()
        self._others = others
        self._mine = mine
        self._keys = keys

    def admit(self, key: Key, raw: RawObject) -> Admission:
        """Validate one object."""
        return (self._mine if key in self._keys else self._others).admit(key, raw)


@dataclass(frozen=True, slots=True)
class Overlay:
    """What became of it."""

    offline: Offline
    findings: tuple[Finding, ...]
    """Everything there is to say about any object."""
    before: frozenset[Finding]
    """What was to be said before the files came."""

    def notices(self, *, everything: bool = False) -> list[Notice]:
        """Say what concerns the files, or all there is to say: about their objects, and what is new because of them."""
        origins = self.offline.origins
        shown = [each for each in self.findings if everything or each.key in origins or each not in self.before]
        return in_reading_order([*map(self.offline.notice, shown), *self.offline.problem_notices()])


async def lay_over(
    cluster: Manifests, files: Files, settings: CompileSettings, intake: Intake, fetch: Fetch
) -> Overlay:
    """Compile a cluster's objects, then the files' ones with them.

    Args:
        cluster: all objects but Secrets.
        files: what is laid over them.
        settings: as the operator has them.
        intake: the door.
        fetch: reads the Secrets that turn out to be needed.
    """
    compiler = Compiler(settings, intake)
    known = {key: _change(key, manifest) for key, manifest in cluster.items()}
    compiler.apply(known.values())
    secrets: dict[Key, Change] = {}
    await _read_secrets(compiler, fetch, secrets)
    before = _all_findings(compiler, (*known, *secrets))
    changes = [_as_applied(change, known.get(change.key)) for change in files.changes]
    mine = {change.key for change in changes}
    outcome = compiler.apply(changes)
    await _read_secrets(compiler, fetch, secrets, mine)
    origins = {change.key: change.origin for change in changes}
    offline = Offline(compiler, outcome, files.problems, origins, files.texts)
    findings = _all_findings(compiler, dict.fromkeys((*known, *secrets, *mine)))
    return Overlay(offline, tuple(findings), frozenset(before))


async def _read_secrets(
    compiler: Compiler, fetch: Fetch, secrets: dict[Key, Change], but: Collection[Key] = ()
) -> None:
    """Read the Secrets that are needed and not read yet."""
    missing = [key for key in sorted(compiler.secrets()) if key not in secrets and key not in but]
    if missing:
        found = {key: _change(key, manifest) for key, manifest in (await fetch(missing)).items()}
        secrets.update(found)
        compiler.apply(found.values())


def _all_findings(compiler: Compiler, keys: Collection[Key]) -> list[Finding]:
    return [finding for key in keys for finding in compiler.findings_of(key)]


def _change(key: Key, manifest: Mapping[str, Any]) -> Change:
    metadata = manifest["metadata"]
    origin = Origin(
        generation=metadata.get("generation", 0),
        uid=metadata.get("uid", ""),
        api_version=manifest.get("apiVersion", ""),
    )
    return Change(key, manifest, origin)


def _as_applied(change: Change, known: Change | None) -> Change:
    """Give an object of a file the age that it would have."""
    raw = change.raw or {}
    created = _YOUNGEST
    if known is not None and known.raw is not None:
        created = known.raw["metadata"].get("creationTimestamp", "")
    return replace(change, raw={**raw, "metadata": {**raw["metadata"], "creationTimestamp": created}})
