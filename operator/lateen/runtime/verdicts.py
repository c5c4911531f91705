"""What proxies say to what they were given: acknowledged, refused, or nothing yet.

Each verdict is news of the objects behind the resource, and is told to whoever writes status.
A batch is live once all proxies that it touches have acknowledged it; the ledger knows when.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from lateen.ir.proxy import ProxyId
from lateen.ir.resource import ResourceType
from lateen.model.keys import Key
from lateen.model.objects import Origin
from lateen.runtime.arrivals import Arrivals
from lateen.runtime.batches import BatchBook
from lateen.runtime.followed import Batch, Followed, Loading, Opening
from lateen.runtime.journal import Entry, Refused, Restored, WentLive
from lateen.runtime.publication import Publication
from lateen.xds.events import Connected, Disconnected, Event, Rejected, StreamId
from lateen.xds.ledger import ChangeLedger, LiveChange

COMING_BACK: Final = 10.0
"""Seconds that a proxy which lost its stream gets to come back before the objects that it serves are looked at."""

RECOUNTING: Final = 1.0
"""Seconds between two looks at all objects of a class whose proxies come and go."""

_CANNOT_BIND: Final = "cannot bind"
"""How Envoy begins when it cannot open a port (Envoy 1.40)."""


class Verdicts:
    """Hears the streams, and says of which objects that is news."""

    def __init__(
        self,
        publication: Publication,
        ledger: ChangeLedger[Followed],
        arrivals: Arrivals,
        origins: Mapping[Key, Origin],
        *,
        scales: bool,
        tell: Callable[[Entry], None],
        note: Callable[[Iterable[Key]], None],
    ) -> None:
        """Have heard nothing.

        Args:
            publication: what proxies were given.
            ledger: follows each batch; it tells `live` and `settled`.
            arrivals: proxies that have just come.
            origins: where each object is written.
            scales: whether a class has several proxies, which come and go by themselves.
            tell: writes to the journal.
            note: told of objects about which there is news.
        """
        self.batches = BatchBook()
        self._publication = publication
        self._ledger = ledger
        self._arrivals = arrivals
        self._origins = origins
        self._scales = scales
        self._tell = tell
        self._note = note
        self._restarting: set[ProxyId] = set()
        self._loading: set[int] = set()
        """Streams, by number, whose proxies have not got everything yet."""
        self._recounted: dict[ProxyId, bool] = {}
        """Classes that were looked at just now, and whether they are to be looked at again."""

    def observe(self, event: Event, /) -> None:
        """Hear what happens on the streams."""
        self._ledger(event)
        if isinstance(event, Rejected):
            self._on_rejected(event)
        elif isinstance(event, Connected):
            self._on_connected(event)
        elif isinstance(event, Disconnected):
            self._on_disconnected(event)

    def expect(self, proxy: ProxyId) -> None:
        """A proxy is started again: it has lost all that it had."""
        self._restarting.add(proxy)

    def forget(self, proxy: ProxyId) -> None:
        """A proxy is gone."""
        self._restarting.discard(proxy)

    def settled(self, change: Followed) -> None:
        """One class has taken over its part. Another one may have no proxy here, and the rest is not to wait for it."""
        if isinstance(change, Batch):
            self._note(self.batches.touched(change.number))

    def live(self, live: LiveChange[Followed]) -> None:
        """All whom a change concerns have taken it over."""
        match live.change:
            case Batch(number):
                self._on_batch(number, live)
            case Loading(stream):
                self._on_loaded(stream, live.seconds)
            case Opening():
                self._publication.ports.note()

    def _on_batch(self, number: int, live: LiveChange[Followed]) -> None:
        if number == 1:
            self._arrivals.go_live()
        rejected = len(live.rejected)
        self._tell(WentLive(number, live.seconds, rejected, live.superseded))
        self._note(self.batches.live(number, live.seconds, rejected))

    def _on_rejected(self, event: Rejected) -> None:
        proxy = event.stream.proxy
        origins = tuple((key, self._origins.get(key)) for key in event.origins)
        resource = f"{event.key.type.value.rpartition('.')[2]} {event.key.name}"
        self._tell(Refused(proxy, resource, event.message, origins))
        self._note(event.origins)
        desired = self._publication.cache.desired(proxy)
        refused = desired.get(event.key) if desired is not None else None
        if refused is not None and event.key.type is ResourceType.LISTENER and event.message.startswith(_CANNOT_BIND):
            self._publication.withdraw(proxy, refused)

    def _on_connected(self, event: Connected) -> None:
        """Follow a proxy that was started again until it has everything. One that only lost its stream still does."""
        proxy = event.stream.proxy
        if self._scales:
            self._arrivals.come(event.stream.number)
        elif proxy not in self._restarting:
            return
        self._restarting.discard(proxy)
        snapshot = self._publication.cache.snapshot(proxy)
        everything = {key: resource.version for key, resource in snapshot.items()}
        self._loading.add(event.stream.number)
        self._ledger.load(Loading(event.stream), event.stream, everything)

    def _on_disconnected(self, event: Disconnected) -> None:
        proxy, number = event.stream.proxy, event.stream.number
        if self._scales:
            self._arrivals.settle(number)
            self._miss(proxy)
        elif number in self._loading:  # it comes back, and still lacks something
            self._restarting.add(proxy)
        self._loading.discard(number)

    def _on_loaded(self, stream: StreamId, seconds: float) -> None:
        proxy = stream.proxy
        self._loading.discard(stream.number)
        self._arrivals.settle(stream.number)
        self._tell(Restored(proxy, seconds))
        if self._scales:
            self._recount(proxy)

    def _miss(self, proxy: ProxyId) -> None:
        """A proxy lost its stream. Most come back at once: only one that does not is told of."""
        asyncio.get_running_loop().call_later(COMING_BACK, self._recount, proxy)

    def _recount(self, proxy: ProxyId) -> None:
        """Another number of proxies may have what a class is given: at once after a rest, else together with others."""
        if proxy in self._recounted:
            self._recounted[proxy] = True
            return
        self._recounted[proxy] = False
        asyncio.get_running_loop().call_later(RECOUNTING, self._end_rest, proxy)
        self._note(self._publication.parts.named_by(proxy))

    def _end_rest(self, proxy: ProxyId) -> None:
        if self._recounted.pop(proxy):
            self._recount(proxy)
