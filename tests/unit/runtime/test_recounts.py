"""Proxies that come and go: how often all objects of their class are looked at because of that."""

import asyncio
from collections.abc import Iterable

from tests.unit.runtime.stage import CART, GATEWAY, ROUTES, Stage, key
from tests.virtual_time import in_virtual_time

from lateen.model.keys import Key
from lateen.runtime.seams import Alone
from lateen.runtime.verdicts import COMING_BACK, RECOUNTING


class Told(Alone):
    """Another replica, which hears of objects."""

    def __init__(self) -> None:
        """Have heard nothing."""
        self.keys: list[Key] = []

    def tell(self, keys: Iterable[Key]) -> None:
        self.keys += keys

    def times(self) -> int:
        """How often one object was told of since this was asked last."""
        times = self.keys.count(key(ROUTES))
        self.keys.clear()
        return times


@in_virtual_time
async def test_proxies_that_come_or_go_together_are_counted_together() -> None:
    others = Told()
    stage = Stage(scales=True, others=others)
    stage.apply(GATEWAY, ROUTES, CART)
    stage.connect().run()
    await asyncio.sleep(2 * RECOUNTING)
    others.times()
    proxies = [stage.connect() for _ in range(20)]
    for proxy in proxies:
        proxy.run()
    assert others.times() == 1
    await asyncio.sleep(2 * RECOUNTING)
    assert others.times() == 1
    for proxy in proxies:
        proxy.disconnect()
    await asyncio.sleep(COMING_BACK + 2 * RECOUNTING)
    assert others.times() == 2


@in_virtual_time
async def test_a_proxy_that_comes_after_a_rest_is_counted_at_once() -> None:
    others = Told()
    stage = Stage(scales=True, others=others)
    stage.apply(GATEWAY, ROUTES, CART)
    stage.connect().run()
    await asyncio.sleep(2 * RECOUNTING)
    others.times()
    stage.connect().run()
    assert others.times() == 1
