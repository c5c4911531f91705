"""Connection pools: what is over a limit is answered at once, and counted."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from tests.integration.traffic.backend import Backend
from tests.integration.traffic.client import repeat
from tests.integration.traffic.site import Site
from tests.ports import free_port

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="module")]


async def overflow(site: Site) -> None:
    """Send one more request: it has to be answered at once, by the proxy."""
    refused = await site.get()
    assert refused.status == 503
    assert refused.headers["x-envoy-overloaded"] == "true"
    assert refused.body.endswith(b"reset reason: overflow")


async def test_connections_and_waiting_requests_are_limited(site: Site) -> None:
    (backend,) = await site.start("a")
    await site.live(policy="connectionPool: {tcp: {maxConnections: 1}, http: {http1MaxPendingRequests: 1}}")
    with backend.holding():
        served = asyncio.create_task(site.get())
        await backend.until_requests(1)
        waiting = asyncio.create_task(site.get())
        await site.until_stat("upstream_rq_pending_active", 1)
        await overflow(site)
    assert [(await served).status, (await waiting).status] == [200, 200]
    assert backend.most_open_connections == 1
    assert await site.stat("upstream_rq_pending_overflow") == 1
    assert await site.stat("upstream_cx_overflow") >= 1
    assert (await site.get()).status == 200


async def test_more_connections_are_opened_up_to_the_limit(site: Site) -> None:
    (backend,) = await site.start("a")
    await site.live(policy="connectionPool: {tcp: {maxConnections: 3}}")
    with backend.holding():
        requests = [asyncio.create_task(site.get()) for _ in range(8)]
        await backend.until_requests(3)
        await site.until_stat("upstream_rq_pending_active", 5)
        assert backend.requests == 3
    assert {(await request).status for request in requests} == {200}
    assert backend.most_open_connections == 3


@pytest.mark.parametrize("upgrade", ["UPGRADE", "DO_NOT_UPGRADE"])
async def test_open_requests_are_limited_in_both_versions_of_http(site: Site, upgrade: str) -> None:
    (backend,) = await site.start("a")
    await site.live(policy=f"connectionPool: {{http: {{h2UpgradePolicy: {upgrade}, http2MaxRequests: 2}}}}")
    with backend.holding():
        served = [asyncio.create_task(site.get()) for _ in range(2)]
        await backend.until_requests(2)
        await overflow(site)
    assert [(await each).echo["protocol"] for each in served] == (
        ["HTTP/2", "HTTP/2"] if upgrade == "UPGRADE" else ["HTTP/1.1", "HTTP/1.1"]
    )
    assert await site.stat("upstream_rq_active_overflow") == 1


async def test_without_limits_nothing_overflows(site: Site) -> None:
    (backend,) = await site.start("a")
    await site.live()
    with backend.holding():
        requests = [asyncio.create_task(site.get()) for _ in range(200)]
        await backend.until_requests(200)
    assert {(await request).status for request in requests} == {200}


async def test_a_connection_ends_after_its_number_of_requests(site: Site) -> None:
    await site.start("a")
    await site.live(policy="connectionPool: {http: {maxRequestsPerConnection: 2}}")
    answers = await repeat(10, lambda _: site.get(), at_once=1)
    assert [answer.echo["connection"] for answer in answers] == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]


@pytest.mark.parametrize(
    "policy", ["connectionPool: {http: {maxRetries: 1}}", "retryBudget: {percent: 20, minRetryConcurrency: 1}"]
)
async def test_retries_under_way_are_limited(site: Site, policy: str) -> None:
    (backend,) = await site.start("a")
    await site.live(
        http="[{route: [{destination: {host: SERVICE}}], retries: {attempts: 1, retryOn: 5xx}}]", policy=policy
    )
    with backend.holding():
        backend.orders.next_statuses.append(503)
        retried = asyncio.create_task(site.get())
        await backend.until_requests(2)
        backend.orders.next_statuses.append(503)
        assert (await site.get()).status == 503
    assert (await retried).status == 200
    assert backend.requests == 3
    assert await site.stat("upstream_rq_retry_overflow") == 1


@asynccontextmanager
async def silent_port() -> AsyncIterator[int]:
    """Listen without accepting, so that connections are never established."""
    port = free_port()
    clients = []
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", port))
        listener.listen(0)
        for _ in range(3):  # fill the queue of the kernel
            client = socket.socket()
            client.settimeout(0)
            client.connect_ex(("127.0.0.1", port))
            clients.append(client)
        yield port
    for client in clients:
        client.close()


async def test_connecting_takes_no_longer_than_its_time_limit(site: Site) -> None:
    async with silent_port() as port:
        site.add(Backend("silent"), "127.0.0.1", port)
        await site.live(
            http="[{route: [{destination: {host: SERVICE}}], retries: {attempts: 0}}]",
            policy="connectionPool: {tcp: {connectTimeout: 50ms}}",
        )
        answer = await site.get()
        assert answer.status == 503
        assert b"connection timeout" in answer.body
        assert await site.stat("upstream_cx_connect_timeout") == 1


async def test_idle_connections_are_probed(site: Site) -> None:
    (backend,) = await site.start("a")
    await site.live(policy="connectionPool: {tcp: {tcpKeepalive: {time: 300s, interval: 20s, probes: 4}}}")
    await site.get()
    (timer,) = await asyncio.to_thread(timers_towards, backend.port)
    assert timer[0] == "keepalive"
    assert 200 < timer[1] <= 300


async def test_idle_connections_are_not_probed_unless_told(site: Site) -> None:
    (backend,) = await site.start("a")
    await site.live()
    await site.get()
    assert await asyncio.to_thread(timers_towards, backend.port) == [("none", 0)]


def timers_towards(port: int) -> list[tuple[str, float]]:
    """Read from the kernel which timers run on connections to a port, with the seconds that are left."""
    names = {0: "none", 1: "retransmission", 2: "keepalive"}
    found = []
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        remote, state, (timer, left) = fields[2], fields[3], fields[5].split(":")
        if int(remote.split(":")[1], 16) == port and state == "01":
            found.append((names[int(timer, 16)], int(left, 16) / 100))
    return found


@pytest.mark.parametrize("block", ["http: {idleTimeout: 100ms}", "tcp: {idleTimeout: 100ms}"])
async def test_idle_connections_are_closed(site: Site, block: str) -> None:
    (backend,) = await site.start("a")
    await site.live(policy=f"connectionPool: {{{block}}}")
    assert (await site.get()).status == 200
    await backend.until_closed()
    assert await site.stat("upstream_cx_idle_timeout") == 1


async def test_connections_end_after_their_longest_life(site: Site) -> None:
    (backend,) = await site.start("a")
    await site.live(policy="connectionPool: {tcp: {maxConnectionDuration: 100ms}}")
    assert (await site.get()).status == 200
    await backend.until_closed()
    assert await site.stat("upstream_cx_max_duration_reached") == 1


@pytest.mark.parametrize(
    ("protocol", "upgrade", "spoken"),
    [
        ("HTTP", "DEFAULT", "HTTP/1.1"),
        ("HTTP", "UPGRADE", "HTTP/2"),
        ("HTTP2", "DEFAULT", "HTTP/2"),
        ("HTTP2", "DO_NOT_UPGRADE", "HTTP/2"),
        ("GRPC", "DEFAULT", "HTTP/2"),
    ],
)
async def test_http2_is_spoken_where_the_port_or_the_policy_says_so(
    site: Site, protocol: str, upgrade: str, spoken: str
) -> None:
    site.protocol = protocol
    await site.start("a")
    await site.live(policy=f"connectionPool: {{http: {{h2UpgradePolicy: {upgrade}}}}}")
    assert (await site.get()).echo["protocol"] == spoken


async def test_the_version_of_the_client_can_be_kept(site: Site) -> None:
    await site.start("a")
    await site.live(policy="connectionPool: {http: {useClientProtocol: true}}")
    assert (await site.get()).echo["protocol"] == "HTTP/1.1"
    async with httpx.AsyncClient(http1=False, http2=True) as client:
        answer = await client.get(f"http://127.0.0.1:{site.edge.port}/", headers={"host": site.host})
    assert answer.json()["protocol"] == "HTTP/2"


async def test_a_connection_carries_no_more_streams_than_told(site: Site) -> None:
    (backend,) = await site.start("a")
    await site.live(policy="connectionPool: {http: {h2UpgradePolicy: UPGRADE, maxConcurrentStreams: 1}}")
    with backend.holding():
        requests = [asyncio.create_task(site.get()) for _ in range(3)]
        await backend.until_requests(3)
    assert {(await request).echo["connection"] for request in requests} == {1, 2, 3}
