"""Endpoints come and go: what is not ready is not called, and nothing is lost while they change."""

import pytest
from tests.integration.operator.shop import Shop
from tests.operator.traffic import ask, load, until_answered
from tests.operator.world import endpoint_slice, virtual_service

pytestmark = [pytest.mark.apiserver, pytest.mark.envoy, pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.mark.parametrize("condition", [{"ready": False}, {"ready": False, "serving": True, "terminating": True}])
def test_an_endpoint_that_is_not_ready_is_not_called(shop: Shop, condition: dict[str, bool]) -> None:
    one, two = shop.backend("cart", "one"), shop.backend("cart", "two")
    route = virtual_service("cart", "cart")
    shop.apply(route)
    until_answered(shop.port, "cart.example.com", lambda answer: answer.backend == "one")
    until_answered(shop.port, "cart.example.com", lambda answer: answer.backend == "two")
    shop.apply(endpoint_slice("cart", 1, [one.host], one.port, **condition))
    # A change after it is served: so it is, too.
    shop.apply(virtual_service("cart", "cart", mark="after"))
    until_answered(shop.port, "cart.example.com", lambda answer: answer.mark == "after")
    before = one.requests
    assert {ask(shop.port, "cart.example.com").backend for _ in range(40)} == {"two"}
    assert one.requests == before
    assert two.requests >= 40


def test_no_request_is_lost_while_endpoints_take_turns(shop: Shop) -> None:
    one, two = shop.backend("cart", "one"), shop.backend("cart", "two")
    shop.apply(virtual_service("cart", "cart"))
    until_answered(shop.port, "cart.example.com", lambda answer: bool(answer.backend))
    with load(shop.port, "cart.example.com", renew=10) as found:
        for turn in range(10):
            leaves, stays = ((1, one), (2, two)) if turn % 2 else ((2, two), (1, one))
            shop.apply(endpoint_slice("cart", stays[0], [stays[1].host], stays[1].port, ready=True))
            shop.apply(endpoint_slice("cart", leaves[0], [leaves[1].host], leaves[1].port, ready=False))
            found.until(40)
    assert found.failures == []
    assert set(found.answers) == {"one", "two"}
