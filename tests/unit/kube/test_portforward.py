"""A port of a pod, at an API server that is made here."""

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import WSMsgType, web
from kubernetes.aio.client import Configuration

from lateen.kube.access import Access
from lateen.kube.client import ApiError, KubeClient
from lateen.kube.portforward import Forward, forwarding

PORT = 15100
PATH = "/api/v1/namespaces/lateen-system/pods/lateen-0/portforward"
Kubelet = Callable[[web.WebSocketResponse], Awaitable[None]]


async def echo(remote: web.WebSocketResponse) -> None:
    """Announce the port on both channels, and give back whatever comes."""
    port = struct.pack("<H", PORT)
    await remote.send_bytes(b"\x00" + port[:1])
    await remote.send_bytes(b"\x00" + port[1:] + b"hello ")
    await remote.send_bytes(b"\x01" + port)
    async for message in remote:
        assert message.type is WSMsgType.BINARY
        assert message.data[0] == 0
        await remote.send_bytes(message.data)


async def refuse(remote: web.WebSocketResponse) -> None:
    """Announce the port, and say that nobody listens there."""
    for channel in (b"\x00", b"\x01"):
        await remote.send_bytes(channel + struct.pack("<H", PORT))
    await remote.send_bytes(b"\x01connection refused\n")


@asynccontextmanager
async def forwarded(kubelet: Kubelet, directory: Path) -> AsyncIterator[tuple[Forward, Path]]:
    """Forward a port through an API server that speaks as a kubelet is told to; tell what it was asked."""

    async def answer(request: web.Request) -> web.StreamResponse:
        assert (request.query_string, request.headers["Authorization"]) == (f"ports={PORT}", "Bearer token")
        if "Upgrade" not in request.headers or kubelet is forbid:
            status = {"code": 403, "reason": "Forbidden", "message": 'cannot create resource "pods/portforward"'}
            return web.json_response(status, status=403)
        remote = web.WebSocketResponse(protocols=("v4.channel.k8s.io",))
        await remote.prepare(request)
        assert remote.ws_protocol == "v4.channel.k8s.io"
        await kubelet(remote)
        await remote.close()
        return remote

    app = web.Application()
    app.router.add_get(PATH, answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    configuration = Configuration(host=f"http://127.0.0.1:{runner.addresses[0][1]}")
    configuration.api_key = {"BearerToken": "Bearer token"}

    async def load() -> Configuration:
        return configuration

    client = await KubeClient.reach(Access(configuration, load))
    socket = directory / "s.sock"
    try:
        async with forwarding(client, "lateen-system", "lateen-0", PORT, socket) as forward:
            yield forward, socket
    finally:
        await client.close()
        await runner.cleanup()


async def forbid(_: web.WebSocketResponse) -> None:
    """Stand for an API server that does not even upgrade."""


async def test_bytes_go_both_ways_for_as_long_as_both_sides_like(tmp_path: Path) -> None:
    async with forwarded(echo, tmp_path) as (forward, socket):
        reader, writer = await asyncio.open_unix_connection(socket)
        writer.write(b"x" * 100_000)
        assert await reader.readexactly(100_006) == b"hello " + b"x" * 100_000
        other_reader, other_writer = await asyncio.open_unix_connection(socket)
        other_writer.write(b"world")
        assert await other_reader.readexactly(11) == b"hello world", "connections are apart"
        for each in (writer, other_writer):
            each.close()
            await each.wait_closed()
    assert forward.problem is None


async def test_what_the_kubelet_says_is_known(tmp_path: Path) -> None:
    async with forwarded(refuse, tmp_path) as (forward, socket):
        reader, writer = await asyncio.open_unix_connection(socket)
        assert await reader.read() == b""
        writer.close()
        assert str(forward.problem) == "connection refused"


async def test_who_may_not_forward_is_told_what_he_lacks(tmp_path: Path) -> None:
    async with forwarded(forbid, tmp_path) as (forward, socket):
        reader, writer = await asyncio.open_unix_connection(socket)
        assert await reader.read() == b""
        writer.close()
        assert isinstance(forward.problem, ApiError)
        assert (forward.problem.code, str(forward.problem)) == (403, 'cannot create resource "pods/portforward"')


@pytest.mark.parametrize("kubelet", [echo])
async def test_a_connection_that_is_given_up_ends_the_other_side(kubelet: Kubelet, tmp_path: Path) -> None:
    ended = asyncio.Event()

    async def until_the_end(remote: web.WebSocketResponse) -> None:
        await kubelet(remote)
        ended.set()

    async with forwarded(until_the_end, tmp_path) as (_, socket):
        _, writer = await asyncio.open_unix_connection(socket)
        writer.close()
        await ended.wait()
