"""One view on Services and ServiceEntries."""

import pytest
from tests.unit.semantics.objects import DOMAIN, entry, service, services_of

from lateen.ir.route import ClusterRef
from lateen.model.protocols import Protocol
from lateen.semantics.protocol import protocol_of_port
from lateen.semantics.references import Missing, find_gap
from lateen.semantics.registry import (
    default_port,
    hosts_of,
    preferred,
    service_for,
    service_for_rule,
    siblings,
)

CART = "cart.shop.svc.cluster.local"


@pytest.mark.parametrize(
    ("number", "name", "app_protocol", "transport", "expected"),
    [
        (80, "http", "", "TCP", Protocol.HTTP),
        (80, "http-admin", "", "TCP", Protocol.HTTP),
        (80, "GRPC-Web-x", "", "TCP", Protocol.GRPC_WEB),
        (80, "grpc-api", "", "TCP", Protocol.GRPC),
        (80, "http", "kubernetes.io/h2c", "TCP", Protocol.HTTP2),
        (80, "http", "kubernetes.io/ws", "TCP", Protocol.HTTP),
        (80, "http", "something", "TCP", Protocol.UNSUPPORTED),
        (53, "dns", "", "UDP", Protocol.UDP),
        (3306, "db", "", "TCP", Protocol.TCP),
        (8080, "web", "", "TCP", Protocol.UNSUPPORTED),
        (8080, "", "", "TCP", Protocol.UNSUPPORTED),
    ],
)
def test_protocol_comes_from_app_protocol_or_port_name(
    number: int, name: str, app_protocol: str, transport: str, expected: Protocol
) -> None:
    assert protocol_of_port(number, name, app_protocol, transport) is expected


def test_a_service_registers_its_cluster_local_host_and_keeps_its_target_port() -> None:
    (found,) = services_of(service("shop/cart", {"port": 80, "name": "grpc", "targetPort": "api"}), DOMAIN)
    assert found.host == CART
    assert found.namespace == "shop"
    assert found.ports[0].target == "api"
    assert found.ports[0].protocol is Protocol.GRPC


def test_a_service_entry_registers_each_host_as_written_and_once() -> None:
    obj = entry("shop/ext", ["api.example.com", "db", "api.example.com"])
    assert hosts_of(obj, DOMAIN) == ("api.example.com", "db")
    assert [found.host for found in services_of(obj, DOMAIN)] == ["api.example.com", "db"]


def test_an_external_name_service_is_an_alias_without_a_cluster() -> None:
    obj = service("shop/cart", type="ExternalName", externalName="cart.example.com")
    (found,) = services_of(obj, DOMAIN)
    assert found.alias == "cart.example.com"
    assert service_for([found], "edge", 80) is None


def test_the_annotation_of_a_service_hides_it_from_other_namespaces() -> None:
    obj = service("shop/cart", annotations={"networking.istio.io/exportTo": "., test"})
    (found,) = services_of(obj, DOMAIN)
    assert [found.visible_to(name) for name in ("shop", "test", "edge")] == [True, True, False]


def test_kubernetes_beats_an_older_service_entry_of_the_same_host() -> None:
    late = services_of(service("shop/cart", created="2026-01-02"), DOMAIN)
    early = services_of(entry("shop/cart", [CART], created="2026-01-01"), DOMAIN)
    winner = service_for(preferred([*early, *late]), "edge", 80)
    assert winner is not None
    assert winner.is_kubernetes


def test_the_oldest_of_two_service_entries_wins_unless_one_is_exported_by_name() -> None:
    old = services_of(entry("a/one", ["x.com"], created="2026-01-01"), DOMAIN)
    new = services_of(entry("b/two", ["x.com"], created="2026-01-02"), DOMAIN)
    named = services_of(entry("c/three", ["x.com"], created="2026-01-03", exportTo=["edge"]), DOMAIN)
    assert service_for(preferred([*new, *old]), "edge", 80) == old[0]
    assert service_for(preferred([*new, *old, *named]), "edge", 80) == named[0]
    assert service_for(preferred([*new, *old, *named]), "shop", 80) == old[0]


