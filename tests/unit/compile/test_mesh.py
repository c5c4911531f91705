"""The outbound proxy: which hosts it knows, by which names, and whose rules they follow."""

from typing import Any

import pytest
from tests.unit.compile.site import Site, lead
from tests.unit.semantics.objects import entry, gateway, rule, server_fields, service, services_of, to, virtual_service

from lateen.compile.mesh import MESH_PROXY, applies_to_mesh, bare_port, mesh_proxy, spellings
from lateen.compile.names import MeshHost
from lateen.compile.settings import CompileSettings
from lateen.model.objects import Object
from lateen.model.virtualservice import VirtualServiceSpec

CART = "cart.shop.svc.cluster.local"
HTTP = {"port": 80, "name": "http"}
ADMIN = {"port": 9090, "name": "admin"}


@pytest.fixture
def site() -> Site:
    return Site(mesh_port=15001, mesh_namespace="shop")


def cart(name: str, target: str, *hosts: str, **options: Any) -> Object[VirtualServiceSpec]:
    match = options.pop("match", None)
    http = [{"route": [to(target)], **({"match": [match]} if match else {})}]
    return virtual_service(f"shop/{name}", *(hosts or ("cart",)), http=http, **options)


def leads(site: Site) -> dict[str, list[str]]:
    """Where the routes of each virtual host lead, by its name."""
    return {
        host.name: [lead(route) for route in host.routes]
        for found in site.routes(MESH_PROXY).values()
        for host in found.virtual_hosts
    }


def names(site: Site) -> set[str]:
    """The hosts that have a scope."""
    return {name.removeprefix("mesh|") for name in site.scopes(MESH_PROXY)}


def domains(site: Site) -> list[str]:
    (found,) = site.routes(MESH_PROXY).values()
    return [domain for host in found.virtual_hosts for domain in host.domains]


def test_without_a_port_there_is_no_outbound_proxy() -> None:
    site = Site()
    site.put(service("shop/cart"), cart("v", "cart"))
    assert site.graph.mesh.hosts.values == {}
    assert site.listeners(MESH_PROXY) == {}


def test_the_outbound_proxy_listens_even_before_there_are_services(site: Site) -> None:
    assert list(site.listeners(MESH_PROXY)) == ["0.0.0.0_15001"]
    assert mesh_proxy(CompileSettings(mesh_namespace="shop")).namespace == "shop"


def test_a_service_without_rules_gets_everything_that_calls_it(site: Site) -> None:
    site.put(service("shop/cart", HTTP, ADMIN))
    assert leads(site) == {f"{CART}:80": [f"outbound|80||{CART}"], f"{CART}:9090": [f"outbound|9090||{CART}"]}
    (route,) = site.routes(MESH_PROXY)[f"mesh/{CART}:80"].virtual_hosts[0].routes
    assert (route.name, route.route.timeout.seconds, route.route.retry_policy.num_retries.value) == ("default", 0, 2)
    assert not site.routes(MESH_PROXY)[f"mesh/{CART}:80"].ignore_port_in_host_matching


def test_a_service_answers_to_every_spelling_with_its_ports_and_for_one_port_without(site: Site) -> None:
    site.put(service("shop/cart", ADMIN, HTTP))
    spelled = [CART, f"{CART}.", "cart.shop.svc", "cart.shop", "cart"]
    assert names(site) == {*spelled, *(f"{name}:{port}" for name in spelled for port in (80, 9090))}


def test_a_service_of_another_namespace_needs_its_namespace(site: Site) -> None:
    site.put(service("team/cart"))
    assert "cart" not in names(site)
    assert {"cart.team", "cart.team:80"} <= names(site)


@pytest.mark.parametrize(
    ("key", "bare", "spelled"),
    [
        (MeshHost(MESH_PROXY, "Api.Example.com", 443), False, ["api.example.com:443", "api.example.com.:443"]),
        (MeshHost(MESH_PROXY, "a.com", 80), True, ["a.com", "a.com:80", "a.com.", "a.com.:80"]),
        (MeshHost(MESH_PROXY, "*.a.com", 80), True, ["*.a.com", "*.a.com:80"]),
        (MeshHost(MESH_PROXY, "*.shop.svc.cluster.local", 80), False, ["*.shop.svc.cluster.local:80"]),
    ],
)
def test_only_services_of_the_cluster_have_short_names(key: MeshHost, *, bare: bool, spelled: list[str]) -> None:
    assert list(spellings(key, "shop", "cluster.local", bare=bare)) == spelled


@pytest.mark.parametrize(
    ("ports", "bare"),
    [
        ([HTTP, ADMIN], 80),
        ([ADMIN, HTTP], 80),
        ([ADMIN, {"port": 8080, "name": "http"}], 9090),
        ([{"port": 53, "name": "dns", "protocol": "UDP"}, ADMIN], 9090),
        ([{"port": 53, "name": "dns", "protocol": "UDP"}], 80),
    ],
)
def test_a_name_without_a_port_means_80_or_the_first_port(ports: list[dict[str, Any]], bare: int) -> None:
    (registered,) = services_of(service("shop/cart", *ports), "cluster.local")
    assert bare_port(registered) == bare


