"""When each change went live: on every connected Envoy of every class that it touches.

A change is a set of resources in the versions that it gave them. It is live on a stream
when each of them is acknowledged, superseded by a newer version, or refused; a class
without any stream keeps it waiting. A stream is looked at when it says something, and the others
then only if nothing is known to be waited for: a thousand proxies of a class cost a thousand looks.
"""

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from lateen.ir.proxy import ProxyId
from lateen.ir.resource import ResourceKey
from lateen.xds.delta import DeltaStream
from lateen.xds.events import Acknowledged, Asked, Connected, Disconnected, Event, Rejected, StreamId
from lateen.xds.report import Settlement

ChangeT = TypeVar("ChangeT", bound=Hashable)
"""By what those who follow changes tell them apart."""

_OPEN = frozenset({Settlement.PENDING, Settlement.UNASKED})
"""What is not asked for yet may be asked for later."""


@dataclass(frozen=True, slots=True)
class LiveChange(Generic[ChangeT]):
    """A change that arrived everywhere."""

    change: ChangeT
    seconds: float
    """From `track` to the last verdict."""
    rejected: tuple[tuple[ProxyId, ResourceKey], ...] = ()
    """What proxies refused of it: there the last good version is live."""
    superseded: bool = False
    """Newer versions took the place of all of it before it arrived anywhere."""


@dataclass(slots=True, eq=False)
class _Tracked(Generic[ChangeT]):
    change: ChangeT
    since: float
    open: dict[ProxyId, Mapping[ResourceKey, str | None]]
    remaining: dict[tuple[ProxyId, int], set[ResourceKey]] = field(default_factory=dict)
    """What a stream has not settled yet."""
    waiting: dict[ProxyId, set[int]] = field(default_factory=dict)
    """Streams, by number, that had something pending when they were looked at last."""
    rejected: dict[tuple[ProxyId, ResourceKey], None] = field(default_factory=dict)
    arrived: bool = False

    @property
    def is_superseded(self) -> bool:
        """Whether newer versions took the place of all of it, as far as is known."""
        return bool(self.remaining) and not self.arrived and not any(self.remaining.values())

    def look_at(self, stream: DeltaStream, judged: Collection[ResourceKey] = ()) -> bool:
        """Look at what was judged just now, and at the rest as far as the first that waits; True: none does.

        So the first load of ten thousand resources, acknowledged in hundreds of portions, is not counted
        from the beginning each time.
        """
        proxy, number = stream.stream.proxy, stream.stream.number
        remaining = self.remaining.setdefault((proxy, number), set(self.open[proxy]))
        for key in judged:
            if key in remaining and self._settle(stream, key) not in _OPEN:
                remaining.discard(key)
        settled = []
        waits = False
        for key in remaining:
            settlement = self._settle(stream, key)
            if settlement is Settlement.PENDING:
                waits = True
                break
            if settlement is not Settlement.UNASKED:
                settled.append(key)
        remaining.difference_update(settled)
        waiting = self.waiting.setdefault(proxy, set())
        if waits:
            waiting.add(number)
        else:
            waiting.discard(number)
        return not waits

    def leave(self, stream: StreamId) -> None:
        """A stream ended: nothing of it is waited for."""
        self.remaining.pop((stream.proxy, stream.number), None)
        self.waiting.get(stream.proxy, set()).discard(stream.number)

    def _settle(self, stream: DeltaStream, key: ResourceKey) -> Settlement:
        proxy = stream.stream.proxy
        settlement = stream.settlement(key, self.open[proxy][key])
        if settlement not in _OPEN:
            self.arrived |= settlement is not Settlement.SUPERSEDED
            if settlement is Settlement.REJECTED:
                self.rejected[proxy, key] = None
        return settlement


