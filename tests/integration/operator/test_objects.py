"""From `kubectl apply` to answers and to what objects say of themselves."""

import pytest
from tests.apiserver.client import Manifest
from tests.integration.operator.shop import Shop
from tests.operator.traffic import ask, until_answered
from tests.operator.world import destination_rule, gateway, service, virtual_service

pytestmark = [pytest.mark.apiserver, pytest.mark.envoy, pytest.mark.slow, pytest.mark.timeout(180)]


def test_what_is_applied_is_served_and_says_so(shop: Shop) -> None:
    shop.backend("cart")
    route, rule = virtual_service("cart", "cart"), destination_rule("cart", loadBalancer={"simple": "RANDOM"})
    shop.apply(route, rule)
    until_answered(shop.port, "cart.example.com", lambda answer: answer.backend == "cart")
    for manifest in (gateway(shop.port), route, rule):
        programmed = shop.until_condition(manifest, "Programmed", "True")
        assert "1 of 1" in programmed["message"]
        status = shop.status(manifest)
        assert status["observedGeneration"] == 1
        assert {name: each["status"] for name, each in status["conditions"].items()} == {
            "Accepted": "True",
            "ResolvedRefs": "True",
            "Programmed": "True",
        }


def test_a_change_is_served_and_the_observed_generation_moves(shop: Shop) -> None:
    shop.backend("cart")
    shop.apply(virtual_service("cart", "cart", mark="one"))
    until_answered(shop.port, "cart.example.com", lambda answer: answer.mark == "one")
    route = virtual_service("cart", "cart", mark="two")
    shop.apply(route)
    until_answered(shop.port, "cart.example.com", lambda answer: answer.mark == "two")
    assert shop.until_condition(route, "Programmed", "True")["observedGeneration"] == 2
    assert shop.status(route)["observedGeneration"] == 2


def test_a_status_that_somebody_empties_or_falsifies_is_put_right(shop: Shop) -> None:
    shop.backend("cart")
    route = virtual_service("cart", "cart")
    shop.apply(route)
    shop.until_condition(route, "Programmed", "True")
    since = {"lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": 1}
    false = {"type": "Programmed", "status": "False", "reason": "Invented", **since}
    spoilt: tuple[Manifest, ...] = ({"conditions": [false]}, {"conditions": [], "observedGeneration": None})
    for status in spoilt:
        shop.api.patch_status(route, status, namespace=shop.name)
        assert "1 of 1" in shop.until_condition(route, "Programmed", "True")["message"]


def test_an_invalid_edit_is_refused_by_name_and_the_last_good_version_is_served(shop: Shop) -> None:
    shop.backend("cart")
    good = virtual_service("cart", "cart", mark="good")
    shop.apply(good)
    until_answered(shop.port, "cart.example.com", lambda answer: answer.mark == "good")
    match = {"uri": {"regex": "(unclosed"}}
    bad = {**good, "spec": {**good["spec"], "http": [{**good["spec"]["http"][0], "match": [match]}]}}
    shop.apply(bad)
    refused = shop.until_condition(bad, "Accepted", "False")
    assert "http[0].match[0].uri.regex" in refused["message"]
    assert ask(shop.port, "cart.example.com").mark == "good"


def test_a_reference_to_nothing_is_named(shop: Shop) -> None:
    route = virtual_service("cart", "nobody")
    shop.apply(route)
    unresolved = shop.until_condition(route, "ResolvedRefs", "False")
    assert "nobody" in unresolved["message"]
    shop.apply(service("nobody"))
    shop.until_condition(route, "ResolvedRefs", "True")


def test_what_is_deleted_is_not_served(shop: Shop) -> None:
    shop.backend("cart")
    route = virtual_service("cart", "cart")
    shop.apply(route)
    until_answered(shop.port, "cart.example.com", lambda answer: answer.backend == "cart")
    shop.delete(route)
    until_answered(shop.port, "cart.example.com", lambda answer: answer.status == 404)
