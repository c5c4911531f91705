"""When each change went live: which of its parts every connected proxy has acknowledged.

A change is live when each of its parts was acknowledged by all connected streams of its class,
was refused by one, or was overtaken by a later change. A class without any stream is waited for.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from lateen.ir.proxy import ProxyId
from lateen.ir.resource import ResourceKey, ResourceType
from lateen.xds.events import Acknowledged, Connected, Disconnected, Event, Rejected, StreamId

OnLive = Callable[[int, float, int], None]
"""(number of the change, seconds since it was taken, refused parts)."""

_SEEN_TO_GO: Final = frozenset({ResourceType.LISTENER, ResourceType.SCOPE})
"""Types whose removal is part of a change; the rest goes once nothing names it."""


class _Change:
    __slots__ = ("number", "open", "refused", "since")

    def __init__(self, number: int, since: float) -> None:
        self.number = number
        self.since = since
        self.open: dict[tuple[ProxyId, ResourceKey], str | None] = {}
        self.refused = 0


class ChangeLedger:
    """Follows changes from publication to the last acknowledgement. An observer of streams."""

    def __init__(self, *, clock: Callable[[], float], on_live: OnLive) -> None:
        """Call `on_live` for each change, in no particular order, on the event loop."""
        self._clock = clock
        self._on_live = on_live
        self._acknowledged: dict[StreamId, dict[ResourceKey, str | None]] = {}
        self._streams: dict[ProxyId, dict[StreamId, None]] = {}
        self._waiting: dict[tuple[ProxyId, ResourceKey], _Change] = {}

    def track(self, number: int, versions: Mapping[ProxyId, Mapping[ResourceKey, str | None]], *, since: float) -> None:
        """Follow one change; `versions` are its parts, None for those removed. `since` is on the ledger's clock."""
        change = _Change(number, since)
        for proxy, parts in versions.items():
            for key, version in parts.items():
                part = (proxy, key)
                overtaken = self._waiting.pop(part, None)
                if overtaken is not None:
                    self._close(overtaken, part)
                if version is None and key.type not in _SEEN_TO_GO:
                    continue
                change.open[part] = version
                self._waiting[part] = change
        if not change.open:
            self._finish(change)
        for part in tuple(change.open):
            self._judge(part)

    def __call__(self, event: Event, /) -> None:
        """Hear what happens on the streams."""
        if isinstance(event, Connected):
            self._acknowledged[event.stream] = {}
            self._streams.setdefault(event.stream.proxy, {})[event.stream] = None
        elif isinstance(event, Disconnected):
            self._acknowledged.pop(event.stream, None)
            self._streams.get(event.stream.proxy, {}).pop(event.stream, None)
            self._judge_all(event.stream.proxy)
        elif isinstance(event, Acknowledged):
            known = self._acknowledged.setdefault(event.stream, {})
            for key, version in event.versions.items():
                known[key] = version
                self._judge((event.stream.proxy, key))
        elif isinstance(event, Rejected):
            part = (event.stream.proxy, event.key)
            change = self._waiting.get(part)
            if change is not None and change.open.get(part) == event.version:
                change.refused += 1
                del self._waiting[part]
                self._close(change, part)

    def acknowledgements(self, proxy: ProxyId, versions: Mapping[ResourceKey, str]) -> Iterable[bool]:
        """For each stream of the class, whether it has acknowledged all these versions."""
        for stream in self._streams.get(proxy, {}):
            known = self._acknowledged[stream]
            yield all(known.get(key) == version for key, version in versions.items())

    def _judge_all(self, proxy: ProxyId) -> None:
        for part in [part for part in self._waiting if part[0] == proxy]:
            self._judge(part)

    def _judge(self, part: tuple[ProxyId, ResourceKey]) -> None:
        """Close a part that all streams of its class have."""
        change = self._waiting.get(part)
        if change is None:
            return
        proxy, key = part
        streams = self._streams.get(proxy)
        version = change.open[part]
        if streams and all(self._acknowledged[stream].get(key, "") == version for stream in streams):
            del self._waiting[part]
            self._close(change, part)

    def _close(self, change: _Change, part: tuple[ProxyId, ResourceKey]) -> None:
        del change.open[part]
        if not change.open:
            self._finish(change)

    def _finish(self, change: _Change) -> None:
        self._on_live(change.number, self._clock() - change.since, change.refused)
