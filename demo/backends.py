"""The services behind the proxy: small HTTP servers on loopback addresses, each with a name that it answers with."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

_REASONS = {200: "OK", 503: "Service Unavailable"}


@dataclass(slots=True)
class Backend:
    """One server."""

    name: str
    version: str = ""
    """Label `version` of its endpoint; empty: none."""
    status: int = 200
    """What it answers with, from now on."""
    port: int = 0
    """A free one, taken when it starts."""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer each request of one connection with the backend's name."""
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                body = f"{self.name}\n"
                writer.write(
                    f"HTTP/1.1 {self.status} {_REASONS[self.status]}\r\n"
                    f"x-backend: {self.name}\r\nx-version: {self.version}\r\n"
                    f"content-type: text/plain\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode()
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the proxy closed the connection
        finally:
            writer.close()


@asynccontextmanager
async def listening(backends: Sequence[Backend]) -> AsyncIterator[None]:
    """Run backends while the context lasts."""
    servers = []
    try:
        for backend in backends:
            server = await asyncio.start_server(backend.answer, "127.0.0.1", 0)
            backend.port = server.sockets[0].getsockname()[1]
            servers.append(server)
        yield
    finally:
        for server in servers:
            server.close()
