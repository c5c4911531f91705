"""`lateen wait` at a running `lateen up`, with a real Envoy."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.integration.cli.program import House, a_backend, a_house, gateway, get, route, service
from tests.ports import free_port

pytestmark = pytest.mark.envoy


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with a_house(tmp_path) as made:
        yield made


async def test_traffic_follows_what_was_waited_for(house: House) -> None:
    port = free_port()
    async with a_backend("cart") as cart, a_backend("user") as user:
        house.write("shop.yaml", gateway(port), route("cart"), service(cart), service(user))
        async with house.up() as up:
            await up.until("serving")
            for name in ("user", "cart", "user"):
                house.write("shop.yaml", gateway(port), route(name), service(cart), service(user))
                waited = await house.run("wait", "vs/shop-edge", "gw/edge")
                assert (waited.code, waited.err) == (0, "")
                assert "VirtualService default/shop-edge: Programmed is True" in waited.out
                assert await get(port) == (200, name)


async def test_what_is_wrong_is_told_at_once(house: House) -> None:
    port = free_port()
    async with a_backend("cart") as cart:
        house.write("shop.yaml", gateway(port), route("cart"), service(cart))
        async with house.up() as up:
            await up.until("serving")
            house.write("shop.yaml", gateway(port), route("cart").replace("prefix: /", "prefix: 7"), service(cart))
            refused, unknown = await asyncio.gather(house.run("wait", "vs/shop-edge"), house.run("wait", "vs/none"))
            house.write("shop.yaml", "a: [")
            broken = await house.run("wait", "vs/shop-edge")
    assert (refused.code, unknown.code, broken.code) == (1, 1, 1)
    assert "VirtualService default/shop-edge is refused: Accepted is False (Invalid): spec.http[0]" in refused.err
    assert unknown.err == "VirtualService default/none: it does not exist\n"
    assert broken.err.startswith("VirtualService default/shop-edge is refused: ./shop.yaml:2:1: ")
