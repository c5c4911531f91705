"""The control API: how other commands ask a running instance, over a Unix socket that only its user can open.

An operator listens on loopback instead, which is reached by those who may forward ports of its pods.

    GET /v1/status                                  everything `lateen status` shows
    GET /v1/resources?what=routes&proxy=*&name=*    everything `lateen dump` shows
    GET /v1/wait?object=Gateway/default/edge&for=Programmed&known=&seconds=5
                                                    how an object stands, once that is not what is `known`

Nothing can be changed through it.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from lateen.errors import InputError
from lateen.infra.state import InstanceInfo
from lateen.model.keys import Key, Kind
from lateen.runtime.instance import Instance
from lateen.runtime.instance_report import collect_findings, locate_findings, report_instance, report_resources
from lateen.runtime.notices import Locate
from lateen.runtime.resource_listing import ResourceGroup
from lateen.runtime.standing import CatchUp, StandingFields, at_once, next_standing
from lateen.sockets import listen_on
from lateen.status.conditions import ConditionType

_LONGEST_WAIT: Final = 30.0
"""Seconds that one question may take; who asked asks again."""


def build_control_api(
    instance: Instance, info: InstanceInfo, version: str, locate: Locate, catch_up: CatchUp = at_once
) -> Starlette:
    """Make the application.

    Args:
        instance: what is asked about.
        info: what is known of it elsewhere.
        version: Lateen's own.
        locate: finds lines; may read files, it is called in a thread.
        catch_up: takes in what has been written.
    """

    async def status(_: Request) -> Response:
        report = await report_instance(instance, info, version)
        findings = await collect_findings(instance)
        report["findings"] = await asyncio.to_thread(locate_findings, instance, findings, locate)
        return JSONResponse(report)

    async def resources(request: Request) -> Response:
        asked = request.query_params
        what = asked.get("what", ResourceGroup.ALL.value)
        if what not in list(ResourceGroup):
            return PlainTextResponse(f"what={what}: one of {', '.join(ResourceGroup)} is expected", 400)
        proxy, name = asked.get("proxy", "*"), asked.get("name", "*")
        return JSONResponse(await report_resources(instance, ResourceGroup(what), proxy=proxy, name=name))

    async def wait(request: Request) -> Response:
        asked = request.query_params
        try:
            key = _parse_key(asked.get("object", ""))
            wanted = ConditionType(asked.get("for", ConditionType.PROGRAMMED))
            seconds = min(max(float(asked.get("seconds", 0)), 0), _LONGEST_WAIT)
        except ValueError as error:
            return PlainTextResponse(str(error), 400)
        known = asked.get("known", "")
        standing = await next_standing(instance.control, key, wanted, known=known, seconds=seconds, catch_up=catch_up)
        return JSONResponse(StandingFields(verdict=standing.verdict, message=standing.message))

    return Starlette(routes=[Route("/v1/status", status), Route("/v1/resources", resources), Route("/v1/wait", wait)])


def _parse_key(text: str) -> Key:
    """Read `Kind/namespace/name`.

    Raises:
        ValueError: it is something else.
    """
    kind, namespace, name = text.split("/")
    return Key(Kind(kind), namespace, name)


@asynccontextmanager
async def serving(app: Starlette, path: Path) -> AsyncIterator[None]:
    """Answer on the Unix socket `path` while the context lasts.

    Raises:
        InputError: the socket cannot be made.
    """
    with _listening(path) as listener:
        async with _answering(app, listener):
            yield


@asynccontextmanager
async def serving_on(app: Starlette, host: str, port: int) -> AsyncIterator[int]:
    """Answer on a TCP port while the context lasts, and give the port; 0 takes a free one.

    Raises:
        InputError: the port cannot be had.
    """
    with listen_on(host, port) as listener:
        async with _answering(app, listener):
            yield listener.getsockname()[1]


@asynccontextmanager
async def _answering(app: Starlette, listener: socket.socket) -> AsyncIterator[None]:
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