def test_a_full_name_goes_before_a_short_one_that_is_spelled_the_same(site: Site) -> None:
    site.put(service("shop/cart"), entry("team/e", ["cart.shop"], endpoints=[{"address": "10.0.0.1"}]))
    scope = site.routes_by_scope(MESH_PROXY)
    assert (scope["mesh|cart.shop"], scope["mesh|cart"]) == ("mesh/cart.shop:80", f"mesh/{CART}:80")


@pytest.mark.parametrize(
    ("options", "applies"),
    [
        ({}, True),
        ({"gateways": ["mesh"]}, True),
        ({"gateways": ["gw", "mesh"]}, True),
        ({"gateways": ["gw"]}, False),
    ],
)
def test_a_rule_is_for_the_mesh_if_it_names_it_or_nothing(options: dict[str, Any], *, applies: bool) -> None:
    assert applies_to_mesh(cart("v", "x", **options)) is applies
    assert not applies_to_mesh(virtual_service("shop/leaf", http=[{"route": [to("x")]}], **options))


def test_a_rule_decides_for_its_service_on_every_port(site: Site) -> None:
    site.put(service("shop/cart", HTTP, ADMIN), service("shop/next", HTTP, ADMIN), cart("v", "next"))
    found = leads(site)
    assert found[f"{CART}:80"] == ["outbound|80||next.shop.svc.cluster.local"]
    assert found[f"{CART}:9090"] == ["outbound|9090||next.shop.svc.cluster.local"]


def test_where_a_rule_has_nothing_to_say_the_service_answers_itself(site: Site) -> None:
    site.put(service("shop/cart", HTTP, ADMIN), cart("v", "next", match={"port": 9090}))
    assert leads(site)[f"{CART}:80"] == [f"outbound|80||{CART}"]
    assert leads(site)[f"{CART}:9090"] == ["outbound|9090||next.shop.svc.cluster.local"]


def test_of_several_rules_one_alone_decides_and_the_oldest_with_routes_does(site: Site) -> None:
    old = cart("z", "old", match={"port": 9090}, created="2026-01-01T00:00:00Z")
    site.put(
        service("shop/cart", HTTP, ADMIN),
        old,
        cart("a", "young", created="2026-01-02T00:00:00Z"),
        virtual_service("shop/0", "cart", tcp=[{"route": [to("tcp", port=1)]}]),
    )
    assert leads(site)[f"{CART}:80"] == ["outbound|80||young.shop.svc.cluster.local"]
    assert leads(site)[f"{CART}:9090"] == ["outbound|9090||old.shop.svc.cluster.local"]
    site.remove(old)
    assert leads(site)[f"{CART}:9090"] == ["outbound|9090||young.shop.svc.cluster.local"]


def test_private_rules_go_before_older_public_ones(site: Site) -> None:
    site.put(
        service("shop/cart"),
        cart("a", "public", created="2026-01-01T00:00:00Z"),
        cart("z", "private", exportTo=["."], created="2026-01-02T00:00:00Z"),
    )
    assert leads(site)[f"{CART}:80"] == ["outbound|80||private.shop.svc.cluster.local"]


def test_a_rule_that_callers_do_not_see_does_not_exist(site: Site) -> None:
    site.put(
        service("shop/cart"),
        virtual_service("team/v", CART, http=[{"route": [to("hidden.com", port=1)]}], exportTo=["."]),
    )
    assert leads(site)[f"{CART}:80"] == [f"outbound|80||{CART}"]


def test_the_longest_wildcard_decides_where_no_rule_names_the_host(site: Site) -> None:
    site.put(
        service("shop/cart"),
        service("team/post"),
        cart("a", "any.com", "*.cluster.local"),
        cart("b", "shops.com", "*.shop.svc.cluster.local", created="2026-01-02T00:00:00Z"),
        cart("c", "younger.com", "*.shop.svc.cluster.local", created="2026-01-03T00:00:00Z"),
    )
    found = leads(site)
    assert found[f"{CART}:80"] == ["outbound|80||shops.com"]
    assert found["post.team.svc.cluster.local:80"] == ["outbound|80||any.com"]
    site.put(cart("d", "exact.com"))
    assert leads(site)[f"{CART}:80"] == ["outbound|80||exact.com"]


def test_a_host_that_no_service_has_is_served_on_port_80(site: Site) -> None:
    site.put(cart("v", "cart", "Api.Example.com"))
    assert leads(site) == {"api.example.com:80": [f"outbound|80||{CART}"]}
    assert names(site) == {"api.example.com", "api.example.com:80", "api.example.com.", "api.example.com.:80"}


