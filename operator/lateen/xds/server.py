"""The gRPC side: aggregated discovery, delta only, for Envoys that reach this socket.

Each stream is one coroutine (`session`) on connections that `transport` lets in. While a
proxy reads slowly, changes accumulate and are merged.

An Envoy of a class that does not exist (yet) is not refused: its stream waits until the
class is published, because a refused Envoy comes back ever more rarely. Before `admit`
every stream waits: an empty answer to a proxy that reconnects would be an outage.
"""

import asyncio
import secrets
import time
from collections.abc import Callable, Iterable
from typing import Any

import grpc
import structlog
from envoy.service.discovery.v3 import ads_pb2_grpc
from grpc import aio

from lateen.ir.proxy import ProxyId
from lateen.xds.cache import DesiredSet, ResourceCache
from lateen.xds.delta import DeltaStream
from lateen.xds.events import Connected, Disconnected, StreamId, StreamObserver, Waiting, ignore
from lateen.xds.identity import UnidentifiedNodeError, identify
from lateen.xds.patience import GracePeriods, Patience
from lateen.xds.session import Session, first_of
from lateen.xds.transport import Gate, Transport

log = structlog.get_logger(__name__)

_DEFAULT_PATIENCE = GracePeriods()
_DEFAULT_TRANSPORT = Transport()


class DiscoveryServer:
    """Serves a `ResourceCache` to Envoys."""

    def __init__(
        self,
        cache: ResourceCache,
        *,
        observer: StreamObserver = ignore,
        patience: Patience = _DEFAULT_PATIENCE,
        clock: Callable[[], float] = time.monotonic,
        token: str | None = None,
        transport: Transport = _DEFAULT_TRANSPORT,
    ) -> None:
        """Prepare a server; nothing is bound yet.

        Args:
            cache: what is served.
            observer: hears of everything that happens on the streams.
            patience: waiting times.
            clock: monotonic seconds.
            token: tells the nonces of this server from those of others; None: a random one.
            transport: how proxies reach the server, and for how long.
        """
        self.gate = Gate(transport.security)
        self._cache = cache
        self._observer = observer
        self._patience = patience
        self._clock = clock
        self._token = secrets.token_hex(4) if token is None else token
        self._transport = transport
        self._server = aio.server(options=transport.arguments)
        ads_pb2_grpc.add_AggregatedDiscoveryServiceServicer_to_server(_Servicer(self._serve), self._server)
        self._admitted = asyncio.Event()
        self._closing = asyncio.Event()
        self._numbers = 0
        self._streams: dict[int, DeltaStream] = {}

    @property
    def streams(self) -> tuple[DeltaStream, ...]:
        """The streams that are served now, oldest first."""
        return tuple(self._streams.values())

    def streams_of(self, proxy: ProxyId) -> Iterable[DeltaStream]:
        """Give the streams of one class of proxies."""
        return tuple(stream for stream in self._streams.values() if stream.stream.proxy == proxy)

    def add_services(self, *handlers: Any) -> None:
        """Serve more than discovery on the same port, from before the start; `gate` tells who may call.

        Args:
            handlers: generic handlers of gRPC.
        """
        self._server.add_generic_rpc_handlers(handlers)

    async def start(self, address: str = "127.0.0.1:0") -> str:
        """Bind and listen.

        Args:
            address: `host:port`, where port 0 takes any free one, or `unix:PATH`.

        Returns:
            The address that is really bound.

        Raises:
            InputError: the address cannot be bound.
        """
        bound = self._transport.bind(self._server, address)
        await self._server.start()
        return bound

    def admit(self) -> None:
        """Start to serve: the cache holds everything that the proxies may already have."""
        self._admitted.set()

    async def stop(self, grace: float = 1.0) -> None:
        """End all streams and stop listening; calls that do not end are cut off after `grace` seconds."""
        self._closing.set()
        await self._server.stop(grace)

    async def _serve(self, context: Any) -> None:
        message = await context.read()
        if message is aio.EOF:
            return
        try:
            proxy = identify(message.node)
        except UnidentifiedNodeError as error:
            log.warning("proxy refused", reason=str(error), peer=context.peer())
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
            raise  # abort raises; this is for the reader
        await self.gate.admit_proxy(context, proxy)
        self._numbers += 1
        stream_id = StreamId(proxy, message.node.id, self._numbers)
        desired = await self._await_class(stream_id)
        if desired is None:
            return
        stream = DeltaStream(
            stream_id,
            desired,
            clock=self._clock,
            observer=self._observer,
            patience=self._patience,
            token=self._token,
        )
        self._streams[stream_id.number] = stream
        self._observer(Connected(stream_id))
        try:
            ends_at = self._transport.end_of_stream(self._clock())
            session = Session(context, stream, self._cache, self._clock, self._closing, ends_at=ends_at)
            await session.run(message)
        finally:
            del self._streams[stream_id.number]
            self._observer(Disconnected(stream_id))

    async def _await_class(self, stream: StreamId) -> DesiredSet | None:
        """Wait until this class may be served; None: the server stops."""
        told = False
        while not self._closing.is_set():
            desired = self._cache.desired(stream.proxy)
            if desired is not None and self._admitted.is_set():
                return desired
            if not told:
                told = True
                self._observer(Waiting(stream))
            changed = asyncio.Event()
            end = self._cache.subscribe_proxies(changed.set)
            try:
                await first_of(self._closing, changed if self._admitted.is_set() else self._admitted)
            finally:
                end()
        return None


class _Servicer(ads_pb2_grpc.AggregatedDiscoveryServiceServicer):  # type: ignore[misc] # generated without types
    """What gRPC calls."""

    def __init__(self, serve: Callable[[Any], Any]) -> None:
        self._serve = serve

    async def DeltaAggregatedResources(self, request_iterator: Any, context: Any) -> None:  # noqa: N802 - its name in the protocol
        """Serve one stream."""
        del request_iterator  # the stream is read from its context
        await self._serve(context)

    async def StreamAggregatedResources(self, request_iterator: Any, context: Any) -> None:  # noqa: N802 - its name in the protocol
        """Refuse the state-of-the-world protocol."""
        del request_iterator
        await context.abort(
            grpc.StatusCode.UNIMPLEMENTED,
            "only delta discovery is served: set api_type: DELTA_GRPC in ads_config",
        )
