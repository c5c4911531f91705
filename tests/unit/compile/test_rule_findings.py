"""What is said about a VirtualService beyond its own fields."""

from typing import Any

import pytest
from tests.unit.compile.site import Site
from tests.unit.semantics.objects import (
    gateway,
    proxy,
    rule,
    server_fields,
    service,
    subset,
    to,
    virtual_service,
)

from lateen.ir.proxy import ProxyId
from lateen.model.objects import Object
from lateen.model.virtualservice import VirtualServiceSpec

PASSTHROUGH: dict[str, Any] = {"tls": {"mode": "PASSTHROUGH"}}
TO_CART = [{"route": [to("cart")]}]
EDGE = gateway("edge/gw", server_fields(80, "HTTP", "shop/*.com", "b.org"))


@pytest.fixture
def site() -> Site:
    return Site()


def web(*hosts: str, **fields: Any) -> Object[VirtualServiceSpec]:
    spec: dict[str, Any] = {"gateways": ["edge/gw"], "http": TO_CART, **fields}
    return virtual_service("shop/web", *(hosts or ("a.com",)), **spec)


def test_a_rule_whose_references_exist_has_nothing_said_about_it(site: Site) -> None:
    obj = web()
    site.put(EDGE, service("shop/cart"), obj)
    assert site.said(obj) == []


def test_a_gateway_that_does_not_exist_is_named(site: Site) -> None:
    obj = web(gateways=["edge/gw", "gone", "mesh"])
    site.put(EDGE, service("shop/cart"), obj)
    assert site.said(obj) == [("LAT0301", "spec.gateways")]
    assert site.messages(obj) == ["there is no Gateway shop/gone"]
    site.put(gateway("shop/gone", server_fields(80, "HTTP")))
    assert site.said(obj) == []


@pytest.mark.parametrize(
    ("hosts", "unserved"),
    [
        (["a.com"], []),
        (["A.com"], []),
        (["*.a.com"], []),
        (["*"], []),
        (["b.org", "c.org"], [1]),
        (["cart"], [0]),
    ],
)
def test_a_host_that_no_server_is_open_to_is_named(site: Site, hosts: list[str], unserved: list[int]) -> None:
    obj = web(*hosts)
    site.put(EDGE, service("shop/cart"), obj)
    assert site.said(obj) == [("LAT0302", f"spec.hosts[{index}]") for index in unserved]


def test_a_rule_of_another_namespace_does_not_attach_to_a_prefixed_host(site: Site) -> None:
    obj = virtual_service("team/web", "a.com", gateways=["edge/gw"], http=[{"directResponse": {"status": 200}}])
    site.put(EDGE, obj)
    assert site.messages(obj) == ["no server of the Gateways named here is open to a.com from namespace team"]


def test_nothing_is_said_of_hosts_where_no_gateway_is_left_or_the_mesh_serves_them(site: Site) -> None:
    lost, mesh = web("c.org", gateways=["gone"]), virtual_service("shop/m", "c.org", gateways=["edge/gw", "mesh"])
    tcp = virtual_service("shop/t", "c.org", gateways=["edge/gw"], tcp=[{"route": [to("cart", port=80)]}])
    site.put(EDGE, service("shop/cart"), lost, mesh, tcp)
    assert [site.said(obj) for obj in (lost, mesh, tcp)] == [[("LAT0301", "spec.gateways")], [], []]


def test_a_rule_that_is_hidden_from_the_proxy_says_so_instead(site: Site) -> None:
    obj = web(exportTo=["."])
    site.put(EDGE, service("shop/cart"), obj)
    assert site.said(obj) == [("LAT0302", "spec.exportTo")]
    message = "proxy istio=ingressgateway is in namespace edge, which this is not exported to"
    assert site.messages(obj) == [message]


def test_a_rule_that_one_of_two_proxies_sees_is_checked_there() -> None:
    site = Site(proxies=(proxy("edge", istio="ingressgateway"), proxy("far", istio="ingressgateway")))
    obj = web("a.com", "c.org", exportTo=["edge"])
    site.put(EDGE, service("shop/cart"), obj)
    assert site.said(obj) == [("LAT0302", "spec.exportTo"), ("LAT0302", "spec.hosts[1]")]
    assert list(site.routes(ProxyId("far", "istio=ingressgateway"))) == []


@pytest.mark.parametrize(
    ("destination", "said"),
    [
        (to("cart"), []),
        (to("cart", subset="v1"), []),
        (to("crat"), [("LAT0303", "destination.host")]),
        (to("hidden"), [("LAT0303", "destination.host")]),
        (to("cart", port=81), [("LAT0304", "destination.port.number")]),
        (to("several"), [("LAT0304", "destination")]),
        (to("cart", subset="v9"), [("LAT0305", "destination.subset")]),
        (to("several", port=8080, subset="v1"), [("LAT0305", "destination.subset")]),
    ],
)
def test_a_destination_that_is_not_there_is_named_by_its_field(
    site: Site, destination: dict[str, Any], said: list[tuple[str, str]]
) -> None:
    obj = web(http=[{"match": [{"uri": {"prefix": "/a"}}], "route": [to("cart")]}, {"route": [destination]}])
    site.put(
        EDGE,
        service("shop/cart"),
        service("shop/hidden", annotations={"networking.istio.io/exportTo": "."}),
        service("shop/several", {"port": 8080, "name": "a"}, {"port": 9090, "name": "b"}),
        rule("shop/cart", "cart", None, subsets=[subset("v1")]),
        obj,
    )
    assert site.said(obj) == [(code, f"spec.http[1].route[0].{field}") for code, field in said]


