"""The services behind the proxy: small HTTP servers on loopback addresses, each with a name that it answers with.

`python -m demo.backends` runs those that `examples/api-gateway/services.yaml` speaks of, until Ctrl-C.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import click
import yaml

_REASONS: Final = {200: "OK", 503: "Service Unavailable"}
_SERVICES: Final = Path("examples", "api-gateway", "services.yaml")


@dataclass(slots=True)
class Backend:
    """One server."""

    name: str
    version: str = ""
    """Label `version` of its endpoint; empty: none."""
    status: int = 200
    """What it answers with, from now on."""
    address: str = "127.0.0.1"
    port: int = 0
    """0: a free one is taken when it starts."""
    _connections: dict[asyncio.StreamWriter, asyncio.Task[object]] = field(default_factory=dict, repr=False)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer each request of one connection with the backend's name."""
        task = asyncio.current_task()
        if task is not None:
            self._connections[writer] = task
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
            self._connections.pop(writer, None)
            writer.close()

    async def hang_up(self) -> None:
        """Close every connection."""
        tasks = set(self._connections.values())
        for writer in tuple(self._connections):
            writer.transport.abort()
        if tasks:
            await asyncio.wait(tasks)


@asynccontextmanager
async def listening(backends: Sequence[Backend]) -> AsyncIterator[None]:
    """Run backends while the context lasts."""
    servers = []
    try:
        for backend in backends:
            server = await asyncio.start_server(backend.answer, backend.address, backend.port)
            backend.port = server.sockets[0].getsockname()[1]
            servers.append(server)
        yield
    finally:
        for server in servers:
            server.close()
        for backend in backends:
            await backend.hang_up()


def backends_of(services: str) -> Iterator[Backend]:
    """Give a backend for each endpoint of the EndpointSlices in a text of YAML, named as its Pod."""
    for document in yaml.safe_load_all(services):
        if document["kind"] == "EndpointSlice":
            for endpoint in document["endpoints"]:
                name, (address,), (port,) = endpoint["targetRef"]["name"], endpoint["addresses"], document["ports"]
                yield Backend(name, address=address, port=port["port"])


@click.command()
def main() -> None:
    """Run the services of the examples until Ctrl-C."""

    async def run() -> None:
        backends = tuple(backends_of(_SERVICES.read_text()))
        async with listening(backends):
            for backend in backends:
                click.echo(f"{backend.name} answers on {backend.address}:{backend.port}")
            await asyncio.Event().wait()

    with suppress(KeyboardInterrupt):
        asyncio.run(run())


if __name__ == "__main__":
    main()
