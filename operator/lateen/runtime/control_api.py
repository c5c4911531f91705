"""The control API: how other commands ask a running instance, over a Unix socket that only its user can open.

    GET /v1/status                                  everything `lateen status` shows
    GET /v1/resources?what=routes&proxy=*&name=*    everything `lateen dump` shows

Nothing can be changed through it.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from lateen.errors import InputError
from lateen.infra.state import InstanceInfo
from lateen.runtime.instance import Instance
from lateen.runtime.instance_report import collect_findings, locate_findings, report_instance, report_resources
from lateen.runtime.notices import Locate
from lateen.runtime.resource_listing import ResourceGroup


def build_control_api(instance: Instance, info: InstanceInfo, version: str, locate: Locate) -> Starlette:
    """Make the application; `locate` may read files, it is called in a thread."""

    async def status(_: Request) -> Response:
        report = report_instance(instance, info, version)
        findings = collect_findings(instance)
        report["findings"] = await asyncio.to_thread(locate_findings, instance, findings, locate)
        return JSONResponse(report)

    async def resources(request: Request) -> Response:
        asked = request.query_params
        what = asked.get("what", ResourceGroup.ALL.value)
        if what not in list(ResourceGroup):
            return PlainTextResponse(f"what={what}: one of {', '.join(ResourceGroup)} is expected", 400)
        proxy, name = asked.get("proxy", "*"), asked.get("name", "*")
        return JSONResponse(await report_resources(instance, ResourceGroup(what), proxy=proxy, name=name))

    return Starlette(routes=[Route("/v1/status", status), Route("/v1/resources", resources)])


@asynccontextmanager
async def serving(app: Starlette, path: Path) -> AsyncIterator[None]:
    """Answer on the Unix socket `path` while the context lasts.

    Raises:
        InputError: the socket cannot be made.
    """
    with _listening(path) as listener:
        server = _Server(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                lifespan="off",
                ws="none",
                http="h11",
                timeout_graceful_shutdown=1,
            )
        )
        task = asyncio.create_task(server.serve(sockets=[listener]), name="control api")
        try:
            yield
        finally:
            server.should_exit = True
            await task


class _Server(uvicorn.Server):
    """Leaves the signals alone: what they mean is decided elsewhere."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


@contextmanager
def _listening(path: Path) -> Iterator[socket.socket]:
    """Open a socket that nobody else can connect to; its directory is private as well."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        try:
            listener.bind(str(path))
            path.chmod(0o600)
            listener.listen()
        except OSError as error:
            raise InputError(f"{path}: {error.strerror}") from error
        yield listener
