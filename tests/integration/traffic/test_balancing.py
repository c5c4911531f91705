"""Load balancing: who gets how much."""

import asyncio

import pytest
from tests.integration.traffic.client import repeat
from tests.integration.traffic.site import Site
from tests.integration.traffic.statistics import plausible

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="module")]


async def test_round_robin_takes_turns(site: Site) -> None:
    await site.start("a", "b", "c")
    await site.live(policy="loadBalancer: {simple: ROUND_ROBIN}")
    assert await site.many(300, at_once=1) == {"a": 100, "b": 100, "c": 100}


async def test_random_gives_everybody_the_same_share_in_no_order(site: Site) -> None:
    await site.start("a", "b", "c")
    await site.live(policy="loadBalancer: {simple: RANDOM}")
    answers = [answer.backend for answer in await repeat(900, lambda _: site.get(), at_once=1)]
    assert all(plausible(answers.count(name), 900, 1 / 3) for name in "abc")
    assert any(answers[i] == answers[i + 1] for i in range(899))


@pytest.mark.parametrize(
    "policy", ["{simple: LEAST_REQUEST}", "{simple: LEAST_CONN}", "{simple: UNSPECIFIED}", ""], ids=str
)
async def test_least_request_avoids_a_backend_that_is_busy(site: Site, policy: str) -> None:
    busy, _, _ = await site.start("busy", "b", "c")
    await site.live(policy=f"loadBalancer: {policy}" if policy else "")
    with busy.holding():
        waiting = set()
        for _ in range(300):
            arrival = asyncio.create_task(busy.until_requests(busy.requests + 1))
            request = asyncio.create_task(site.get())
            await asyncio.wait({arrival, request}, return_when=asyncio.FIRST_COMPLETED)
            arrival.cancel()
            waiting.add(request)
    await asyncio.gather(*waiting)
    # It is chosen only where chance picks it for both candidates: one in nine. A fair share would be 100.
    assert busy.requests <= 60


async def test_endpoints_get_requests_by_their_weights(site: Site) -> None:
    await site.backend("light", weight=1)
    await site.backend("heavy", weight=3)
    await site.live(policy="loadBalancer: {simple: ROUND_ROBIN}")
    shares = await site.many(400, at_once=1)
    assert abs(shares["heavy"] - 300) <= 3
    assert shares.total() == 400


async def test_a_subset_balances_in_its_own_way(site: Site) -> None:
    for name in ("a", "b"):
        await site.backend(name, {"tier": "turns"})
    await site.backend("c", {"tier": "other"})
    await site.live(
        http="[{route: [{destination: {host: SERVICE, subset: turns}}]}]",
        policy="loadBalancer: {simple: RANDOM}",
        subsets="[{name: turns, labels: {tier: turns}, trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}}]",
    )
    assert await site.many(100, at_once=1) == {"a": 50, "b": 50}


async def test_passing_through_has_nowhere_to_go_at_a_gateway(site: Site) -> None:
    """PASSTHROUGH means the address that the client called: here that is the Gateway itself."""
    (backend,) = await site.start("a")
    await site.live(policy="loadBalancer: {simple: PASSTHROUGH}")
    assert (await site.get()).status == 503
    assert backend.requests == 0


async def test_a_policy_of_one_port_stands_in_place_of_the_whole_policy(site: Site) -> None:
    await site.start("a", "b")
    await site.live(
        policy="""
        loadBalancer: {simple: RANDOM}
        portLevelSettings:
          - port: {number: 80}
            loadBalancer: {simple: ROUND_ROBIN}
        """
    )
    assert await site.many(100, at_once=1) == {"a": 50, "b": 50}
