"""What is told of ejected hosts and full pools: by real Envoys, on the DestinationRule behind it."""

import asyncio

import pytest
from tests.integration.traffic.site import Site

from lateen.model.keys import Key, Kind
from lateen.status.base import EjectedHost

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="module")]

NO_RETRIES = "[{route: [{destination: {host: SERVICE}}], retries: {attempts: 0}}]"


def rule_of(site: Site) -> Key:
    return Key(Kind.DESTINATION_RULE, "edge", site.name)


async def told(site: Site, reason: str) -> str:
    """Wait until something is told of the site's rule."""
    async with asyncio.timeout(10):
        while (found := await site.edge.happened.get()).key != rule_of(site):
            pass
    assert found.reason == reason
    return found.message


def ejected(site: Site) -> tuple[EjectedHost, ...]:
    return site.edge.instance.control.status(rule_of(site)).ejections


async def test_an_ejection_is_told_until_the_host_returns(site: Site) -> None:
    _, bad = await site.start("good", "bad")
    await site.live(
        http=NO_RETRIES,
        policy="""
        loadBalancer: {simple: ROUND_ROBIN}
        outlierDetection: {consecutive5xxErrors: 2, interval: 200ms, baseEjectionTime: 500ms}
        """,
    )
    bad.orders.status = 500
    await site.many(4, at_once=1)
    message = await told(site, "HostEjected")
    assert message.startswith(
        f"host {bad.address} of {site.service} ejected by proxy shared/app=edge for 0.5 s (until "
    )
    assert message.endswith("2 consecutive 5xx answers or failed connections")
    (host,) = ejected(site)
    assert (host.address, host.service, host.proxy) == (bad.address, site.service, "shared/app=edge")
    assert "gets requests from proxy shared/app=edge again, after" in await told(site, "HostReturned")
    assert ejected(site) == ()


async def test_a_change_of_the_rule_ends_its_ejections_and_is_told(site: Site) -> None:
    _, bad = await site.start("good", "bad")
    policy = "loadBalancer: {simple: ROUND_ROBIN}, outlierDetection: {consecutive5xxErrors: 2, baseEjectionTime: 100s}"
    await site.live(http=NO_RETRIES, policy=f"{{{policy}}}")
    bad.orders.status = 500
    await site.many(4, at_once=1)
    await told(site, "HostEjected")
    await site.until_served_by("good")
    bad.orders.status = 200
    await site.live(http=NO_RETRIES, policy=f"{{{policy}, connectionPool: {{tcp: {{maxConnections: 9}}}}}}")
    assert "its cluster was changed" in await told(site, "HostReturned")
    assert ejected(site) == ()
    await site.until_served_by("good", "bad")


async def test_the_ejection_of_a_host_that_leaves_is_forgotten(site: Site) -> None:
    _, bad = await site.start("good", "bad")
    await site.live(
        http=NO_RETRIES,
        policy="""
        loadBalancer: {simple: ROUND_ROBIN}
        outlierDetection: {consecutive5xxErrors: 2, baseEjectionTime: 100s}
        """,
    )
    bad.orders.status = 500
    await site.many(4, at_once=1)
    await told(site, "HostEjected")
    await site.leave(bad)
    assert ejected(site) == ()


async def test_overflows_are_counted_and_told_with_the_limit(site: Site) -> None:
    (backend,) = await site.start("a")
    await site.live(policy="connectionPool: {http: {http2MaxRequests: 1}}")
    with backend.holding():
        served = asyncio.create_task(site.get())
        await backend.until_requests(1)
        assert {(await site.get()).status for _ in range(3)} == {503}
    await served
    message = await told(site, "PoolOverflow")
    assert "3 requests were refused (connectionPool.http.http2MaxRequests 1), by proxy shared/app=edge" in message