class ChangeLedger(Generic[ChangeT]):
    """Watches the verdicts of proxies; give it to the server as an observer."""

    def __init__(
        self,
        streams: Callable[[ProxyId], Iterable[DeltaStream]],
        on_live: Callable[[LiveChange[ChangeT]], None],
        clock: Callable[[], float],
        limit: int = 1_000,
        *,
        on_settled: Callable[[ChangeT], None] = lambda _: None,
    ) -> None:
        """Start empty.

        Args:
            streams: the connected streams of a class.
            on_live: told once per change.
            clock: monotonic seconds.
            limit: how many changes are watched at a time; the oldest is given up for a new one.
            on_settled: told when one class has a change that others do not have yet.
        """
        self._streams = streams
        self._on_live = on_live
        self._clock = clock
        self._limit = limit
        self._on_settled = on_settled
        self._tracked: dict[ChangeT, _Tracked[ChangeT]] = {}
        self._loading: dict[int, _Tracked[ChangeT]] = {}
        """What single streams are to take over, by their numbers."""

    def __call__(self, event: Event, /) -> None:
        """Take note of what happened on a stream."""
        if not isinstance(event, (Acknowledged, Asked, Rejected, Connected, Disconnected)):
            return
        proxy = event.stream.proxy
        tracked = [each for each in self._tracked.values() if proxy in each.open]
        if isinstance(event, Disconnected):
            self._loading.pop(event.stream.number, None)
            for each in tracked:
                each.leave(event.stream)
                self._look_at_class(each, proxy)
            return
        loading = self._loading.get(event.stream.number)
        stream = self._stream(event.stream) if tracked or loading is not None else None
        if stream is None:
            return
        judged = _judged(event)
        for each in tracked:
            each.look_at(stream, judged)
            self._look_at_class(each, proxy, anew=isinstance(event, Rejected))
        if loading is not None and loading.look_at(stream, judged):
            self._load(loading, event.stream)

    @property
    def waiting(self) -> Mapping[ChangeT, float]:
        """The changes that are not live everywhere, with their age in seconds, oldest first."""
        now = self._clock()
        return {each.change: now - each.since for each in (*self._tracked.values(), *self._loading.values())}

    @property
    def held_up(self) -> int:
        """How many changes a connected proxy has not taken over. Those of others are not this server's to know."""
        held_up = sum(any(self._streams(proxy) for proxy in each.open) for each in self._tracked.values())
        return held_up + len(self._loading)

    def track(self, change: ChangeT, versions: Mapping[ProxyId, Mapping[ResourceKey, str | None]]) -> None:
        """Watch one change, from now. Call it after the change was published.

        Args:
            change: must not be watched already.
            versions: by class, the versions that the change gave to resources; None: removed.
        """
        if len(self._tracked) >= self._limit:
            del self._tracked[next(iter(self._tracked))]
        tracked = _Tracked(change, self._clock(), {proxy: dict(each) for proxy, each in versions.items() if each})
        self._tracked[change] = tracked
        for proxy in tuple(tracked.open):
            self._look_at_class(tracked, proxy)
        self._conclude(tracked)

    def load(self, change: ChangeT, stream: StreamId, versions: Mapping[ResourceKey, str | None]) -> None:
        """Watch what one stream is to take over, whatever others of its class do; it is given up when the stream ends.

        Args:
            change: what it is.
            stream: which is connected, and is not watched so already.
            versions: the version that each resource has now.
        """
        self._loading[stream.number] = tracked = _Tracked(change, self._clock(), {stream.proxy: versions})
        connected = self._stream(stream)
        if connected is not None and tracked.look_at(connected):
            self._load(tracked, stream)

    def forget(self, proxy: ProxyId) -> None:
        """A class ceased to exist: no change waits for it."""
        self._loading = {number: each for number, each in self._loading.items() if proxy not in each.open}
        for tracked in tuple(self._tracked.values()):
            if tracked.open.pop(proxy, None) is not None:
                self._conclude(tracked)

    def _look_at_class(self, tracked: _Tracked[ChangeT], proxy: ProxyId, *, anew: bool = False) -> None:
        """Conclude if no stream of a class waits.

        Args:
            tracked: the change.
            proxy: the class.
            anew: look at all streams; what one refuses, others are not given either.
        """
        if tracked.waiting.get(proxy) and not anew:
            return
        streams = tuple(self._streams(proxy))
        if streams and all([tracked.look_at(stream) for stream in streams]):  # noqa: C419 - each is looked at
            del tracked.open[proxy]
            if tracked.open:
                self._on_settled(tracked.change)
            self._conclude(tracked)

    def _conclude(self, tracked: _Tracked[ChangeT]) -> None:
        if not tracked.open and self._tracked.pop(tracked.change, None) is not None:
            self._tell_live(tracked)

    def _load(self, tracked: _Tracked[ChangeT], stream: StreamId) -> None:
        del self._loading[stream.number]
        self._tell_live(tracked)

    def _tell_live(self, tracked: _Tracked[ChangeT]) -> None:
        seconds = self._clock() - tracked.since
        self._on_live(LiveChange(tracked.change, seconds, tuple(tracked.rejected), tracked.is_superseded))

    def _stream(self, wanted: StreamId) -> DeltaStream | None:
        return next((each for each in self._streams(wanted.proxy) if each.stream.number == wanted.number), None)


def _judged(event: Acknowledged | Asked | Rejected | Connected) -> Collection[ResourceKey]:
    """The resources that a proxy has just said something about."""
    if isinstance(event, Acknowledged):
        return event.versions.keys()
    if isinstance(event, Asked):
        return event.brought
    return (event.key,) if isinstance(event, Rejected) else ()
