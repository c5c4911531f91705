"""What is on its way to one proxy: responses of bearable size, their nonces, and what they carry."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

from lateen.ir.resource import ResourceType
from lateen.xds.events import Sent, StreamId, StreamObserver
from lateen.xds.holdings import Copy, Holding, InFlight
from lateen.xds.messages import Item, Response

MAX_BYTES = 2 * 1024 * 1024
"""Bodies in one response; one larger resource travels alone."""

MAX_RESOURCES = 2_000
"""Resources in one response."""

Parcel: TypeAlias = tuple[Holding, Copy]
"""One copy of one resource, or its removal."""


class Outbox:
    """The sending half of one stream."""

    __slots__ = ("_clock", "_in_flight", "_nonces", "_observer", "_stream", "_token")

    def __init__(self, stream: StreamId, observer: StreamObserver, clock: Callable[[], float], token: str) -> None:
        """Start with nothing under way; `token` makes nonces unique among servers."""
        self._stream = stream
        self._observer = observer
        self._clock = clock
        self._token = token
        self._nonces = 0
        self._in_flight: dict[str, InFlight] = {}

    def __bool__(self) -> bool:
        """Tell whether anything is under way."""
        return bool(self._in_flight)

    def carries(self, types: frozenset[ResourceType]) -> bool:
        """Tell whether a response of one of the types is under way."""
        return any(flight.type in types for flight in self._in_flight.values())

    def arrived(self, nonce: str) -> InFlight | None:
        """Take the response that a proxy judges out of the books; None: there is no such one any more."""
        return self._in_flight.pop(nonce, None) if nonce else None

    def pack(self, type_: ResourceType, parcels: Iterable[Parcel]) -> Iterator[Response]:
        """Send parcels of one type, in as many responses as it takes."""
        return (self.respond(type_, chunk) for chunk in _chunks(parcels))

    def respond(self, type_: ResourceType, parcels: Iterable[Parcel] = (), missing: Iterable[str] = ()) -> Response:
        """Send one response, possibly empty; `missing` are names that do not exist."""
        parcels = tuple(parcels)
        self._nonces += 1
        nonce = f"{self._token}{self._stream.number}-{self._nonces}"
        self._in_flight[nonce] = InFlight(type_, parcels, self._clock())
        versions = {holding.key: copy.resource.version if copy.resource else None for holding, copy in parcels}
        self._observer(Sent(self._stream, type_, nonce, versions))
        return Response(
            type_,
            nonce,
            items=tuple(
                Item(holding.key.name, copy.version, copy.resource.body)
                for holding, copy in parcels
                if copy.resource is not None and copy.version is not None
            ),
            removed=(*(holding.key.name for holding, copy in parcels if copy.version is None), *sorted(missing)),
        )


def _chunks(parcels: Iterable[Parcel]) -> Iterator[list[Parcel]]:
    chunk: list[Parcel] = []
    size = 0
    for holding, copy in parcels:
        weight = 0 if copy.resource is None else len(copy.resource.body)
        if chunk and (len(chunk) >= MAX_RESOURCES or size + weight > MAX_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append((holding, copy))
        size += weight
    if chunk:
        yield chunk
