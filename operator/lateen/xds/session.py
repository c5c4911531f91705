"""One stream as a coroutine: feeds a `DeltaStream` with requests, changes and time, and writes what comes out."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

import grpc
import structlog
from grpc import aio

from lateen.ir.resource import ResourceKey
from lateen.xds.cache import ResourceCache
from lateen.xds.delta import DeltaStream
from lateen.xds.messages import Request, Response, decode_request, encode_response

log = structlog.get_logger(__name__)


class Session:
    """One stream, from its first message to its end."""

    def __init__(
        self,
        context: Any,
        stream: DeltaStream,
        cache: ResourceCache,
        clock: Callable[[], float],
        closing: asyncio.Event,
        *,
        ends_at: float | None = None,
    ) -> None:
        """Prepare to serve.

        Args:
            context: gRPC's side of the stream.
            stream: the protocol's side of it.
            cache: tells of changes.
            clock: monotonic seconds.
            closing: set when the server stops.
            ends_at: when to end the stream, by the clock; None: never. The proxy comes back with what it has.
        """
        self._context = context
        self._stream = stream
        self._cache = cache
        self._clock = clock
        self._closing = closing
        self._ends_at = ends_at
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
            while not (self._ended or self._closing.is_set() or self._is_old()):
                if self._cache.desired(proxy) is not desired:
                    await self._context.abort(grpc.StatusCode.UNAVAILABLE, f"proxy class {proxy} was removed")
                await self._advance()
                await self._pause()
        finally:
            for end in endings:
                end()
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)

    def _is_old(self) -> bool:
        return self._ends_at is not None and self._clock() >= self._ends_at

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
        times = [time for time in (self._stream.wake_at, self._ends_at) if time is not None]
        timeout = max(0.0, min(times) - self._clock()) if times else None
        await first_of(self._wake, self._closing, timeout=timeout)

    async def _write(self, responses: list[Response]) -> None:
        for response in responses:
            await self._context.write(encode_response(response))


async def first_of(*events: asyncio.Event, timeout: float | None = None) -> None:  # noqa: ASYNC109 - waits on several
    """Wait until one of the events is set, or until `timeout` seconds passed."""
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
