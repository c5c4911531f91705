"""Events: what happened to an object, where `kubectl describe` and `kubectl get events` show it.

They are Events of the core group, which is what kubectl reads. Whoever records one never waits. The
same of the same object within ten minutes raises a count; an object that has much to tell is
heard less and less; and all of them together stay behind status in what may be written.
"""

import asyncio
import heapq
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, Protocol

import structlog

from lateen.kube.budget import WriteBudget
from lateen.kube.client import ApiError
from lateen.kube.resources import RESOURCES, ApiResource
from lateen.model.keys import Key
from lateen.model.objects import Origin

EVENTS: Final = ApiResource("", "v1", "events", "Event")

LONGEST_MESSAGE: Final = 1024
"""Bytes."""

SAME_WITHIN: Final = 600.0
"""Seconds in which a repetition raises the count."""

BURST: Final = 10
PER_SECOND: Final = 1 / 60
"""What one object may tell: at once, and on average."""

CAPACITY: Final = 1000
"""Events that wait to be written."""

RESERVE: Final = 10
"""Writes that are left to status."""

_TRIES: Final = 5
_REPORT: Final = 60.0
_LONGEST_NAME: Final = 253
_COMPONENT: Final = "lateen"

_log = structlog.get_logger(__name__)


class EventClient(Protocol):
    """Where Events go: a `KubeClient`."""

    async def create(self, resource: ApiResource, manifest: Mapping[str, Any]) -> dict[str, Any]:
        """Create one."""
        ...

    async def merge(self, resource: ApiResource, namespace: str, name: str, patch: Mapping[str, Any]) -> dict[str, Any]:
        """Merge into one."""
        ...


class _What(NamedTuple):
    """What makes two occurrences the same Event."""

    key: Key
    uid: str
    type: str
    reason: str
    message: str


@dataclass(slots=True)
class _Series:
    """One Event, and how often it has happened."""

    api_version: str
    first: float
    last: float
    """Both in seconds since 1970."""
    at: float
    """When it happened last, by the recorder's clock."""
    name: str
    """Of the Event."""
    count: int = 1
    written: bool = False
    waiting: bool = False
    tries: int = 0


