"""Status as the `status` subresource of objects at an API server.

What objects say already comes with the watch (`observe`). Of each only a digest is kept, who gave
which answer since when, and the conditions of others. So it costs nothing to find that there is
nothing to write, also after a restart.

A write is a merge patch, conditional on the version that was observed: it replaces the list of
conditions, and must not lose one that somebody else has put there meanwhile. Server-side apply
would keep them only where the definition makes the list a map, which Istio's own do not.
"""

import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

from lateen.kube.client import ApiError
from lateen.kube.resources import NETWORKING, RESOURCES, ApiResource
from lateen.model.keys import Key, Kind
from lateen.status.base import ObjectStatus
from lateen.status.conditions import Condition, ConditionType

_TYPES: Final = frozenset(type_.value for type_ in ConditionType)
_PROGRAMMED: Final = frozenset({ConditionType.PROGRAMMED.value})
_BESIDES: Final = _TYPES - _PROGRAMMED
_PENDING: Final = "Pending"
_COUNTED: Final = frozenset({"Programmed", _PENDING})
"""Reasons of `Programmed` that differ by how many proxies have it."""
_TRIES: Final = 3
"""Writes of one object that somebody else may be faster with, before it is left for later."""


class Answer(NamedTuple):
    """What an object says about one condition."""

    type: str
    status: str
    reason: str
    since: str
    """RFC 3339."""


Before: TypeAlias = Mapping[ConditionType, Answer]
"""What an object said until now; empty: nothing."""


@dataclass(frozen=True, slots=True)
class _Said:
    """What is remembered of one object's status."""

    digest: int
    besides: int
    """The same without `Programmed`."""
    answers: tuple[Answer, ...]
    foreign: tuple[Mapping[str, Any], ...]
    """Conditions that are not Lateen's."""
    version: str
    programmed: Condition | None = None
    """What it says of proxies."""
    generation: object = 0
    """What it says that about; whatever somebody has written there."""


class StatusClient(Protocol):
    """Where objects are: a `KubeClient`."""

    async def get(self, resource: ApiResource, namespace: str, name: str) -> dict[str, Any] | None:
        """Read one; None: there is none."""
        ...

    async def merge(
        self, resource: ApiResource, namespace: str, name: str, patch: Mapping[str, Any], *, part: str = ""
    ) -> dict[str, Any]:
        """Merge into one."""
        ...