def test_a_host_of_a_service_without_port_80_is_served_on_its_ports_only(site: Site) -> None:
    site.put(service("shop/cart", ADMIN), cart("v", "cart"))
    assert list(leads(site)) == [f"{CART}:9090"]


def test_hosts_that_differ_by_case_are_one_host(site: Site) -> None:
    one, other = cart("a", "one.com", "A.com"), cart("b", "other.com", "a.com")
    site.put(one, other)
    assert leads(site) == {"a.com:80": ["outbound|80||one.com"]}
    assert site.said(other) == [("LAT0310", "spec.hosts[0]"), ("LAT0303", "spec.http[0].route[0].destination.host")]


def test_a_service_that_callers_do_not_see_is_not_served(site: Site) -> None:
    site.put(service("team/cart", annotations={"networking.istio.io/exportTo": "."}))
    assert leads(site) == {}


def test_a_service_that_stands_for_another_leads_there(site: Site) -> None:
    site.put(service("shop/alias", HTTP, type="ExternalName", externalName="api.example.org"))
    assert leads(site) == {"alias.shop.svc.cluster.local:80": ["outbound|80||api.example.org"]}


def test_wildcard_hosts_stand_together_behind_the_scope_of_all_wildcards(site: Site) -> None:
    site.put(
        entry("shop/a", ["*.a.com"], endpoints=[{"address": "10.0.0.1"}]),
        cart("b", "b.com", "*.b.com"),
    )
    assert leads(site) == {"*.a.com:80": ["outbound|80||*.a.com"], "*.b.com:80": ["outbound|80||b.com"]}
    assert site.scopes(MESH_PROXY) == ["mesh|*"]
    assert domains(site) == ["*.a.com", "*.a.com:80", "*.b.com", "*.b.com:80"]
    assert not next(iter(site.routes(MESH_PROXY).values())).ignore_port_in_host_matching
    site.remove(entry("shop/a", ["*.a.com"]), cart("b", "b.com", "*.b.com"))
    assert site.routes(MESH_PROXY) == {}
    assert site.scopes(MESH_PROXY) == []


def test_no_wildcard_domain_is_written_twice(site: Site) -> None:
    other = [{"number": 8080, "name": "http", "protocol": "HTTP"}]
    site.put(
        entry("shop/a", ["*.a.com"], endpoints=[{"address": "10.0.0.1"}]),
        entry("shop/b", ["*.a.com"], endpoints=[{"address": "10.0.0.2"}], ports=other),
    )
    assert domains(site) == ["*.a.com", "*.a.com:80", "*.a.com:8080"]


def test_a_hash_of_the_service_keeps_calls_at_their_host(site: Site) -> None:
    site.put(
        service("shop/cart"),
        rule("shop/cart", "cart", {"loadBalancer": {"consistentHash": {"httpHeaderName": "x-user"}}}),
    )
    (route,) = site.routes(MESH_PROXY)[f"mesh/{CART}:80"].virtual_hosts[0].routes
    assert route.route.hash_policy[0].header.header_name == "x-user"
    assert list(route.route.retry_policy.retry_host_predicate) == []


def test_rules_that_the_outbound_proxy_cannot_follow_are_named(site: Site) -> None:
    obj = virtual_service(
        "shop/v",
        "cart",
        tcp=[{"route": [to("cart", port=80)]}],
        tls=[{"match": [{"sniHosts": ["cart"]}], "route": [to("cart", port=80)]}],
    )
    site.put(service("shop/cart"), obj)
    assert site.said(obj) == [("LAT0203", "spec.tls"), ("LAT0203", "spec.tcp")]


def test_a_rule_whose_host_another_one_has_is_told_who(site: Site) -> None:
    old = cart("old", "cart", created="2026-01-01T00:00:00Z")
    young = cart("young", "cart", "cart", "*.org", created="2026-01-02T00:00:00Z")
    site.put(service("shop/cart"), old, young)
    assert site.said(old) == []
    assert site.said(young) == [("LAT0310", "spec.hosts[0]")]
    assert "already follow VirtualService/shop/old" in site.messages(young)[0]


def test_gateways_and_mesh_are_served_side_by_side(site: Site) -> None:
    site.put(
        gateway("edge/gw", server_fields(80, "HTTP")),
        service("shop/cart"),
        virtual_service("shop/v", CART, gateways=["edge/gw", "mesh"], http=[{"route": [to("cart")]}]),
    )
    assert list(site.routes()) == [f"http.80/{CART}"]
    assert f"mesh/{CART}:80" in site.routes(MESH_PROXY)
    assert site.clusters(MESH_PROXY) == site.clusters() == [f"outbound|80||{CART}"]


def test_delegates_work_between_services_too(site: Site) -> None:
    site.put(
        service("shop/cart"),
        virtual_service("shop/root", "cart", http=[{"delegate": {"name": "leaf"}}]),
        virtual_service("shop/leaf", http=[{"route": [to("next.com", port=1)]}]),
    )
    assert leads(site)[f"{CART}:80"] == ["outbound|1||next.com"]
