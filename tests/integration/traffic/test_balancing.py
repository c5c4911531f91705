"""Load balancing: who gets how much, and who comes back to the same backend."""

import pytest
from tests.integration.traffic.site import Site

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="module")]


async def test_round_robin_takes_turns(site: Site) -> None:
    await site.start("a", "b", "c")
    await site.live(policy="loadBalancer: {simple: ROUND_ROBIN}")
    assert await site.many(300, at_once=1) == {"a": 100, "b": 100, "c": 100}
