"""Servers behind the proxy: they name themselves in every answer, and do as they are told.

One server speaks HTTP/1.1, and HTTP/2 to those who begin with its preface; with a TLS
context it speaks both inside TLS. It runs on the event loop of the test.
"""

import asyncio
import json
import ssl
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import h2.config
import h2.connection
import h2.events
import h2.exceptions

_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\n"
_REST_OF_PREFACE: Final = b"SM\r\n\r\n"
_REMEMBERED: Final = 10_000
_PATIENCE: Final = 10.0


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it arrived."""

    method: str
    target: str
    """Path with its query."""
    headers: dict[str, str]
    """By lower-case name; repeated ones joined by commas. HTTP/2's `:authority` is `host`."""
    protocol: str
    connection: int
    """Number of the connection, from 1."""
    body: bytes = b""


@dataclass(slots=True)
class Orders:
    """What a backend does with requests; may be changed at any time."""

    status: int = 200
    next_statuses: deque[int] = field(default_factory=deque)
    """Statuses of the next answers, which do not wait; then `status` again."""
    headers: dict[str, str] = field(default_factory=dict)
    """Added to every answer."""
    hang_up: bool = False
    """Close the connection in place of answering."""
    hold: asyncio.Event | None = None
    """Answers wait for this."""


class Backend:
    """A server on one loopback address."""

    def __init__(self, name: str, *, tls: ssl.SSLContext | None = None) -> None:
        """Name it; `listen` starts it."""
        self.name = name
        self.host = ""
        self.port = 0
        self.orders = Orders()
        self.seen: deque[Request] = deque(maxlen=_REMEMBERED)
        self.connections = 0
        """Connections that were opened, ever."""
        self.open_connections = 0
        self.most_open_connections = 0
        self.server_names: list[str | None] = []
        """Server names (SNI) that TLS clients asked for."""
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._change = asyncio.Condition()
        if tls is not None:
            tls.sni_callback = lambda _, name, __: self.server_names.append(name)

    @property
    def address(self) -> str:
        """`host:port`."""
        return f"{self.host}:{self.port}"

    @property
    def requests(self) -> int:
        """Requests that arrived."""
        return len(self.seen)

    async def listen(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Accept connections; port 0 takes a free one. Stopped and started again, it keeps its name and counts."""
        self._server = await asyncio.start_server(self._accept, host, port or self.port, ssl=self._tls, backlog=512)
        self.host, self.port = self._server.sockets[0].getsockname()[:2]

    async def stop(self) -> None:
        """Close the port and every connection."""
        if self._server is None:
            return
        self._server.close()
        if self.orders.hold is not None:
            self.orders.hold.set()
        for writer in tuple(self._writers):
            writer.transport.abort()
        await self._server.wait_closed()
        self._server = None

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Let requests wait for their answers until the block ends."""
        gate = self.orders.hold = asyncio.Event()
        try:
            yield
        finally:
            self.orders.hold = None
            gate.set()

    async def until_requests(self, count: int) -> None:
        """Wait until so many requests have arrived, since ever."""
        async with asyncio.timeout(_PATIENCE), self._change:
            await self._change.wait_for(lambda: self.requests >= count)

    async def until_closed(self) -> None:
        """Wait until no connection is open."""
        async with asyncio.timeout(_PATIENCE), self._change:
            await self._change.wait_for(lambda: not self.open_connections)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open_connections += 1
        self.most_open_connections = max(self.most_open_connections, self.open_connections)
        self._writers.add(writer)
        try:
            await self._serve(reader, writer, self.connections)
        except (asyncio.IncompleteReadError, ConnectionError, h2.exceptions.ProtocolError):
            pass  # the proxy closed the connection
        finally:
            self.open_connections -= 1
            self._writers.discard(writer)
            writer.close()
            async with self._change:
                self._change.notify_all()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if head == _PREFACE:
            await reader.readexactly(len(_REST_OF_PREFACE))
            await _Http2(self, reader, writer, number).serve()
            return
        while await self._answer_http1(head, reader, writer, number):
            head = await reader.readuntil(b"\r\n\r\n")

    async def _answer_http1(
        self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int
    ) -> bool:
        """Answer one request; False: the connection is to be closed."""
        request_line, *lines = head.decode("latin-1").split("\r\n")
        method, target, protocol = request_line.split(" ")
        headers = join_headers(line.split(": ", 1) for line in lines if line)
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        request = Request(method, target, headers, protocol, number, body)
        status = await self.receive(request)
        if not status:
            writer.transport.abort()
            return False
        content = self.describe(request)
        fields = {"content-length": str(len(content)), "x-backend": self.name, **self.orders.headers}
        text = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        writer.write(f"HTTP/1.1 {status} Told\r\n{text}\r\n".encode() + (b"" if method == "HEAD" else content))
        await writer.drain()
        return headers.get("connection") != "close"

    async def receive(self, request: Request) -> int:
        """Take note of a request, wait if told so, and give the status to answer with; 0: hang up."""
        async with self._change:
            self.seen.append(request)
            self._change.notify_all()
        orders = self.orders
        if orders.next_statuses:
            return orders.next_statuses.popleft()
        if orders.hold is not None:
            await orders.hold.wait()
        return 0 if orders.hang_up else orders.status

    def describe(self, request: Request) -> bytes:
        """Make the body of an answer: who answers, and to what."""
        return json.dumps(
            {
                "backend": self.name,
                "method": request.method,
                "target": request.target,
                "protocol": request.protocol,
                "headers": request.headers,
                "connection": request.connection,
            }
        ).encode()


class _Http2:
    """One connection of HTTP/2."""

    def __init__(
        self, backend: Backend, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int
    ) -> None:
        self._backend = backend
        self._reader = reader
        self._writer = writer
        self._number = number
        self._state = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))

    async def serve(self) -> None:
        """Answer until the peer closes; requests are answered beside each other."""
        self._state.initiate_connection()
        self._state.receive_data(_PREFACE + _REST_OF_PREFACE)
        async with asyncio.TaskGroup() as answers:
            self._flush()
            while data := await self._reader.read(65_536):
                for event in self._state.receive_data(data):
                    if isinstance(event, h2.events.RequestReceived):
                        answers.create_task(self._answer(event))
                self._flush()

    async def _answer(self, event: Any) -> None:
        named = dict(event.headers)
        headers = join_headers((name, value) for name, value in event.headers if not name.startswith(":"))
        headers["host"] = named[":authority"]
        request = Request(named[":method"], named[":path"], headers, "HTTP/2", self._number)
        status = await self._backend.receive(request)
        stream: int = event.stream_id
        try:
            if status:
                fields = {":status": str(status), "x-backend": self._backend.name, **self._backend.orders.headers}
                self._state.send_headers(stream, list(fields.items()))
                self._state.send_data(stream, self._backend.describe(request), end_stream=True)
            else:
                self._state.reset_stream(stream)
        except h2.exceptions.ProtocolError:
            return  # the proxy has given up on the request meanwhile
        self._flush()

    def _flush(self) -> None:
        self._writer.write(self._state.data_to_send())


def join_headers(pairs: Any) -> dict[str, str]:
    """Index headers by lower-case name."""
    joined: dict[str, str] = {}
    for name, value in pairs:
        key = name.lower()
        joined[key] = f"{joined[key]},{value}" if key in joined else value
    return joined