class EventRecorder:
    """Takes Events from anybody, and writes what is worth it."""

    def __init__(
        self,
        client: EventClient,
        origin: Callable[[Key], Origin | None],
        *,
        instance: str = "",
        budget: WriteBudget | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """Write nothing before `run`.

        Args:
            client: the API server.
            origin: uid and version of an object; None: it is gone, and nothing can be told of it.
            instance: name of this replica.
            budget: how much may be written, shared with status; None: one of its own.
            clock: monotonic seconds, as the event loop counts them.
            wall: seconds since 1970.
        """
        self.written = 0
        """Requests that wrote an Event."""
        self.dropped = 0
        """Occurrences that were never told."""
        self._client = client
        self._origin = origin
        self._instance = instance
        self._clock = clock
        self._wall = wall
        self._budget = budget or WriteBudget(clock=clock)
        self._objects: dict[Key, WriteBudget] = {}
        self._series: dict[_What, _Series] = {}
        self._queue: list[tuple[float, int, _What]] = []
        self._number = 0
        self._prune_at = CAPACITY
        self._reported = (0, -_REPORT)
        self._wake = asyncio.Event()

    @property
    def waiting(self) -> int:
        """Events that are not written yet."""
        return len(self._queue)

    def record(self, key: Key, type_: str, reason: str, message: str) -> None:
        """Tell that something happened to an object; returns at once.

        Args:
            key: the object.
            type_: `Normal` or `Warning`.
            reason: one word for programs.
            message: for people; cut after `LONGEST_MESSAGE`.
        """
        origin = self._origin(key)
        if origin is None:
            return
        what = _What(key, origin.uid, type_, reason, cut(message))
        now, wall = self._clock(), self._wall()
        budget = self._objects.get(key)
        if budget is None:
            budget = self._objects[key] = WriteBudget(PER_SECOND, BURST, clock=self._clock)
        series = self._series.get(what)
        full = len(self._queue) >= CAPACITY
        if series is not None and now - series.at <= SAME_WITHIN:
            series.count += 1
            series.at, series.last = now, wall
            if not series.waiting and not full:
                self._put(what, series, now + budget.delay())
                budget.spend()
        elif full or budget.delay():
            self._drop(1)
        else:
            budget.spend()
            version = origin.api_version or RESOURCES[key.kind].api_version
            series = _Series(version, wall, wall, now, _name(key.name, wall, self._number))
            self._series[what] = series
            self._put(what, series, now)
            self._prune(now)

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            delay = self._delay()
            if delay == 0:
                await self._write(heapq.heappop(self._queue)[2])
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._wake.wait()
            self._wake.clear()

    def _delay(self) -> float | None:
        """Seconds until the next Event may be written; None: there is none."""
        if not self._queue:
            return None
        due = self._queue[0][0] - self._clock()
        return max(0.001, due) if due > 0 else self._budget.delay(RESERVE)

    def _put(self, what: _What, series: _Series, due: float) -> None:
        series.waiting = True
        self._number += 1
        heapq.heappush(self._queue, (due, self._number, what))
        self._wake.set()

    async def _write(self, what: _What) -> None:
        series = self._series.get(what)
        if series is None:  # given up meanwhile
            return
        series.waiting = False
        self._budget.spend()
        try:
            await self._send(what, series)
        except Exception as error:  # noqa: BLE001 - no Event is worth more than what it tells about
            self._fail(what, series, error)
        else:
            self.written += 1
            series.tries = 0

    async def _send(self, what: _What, series: _Series) -> None:
        if series.written:
            raised = {"count": series.count, "lastTimestamp": _timestamp(series.last)}
            try:
                await self._client.merge(EVENTS, what.key.namespace, series.name, raised)
            except ApiError as error:
                if not error.is_missing:  # it has a time to live
                    raise
            else:
                return
        try:
            await self._client.create(EVENTS, self._manifest(what, series))
        except ApiError as error:
            if not error.is_conflict:  # written already, by a request whose answer was lost
                raise
        series.written = True

    def _fail(self, what: _What, series: _Series, error: Exception) -> None:
        series.tries += 1
        if isinstance(error, ApiError) and error.is_transient and series.tries < _TRIES:
            if not series.waiting:
                self._put(what, series, self._clock() + 2.0**series.tries)
            return
        _log.info("an event cannot be written", object=str(what.key), reason=what.reason, error=str(error))
        self._drop(series.count)
        self._series.pop(what, None)

    def _manifest(self, what: _What, series: _Series) -> dict[str, Any]:
        key = what.key
        return {
            "apiVersion": EVENTS.api_version,
            "kind": EVENTS.kind,
            "metadata": {"name": series.name, "namespace": key.namespace},
            "involvedObject": {
                "apiVersion": series.api_version,
                "kind": key.kind.value,
                "namespace": key.namespace,
                "name": key.name,
                **({"uid": what.uid} if what.uid else {}),
            },
            "type": what.type,
            "reason": what.reason,
            "message": what.message,
            "count": series.count,
            "firstTimestamp": _timestamp(series.first),
            "lastTimestamp": _timestamp(series.last),
            "source": {"component": _COMPONENT},
            "reportingComponent": _COMPONENT,
            "reportingInstance": self._instance,
        }

    def _drop(self, count: int) -> None:
        """Count what is lost, and say so now and then."""
        self.dropped += count
        told, at = self._reported
        now = self._clock()
        if now - at >= _REPORT:
            _log.warning("events are dropped", count=self.dropped - told)
            self._reported = (self.dropped, now)

    def _prune(self, now: float) -> None:
        """Forget what is too old to be repeated, and objects that have been silent for long."""
        if len(self._series) + len(self._objects) < self._prune_at:
            return
        self._series = {
            what: series
            for what, series in self._series.items()
            if series.waiting or series.tries or now - series.at <= SAME_WITHIN
        }
        self._objects = {key: budget for key, budget in self._objects.items() if budget.delay(BURST)}
        self._prune_at = max(CAPACITY, 2 * (len(self._series) + len(self._objects)))


def cut(text: str, limit: int = LONGEST_MESSAGE) -> str:
    """Shorten a text to as many bytes, and show that it was."""
    data = text.encode()
    return text if len(data) <= limit else f"{data[: limit - 3].decode(errors='ignore')}…"


def _name(of: str, at: float, number: int) -> str:
    """Name an Event after its object and the moment, as others do."""
    suffix = f".{int(at * 1e9) + number:x}"
    return of[: _LONGEST_NAME - len(suffix)].rstrip(".-") + suffix


def _timestamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
