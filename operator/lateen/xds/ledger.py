"""When each change went live: on every connected Envoy of every class that it touches.

A change is a set of resources in the versions that it gave them. It is live on a stream
when each of them is acknowledged, superseded by a newer version, or refused; a class
without any stream keeps it waiting.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from lateen.ir.proxy import ProxyId
from lateen.ir.resource import ResourceKey
from lateen.xds.delta import DeltaStream
from lateen.xds.events import Acknowledged, Asked, Connected, Disconnected, Event, Rejected
from lateen.xds.report import Settlement

_OPEN = frozenset({Settlement.PENDING, Settlement.UNASKED})
"""What is not asked for yet may be asked for later."""


@dataclass(frozen=True, slots=True)
class LiveChange:
    """A change that arrived everywhere."""

    change: str
    seconds: float
    """From `track` to the last verdict."""
    rejected: tuple[tuple[ProxyId, ResourceKey], ...] = ()
    """What proxies refused of it: there the last good version is live."""
    superseded: bool = False
    """Newer versions took the place of all of it before it arrived anywhere."""


@dataclass(slots=True, eq=False)
class _Tracked:
    change: str
    since: float
    open: dict[ProxyId, Mapping[ResourceKey, str | None]]
    remaining: dict[tuple[ProxyId, int], set[ResourceKey]] = field(default_factory=dict)
    """What a stream has not settled yet."""
    rejected: dict[tuple[ProxyId, ResourceKey], None] = field(default_factory=dict)
    arrived: bool = False


class ChangeLedger:
    """Watches the verdicts of proxies; give it to the server as an observer."""

    def __init__(
        self,
        streams: Callable[[ProxyId], Iterable[DeltaStream]],
        on_live: Callable[[LiveChange], None],
        clock: Callable[[], float],
        limit: int = 1_000,
        *,
        on_settled: Callable[[str], None] = lambda _: None,
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
        self._tracked: dict[str, _Tracked] = {}

    def __call__(self, event: Event, /) -> None:
        """Take note of what happened on a stream."""
        if isinstance(event, (Acknowledged, Asked, Rejected, Connected, Disconnected)):
            judged = _judged(event)
            for tracked in tuple(self._tracked.values()):
                if event.stream.proxy in tracked.open:
                    self._look_at(tracked, event.stream.proxy, judged)

    @property
    def waiting(self) -> Mapping[str, float]:
        """The changes that are not live everywhere, with their age in seconds, oldest first."""
        now = self._clock()
        return {change: now - tracked.since for change, tracked in self._tracked.items()}

    @property
    def held_up(self) -> int:
        """How many changes a connected proxy has not taken over. Those of others are not this server's to know."""
        return sum(any(self._streams(proxy) for proxy in tracked.open) for tracked in self._tracked.values())

    def track(self, change: str, versions: Mapping[ProxyId, Mapping[ResourceKey, str | None]]) -> None:
        """Watch one change, from now. Call it after the change was published.

        Args:
            change: its name; must not be watched already.
            versions: by class, the versions that the change gave to resources; None: removed.
        """
        if len(self._tracked) >= self._limit:
            del self._tracked[next(iter(self._tracked))]
        tracked = _Tracked(change, self._clock(), {proxy: dict(each) for proxy, each in versions.items() if each})
        self._tracked[change] = tracked
        for proxy in tuple(tracked.open):
            self._look_at(tracked, proxy)
        self._conclude(tracked)

    def forget(self, proxy: ProxyId) -> None:
        """A class ceased to exist: no change waits for it."""
        for tracked in tuple(self._tracked.values()):
            if tracked.open.pop(proxy, None) is not None:
                self._conclude(tracked)

    def _look_at(self, tracked: _Tracked, proxy: ProxyId, judged: Collection[ResourceKey] = ()) -> None:
        streams = tuple(self._streams(proxy))
        if streams and all([self._is_settled(tracked, proxy, stream, judged) for stream in streams]):  # noqa: C419 - each is looked at
            del tracked.open[proxy]
            if tracked.open:
                self._on_settled(tracked.change)
            self._conclude(tracked)

    def _is_settled(
        self, tracked: _Tracked, proxy: ProxyId, stream: DeltaStream, judged: Collection[ResourceKey]
    ) -> bool:
        """Look at what was judged just now, and at the rest as far as the first that waits.

        So the first load of ten thousand resources, acknowledged in hundreds of portions, is not counted
        from the beginning each time.
        """
        remaining = tracked.remaining.setdefault((proxy, stream.stream.number), set(tracked.open[proxy]))
        for key in judged:
            if key in remaining and self._settle(tracked, proxy, stream, key) not in _OPEN:
                remaining.discard(key)
        settled = []
        waits = False
        for key in remaining:
            settlement = self._settle(tracked, proxy, stream, key)
            if settlement is Settlement.PENDING:
                waits = True
                break
            if settlement is not Settlement.UNASKED:
                settled.append(key)
        remaining.difference_update(settled)
        return not waits

    def _settle(self, tracked: _Tracked, proxy: ProxyId, stream: DeltaStream, key: ResourceKey) -> Settlement:
        settlement = stream.settlement(key, tracked.open[proxy][key])
        if settlement not in _OPEN:
            tracked.arrived |= settlement is not Settlement.SUPERSEDED
            if settlement is Settlement.REJECTED:
                tracked.rejected[proxy, key] = None
        return settlement

    def _conclude(self, tracked: _Tracked) -> None:
        if tracked.open or self._tracked.pop(tracked.change, None) is None:
            return
        superseded = bool(tracked.remaining) and not tracked.arrived and not any(tracked.remaining.values())
        self._on_live(
            LiveChange(tracked.change, self._clock() - tracked.since, tuple(tracked.rejected), superseded),
        )


def _judged(event: Acknowledged | Asked | Rejected | Connected | Disconnected) -> Collection[ResourceKey]:
    """The resources that a proxy has just said something about."""
    if isinstance(event, Acknowledged):
        return event.versions.keys()
    if isinstance(event, Asked):
        return event.brought
    return (event.key,) if isinstance(event, Rejected) else ()
