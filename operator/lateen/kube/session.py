"""The HTTP session through which kopf speaks: the objects of lists and watches are taken here.

kopf makes a task and a queue for each object, and does not compare a list with what was there before.
Both are spared: the objects are handed over here, and kopf gets empty lists, and watches
that say how far they have come. When to list, from where to watch, and when to begin anew is kopf's.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

import aiohttp
from aiohttp.connector import Connection
from kubernetes.aio.client.rest import RESTClientObject

from lateen.kube.access import Access
from lateen.kube.lists import decode_list
from lateen.kube.resources import RESOURCES
from lateen.kube.sighting import Contact, Page, Report, read_version
from lateen.kube.trimming import sight
from lateen.kube.watch_stream import WatchStream
from lateen.kube.watching import WATCHED
from lateen.model.keys import Kind

_KINDS: Final[Mapping[str, Kind]] = {RESOURCES[kind].collection(): kind for kind in WATCHED}

AGENT: Final = "lateen-watcher"
"""How the API server's log names this session."""

_READ_BUFFER: Final = 2**21


async def open_session(access: Access, put: Callable[[Report], None]) -> aiohttp.ClientSession:
    """Open a session at an API server.

    Args:
        access: where it is, and who we are; the token that there is now is the session's.
        put: hears of every page and every change, and how each request went.
    """

    class Response(aiohttp.ClientResponse):
        """Hands over the objects of a list or a watch."""

        async def start(self, connection: Connection) -> aiohttp.ClientResponse:
            await super().start(connection)
            kind = _KINDS.get(self.url.path)
            if kind is not None and self.status == 200 and "watch" in self.url.query:
                self.content = cast("aiohttp.StreamReader", WatchStream(self.content, kind, put))
            return self

        async def json(self, **options: Any) -> Any:
            kind = _KINDS.get(self.url.path)
            if kind is None or self.status != 200:
                return await super().json(**options)
            is_first = "continue" not in self.url.query
            decoded: Mapping[str, Any] = {}
            for decoded in decode_list(await self.read()):
                put(read_page(kind, decoded, is_first=is_first))
                is_first = False
                await asyncio.sleep(0)
            return {**decoded, "items": []}

    headers = {"User-Agent": AGENT, "Accept-Encoding": "identity"}
    token = await access.authorization()
    if token:
        headers["Authorization"] = token
    trust = (await asyncio.to_thread(RESTClientObject, access.configuration)).ssl_context
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ssl=trust),
        headers=headers,
        response_class=Response,
        trace_configs=[_trace(put)],
        proxy=access.configuration.proxy,
        read_bufsize=_READ_BUFFER,
    )


def read_page(kind: Kind, decoded: Mapping[str, Any], *, is_first: bool, reader: str = "") -> Page:
    """Read a list, or a piece of one as `decode_list` gives it."""
    metadata = decoded.get("metadata") or {}
    return Page(
        kind,
        read_version(metadata.get("resourceVersion")),
        tuple(sight(kind, each) for each in decoded.get("items") or ()),
        is_first=is_first,
        is_last="metadata" in decoded and not metadata.get("continue"),
        reader=reader,
    )


def _trace(put: Callable[[Report], None]) -> aiohttp.TraceConfig:
    async def note_answer(_session: Any, _context: Any, end: aiohttp.TraceRequestEndParams) -> None:
        kind = _KINDS.get(end.url.path)
        if kind is not None:
            answer = end.response
            put(Contact(kind, "" if answer.ok else f"{answer.status} {answer.reason}"))

    async def note_failure(_session: Any, _context: Any, failure: aiohttp.TraceRequestExceptionParams) -> None:
        kind = _KINDS.get(failure.url.path)
        if kind is not None:
            put(Contact(kind, str(failure.exception) or type(failure.exception).__name__))

    trace = aiohttp.TraceConfig()
    trace.on_request_end.append(note_answer)
    trace.on_request_exception.append(note_failure)
    return trace
