"""An operator that is told to end while it still waits for an API server ends at once, and well."""

import asyncio
import json
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from aiohttp import web
from tests.apiserver.control_plane import wait_until
from tests.operator.process import OperatorProcess
from tests.ports import free_ports

from lateen.certificates.authority import create_authority
from lateen.certificates.rotation import AuthorityState
from lateen.certificates.stored import encode_authority

_AUTHORITY: Final = "/api/v1/namespaces/lateen-system/secrets"
_PATIENCE: Final = 60.0
_DAY: Final = 86_400.0


class SilentServer:
    """An API server that answers some requests, and none of the others ever."""

    def __init__(self, answers: Callable[[web.Request], Any]) -> None:
        """Answer what `answers` gives; None: keep silent."""
        self.silent = asyncio.Event()
        """Set when the first request has come that is not answered."""
        self._answers = answers

    async def handle(self, request: web.Request) -> web.StreamResponse:
        found = self._answers(request)
        if found is None:
            self.silent.set()
            await asyncio.Event().wait()
        return web.json_response(found)


@asynccontextmanager
async def listening(server: SilentServer, port: int) -> AsyncIterator[None]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.01)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield
    finally:
        await runner.cleanup()


def kubeconfig(folder: Path, port: int) -> Path:
    file = folder / "kubeconfig"
    file.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "it",
                "clusters": [{"name": "it", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
                "contexts": [{"name": "it", "context": {"cluster": "it", "user": "me"}}],
                "users": [{"name": "me", "user": {"token": "x"}}],
            }
        )
    )
    return file


def authority() -> dict[str, Any]:
    data = encode_authority(AuthorityState(create_authority(time.time(), 365 * _DAY)))
    metadata = {"name": "lateen-ca", "namespace": "lateen-system", "resourceVersion": "1"}
    return {"metadata": {"resourceVersion": "1"}, "items": [{"metadata": metadata, "data": data}]}


def nothing(_: web.Request) -> Any:
    return None


def the_authority(request: web.Request) -> Any:
    """Give what the start begins with, and nothing that is watched."""
    return authority() if request.path == _AUTHORITY and "watch" not in request.query else None


def everything_but_lists(request: web.Request) -> Any:
    """Let the watcher find out which kinds there are, so that it comes to ask for them."""
    if request.path == "/api":
        return {"versions": ["v1"]}
    if request.path in {"/apis", "/api/v1"}:
        return {"groups": [], "resources": []}
    return the_authority(request)


PHASES: Final = {"the authority": nothing, "the kinds": the_authority, "the objects": everything_but_lists}


async def begin(folder: Path, port: int) -> tuple[asyncio.subprocess.Process, OperatorProcess]:
    prepared = OperatorProcess(kubeconfig(folder, port), folder)
    with prepared.log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "lateen", *prepared.arguments, stdout=out, stderr=out
        )
    return process, prepared


async def end(process: asyncio.subprocess.Process, prepared: OperatorProcess) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(_PATIENCE):
            assert await process.wait() == 0, prepared.log_end()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert "operator ends before it was ready" in prepared.log_end()


@pytest.mark.parametrize("phase", PHASES)
async def test_while_the_api_server_is_silent_about(phase: str, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    server = SilentServer(PHASES[phase])
    async with listening(server, port):
        process, prepared = await begin(tmp_path, port)
        async with asyncio.timeout(_PATIENCE):
            await server.silent.wait()
        await end(process, prepared)


async def test_while_the_api_server_cannot_be_reached(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    process, prepared = await begin(tmp_path, port)
    await asyncio.to_thread(wait_until, lambda: "authority cannot be read yet" in prepared.log_end())
    await end(process, prepared)
