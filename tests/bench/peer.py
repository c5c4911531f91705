"""The other side of a proxy, in a process of its own: backends, and a client that waits for an answer to change.

So what the client costs is not counted as the control plane's, and they do not take turns.
The client asks on one kept connection, again as soon as it is answered or after a pause, which leaves the
machine to what is measured. Parent and peer share the machine's monotonic clock.

Protocol, one JSON value a line: the peer begins with the backends' ports; then for each
`[port, host, mark]` it answers `[when, requests]`: when the answer with the header `x-mark: mark` came,
or with any such header for an empty mark.
A backend marks its answers with its port, where no rule of the proxy sets another mark.
"""

import asyncio
import json
import sys
from time import monotonic
from typing import Self

_END = b"\r\n\r\n"


class Peer:
    """The parent's end."""

    def __init__(self, address: str = "127.0.0.1", backends: int = 1, *, pause: float = 0.0) -> None:
        """Prepare; entering starts the process.

        Args:
            address: of this machine; backends listen there.
            backends: how many.
            pause: seconds between an answer and the client's next request.
        """
        self.backend_ports: list[int] = []
        self._arguments = (address, str(backends), str(pause))
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        """Start the process."""
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", __name__, *self._arguments, stdin=pipe, stdout=pipe
        )
        self.backend_ports = json.loads(await self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        """End the process."""
        if self._process is not None:
            self._process.terminate()
            await self._process.wait()

    async def watch(self, port: int, host: str, mark: str) -> tuple[float, int]:
        """Wait until the host is answered with the mark; returns when that was, and after how many requests."""
        if self._process is None or self._process.stdin is None:
            raise RuntimeError("the peer is not running")
        self._process.stdin.write(json.dumps([port, host, mark]).encode() + b"\n")
        when, requests = json.loads(await self._read())
        return float(when), int(requests)

    async def _read(self) -> str:
        if self._process is None or self._process.stdout is None:
            raise RuntimeError("the peer is not running")
        line = await self._process.stdout.readline()
        if not line:
            raise RuntimeError("the peer has ended")
        return line.decode()


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer everything."""
    port = writer.get_extra_info("sockname")[1]
    answer = f"HTTP/1.1 200 OK\r\nx-mark: {port}\r\ncontent-length: 2\r\n\r\nok".encode()
    try:
        while await reader.readuntil(_END):
            writer.write(answer)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()  # the proxy has closed the connection


class _Client:
    """One kept connection."""

    def __init__(self, pause: float) -> None:
        self._pause = pause
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def until(self, port: int, host: str, mark: str) -> tuple[float, int]:
        """Ask until the answer carries the mark."""
        wanted = f"x-mark: {mark}\r\n".encode() if mark else b"x-mark: "
        requests = 1
        while wanted not in await self._ask(port, host):
            requests += 1
            await asyncio.sleep(self._pause)
        return monotonic(), requests

    async def _ask(self, port: int, host: str) -> bytes:
        """Return the head of the answer; nothing while nobody listens."""
        try:
            if self._streams is None:
                self._streams = await asyncio.open_connection("127.0.0.1", port)
            reader, writer = self._streams
            writer.write(f"GET / HTTP/1.1\r\nhost: {host}\r\n\r\n".encode())
            head = await reader.readuntil(_END)
            length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(length or 0))
        except (OSError, asyncio.IncompleteReadError):
            self._streams = None
            await asyncio.sleep(0.005)
            return b""
        return head


async def _main() -> None:
    loop = asyncio.get_running_loop()
    address, backends, pause = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    servers = [await asyncio.start_server(_serve, address, 0) for _ in range(backends)]
    orders = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    _say([server.sockets[0].getsockname()[1] for server in servers])
    client = _Client(pause)
    async for line in orders:
        port, host, mark = json.loads(line)
        _say(await client.until(port, host, mark))


def _say(value: object) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_main())
