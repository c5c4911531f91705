"""The client at a server that does what API servers do on bad days."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final, TypeAlias

import pytest
from aiohttp import web
from kubernetes.aio.client import Configuration

from lateen.kube.access import Access
from lateen.kube.client import ApiError, KubeClient
from lateen.kube.resources import ApiResource

MAPS: Final = ApiResource("", "v1", "configmaps", "ConfigMap")

Answer: TypeAlias = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class Server:
    """Answers every request by the next function of a list; the last one stays."""

    def __init__(self) -> None:
        """Begin without answers."""
        self.answers: list[Answer] = []
        self.requests: list[web.BaseRequest] = []
        self.tokens = ["Bearer first"]
        """What is found when the token is read, the last one again and again."""
        self.loads = 0
        self.over = asyncio.Event()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return await answer(request)

    async def load(self) -> Any:
        self.loads += 1
        configuration = Configuration()
        token = self.tokens.pop(0) if len(self.tokens) > 1 else self.tokens[0]
        configuration.api_key["BearerToken"] = token
        configuration.client_session_kwargs = {"trust_env": False}
        return configuration


@pytest.fixture
async def server() -> Server:
    return Server()


@pytest.fixture
async def kube(server: Server) -> AsyncIterator[KubeClient]:
    runner = web.ServerRunner(web.Server(server.handle))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    configuration = await server.load()
    configuration.host = site.name.rstrip("/")
    client = await KubeClient.reach(Access(configuration, server.load))
    yield client
    await client.close()
    server.over.set()
    await runner.cleanup()


def json_answer(content: Any, status: int = 200) -> Answer:
    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        return web.json_response(content, status=status)

    return answer


def page(*names: str, more: str = "") -> Answer:
    items = [{"metadata": {"name": name}} for name in names]
    return json_answer({"items": items, "metadata": {"resourceVersion": "7", **({"continue": more} if more else {})}})


def failure(code: int, reason: str = "") -> Answer:
    return json_answer({"kind": "Status", "code": code, "reason": reason, "message": f"code {code}"}, status=code)


def stream(*chunks: bytes, until: asyncio.Event | None = None) -> Answer:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for chunk in chunks:
            await response.write(chunk)
        if until is not None:
            await until.wait()
        return response

    return answer


def event(type_: str, content: Any) -> bytes:
    return json.dumps({"type": type_, "object": content}).encode() + b"\n"


async def events(kube: KubeClient) -> list[tuple[str, dict[str, Any]]]:
    return [each async for each in kube.watch(MAPS, version="1")]


async def test_a_list_whose_page_has_expired_begins_again(server: Server, kube: KubeClient) -> None:
    server.answers = [page("a", more="next"), failure(410, "Expired"), page("a", more="next"), page("b")]
    found, version = await kube.list(MAPS)
    assert [each["metadata"]["name"] for each in found] == ["a", "b"]
    assert version == "7"
    assert [request.query.get("continue") for request in server.requests] == [None, "next", None, "next"]


async def test_a_list_that_expires_twice_is_told(server: Server, kube: KubeClient) -> None:
    server.answers = [failure(410, "Expired")]
    with pytest.raises(ApiError) as expired:
        await kube.list(MAPS)
    assert (expired.value.is_expired, len(server.requests)) == (True, 2)


async def test_a_token_that_is_refused_is_read_again_once(server: Server, kube: KubeClient) -> None:
    server.tokens = ["Bearer second"]
    server.answers = [failure(401), page("a")]
    assert len((await kube.list(MAPS))[0]) == 1
    assert [request.headers["Authorization"] for request in server.requests] == ["Bearer first", "Bearer second"]


async def test_a_token_that_is_still_the_same_is_not_tried_again(server: Server, kube: KubeClient) -> None:
    server.answers = [failure(401)]
    with pytest.raises(ApiError) as refused:
        await kube.list(MAPS)
    assert (refused.value.code, len(server.requests)) == (401, 1)


async def test_many_requests_that_are_refused_together_read_the_token_once(server: Server, kube: KubeClient) -> None:
    def by_token(request: web.BaseRequest) -> Answer:
        return page("a") if request.headers["Authorization"] == "Bearer second" else failure(401)

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        return await by_token(request)(request)

    server.tokens = ["Bearer second"]
    server.answers = [answer]
    before = server.loads
    await asyncio.gather(*(kube.list(MAPS) for _ in range(5)))
    assert server.loads - before == 1


async def test_events_of_any_size_come_in_any_portions(server: Server, kube: KubeClient) -> None:
    big = event("ADDED", {"data": "x" * 5_000_000})
    small = event("BOOKMARK", {})
    server.answers = [stream(big[:10], big[10:3_000_000], big[3_000_000:] + small[:5], small[5:] + small)]
    assert [(type_, len(found.get("data", ""))) for type_, found in await events(kube)] == [
        ("ADDED", 5_000_000),
        ("BOOKMARK", 0),
        ("BOOKMARK", 0),
    ]


async def test_an_event_that_was_cut_off_is_none(server: Server, kube: KubeClient) -> None:
    server.answers = [stream(event("ADDED", {}), event("ADDED", {})[:-5])]
    assert await events(kube) == [("ADDED", {})]


async def test_an_error_within_a_watch_is_told(server: Server, kube: KubeClient) -> None:
    server.answers = [stream(event("ERROR", {"kind": "Status", "code": 410, "reason": "Expired", "message": "old"}))]
    with pytest.raises(ApiError) as expired:
        await events(kube)
    assert (expired.value.is_expired, str(expired.value)) == (True, "old")


@pytest.mark.parametrize("line", [b"<html>\n", b"[]\n", b'{"type": "ADDED"}\n'])
async def test_a_watch_that_gives_no_events_is_told(server: Server, kube: KubeClient, line: bytes) -> None:
    server.answers = [stream(line)]
    with pytest.raises(ApiError) as unreadable:
        await events(kube)
    assert unreadable.value.is_transient


async def test_a_stream_that_falls_silent_counts_as_broken(server: Server, kube: KubeClient) -> None:
    server.answers = [stream(b"one\n", until=server.over)]
    lines = kube.lines("/log", silence=0.05)
    assert await anext(lines) == b"one"
    with pytest.raises(ApiError) as silent:
        await anext(lines)
    assert (silent.value.is_transient, str(silent.value)) == (True, "no answer in time")


async def test_an_answer_that_does_not_come_is_given_up(
    server: Server, kube: KubeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lateen.kube.client.TIMEOUT", 0.05)
    server.answers = [stream(b"{", until=server.over)]
    with pytest.raises(ApiError) as late:
        await kube.get(MAPS, "default", "one")
    assert (late.value.code, late.value.is_transient) == (0, True)


async def test_an_answer_that_is_no_json_is_an_error_with_its_words(server: Server, kube: KubeClient) -> None:
    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(text="<h1>sign in first</h1>")

    server.answers = [answer]
    with pytest.raises(ApiError, match="sign in first"):
        await kube.get(MAPS, "default", "one")


async def test_who_asks_is_named(server: Server, kube: KubeClient) -> None:
    server.answers = [page()]
    await kube.list(MAPS)
    assert server.requests[0].headers["User-Agent"].startswith("lateen/")
