"""What is missing when a destination leads nowhere, in words."""

import pytest
from tests.unit.semantics.objects import DOMAIN, rule, service, services_of, subset

from lateen.ir.route import ClusterRef
from lateen.semantics.destination_rules import EffectiveRule, merge_rules
from lateen.semantics.references import Gap, Missing, find_gap, suggestion
from lateen.semantics.registry import RegisteredService

CART = "cart.shop.svc.cluster.local"
SERVICES = services_of(service("shop/cart", {"port": 80, "name": "http"}, {"port": 9090, "name": "grpc"}), DOMAIN)
HIDDEN = services_of(service("shop/cart", annotations={"networking.istio.io/exportTo": "."}), DOMAIN)
(RULE,) = merge_rules([rule("shop/rule", "cart", None, subsets=[subset("v1"), subset("canary")])], DOMAIN)
(EMPTY,) = merge_rules([rule("shop/rule", "cart")], DOMAIN)
PORTLESS = services_of(service("shop/cart", {"port": 53, "name": "dns", "protocol": "UDP"}), DOMAIN)


@pytest.mark.parametrize(
    ("ref", "services", "applied", "missing", "message"),
    [
        (ClusterRef("crat", 80), (), None, Missing.HOST, "there is no service crat; did you mean cart?"),
        (
            ClusterRef(CART, 80),
            HIDDEN,
            None,
            Missing.VISIBILITY,
            f"Service/shop/cart does not export {CART} to namespace edge",
        ),
        (ClusterRef(CART, 81), SERVICES, None, Missing.PORT, f"{CART} has no port 81 (its ports: 80, 9090)"),
        (
            ClusterRef(CART, 80, "v1"),
            SERVICES,
            None,
            Missing.RULE,
            f"no DestinationRule defines subsets of {CART} for namespace edge",
        ),
        (
            ClusterRef(CART, 80, "canari"),
            SERVICES,
            RULE,
            Missing.SUBSET,
            "DestinationRule/shop/rule has no subset canari (its subsets: v1, canary); did you mean canary?",
        ),
        (
            ClusterRef(CART, 80, "v1"),
            SERVICES,
            EMPTY,
            Missing.SUBSET,
            "DestinationRule/shop/rule has no subset v1 (its subsets: none)",
        ),
    ],
)
def test_the_first_thing_missing_is_named(
    ref: ClusterRef,
    services: tuple[RegisteredService, ...],
    applied: EffectiveRule | None,
    missing: Missing,
    message: str,
) -> None:
    assert find_gap(ref, services, applied, "edge", known_hosts=("cart", "user")) == Gap(missing, message)


@pytest.mark.parametrize("name", ["", "v1"])
def test_a_destination_that_leads_somewhere_lacks_nothing(name: str) -> None:
    assert find_gap(ClusterRef(CART, 80, name), SERVICES, RULE, "edge") is None


def test_a_service_may_have_no_usable_port_at_all() -> None:
    found = find_gap(ClusterRef(CART, 53), PORTLESS, None, "edge")
    assert found is not None
    assert found.what is Missing.PORT


def test_only_names_that_look_alike_are_offered() -> None:
    assert suggestion("cart", ["card", "user"]) == "; did you mean card?"
    assert suggestion("cart", ["payment"]) == ""
