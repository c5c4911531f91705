"""`lateen` as a program of its own, and something for it to route to."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

PATIENCE = 30.0
"""Seconds for what takes one; a machine may be busy."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a command came to."""

    code: int
    out: str
    err: str


@dataclass(slots=True)
class Up:
    """A running `lateen up -o json`."""

    process: asyncio.subprocess.Process
    house: "House"
    seen: list[dict[str, Any]] = field(default_factory=list)

    async def until(self, event: str, condition: Callable[[Mapping[str, Any]], bool] = lambda _: True) -> Any:
        """Wait for the next event of a sort that meets a condition, and give it."""
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            while line := await self.process.stdout.readline():
                self.seen.append(json.loads(line))
                if self.seen[-1]["event"] == event and condition(self.seen[-1]):
                    return self.seen[-1]
        raise AssertionError(f"ended without {event!r}: {self.seen}")

    def signal(self, number: signal.Signals = signal.SIGINT) -> None:
        """Do what Ctrl-C does."""
        self.process.send_signal(number)

    async def end(self) -> Result:
        """Wait for the end."""
        async with asyncio.timeout(PATIENCE):
            out, err = await self.process.communicate()
        return Result(self.process.returncode or 0, out.decode(), err.decode())


class House:
    """A directory of files, a state directory of its own, and commands that use them."""

    def __init__(self, directory: Path, state: Path) -> None:
        """Keep files in `directory`; `state` has a short path, as the kernel wants it for sockets."""
        self.directory = directory
        self._environ = {
            **os.environ,
            "XDG_RUNTIME_DIR": str(state),
            "PYTHONPATH": os.pathsep.join(sys.path),
        }

    def write(self, name: str, *texts: str) -> None:
        """Write a file, as an editor does: at once."""
        new = self.directory / f".{name}.new"
        new.write_text("---".join(texts))
        new.replace(self.directory / name)

    async def start(self, *arguments: str) -> asyncio.subprocess.Process:
        """Start a command."""
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "lateen", *arguments),
            cwd=self.directory,
            env=self._environ,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def run(self, *arguments: str) -> Result:
        """Run a command to its end."""
        return await Up(await self.start(*arguments), self).end()

    async def status(self) -> Any:
        """Ask the running instance."""
        result = await self.run("status", "-o", "json")
        assert result.code == 0, result.err
        return json.loads(result.out)

    @asynccontextmanager
    async def up(self, *arguments: str) -> AsyncIterator[Up]:
        """Run `lateen up` on the directory until the block ends."""
        process = await self.start("up", ".", "-o", "json", "--concurrency", "1", *arguments)
        up = Up(process, self)
        try:
            yield up
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGINT)
                await up.end()


@asynccontextmanager
async def a_house(directory: Path) -> AsyncIterator[House]:
    """Provide directories for one test."""
    state = await asyncio.to_thread(tempfile.mkdtemp, prefix="lt")
    try:
        yield House(directory, Path(state))
    finally:
        await asyncio.to_thread(shutil.rmtree, state)


class Backend:
    """Answers every request with its name; one below /slow only when told to."""

    def __init__(self, name: str) -> None:
        """Prepare."""
        self.name = name
        self.port = 0
        self.asked = asyncio.Event()
        """Somebody waits for /slow."""
        self.answer = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                if b" /slow" in head.partition(b"\r\n")[0]:
                    self.asked.set()
                    await self.answer.wait()
                writer.write(f"HTTP/1.1 200 OK\r\ncontent-length: {len(self.name)}\r\n\r\n{self.name}".encode())
                await writer.drain()
        writer.close()


@asynccontextmanager
async def a_backend(name: str) -> AsyncIterator[Backend]:
    """Run a backend on a free port."""
    backend = Backend(name)
    server = await asyncio.start_server(backend.serve, "127.0.0.1", 0)
    backend.port = server.sockets[0].getsockname()[1]
    try:
        yield backend
    finally:
        backend.answer.set()
        server.close()


async def get(port: int, path: str = "/", host: str = "shop.example.com") -> tuple[int, str]:
    """Ask for a page; gives status and body."""
    async with httpx.AsyncClient(timeout=PATIENCE, trust_env=False) as client:
        answer = await client.get(f"http://127.0.0.1:{port}{path}", headers={"host": host})
    return answer.status_code, answer.text


def gateway(port: int, name: str = "edge") -> str:
    """Write a Gateway."""
    return f"""
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {{name: {name}}}
spec:
  selector: {{app: edge}}
  servers:
    - port: {{number: {port}, name: http-{name}, protocol: HTTP}}
      hosts: ["shop.example.com"]
"""


def route(backend: str, prefix: str = "/", name: str = "edge") -> str:
    """Write a VirtualService to one service."""
    return f"""
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: shop-{name}}}
spec:
  hosts: ["shop.example.com"]
  gateways: [{name}]
  http:
    - match: [{{uri: {{prefix: {prefix}}}}}]
      route: [{{destination: {{host: {backend}, port: {{number: 80}}}}}}]
"""


def service(backend: Backend) -> str:
    """Write a service with one endpoint."""
    return f"""
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: {backend.name}}}
spec:
  hosts: [{backend.name}.default.svc.cluster.local]
  ports: [{{number: 80, name: http, protocol: HTTP}}]
  resolution: STATIC
  location: MESH_INTERNAL
  endpoints: [{{address: 127.0.0.1, ports: {{http: {backend.port}}}}}]
"""
