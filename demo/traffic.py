"""Requests through the proxy, counted by who answered.

A client of its own: it costs a tenth of a full one, and a demo shares its machine with the proxy that it measures.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final

OK: Final = 200

_TIMEOUT: Final = 5.0
_CLIENTS: Final = 8
"""Requests that are under way at a time, where many are sent."""
_PAUSE: Final = 0.01
"""Seconds before somebody who got no answer can ask again."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    """0: nothing."""
    backend: str = ""
    """Who answered; empty: the proxy itself, or nobody."""
    version: str = ""


class Connection:
    """One connection to the proxy, opened when it is needed."""

    def __init__(self, port: int) -> None:
        """Ask at a port of this machine."""
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def get(self, host: str, path: str, headers: Mapping[str, str]) -> Answer:
        """Send one request, on a new connection if the proxy has closed the one there was."""
        lines = "".join(f"{name}: {value}\r\n" for name, value in {"host": host, **headers}.items())
        request = f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode()
        used = self._streams is not None
        try:
            async with asyncio.timeout(_TIMEOUT):
                return await self._exchange(request)
        except (OSError, asyncio.IncompleteReadError) as error:  # a timeout is an OSError
            self.close()
            if used and not isinstance(error, TimeoutError):
                return await self.get(host, path, headers)
            await asyncio.sleep(_PAUSE)
            return Answer(0)

    def close(self) -> None:
        """Close it."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def _exchange(self, request: bytes) -> Answer:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(request)
        status_line, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines if line)
        await reader.readexactly(int(headers.get("content-length", 0)))
        if headers.get("connection") == "close":
            self.close()
        return Answer(int(status_line.split(" ")[1]), headers.get("x-backend", ""), headers.get("x-version", ""))


class Traffic:
    """A client of one port of the proxy."""

    def __init__(self, connections: list[Connection]) -> None:
        """Send over connections; `client_of` makes them."""
        self._connections = connections

    async def get(self, host: str, path: str = "/") -> Answer:
        """Send one request."""
        return await self._connections[0].get(host, path, {})

    async def send(
        self, count: int, host: str, path: str = "/", headers: Mapping[str, str] | None = None
    ) -> Counter[Answer]:
        """Send many requests and count the answers."""
        answers: Counter[Answer] = Counter()
        left = iter(range(count))

        async def client(connection: Connection) -> None:
            for _ in left:
                answers[await connection.get(host, path, headers or {})] += 1

        async with asyncio.TaskGroup() as clients:
            for connection in self._connections:
                clients.create_task(client(connection))
        return answers


@asynccontextmanager
async def client_of(port: int) -> AsyncIterator[Traffic]:
    """Keep connections to a port while the context lasts."""
    async with AsyncExitStack() as closing:
        connections = [Connection(port) for _ in range(_CLIENTS)]
        for connection in connections:
            closing.callback(connection.close)
        yield Traffic(connections)


def by_version(answers: Counter[Answer]) -> dict[str, int]:
    """Count answers by the version that gave them; others by their status."""
    counts: Counter[str] = Counter()
    for answer, number in answers.items():
        counts[answer.version if answer.status == OK else str(answer.status)] += number
    return dict(counts)


def failures(answers: Counter[Answer]) -> int:
    """Count answers other than 200."""
    return sum(number for answer, number in answers.items() if answer.status != OK)
