"""From starting `lateen up` on an example until its first request is answered through Envoy.

The command is the installed one, with an Envoy and a state directory of its own, as a user runs it.
"""

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

from tests.bench.figures import Figure, hand_on, of_many
from tests.ports import free_port

EXAMPLE = Path("examples") / "api-gateway"
_HOST = "api.example.com"
_WRITTEN_PORT = 80
_BACKEND = ("127.0.0.1", 18080)
_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
_PATIENCE = 30.0


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(_ANSWER)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()  # the proxy has closed the connection


async def _status(port: int) -> int:
    """Ask once; 0 while nobody answers."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET /users HTTP/1.1\r\nhost: {_HOST}\r\nconnection: close\r\n\r\n".encode())
        line = await reader.readline()
        writer.close()
    except OSError:
        return 0
    return int(line.split()[1]) if line else 0


async def _start_once(directory: Path, state: Path, environ: Mapping[str, str]) -> float:
    shift = free_port() - _WRITTEN_PORT
    command = ["-m", "lateen", "up", str(directory), "--port-shift", str(shift), "--drain", "0"]
    log = (state / "log").open("wb")
    started = monotonic()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *command,
        env=environ,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=log,
    )
    try:
        async with asyncio.timeout(_PATIENCE):
            while await _status(shift + _WRITTEN_PORT) != 200:
                if process.returncode is not None:
                    raise RuntimeError((state / "log").read_text() or f"ended with status {process.returncode}")
                await asyncio.sleep(0.01)
        return monotonic() - started
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
            await process.wait()
        log.close()


async def _measure(repeats: int) -> list[float]:
    backend = await asyncio.start_server(_serve, *_BACKEND)
    with TemporaryDirectory(prefix="lateen-bench-") as root:
        directory, state = Path(root) / "example", Path(root) / "state"
        shutil.copytree(EXAMPLE, directory)
        state.mkdir(mode=0o700)
        environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environ |= {"XDG_RUNTIME_DIR": str(state), "PYTHONPYCACHEPREFIX": str(Path(root) / "bytecode")}
        await _start_once(directory, state, environ)  # warms the page cache, and compiles Python's files
        found = [await _start_once(directory, state, environ) for _ in range(repeats)]
    backend.close()
    return found


def measure(repeats: int) -> list[Figure]:
    """Start and stop the command again and again."""
    how = "python -m lateen up examples/api-gateway; asked every 10 ms"
    return [of_many("process start to first routed 200", asyncio.run(_measure(repeats)), "s", target=1.5, how=how)]


if __name__ == "__main__":
    hand_on(measure(int(sys.argv[1])))
