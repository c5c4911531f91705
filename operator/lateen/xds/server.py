"""The gRPC side: aggregated discovery, delta only, for Envoys that reach this socket.

The only module that knows gRPC. Each stream is one coroutine that feeds a `DeltaStream`
with requests, changes and the passing of time, and writes what comes out. While a proxy
reads slowly, changes accumulate and are merged.

An Envoy of a class that does not exist (yet) is not refused: its stream waits until the
class is published, because a refused Envoy comes back ever more rarely. Before `admit`
every stream waits: an empty answer to a proxy that reconnects would be an outage.
"""

import asyncio
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

import grpc
import structlog
from envoy.service.discovery.v3 import ads_pb2_grpc
from grpc import aio

from lateen.errors import InputError
from lateen.ir.proxy import ProxyId
from lateen.ir.resource import ResourceKey
from lateen.xds.cache import DesiredSet, ResourceCache
from lateen.xds.delta import DeltaStream
from lateen.xds.events import Connected, Disconnected, StreamId, StreamObserver, Waiting, ignore
from lateen.xds.identity import UnidentifiedNodeError, identify
from lateen.xds.messages import Request, Response, decode_request, encode_response
from lateen.xds.patience import GracePeriods, Patience

log = structlog.get_logger(__name__)

OPTIONS: Mapping[str, int] = MappingProxyType(
    {
        "grpc.keepalive_time_ms": 30_000,
        "grpc.keepalive_timeout_ms": 10_000,
        "grpc.http2.max_pings_without_data": 0,
        "grpc.http2.min_ping_interval_without_data_ms": 10_000,
        "grpc.max_receive_message_length": -1,
        "grpc.max_send_message_length": -1,
        "grpc.so_reuseport": 0,
    },
)
"""Notice proxies that vanished; a proxy that knows 10,000 resources says so in one long message."""

_DEFAULT_PATIENCE = GracePeriods()


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
        options: Mapping[str, int] = OPTIONS,
    ) -> None:
        """Prepare a server; nothing is bound yet.

        Args:
            cache: what is served.
            observer: hears of everything that happens on the streams.
            patience: waiting times.
            clock: monotonic seconds.
            token: tells the nonces of this server from those of others; None: a random one.
            options: channel arguments of gRPC.
        """
        self._cache = cache
        self._observer = observer
        self._patience = patience
        self._clock = clock
        self._token = secrets.token_hex(4) if token is None else token
        self._server = aio.server(options=tuple(options.items()))
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

    async def start(self, address: str = "127.0.0.1:0") -> str:
        """Bind and listen.

        Args:
            address: `host:port`, where port 0 takes any free one, or `unix:PATH`.

        Returns:
            The address that is really bound.

        Raises:
            InputError: the address cannot be bound.
        """
        try:
            port = self._server.add_insecure_port(address)
        except RuntimeError as error:
            raise InputError(f"cannot listen on {address}: {error}") from error
        await self._server.start()
        if address.startswith("unix:"):
            return address
        return f"{address.rpartition(':')[0]}:{port}"

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
            await _Session(context, stream, self._cache, self._clock, self._closing).run(message)
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
                await _first_of(self._closing, changed if self._admitted.is_set() else self._admitted)
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


class _Session:
    """One stream, from its first message to its end."""

    def __init__(
        self,
        context: Any,
        stream: DeltaStream,
        cache: ResourceCache,
        clock: Callable[[], float],
        closing: asyncio.Event,
    ) -> None:
        self._context = context
        self._stream = stream
        self._cache = cache
        self._clock = clock
        self._closing = closing
        self._requests: deque[Request] = deque()
        self._changes: dict[ResourceKey, None] = {}
        self._wake = asyncio.Event()
        self._ended = False

    async def run(self, first: Any) -> None:
        """Serve until either side ends the stream, or its class ceases to exist."""
        proxy = self._stream.stream.proxy
        desired = self._cache.desired(proxy)
        endings = [
            self._cache.subscribe(proxy, self._on_change),
            self._cache.subscribe_proxies(self._wake.set),
        ]
        self._take(first)
        reader = asyncio.create_task(self._read())
        try:
            while not (self._ended or self._closing.is_set()):
                if self._cache.desired(proxy) is not desired:
                    await self._context.abort(grpc.StatusCode.UNAVAILABLE, f"proxy class {proxy} was removed")
                await self._advance()
                await self._pause()
        finally:
            for end in endings:
                end()
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)

    async def _read(self) -> None:
        try:
            while (message := await self._context.read()) is not aio.EOF:
                self._take(message)
        finally:
            self._ended = True
            self._wake.set()

    def _take(self, message: Any) -> None:
        request = decode_request(message)
        if request is None:
            log.warning("request for a type that is not served", type=message.type_url, node=self._stream.stream.node)
            return
        self._requests.append(request)
        self._wake.set()

    def _on_change(self, keys: tuple[ResourceKey, ...]) -> None:
        self._changes.update(dict.fromkeys(keys))
        self._wake.set()

    async def _advance(self) -> None:
        """Do everything that is to be done now."""
        self._wake.clear()
        while self._requests:
            await self._write(self._stream.on_request(self._requests.popleft()))
        if self._changes:
            changes, self._changes = self._changes, {}
            await self._write(self._stream.on_change(changes))
        wake_at = self._stream.wake_at
        if wake_at is not None and wake_at <= self._clock():
            await self._write(self._stream.on_tick())

    async def _pause(self) -> None:
        """Sleep until there is something to do."""
        wake_at = self._stream.wake_at
        timeout = None if wake_at is None else max(0.0, wake_at - self._clock())
        await _first_of(self._wake, self._closing, timeout=timeout)

    async def _write(self, responses: list[Response]) -> None:
        for response in responses:
            await self._context.write(encode_response(response))


async def _first_of(*events: asyncio.Event, timeout: float | None = None) -> None:  # noqa: ASYNC109 - waits on several
    """Wait until one of the events is set, or until `timeout` seconds passed."""
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
