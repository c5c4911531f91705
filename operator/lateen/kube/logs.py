"""Following what a container writes, through the API server.

Nothing is told twice, and nothing is lost while the API server is away or the connection breaks: each
line has the time at which the node took it, and reading goes on after the last one. Lost are lines of a
file that the node has put aside (the kubelet keeps the newest for readers, by default 10 MiB of each
container) before they were read, and those that a container wrote last while nobody could read it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

import structlog

from lateen.kube.client import ApiError, KubeClient
from lateen.kube.resources import RESOURCES
from lateen.model.keys import Kind

FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 15.0
"""Seconds between two tries to read on."""

SILENCE: Final = 180.0
"""Seconds without a word after which the connection is made anew: a dead one looks like a quiet container."""

_NANOS: Final = 1_000_000_000
_FORBIDDEN: Final = (401, 403)
_PODS: Final = RESOURCES[Kind.POD]

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a container."""

    at: float
    """Seconds since 1970, by the node's clock."""
    text: bytes
    """Without the line's end."""


@dataclass(frozen=True, slots=True)
class ContainerRestarted:
    """The container was started again: what it had in memory is lost. Its lines follow."""

    at: float
    """When, in seconds since 1970."""


class PodLog:
    """The log of one container of one pod."""

    def __init__(
        self,
        client: KubeClient,
        namespace: str,
        pod: str,
        container: str,
        *,
        beginning: bytes = b"",
        past: int = 3600,
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:
        """Name the log; `follow` reads it.

        Args:
            client: the way to the API server. Each log that is followed takes one connection.
            namespace: of the pod.
            pod: its name.
            container: the container's name.
            beginning: lines that begin otherwise are left out.
            past: how far back to begin, in seconds.
            sleep: waits between two tries.
        """
        self._client = client
        self._namespace = namespace
        self._pod = pod
        self._container = container
        self._beginning = beginning
        self._past = past
        self._sleep = sleep
        self._place = _Place()
        self._uid = ""
        self._id = ""

    async def follow(self) -> AsyncIterator[LogLine | ContainerRestarted]:
        """Read lines as they come; ends when the pod is gone."""
        pause = FIRST_PAUSE
        while True:
            before = self._place.newest
            try:
                manifest = await self._client.get(_PODS, self._namespace, self._pod)
                if manifest is None or self._is_another(manifest):
                    return
                restarted = self._look_at(manifest)
                if restarted is not None:
                    yield restarted
                if self._id:
                    async for line in self._read():
                        yield line
            except ApiError as error:
                tell = _log.warning if error.code in _FORBIDDEN else _log.info
                tell("a log cannot be read now", pod=f"{self._namespace}/{self._pod}", error=str(error))
            if self._place.newest != before:
                pause = FIRST_PAUSE
            await self._sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _is_another(self, manifest: Mapping[str, Any]) -> bool:
        """Whether a pod of the same name has taken the place of this one."""
        uid = str(manifest["metadata"].get("uid", ""))
        self._uid = self._uid or uid
        return uid != self._uid

    def _look_at(self, manifest: Mapping[str, Any]) -> ContainerRestarted | None:
        """Note which container runs; say if it is another one than before."""
        for status in manifest.get("status", {}).get("containerStatuses") or ():
            running = (status.get("state") or {}).get("running")
            if status.get("name") != self._container or not (running or self._id == status.get("containerID")):
                continue
            before, self._id = self._id, str(status.get("containerID") or "")
            started = read_time(str((running or {}).get("startedAt", "")).encode())
            if before not in {"", self._id} and started is not None:
                return ContainerRestarted(started / _NANOS)
        return None

    async def _read(self) -> AsyncIterator[LogLine]:
        path = f"{_PODS.path(self._namespace, self._pod)}/log"
        query = {"container": self._container, "follow": "true", "timestamps": "true", **self._place.since(self._past)}
        self._place.resume()
        async for line in self._client.lines(path, query, silence=SILENCE):
            stamp, blank, text = line.partition(b" ")
            at = read_time(stamp)
            if at is None or not blank:  # words of the node, such as why a log cannot be read
                continue
            if self._place.passes(at, wanted=text.startswith(self._beginning)):
                yield LogLine(at / _NANOS, text)


class _Place:
    """How far a log was read, in nanoseconds since 1970.

    Lines of one output come in the order of their times; those of two may be out of order by a moment.
    So only lines of one sort are counted, and a second is read again.
    """

    def __init__(self) -> None:
        self.newest = 0
        """Time of the newest line of any sort."""
        self._last = 0
        """Time of the last wanted line, and how many had it."""
        self._count = 0
        self._known: int | None = None
        """While lines come that were read already: how many of the last time are still to come."""

    def since(self, past: int) -> dict[str, str]:
        """Where to begin to read; the API server knows whole seconds only."""
        if not self.newest:
            return {"sinceSeconds": str(past)}
        second = datetime.fromtimestamp(self.newest // _NANOS - 1, UTC)
        return {"sinceTime": second.strftime("%Y-%m-%dT%H:%M:%SZ")}

    def resume(self) -> None:
        """Expect lines that were read already."""
        self._known = self._count

    def passes(self, at: int, *, wanted: bool) -> bool:
        """Whether a line is wanted, and was not read before."""
        self.newest = max(self.newest, at)
        if not wanted:
            return False
        if self._known is not None and at < self._last:
            return False
        if self._known and at == self._last:
            self._known -= 1
            return False
        if at > self._last:
            self._known = None
        self._count = self._count + 1 if at == self._last else 1
        self._last = at
        return True


def read_time(text: bytes) -> int | None:
    """Read RFC 3339 to the nanosecond, as nanoseconds since 1970; None: it is something else."""
    second, point, rest = text.partition(b".")
    digits = 0
    while point and digits < len(rest) and rest[digits : digits + 1].isdigit():
        digits += 1
    whole = _read_second(second + rest[digits:])
    if whole is None:
        return None
    return whole * _NANOS + int(rest[:9].ljust(9, b"0")[:9] if digits >= 9 else rest[:digits].ljust(9, b"0"))


@lru_cache(64)
def _read_second(text: bytes) -> int | None:
    """Lines of one second come together."""
    try:
        moment = datetime.fromisoformat(text.decode("ascii"))
        return int(moment.timestamp()) if moment.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None