class KubeStatusSink:
    """Writes status to the kinds that users write for Lateen; others carry none."""

    def __init__(
        self,
        client: StatusClient,
        *,
        on_written: Callable[[Key, Before, ObjectStatus], None] | None = None,
        on_altered: Callable[[Key], None] = lambda _: None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """Know of no object.

        Args:
            client: the API server.
            on_written: told after each write what the object said before, and what it says now.
            on_altered: told of an object that says something else than before, and not because of a write of ours.
            wall: seconds since 1970.
        """
        self.writes = 0
        """How often an object's status was written."""
        self._client = client
        self._on_written = on_written
        self._on_altered = on_altered
        self._wall = wall
        self._said: dict[Key, _Said] = {}
        self._writing: set[Key] = set()

    def observe(self, key: Key, status: Mapping[str, Any] | None, version: str = "") -> None:
        """Note what an object says.

        Args:
            key: the object.
            status: its status, whatever somebody has made of it; None: the object is gone, or of no interest any more.
            version: its `resourceVersion`: what is no later than a write of ours is passed over.
        """
        known = self._said.get(key)
        if status is None:
            self._said.pop(key, None)
        elif key.kind in NETWORKING and (known is None or _is_later(version, known.version)):
            said = self._said[key] = _remember(status, version)
            if key not in self._writing and (known is None or known.digest != said.digest):
                self._on_altered(key)

    def is_written(self, key: Key, status: ObjectStatus) -> bool:
        """Compare with what the object says; since when it says so does not matter."""
        if key.kind not in NETWORKING or not status.conditions:
            return True
        said = self._said.get(key)
        return said is not None and said.digest == _digest(_manifest(status))

    def is_recount(self, key: Key, status: ObjectStatus) -> bool:
        """Compare all but how many proxies have taken it over."""
        said = self._said.get(key)
        now = _programmed_of(status)
        if (
            said is None
            or said.programmed is None
            or now is None
            or not {said.programmed.reason, now.reason} <= _COUNTED
        ):
            return False
        is_live_at_last = said.programmed.status == "False" and now.status == "True"
        return not is_live_at_last and said.besides == _digest(_manifest(status), _BESIDES)

    def hold(self, key: Key, status: ObjectStatus) -> ObjectStatus:
        """Keep `Programmed=True` of the same generation where proxies only have not acknowledged something yet."""
        said = self._said.get(key)
        now = _programmed_of(status)
        if said is None or said.programmed is None or now is None or now.reason != _PENDING:
            return status
        if said.programmed.status != "True" or said.generation != status.generation:
            return status
        return replace(status, conditions=tuple(said.programmed if each is now else each for each in status.conditions))

    async def write(self, key: Key, status: ObjectStatus) -> None:
        """Write the status of one object; one that is gone needs none.

        Raises:
            ApiError: the API server refuses it, or cannot be reached.
        """
        self._writing.add(key)
        try:
            await self._insist(key, status)
        finally:
            self._writing.discard(key)

    async def _insist(self, key: Key, status: ObjectStatus) -> None:
        """Write, and look again whenever somebody else was faster."""
        for attempt in range(1, _TRIES + 1):
            said = self._said.get(key) or await self._read(key)
            if said is None or self.is_written(key, status):
                return
            try:
                await self._patch(key, status, said)
            except ApiError as error:
                if error.is_missing or error.is_conflict:
                    self._said.pop(key, None)
                if error.is_missing:
                    return
                if not error.is_conflict or attempt == _TRIES:
                    raise
            else:
                return

    async def _read(self, key: Key) -> _Said | None:
        if key.kind not in NETWORKING:
            return None
        found = await self._client.get(RESOURCES[key.kind], key.namespace, key.name)
        if found is None:
            return None
        self.observe(key, found.get("status") or {}, found["metadata"]["resourceVersion"])
        return self._said.get(key)

    async def _patch(self, key: Key, status: ObjectStatus, said: _Said) -> None:
        before = {ConditionType(answer.type): answer for answer in said.answers}
        manifest = _manifest(status)
        now = datetime.fromtimestamp(self._wall(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        for condition in manifest["conditions"]:
            answer = before.get(condition["type"])
            since = answer.since if answer is not None and answer.status == condition["status"] else ""
            condition["lastTransitionTime"] = since or now
        manifest["conditions"] = [*said.foreign, *manifest["conditions"]]
        if key.kind is Kind.DESTINATION_RULE:
            manifest.setdefault("ejections", None)
        patch: dict[str, Any] = {"status": manifest}
        if said.version:
            patch["metadata"] = {"resourceVersion": said.version}
        written = await self._client.merge(RESOURCES[key.kind], key.namespace, key.name, patch, part="status")
        self.writes += 1
        version = written["metadata"]["resourceVersion"]
        self.observe(key, written.get("status") or {}, version)
        now_said = self._said.get(key)
        if now_said is not None and now_said.version != version and not self.is_written(key, status):
            self._on_altered(key)  # before the answer came
        if self._on_written is not None:
            self._on_written(key, before, status)


def _manifest(status: ObjectStatus) -> dict[str, Any]:
    """Status as it stands in an object, apart from times of transition."""
    observed = {"observedGeneration": status.generation} if status.generation else {}
    conditions = [
        {
            "type": condition.type.value,
            "status": condition.status,
            "reason": condition.reason,
            "message": condition.message,
            **observed,
        }
        for condition in status.conditions
    ]
    ejections = [{name: text for name, text in asdict(host).items() if text} for host in status.ejections]
    return {"conditions": conditions, **observed, **({"ejections": ejections} if ejections else {})}


def _digest(status: Mapping[str, Any], types: frozenset[str] = _TYPES) -> int:
    """Hash of all that Lateen says there, of some conditions only if they are given. Good within this process."""
    conditions = sorted(
        tuple(str(condition.get(name, "")) for name in ("type", "status", "reason", "message", "observedGeneration"))
        for condition in _conditions_of(status)
        if _is_one_of(condition, types)
    )
    ejections = json.dumps(status.get("ejections") or [], sort_keys=True)
    return hash((tuple(conditions), str(status.get("observedGeneration", "")), ejections))


def _remember(told: object, version: str) -> _Said:
    status: Mapping[str, Any] = told if isinstance(told, Mapping) else {}
    conditions = _conditions_of(status)
    # Few different texts among many objects: each is kept once.
    answers = tuple(
        Answer(*(sys.intern(str(each.get(name, ""))) for name in ("type", "status", "reason", "lastTransitionTime")))
        for each in conditions
        if _is_one_of(each, _TYPES)
    )
    foreign = tuple(each for each in conditions if not _is_one_of(each, _TYPES))
    found: Mapping[str, Any] = next((each for each in conditions if _is_one_of(each, _PROGRAMMED)), {})
    said = (sys.intern(str(found.get(name, ""))) for name in ("status", "reason", "message"))
    programmed = Condition(ConditionType.PROGRAMMED, *said) if found else None
    generation = found.get("observedGeneration", 0)
    return _Said(_digest(status), _digest(status, _BESIDES), answers, foreign, version, programmed, generation)


def _conditions_of(status: Mapping[str, Any]) -> list[Any]:
    """The conditions of a status. Istio's definitions let anybody write anything there."""
    found = status.get("conditions")
    return found if isinstance(found, list) else []


def _is_one_of(condition: Any, types: frozenset[str]) -> bool:
    """Whether this is a condition, of one of these types."""
    found = condition.get("type") if isinstance(condition, Mapping) else None
    return isinstance(found, str) and found in types


def _programmed_of(status: ObjectStatus) -> Condition | None:
    return next((each for each in status.conditions if each.type is ConditionType.PROGRAMMED), None)


def _is_later(version: str, than: str) -> bool:
    """Compare versions; one that is no number is later than any other."""
    return not (version.isdecimal() and than.isdecimal()) or int(version) > int(than)
