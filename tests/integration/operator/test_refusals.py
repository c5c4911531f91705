"""What Envoy alone refuses shows on the object behind it, and on no other."""

import socket

import pytest
from tests.integration.operator.shop import Shop
from tests.operator.traffic import until_answered
from tests.operator.world import gateway, virtual_service

pytestmark = [pytest.mark.apiserver, pytest.mark.envoy, pytest.mark.slow, pytest.mark.timeout(180)]


def test_a_port_that_a_proxy_cannot_bind_shows_on_its_gateway_only(shop: Shop) -> None:
    shop.backend("cart")
    route = virtual_service("cart", "cart")
    shop.apply(route)
    until_answered(shop.port, "cart.example.com", lambda answer: answer.backend == "cart")
    with socket.create_server(("0.0.0.0", 0)) as taken:
        other = gateway(taken.getsockname()[1], name="other")
        shop.apply(other)
        refused = shop.until_condition(other, "Programmed", "False", reason="Rejected")
        assert "cannot bind" in refused["message"]
        shop.apply(virtual_service("cart", "cart", mark="after"))
        until_answered(shop.port, "cart.example.com", lambda answer: answer.mark == "after")
        for manifest in (route, gateway(shop.port)):
            shop.until_condition(manifest, "Programmed", "True")
