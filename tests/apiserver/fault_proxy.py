"""Stands between a client and an API server, and makes what networks and API servers do on bad days.

Speaks plain HTTP to the client and TLS to the API server. Faults are switched on and off by the
test; every request is written down, so that a test can wait for one.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final, Self, TypeAlias

import aiohttp
from aiohttp import web
from tests.apiserver.control_plane import ControlPlane
from tests.apiserver.credentials import LOOPBACK
from tests.ports import free_ports

_LINE_LIMIT: Final = 2**22

_BOOKMARK: Final = b'{"type":"BOOKMARK"'

_KEPT: Final = frozenset({"accept", "content-type", "authorization"})


@dataclass(frozen=True, slots=True)
class Request:
    """One request of the client."""

    method: str
    path: str
    query: dict[str, str]
    agent: str
    """Who asks: its `User-Agent`."""
    token: str
    """By which the client says who it is."""

    @property
    def plural(self) -> str:
        """The last part of the path, for lists and watches the plural of the kind."""
        return self.path.rpartition("/")[2]

    @property
    def is_watch(self) -> bool:
        """Whether it is a watch."""
        return self.query.get("watch") == "true"

    @property
    def is_list(self) -> bool:
        """Whether it reads all objects of a kind."""
        return self.method == "GET" and not self.is_watch and self.path.count("/") in {3, 4}


Which: TypeAlias = Callable[[Request], bool]
"""Chooses requests."""


@dataclass(slots=True)
class _Fault:
    which: Which
    code: int
    left: int


@dataclass(eq=False, slots=True)
class _Stream:
    """A watch that is open."""

    request: Request
    answer: web.StreamResponse
    ended: asyncio.Event = field(default_factory=asyncio.Event)


class FaultProxy:
    """A way to an API server on which things go wrong when told to."""

    def __init__(self, upstream: ControlPlane) -> None:
        """Lead to `upstream`; nobody listens before `start`."""
        self._upstream = upstream
        (self._port,) = free_ports(1)
        self._faults: list[_Fault] = []
        self._hung: list[Which] = []
        self._streams: set[_Stream] = set()
        self._session: aiohttp.ClientSession | None = None
        self._runner: web.AppRunner | None = None
        self._news = asyncio.Condition()
        self.requests: list[Request] = []
        """Everything that was asked, in order."""
        self.page: int | None = None
        """Objects per page, whatever the client asks for; None: as it asks."""
        self.watch_seconds: int | None = None
        """How long watches last, whatever the client asks for: a bookmark comes before. None: as it asks."""
        self.bookmarks: list[tuple[Request, int]] = []
        """Versions that watches were told without an object, in order."""

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{LOOPBACK}:{self._port}"

    @classmethod
    @asynccontextmanager
    async def running(cls, upstream: ControlPlane) -> AsyncIterator[Self]:
        """Listen while the context lasts."""
        proxy = cls(upstream)
        trust = aiohttp.TCPConnector(limit=0, ssl=upstream.trust())
        async with aiohttp.ClientSession(connector=trust, read_bufsize=_LINE_LIMIT) as proxy._session:
            await proxy.accept()
            try:
                yield proxy
            finally:
                await proxy.refuse()

    async def accept(self) -> None:
        """Listen, again on the same port."""
        app = web.Application(client_max_size=_LINE_LIMIT)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.01)
        await self._runner.setup()
        await web.TCPSite(self._runner, LOOPBACK, self._port).start()

    async def refuse(self) -> None:
        """Break all connections and refuse new ones."""
        if self._runner is not None:
            for stream in self._streams:
                stream.ended.set()
            await self._runner.cleanup()
            self._runner = None

    def fail(self, which: Which, code: int, times: int = 1) -> None:
        """Answer the next requests of these with a status of failure."""
        self._faults.append(_Fault(which, code, times))

    def heal(self) -> None:
        """End all failures and silences; what was kept back in silence is lost."""
        self._faults.clear()
        self._hung.clear()

    def hang(self, which: Which) -> None:
        """From now on watches of these, open or new, say nothing."""
        self._hung.append(which)

    async def expire(self, which: Which) -> None:
        """End watches of these, once there is one, by "the version is too old"."""
        gone = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"}
        await self._end(which, json.dumps({"type": "ERROR", "object": gone}).encode() + b"\n")

    async def break_off(self, which: Which) -> None:
        """End watches of these, once there is one, by an error that nobody expects."""
        broken = {"kind": "Status", "code": 500, "reason": "InternalError", "message": "etcd is not well"}
        await self._end(which, json.dumps({"type": "ERROR", "object": broken}).encode() + b"\n")

    async def asked(self, which: Which, count: int = 1) -> None:
        """Return when at least so many of these requests have come."""
        async with self._news:
            await self._news.wait_for(lambda: sum(map(which, self.requests)) >= count)

    async def opened(self, which: Which) -> None:
        """Return when a watch of these is open."""
        async with self._news:
            await self._news.wait_for(lambda: any(which(stream.request) for stream in self._streams))

    async def bookmarked(self, which: Which, later_than: int) -> int:
        """Return the version of a bookmark in a watch of these, once one has come that is later than a version."""

        def newest() -> int:
            return max((version for request, version in self.bookmarks if which(request)), default=0)

        async with self._news:
            await self._news.wait_for(lambda: newest() > later_than)
        return newest()

    async def _end(self, which: Which, line: bytes) -> None:
        await self.opened(which)
        for stream in list(self._streams):
            if which(stream.request):
                await stream.answer.write(line)
                stream.ended.set()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        asked = Request(request.method, request.path, dict(request.query), request.headers["User-Agent"], token)
        async with self._news:
            self.requests.append(asked)
            self._news.notify_all()
        for fault in self._faults:
            if fault.left and fault.which(asked):
                fault.left -= 1
                return web.json_response({"kind": "Status", "code": fault.code, "reason": "Fault"}, status=fault.code)
        query = dict(asked.query)
        if asked.is_list and self.page is not None:
            query["limit"] = str(self.page)  # an API server may be set up so
        if asked.is_watch and self.watch_seconds is not None:
            query["timeoutSeconds"] = str(self.watch_seconds)
        assert self._session is not None
        headers = {name: text for name, text in request.headers.items() if name.lower() in _KEPT}
        url = self._upstream.url + request.path
        content = await request.read() or None
        timeout = aiohttp.ClientTimeout(total=None)
        async with self._session.request(
            request.method,
            url,
            params=query,
            headers=headers,
            data=content,
            timeout=timeout,
            skip_auto_headers=["Content-Type"],
        ) as found:
            if asked.is_watch and found.ok:
                try:
                    return await self._stream(request, asked, found)
                finally:
                    _cut(found)
            body = await found.read()
        kept = {"Content-Type": found.headers.get("Content-Type", "")}
        return web.Response(status=found.status, body=body, headers=kept)

    async def _stream(self, request: web.Request, asked: Request, found: aiohttp.ClientResponse) -> web.StreamResponse:
        answer = web.StreamResponse(status=found.status, headers={"Content-Type": "application/json"})
        await answer.prepare(request)
        stream = _Stream(asked, answer)
        async with self._news:
            self._streams.add(stream)
            self._news.notify_all()
        copying = asyncio.create_task(self._copy(stream, found))
        ended = asyncio.create_task(stream.ended.wait())
        try:
            await asyncio.wait({copying, ended}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._streams.discard(stream)
            for task in (copying, ended):
                task.cancel()
                with suppress(asyncio.CancelledError, aiohttp.ClientError, ConnectionError):
                    await task
        return answer

    async def _copy(self, stream: _Stream, found: aiohttp.ClientResponse) -> None:
        async for line in found.content:
            if not any(which(stream.request) for which in self._hung):
                await stream.answer.write(line)
                await self._note_bookmark(stream.request, line)

    async def _note_bookmark(self, request: Request, line: bytes) -> None:
        if line.startswith(_BOOKMARK):
            async with self._news:
                self.bookmarks.append((request, int(json.loads(line)["object"]["metadata"]["resourceVersion"])))
                self._news.notify_all()


def _cut(found: aiohttp.ClientResponse) -> None:
    """End an answer of the API server that never ends; a farewell by TLS may outlast the test."""
    connection = found.connection
    if connection is not None and connection.transport is not None:
        connection.transport.abort()


def of(plural: str) -> Which:
    """All requests for the objects of a kind."""
    return lambda request: request.plural == plural


def lists(plural: str) -> Which:
    """Only those that list them."""
    return lambda request: request.plural == plural and request.is_list


def watches(plural: str) -> Which:
    """Only those that watch them."""
    return lambda request: request.plural == plural and request.is_watch
