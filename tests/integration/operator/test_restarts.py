"""Operators end and start again: proxies serve, and nothing that is right is written again."""

from collections.abc import Iterable

import pytest
from tests.apiserver.client import Manifest
from tests.integration.operator.shop import Shop
from tests.operator.process import OperatorProcess
from tests.operator.traffic import load, until_answered
from tests.operator.world import destination_rule, gateway, virtual_service

pytestmark = [pytest.mark.apiserver, pytest.mark.envoy, pytest.mark.slow, pytest.mark.timeout(180)]


def test_an_operator_that_starts_again_writes_no_status_that_is_right(shop: Shop, operator: OperatorProcess) -> None:
    shop.backend("cart")
    route, rule = virtual_service("cart", "cart"), destination_rule("cart", loadBalancer={"simple": "RANDOM"})
    shop.apply(route, rule)
    others = (gateway(shop.port), rule)
    for manifest in (*others, route):
        shop.until_condition(manifest, "Programmed", "True")
    before = _versions(shop, others)
    operator.end()
    operator.start()
    for mark in ("one", "two"):  # the newest news is written first, so that the second change comes after all others
        route = virtual_service("cart", "cart", mark=mark)
        shop.apply(route)
        shop.until_condition(route, "Programmed", "True")
    assert _versions(shop, others) == before


def test_no_request_is_lost_while_the_operator_is_killed_and_started_again(
    shop: Shop, operator: OperatorProcess
) -> None:
    shop.backend("cart")
    shop.apply(virtual_service("cart", "cart", mark="before"))
    until_answered(shop.port, "cart.example.com", lambda answer: answer.mark == "before")
    with load(shop.port, "cart.example.com") as found:
        operator.kill()
        found.until(100)
        operator.start()
        shop.apply(virtual_service("cart", "cart", mark="after"))
        found.until_marked("after")
    assert found.failures == []


def test_a_proxy_that_lost_its_operator_is_sent_nothing_that_it_has(shop: Shop, operator: OperatorProcess) -> None:
    shop.backend("cart")
    shop.backend("till")
    shop.apply(virtual_service("cart", "cart", mark="before"), virtual_service("till", "till"))
    until_answered(shop.port, "cart.example.com", lambda answer: answer.mark == "before")
    until_answered(shop.port, "till.example.com", lambda answer: answer.backend == "till")
    updates = r"^(cluster_manager\.cluster_(added|modified)|listener_manager\.listener_(create|modified).*)$"
    before = shop.pods[0].stats(updates)
    assert before
    operator.end()
    operator.start()
    shop.apply(virtual_service("cart", "cart", mark="after"))
    until_answered(shop.port, "cart.example.com", lambda answer: answer.mark == "after")
    assert shop.pods[0].stats(updates) == before


def _versions(shop: Shop, manifests: Iterable[Manifest]) -> list[str]:
    return [shop.api.get(each, namespace=shop.name)["metadata"]["resourceVersion"] for each in manifests]