def test_a_later_service_contributes_ports_that_the_winner_lacks() -> None:
    first = services_of(entry("a/one", ["x.com"], created="1"), DOMAIN)
    port = [{"number": 81, "name": "http", "protocol": "HTTP"}]
    second = services_of(entry("b/two", ["x.com"], created="2", ports=port), DOMAIN)
    assert service_for(preferred([*first, *second]), "edge", 81) == second[0]


def test_a_rule_means_the_service_of_its_own_namespace_for_the_default_port() -> None:
    a = services_of(entry("a/one", ["x.com"], created="1"), DOMAIN)
    port = [{"number": 81, "name": "http", "protocol": "HTTP"}]
    b = services_of(entry("b/two", ["x.com"], created="2", ports=port), DOMAIN)
    chosen = service_for_rule(preferred([*a, *b]), "edge", "b")
    assert default_port(chosen, 8080) == 81
    assert default_port(None, 8080) == 8080


def test_a_service_with_several_ports_leaves_the_default_to_the_listener() -> None:
    (found,) = services_of(service("shop/cart", {"port": 80, "name": "a"}, {"port": 90, "name": "b"}), DOMAIN)
    assert default_port(found, 8080) == 8080


def test_service_entries_of_one_host_and_namespace_unite_their_endpoints() -> None:
    one = services_of(entry("a/one", ["x.com"], created="1"), DOMAIN)
    two = services_of(entry("a/two", ["x.com"], created="2"), DOMAIN)
    other = services_of(entry("b/three", ["x.com"], created="3"), DOMAIN)
    hidden = services_of(entry("a/four", ["x.com"], created="0", exportTo=["shop"]), DOMAIN)
    assert siblings([*hidden, *one, *two, *other], one[0], "edge", 80) == (one[0], two[0])


def test_endpoints_of_a_kubernetes_service_are_united_with_no_others() -> None:
    (cart,) = services_of(service("shop/cart"), DOMAIN)
    (other,) = services_of(entry("shop/e", [cart.host]), DOMAIN)
    assert siblings([cart, other], cart, "edge", 80) == (cart,)


def test_udp_ports_are_no_ports() -> None:
    (found,) = services_of(service("shop/dns", {"port": 53, "protocol": "UDP"}), DOMAIN)
    assert found.port(53) is None


def test_a_misspelt_host_is_told_with_the_name_that_was_meant() -> None:
    gap = find_gap(ClusterRef("crat.shop.svc.cluster.local", 80), (), None, "edge", known_hosts=[CART])
    assert gap is not None
    assert gap.what is Missing.HOST
    assert gap.message.endswith(f"; did you mean {CART}?")


def test_a_hidden_host_a_wrong_port_and_a_subset_without_rule_are_told_apart() -> None:
    hidden = services_of(service("shop/cart", annotations={"networking.istio.io/exportTo": "."}), DOMAIN)
    found = services_of(service("shop/cart"), DOMAIN)
    gaps = [
        find_gap(ClusterRef(CART, 80), hidden, None, "edge"),
        find_gap(ClusterRef(CART, 81), found, None, "edge"),
        find_gap(ClusterRef(CART, 80, "v1"), found, None, "edge"),
        find_gap(ClusterRef(CART, 80), found, None, "edge"),
    ]
    assert [gap.what if gap else None for gap in gaps] == [Missing.VISIBILITY, Missing.PORT, Missing.RULE, None]


def test_a_destination_means_the_service_of_its_own_namespace_if_there_are_several() -> None:
    (cart,) = services_of(service("shop/cart"), DOMAIN)
    (other,) = services_of(entry("team/e", [cart.host]), DOMAIN)
    assert service_for_rule([cart, other], "edge", "team") == other
    assert service_for_rule([cart, other], "edge", "elsewhere") == cart
    assert service_for_rule([other], "edge", "shop") == other
    assert service_for_rule([], "edge", "shop") is None
