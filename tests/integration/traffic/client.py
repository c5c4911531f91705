"""A client of HTTP/1.1 that keeps connections, and may come from any loopback address."""

import asyncio
import json
import ssl
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.integration.traffic.backend import join_headers

_PATIENCE = 20.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def backend(self) -> str:
        """Who answered; empty: the proxy itself."""
        return self.headers.get("x-backend", "")

    @property
    def echo(self) -> Mapping[str, Any]:
        """The request as the backend saw it."""
        echo: Mapping[str, Any] = json.loads(self.body)
        return echo

    def __str__(self) -> str:
        """Who answered; or the status, with the proxy's words."""
        if self.status == 200 and self.backend:
            return self.backend
        return f"{self.status} {self.backend or self.body.decode(errors='replace')}".strip()


class Connection:
    """One connection to the proxy."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Use a pair of streams."""
        self._reader = reader
        self._writer = writer
        self.is_open = True

    @classmethod
    async def open(
        cls, port: int, *, source: str = "", tls: ssl.SSLContext | None = None, server_name: str | None = None
    ) -> "Connection":
        """Connect to a port of this machine, from the loopback address `source`."""
        local = (source, 0) if source else None
        return cls(
            *await asyncio.open_connection(
                "127.0.0.1", port, local_addr=local, ssl=tls, server_hostname=server_name if tls is not None else None
            )
        )

    async def request(self, method: str, target: str, headers: Iterable[tuple[str, str]], body: bytes = b"") -> Answer:
        """Send a request and read its answer.

        Raises:
            ConnectionError: the proxy closed the connection before it answered.
        """
        fields = "".join(f"{name}: {value}\r\n" for name, value in headers)
        length = f"content-length: {len(body)}\r\n" if body else ""
        try:
            self._writer.write(f"{method} {target} HTTP/1.1\r\n{fields}{length}\r\n".encode() + body)
            async with asyncio.timeout(_PATIENCE):
                return await self._read(method)
        except asyncio.IncompleteReadError as error:
            await self.close()
            raise ConnectionResetError("closed by the proxy") from error
        except BaseException:
            self._abandon()
            raise

    async def close(self) -> None:
        """Close it."""
        self._abandon()
        try:
            await self._writer.wait_closed()
        except (ConnectionError, ssl.SSLError):
            return  # it was closed already, or not in the way that TLS wants

    def _abandon(self) -> None:
        self.is_open = False
        self._writer.close()

    async def _read(self, method: str) -> Answer:
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        status_line, *lines = head.split("\r\n")
        status = int(status_line.split(" ")[1])
        headers = join_headers(line.split(": ", 1) for line in lines if line)
        body = b""
        if method != "HEAD" and status not in {204, 304}:
            body = await self._read_body(headers)
        if headers.get("connection") == "close":
            self._abandon()
        return Answer(status, headers, body)

    async def _read_body(self, headers: Mapping[str, str]) -> bytes:
        if headers.get("transfer-encoding") != "chunked":
            return await self._reader.readexactly(int(headers.get("content-length", 0)))
        chunks = []
        while size := int((await self._reader.readline()).split(b";")[0], 16):
            chunks.append(await self._reader.readexactly(size))
            await self._reader.readline()
        await self._reader.readline()
        return b"".join(chunks)


class Client:
    """Keeps connections by port and source, and opens more as they are needed."""

    def __init__(self) -> None:
        """Start without connections."""
        self._idle: defaultdict[tuple[int, str], list[Connection]] = defaultdict(list)

    async def request(
        self,
        port: int,
        host: str,
        target: str = "/",
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        source: str = "",
    ) -> Answer:
        """Send one request."""
        fields = [("host", host), *(headers or {}).items()]
        idle = self._idle[port, source]
        while idle:
            connection = idle.pop()
            if not connection.is_open:
                continue
            try:
                return await self._send(connection, idle, method, target, fields, body)
            except ConnectionError:
                continue  # the proxy closed it while nobody looked
        connection = await Connection.open(port, source=source)
        return await self._send(connection, idle, method, target, fields, body)

    async def _send(
        self,
        connection: Connection,
        idle: list[Connection],
        method: str,
        target: str,
        fields: list[tuple[str, str]],
        body: bytes,
    ) -> Answer:
        answer = await connection.request(method, target, fields, body)
        if connection.is_open:
            idle.append(connection)
        return answer

    async def close(self) -> None:
        """Close all kept connections."""
        for connections in self._idle.values():
            for connection in connections:
                await connection.close()
        self._idle.clear()


async def repeat(count: int, send: Callable[[int], Awaitable[Answer]], *, at_once: int = 8) -> list[Answer]:
    """Send so many requests, some of them at a time; the answers in the order of their numbers."""
    answers: dict[int, Answer] = {}
    numbers = iter(range(count))

    async def worker() -> None:
        for number in numbers:
            answers[number] = await send(number)

    async with asyncio.TaskGroup() as workers:
        for _ in range(min(at_once, count)):
            workers.create_task(worker())
    return [answers[number] for number in range(count)]


def tally(answers: Iterable[Answer]) -> Counter[str]:
    """Count answers by who gave them, failures by their status."""
    return Counter(map(str, answers))
