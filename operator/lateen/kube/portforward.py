"""A port of a pod as a Unix socket on this machine, through the API server.

Each connection to the socket becomes a WebSocket to the API server, with the protocol that kubelets speak: messages
are bytes, the first byte is the channel, 0 for data and 1 for what went wrong. The first two bytes on a channel
are the port.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

from lateen.errors import LateenError
from lateen.kube.client import ApiError, KubeClient
from lateen.kube.resources import RESOURCES
from lateen.model.keys import Kind

_PROTOCOL: Final = "v4.channel.k8s.io"
_DATA: Final = 0
_ERROR: Final = 1
_PORT_BYTES: Final = 2
_CHUNK: Final = 1 << 16


class Forward:
    """One forwarded port."""

    def __init__(self, client: KubeClient, namespace: str, pod: str, port: int) -> None:
        """Prepare; use `forwarding`."""
        self._client = client
        self._path = f"{RESOURCES[Kind.POD].path(namespace, pod)}/portforward"
        self._port = port
        self.problem: LateenError | None = None
        """Why the latest connection failed; None: it did not."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection until either side ends it."""
        try:
            async with self._client.websocket(self._path, {"ports": str(self._port)}, _PROTOCOL) as remote:
                sending = asyncio.create_task(_send(reader, remote))
                try:
                    await self._receive(remote, writer)
                finally:
                    sending.cancel()
                    await asyncio.wait([sending])
        except ApiError as error:
            self.problem = error
        except (OSError, ValueError) as error:
            self.problem = LateenError(str(error) or type(error).__name__)
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _receive(self, remote: Any, writer: asyncio.StreamWriter) -> None:
        announced = {_DATA: 0, _ERROR: 0}
        async for message in remote:
            channel, content = message.data[0], message.data[1:]
            skipped = min(_PORT_BYTES - announced[channel], len(content))
            announced[channel] += skipped
            content = content[skipped:]
            if not content:
                continue
            if channel == _ERROR:
                self.problem = LateenError(content.decode(errors="replace").strip())
                return
            writer.write(content)
            await writer.drain()


async def _send(reader: asyncio.StreamReader, remote: Any) -> None:
    """Carry what is written to the socket; at its end, end the connection."""
    while data := await reader.read(_CHUNK):
        await remote.send_bytes(bytes((_DATA,)) + data)
    await remote.close()


@asynccontextmanager
async def forwarding(client: KubeClient, namespace: str, pod: str, port: int, socket: Path) -> AsyncIterator[Forward]:
    """Listen on a Unix socket for connections to a port of a pod, while the context lasts.

    The directory of `socket` ought to be private. Nothing is asked of the API server before the first connection;
    whether that fails, `Forward.problem` says.
    """
    forward = Forward(client, namespace, pod, port)
    server = await asyncio.start_unix_server(forward.serve, socket)
    async with server:
        yield forward
