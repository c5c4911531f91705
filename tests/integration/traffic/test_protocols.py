"""What clients may speak to a Gateway: HTTP/1.1, HTTP/2, gRPC, WebSockets."""

import asyncio

import httpx
import pytest
from tests.integration.traffic.site import Site

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="module")]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_every_method_arrives(site: Site, method: str) -> None:
    (backend,) = await site.start("a")
    await site.live()
    assert (await site.send(method, "/thing", b"body" if method in {"POST", "PUT", "PATCH"} else b"")).status == 200
    assert (backend.seen[0].method, backend.seen[0].target) == (method, "/thing")


async def test_a_client_may_speak_http2(site: Site) -> None:
    await site.start("a")
    await site.live()
    async with httpx.AsyncClient(http1=False, http2=True) as client:
        requests = (
            client.get(f"http://127.0.0.1:{site.edge.port}/{n}", headers={"host": site.host}) for n in range(20)
        )
        answers = await asyncio.gather(*requests)
    assert [answer.json()["target"] for answer in answers] == [f"/{n}" for n in range(20)]
    assert {answer.json()["protocol"] for answer in answers} == {"HTTP/1.1"}


async def test_calls_of_grpc_reach_a_service_of_grpc(site: Site) -> None:
    site.protocol = "GRPC"
    (backend,) = await site.start("a")
    await site.live(http="[{match: [{uri: {prefix: /shop.Cart/}}], route: [{destination: {host: SERVICE}}]}]")
    headers = {"host": site.host, "content-type": "application/grpc", "te": "trailers"}
    async with httpx.AsyncClient(http1=False, http2=True) as client:
        url = f"http://127.0.0.1:{site.edge.port}/shop.Cart/Add"
        answer = await client.post(url, headers=headers, content=b"\0\0\0\0\0")
    assert answer.status_code == 200
    assert backend.seen[0].protocol == "HTTP/2"
    assert backend.seen[0].headers["te"] == "trailers"


async def test_a_web_socket_is_a_connection_through_the_gateway(site: Site) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n")
        writer.write(await reader.readexactly(4))
        await writer.drain()
        writer.close()

    (backend,) = await site.start("unused")
    await backend.stop()
    server = await asyncio.start_server(echo, backend.host, backend.port)
    await site.live()
    reader, writer = await asyncio.open_connection("127.0.0.1", site.edge.port)
    head = f"GET /chat HTTP/1.1\r\nhost: {site.host}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n"
    writer.write(head.encode())
    async with asyncio.timeout(10):
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
        writer.write(b"ping")
        assert await reader.readexactly(4) == b"ping"
    writer.close()
    await writer.wait_closed()
    server.close()


async def test_a_large_body_arrives_whole(site: Site) -> None:
    (backend,) = await site.start("a")
    await site.live()
    body = bytes(range(256)) * 8192
    assert (await site.send("POST", "/", body)).status == 200
    assert backend.seen[0].body == body


async def test_a_port_of_another_number_leads_to_the_port_of_the_workload(site: Site) -> None:
    site.port_number = 8443
    await site.start("a")
    await site.live()
    assert str(await site.get()) == "a"
    await site.live(http="[{route: [{destination: {host: SERVICE, port: {number: 8443}}}]}]")
    assert str(await site.get()) == "a"
    await site.live(http="[{route: [{destination: {host: SERVICE, port: {number: 1}}}]}]", faulty=True)
    assert (await site.get()).status == 503
