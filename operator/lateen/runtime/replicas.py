"""What the proxies of all replicas have acknowledged, so that status counts every proxy.

A proxy has its stream with one replica, and only that one hears its verdicts. Each replica
therefore counts its own proxies per object, and tells the others its counts; nobody repeats
what it was told. Counts are of use only where both mean the same resources: each comes with
the hash of the versions that it is about (`Progress.version`).

A replica that cannot be reached is left out: its proxies are about to come to another one.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import replace
from typing import Any, Final, TypeAlias

import structlog

from lateen.errors import LateenError
from lateen.model.keys import Key, Kind
from lateen.status.conditions import Progress

FIRST_PAUSE: Final = 0.2
LONGEST_PAUSE: Final = 5.0
"""Seconds between two tries to follow another replica."""

_CHUNK: Final = 500
"""Objects in one message; the loop turns between two."""

_KINDS: Final = frozenset(kind.value for kind in Kind)

_log = structlog.get_logger(__name__)

Call: TypeAlias = Callable[[str], AsyncIterator[bytes]]
"""Gives the messages of the replica at an address, until it or the connection ends."""


class Replicas:
    """The counts of this replica for others, and those of others for this one."""

    def __init__(
        self,
        own: Callable[[Key], Progress | None],
        keys: Callable[[], Iterable[Key]],
        *,
        call: Call,
        on_news: Callable[[Iterable[Key]], None],
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:
        """Know of no other replica.

        Args:
            own: how far this replica's own proxies are with an object.
            keys: all objects there are.
            call: follows another replica.
            on_news: told of objects about which others said something new.
            sleep: waits between two tries.
        """
        self._own = own
        self._keys = keys
        self._call = call
        self._on_news = on_news
        self._sleep = sleep
        self._listeners: list[_Unsent] = []
        self._counts: dict[str, dict[Key, Progress]] = {}
        self._addresses: set[str] = set()
        self._changed = asyncio.Event()

    @property
    def connected(self) -> tuple[str, ...]:
        """Addresses of the replicas that are being heard."""
        return tuple(sorted(self._counts))

    def tell(self, keys: Iterable[Key]) -> None:
        """Note that this replica's own counts may have changed."""
        keys = tuple(keys)
        for listener in self._listeners:
            listener.add(keys)

    def total(self, key: Key, own: Progress | None) -> Progress | None:
        """Add what other replicas count to what this one does; None: no proxy anywhere needs the object."""
        if own is None:
            return None
        total = own
        for counts in self._counts.values():
            theirs = counts.get(key)
            if theirs is None:
                continue
            agrees = theirs.version == own.version
            total = replace(
                total,
                proxies=total.proxies + theirs.proxies,
                acknowledged=total.acknowledged + (theirs.acknowledged if agrees else 0),
                rejection=total.rejection or (theirs.rejection if agrees else ""),
                absent=total.absent & theirs.absent,
            )
        return total

    async def messages(self) -> AsyncIterator[bytes]:
        """Tell one other replica all counts, and then each that changes, for as long as it listens."""
        unsent = _Unsent(self._keys())
        self._listeners.append(unsent)
        try:
            while True:
                batch = await unsent.take()
                counts = [(key, self._own(key)) for key in batch]
                yield json.dumps([_encode(key, count) for key, count in counts], separators=(",", ":")).encode()
        finally:
            self._listeners.remove(unsent)

    def meet(self, addresses: Iterable[str]) -> None:
        """Follow the replicas at these addresses, and no others."""
        self._addresses = set(addresses)
        self._changed.set()

    async def run(self) -> None:
        """Follow other replicas until cancelled."""
        following: dict[str, asyncio.Task[None]] = {}
        async with asyncio.TaskGroup() as tasks:
            while True:
                for address in [each for each in following if each not in self._addresses]:
                    following.pop(address).cancel()
                for address in self._addresses - following.keys():
                    following[address] = tasks.create_task(self._follow(address), name=f"replica {address}")
                await self._changed.wait()
                self._changed.clear()

    async def _follow(self, address: str) -> None:
        pause = FIRST_PAUSE
        told = ""
        while True:
            try:
                async for message in self._call(address):
                    pause, told = FIRST_PAUSE, ""
                    self._hear(address, message)
            except (LateenError, OSError, ValueError, TypeError, LookupError) as error:  # what it says may be anything
                reason = str(error) or type(error).__name__
                if reason != told:
                    _log.info("a replica cannot be heard", address=address, reason=reason)
                told = reason
            finally:
                self._forget(address)
            await self._sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _hear(self, address: str, message: bytes) -> None:
        counts = self._counts.setdefault(address, {})
        news = []
        for fields in json.loads(message):
            if fields[0] not in _KINDS:  # a replica of a later release counts it, and this one has none of it
                continue
            key, count = _decode(fields)
            if counts.get(key) == count and (count is None or counts[key].version == count.version):
                continue
            news.append(key)
            if count is None:
                counts.pop(key, None)
            else:
                counts[key] = count
        self._on_news(news)

    def _forget(self, address: str) -> None:
        self._on_news(tuple(self._counts.pop(address, ())))


class _Unsent:
    """Objects that one listener has to hear of, in the order of their news."""

    def __init__(self, keys: Iterable[Key]) -> None:
        self._keys = dict.fromkeys(keys)
        self._wake = asyncio.Event()
        self._wake.set()

    def add(self, keys: Iterable[Key]) -> None:
        self._keys.update(dict.fromkeys(keys))
        self._wake.set()

    async def take(self) -> list[Key]:
        """Wait for news; the first answer may be empty, so that the listener knows that it is connected."""
        await self._wake.wait()
        taken = [key for key, _ in zip(self._keys, range(_CHUNK), strict=False)]
        for key in taken:
            del self._keys[key]
        if not self._keys:
            self._wake.clear()
        return taken


def _encode(key: Key, count: Progress | None) -> list[str | int]:
    named: list[str | int] = [key.kind.value, key.namespace, key.name]
    if count is None:
        return named
    return [*named, count.version, count.proxies, count.acknowledged, count.rejection, *sorted(count.absent)]


def _decode(fields: Any) -> tuple[Key, Progress | None]:
    kind, namespace, name, *rest = fields
    key = Key(Kind(kind), str(namespace), str(name))
    if not rest:
        return key, None
    version, proxies, acknowledged, rejection, *absent = rest
    return key, Progress(int(proxies), int(acknowledged), str(rejection), str(version), frozenset(map(str, absent)))