def test_every_place_for_a_destination_is_looked_at_and_each_destination_once(site: Site) -> None:
    rest: dict[str, Any] = {"route": [to("one"), to("two", 1), to("one", 1)]}
    obj = virtual_service(
        "shop/web",
        "a.com",
        gateways=["edge/gw"],
        http=[
            {**rest, "mirror": {"host": "three"}},
            {**rest, "mirrors": [{"destination": {"host": "four"}}]},
            {"directResponse": {"status": 200}},
        ],
        tcp=[{"route": [to("five", port=1)]}],
        tls=[{"match": [{"sniHosts": ["a.com"]}], "route": [to("six", port=1)]}],
    )
    site.put(EDGE, obj)
    assert site.said(obj) == [
        ("LAT0303", "spec.http[0].route[0].destination.host"),
        ("LAT0303", "spec.http[0].route[1].destination.host"),
        ("LAT0303", "spec.http[0].mirror.host"),
        ("LAT0303", "spec.http[1].mirrors[0].destination.host"),
        ("LAT0303", "spec.tcp[0].route[0].destination.host"),
        ("LAT0303", "spec.tls[0].route[0].destination.host"),
    ]


def test_a_delegate_is_checked_by_itself_and_where_its_port_comes_from_is_open(site: Site) -> None:
    several = service("shop/several", {"port": 8080, "name": "a"}, {"port": 9090, "name": "b"})
    leaf = virtual_service("shop/leaf", http=[{"route": [to("several")]}, {"route": [to("gone")]}])
    site.put(several, leaf)
    assert site.said(leaf) == [("LAT0303", "spec.http[1].route[0].destination.host")]


def test_delegates_that_are_lost_or_excluded_are_named(site: Site) -> None:
    obj = web(
        http=[
            {"delegate": {"name": "gone"}},
            {"match": [{"uri": {"prefix": "/a"}}], "delegate": {"name": "leaf"}},
        ]
    )
    leaf = virtual_service(
        "shop/leaf",
        http=[{"route": [to("cart")]}, {"match": [{"uri": {"prefix": "/b"}}], "route": [to("cart")]}],
    )
    site.put(EDGE, service("shop/cart"), obj, leaf)
    assert site.said(obj) == [("LAT0306", "spec.http[0].delegate"), ("LAT0102", "spec.http[1].delegate")]
    assert "http[1] of the delegate shop/leaf is left out" in site.messages(obj)[1]


def sni(path: str, *matches: list[str], created: str = "") -> Object[VirtualServiceSpec]:
    rules = [{"match": [{"sniHosts": names} for names in matches], "route": [to("cart", port=80)]}]
    return virtual_service(path, "*.com", gateways=["edge/tls"], tls=rules, created=created)


def test_a_server_name_that_an_older_rule_has_is_named(site: Site) -> None:
    old = sni("shop/old", ["a.com"], created="2026-01-01T00:00:00Z")
    young = sni("shop/young", ["b.com"], ["a.com", "c.com"], created="2026-01-02T00:00:00Z")
    site.put(gateway("edge/tls", server_fields(443, "TLS", "*.com", **PASSTHROUGH)), service("shop/cart"), old, young)
    assert site.said(old) == []
    assert site.said(young) == [("LAT0311", "spec.tls[0].match[1].sniHosts")]
    assert site.messages(young) == ["a.com already belongs to VirtualService/shop/old; the match is left out"]
    site.remove(old)
    assert site.said(young) == []


def test_a_server_name_that_a_rule_has_is_named_at_a_younger_server(site: Site) -> None:
    tls = {"mode": "SIMPLE", "serverCertificate": "/c", "privateKey": "/k"}
    younger = gateway(
        "edge/younger", server_fields(443, "HTTPS", "a.com", "d.com", tls=tls), server_fields(80, "HTTP", "x.com")
    )
    site.put(
        gateway("edge/tls", server_fields(443, "TLS", "*.com", **PASSTHROUGH), created=""),
        younger,
        service("shop/cart"),
        sni("shop/rule", ["a.com"]),
    )
    assert site.said(younger) == [("LAT0201", "spec.servers[0].hosts")]
    assert site.messages(younger) == ["a.com already belongs to VirtualService/shop/rule on port 443"]
    names = [list(chain.filter_chain_match.server_names) for chain in site.chains("0.0.0.0_443")]
    assert names == [["a.com"], ["d.com"]]


def test_rules_for_the_mesh_say_when_nothing_serves_them(site: Site) -> None:
    obj = virtual_service("shop/cart", "cart", http=TO_CART)
    site.put(service("shop/cart"), obj)
    assert site.said(obj) == [("LAT0103", "spec")]
