"""TCP: whole connections are routed by port."""

import asyncio

import pytest
from tests.integration.traffic.client import Answer, Connection
from tests.integration.traffic.edge import gateway
from tests.integration.traffic.site import Site
from tests.integration.traffic.statistics import plausible
from tests.ports import free_port

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="module")]

SUBSETS = "[{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]"


async def route_tcp(site: Site, tcp: str, policy: str = "") -> int:
    """Send the connections of a port by these rules."""
    port = free_port()
    site.protocol = "TCP"
    for version in ("v1", "v2"):
        await site.backend(version, {"version": version})
    await site.live(
        http="[{directResponse: {status: 200}}]",
        policy=policy,
        subsets=SUBSETS,
        more=f"""
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: {site.name}-tcp, namespace: edge}}
spec:
  hosts: ["*"]
  gateways: [edge/{site.name}]
  tcp: {tcp.replace("PORT", str(port))}
---{gateway(site.name, port, protocol="TCP")}""",
    )
    return port


async def ask(port: int, source: str = "") -> Answer:
    """Open a connection, send one request through it, close it."""
    connection = await Connection.open(port, source=source)
    try:
        return await connection.request("GET", "/", [("host", "whatever")])
    finally:
        await connection.close()


async def test_connections_go_to_the_destination_untouched(site: Site) -> None:
    port = await route_tcp(site, "[{route: [{destination: {host: SERVICE, subset: v1}}]}]")
    answer = await ask(port)
    assert answer.backend == "v1"
    assert set(answer.echo["headers"]) == {"host"}


async def test_connections_are_split_by_weight(site: Site) -> None:
    port = await route_tcp(
        site,
        """
        [{route: [{destination: {host: SERVICE, subset: v1}, weight: 75},
                  {destination: {host: SERVICE, subset: v2}, weight: 25}]}]
        """,
    )
    answers = [(await ask(port)).backend for _ in range(300)]
    assert plausible(answers.count("v2"), 300, 0.25)


async def test_the_first_block_for_the_port_counts(site: Site) -> None:
    port = await route_tcp(
        site,
        """
        [{match: [{port: 1}], route: [{destination: {host: SERVICE, subset: v1}}]},
         {match: [{port: PORT}], route: [{destination: {host: SERVICE, subset: v2}}]},
         {route: [{destination: {host: SERVICE, subset: v1}}]}]
        """,
    )
    assert (await ask(port)).backend == "v2"


async def test_connections_of_one_client_stay_together(site: Site) -> None:
    port = await route_tcp(
        site,
        "[{route: [{destination: {host: SERVICE}}]}]",
        policy="loadBalancer: {consistentHash: {useSourceIp: true}}",
    )
    homes = {source: (await ask(port, source)).backend for source in (f"127.0.2.{n}" for n in range(1, 21))}
    assert set(homes.values()) == {"v1", "v2"}
    assert {source: (await ask(port, source)).backend for source in homes} == homes


async def test_idle_connections_are_closed(site: Site) -> None:
    port = await route_tcp(
        site,
        "[{route: [{destination: {host: SERVICE, subset: v1}}]}]",
        policy="connectionPool: {tcp: {idleTimeout: 100ms}}",
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    async with asyncio.timeout(10):
        assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()


async def test_connections_over_the_limit_are_closed(site: Site) -> None:
    port = await route_tcp(
        site,
        "[{route: [{destination: {host: SERVICE, subset: v1}}]}]",
        policy="connectionPool: {tcp: {maxConnections: 1}}",
    )
    first = await Connection.open(port)
    assert (await first.request("GET", "/", [("host", "whatever")])).backend == "v1"
    with pytest.raises(ConnectionError):
        await ask(port)
    await first.close()
    assert await site.stat("upstream_cx_overflow", "v1") == 1
