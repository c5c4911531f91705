"""Routes by host: whose rules stand on a host, in which order, and in which resource."""

from typing import Any

import pytest
from envoy.config.route.v3.route_components_pb2 import VirtualHost
from tests.unit.compile.site import EDGE, Site
from tests.unit.semantics.objects import gateway, server_fields, service, to, virtual_service

from lateen.compile.names import HostKey
from lateen.ir.listener import RouteLayout
from lateen.ir.proxy import PortTarget, Proxy
from lateen.ir.resource import ResourceType
from lateen.model.objects import Object
from lateen.model.virtualservice import VirtualServiceSpec

REDIRECT: dict[str, Any] = {"tls": {"httpsRedirect": True}}
SIMPLE: dict[str, Any] = {"tls": {"mode": "SIMPLE", "credentialName": "cert"}}
ALL_TLS = VirtualHost.ALL
"""`require_tls` of a virtual host that redirects every plaintext request."""
BEHIND = Proxy(EDGE, {"istio": "ingressgateway"}, "edge", (PortTarget(80, 8080),))
"""A proxy behind a Service that sends port 80 to its port 8080."""


@pytest.fixture
def site() -> Site:
    return Site()


def answer(status: int, *prefixes: str, **match: Any) -> dict[str, Any]:
    """Write a rule that answers with a status; of everything, or of some paths."""
    matches = [{"uri": {"prefix": prefix}, **match} for prefix in prefixes] or ([match] if match else [])
    return {"directResponse": {"status": status}, **({"match": matches} if matches else {})}


def rules(name: str, host: str, *http: dict[str, Any], **options: Any) -> Object[VirtualServiceSpec]:
    spec: dict[str, Any] = {"gateways": ["edge/gw"], "http": list(http), **options}
    return virtual_service(f"shop/{name}", host, **spec)


def statuses(site: Site, name: str) -> list[list[int]]:
    """For each virtual host of a route configuration, the statuses that its routes answer with."""
    hosts = site.routes()[name].virtual_hosts
    return [[route.direct_response.status for route in host.routes] for host in hosts]


def hosts_of(site: Site, name: str) -> list[tuple[str, list[str], int]]:
    return [(host.name, list(host.domains), host.require_tls) for host in site.routes()[name].virtual_hosts]


def test_every_exact_host_has_a_route_configuration_and_a_scope_of_its_own(site: Site) -> None:
    site.put(
        gateway("edge/gw", server_fields(80, "HTTP")),
        rules("a", "a.com", answer(200)),
        rules("b", "b.com", answer(201)),
    )
    assert list(site.routes()) == ["http.80/a.com", "http.80/b.com"]
    assert site.scopes() == ["http.80|a.com", "http.80|b.com"]
    assert hosts_of(site, "http.80/a.com") == [("a.com:80", ["a.com"], 0)]
    assert statuses(site, "http.80/b.com") == [[201]]


def test_wildcard_hosts_of_a_chain_stand_together(site: Site) -> None:
    site.put(
        gateway("edge/gw", server_fields(80, "HTTP")),
        rules("a", "*.a.com", answer(200)),
        rules("all", "*", answer(201)),
    )
    assert list(site.routes()) == ["http.80/*"]
    assert site.scopes() == ["http.80|*"]
    assert hosts_of(site, "http.80/*") == [("*:80", ["*"], 0), ("*.a.com:80", ["*.a.com"], 0)]


def test_a_tls_server_that_names_its_hosts_has_one_route_configuration_even_without_routes(site: Site) -> None:
    site.put(gateway("edge/gw", server_fields(443, "HTTPS", "a.com", "b.com", name="web", **SIMPLE)))
    assert hosts_of(site, "https.443.web.gw.edge") == []
    site.put(rules("a", "a.com", answer(200)), rules("b", "b.com", answer(201)))
    assert [name for name, _, _ in hosts_of(site, "https.443.web.gw.edge")] == ["a.com:443", "b.com:443"]
    assert site.scopes() == []


def test_a_tls_server_that_gets_a_wildcard_changes_its_layout(site: Site) -> None:
    exact = gateway("edge/gw", server_fields(443, "HTTPS", "a.com", name="web", **SIMPLE))
    wild = gateway("edge/gw", server_fields(443, "HTTPS", "a.com", "*.b.com", name="web", **SIMPLE))
    chain = "https.443.web.gw.edge"
    site.put(exact, rules("a", "a.com", answer(200)), rules("b", "*.b.com", answer(201)))
    before = site.resources(ResourceType.ROUTE)
    assert list(before) == [chain]
    site.put(wild)
    assert list(site.routes()) == [f"{chain}/*", f"{chain}/a.com"]
    assert site.scopes() == [f"{chain}|*", f"{chain}|a.com"]
    site.put(exact)
    assert site.resources(ResourceType.ROUTE) == before
    assert site.scopes() == []


@pytest.mark.parametrize(
    ("layout", "host", "alone"),
    [
        (RouteLayout.SCOPED, "a.com", True),
        (RouteLayout.SCOPED, "*.a.com", False),
        (RouteLayout.SINGLE, "a.com", False),
    ],
)
def test_which_hosts_stand_alone(layout: RouteLayout, host: str, *, alone: bool) -> None:
    assert HostKey(EDGE, "http.80", host).stands_alone(layout) is alone


def test_rules_of_one_host_are_joined_by_age_and_catch_alls_come_last(site: Site) -> None:
    site.put(
        gateway("edge/gw", server_fields(80, "HTTP")),
        rules("z", "a.com", answer(200, "/a"), answer(201), created="2026-01-01T00:00:00Z"),
        rules("a", "a.com", answer(202, "/b"), answer(203), created="2026-01-02T00:00:00Z"),
    )
    assert statuses(site, "http.80/a.com") == [[200, 202, 201, 203]]


def test_rules_closer_to_the_proxy_come_before_older_ones(site: Site) -> None:
    site.put(
        gateway("edge/gw", server_fields(80, "HTTP")),
        rules("public", "a.com", answer(200, "/a"), created="2026-01-01T00:00:00Z"),
        rules("exported", "a.com", answer(201, "/a"), exportTo=["edge"], created="2026-01-02T00:00:00Z"),
        virtual_service(
            "edge/private",
            "a.com",
            gateways=["gw"],
            http=[answer(202, "/a")],
            exportTo=[".", "team"],
            created="2026-01-03T00:00:00Z",
        ),
    )
    assert statuses(site, "http.80/a.com") == [[202, 201, 200]]


def test_hosts_that_differ_by_case_are_one_host(site: Site) -> None:
    site.put(
        gateway("edge/gw", server_fields(80, "HTTP")),
        rules("a", "A.Com", answer(200, "/a")),
        rules("b", "a.com", answer(201, "/b")),
    )
    assert statuses(site, "http.80/a.com") == [[200, 201]]


def test_a_server_compares_hosts_with_their_case(site: Site) -> None:
    site.put(gateway("edge/gw", server_fields(80, "HTTP", "a.com")), rules("a", "A.Com", answer(200)))
    assert site.routes() == {}


def test_two_gateways_and_two_rules_on_one_host_make_four_lists(site: Site) -> None:
    both = {"gateways": ["edge/gw", "edge/other"]}
    site.put(
        gateway("edge/gw", server_fields(80, "HTTP")),
        gateway("edge/other", server_fields(80, "HTTP")),
        rules("one", "a.com", answer(200, "/a"), **both),
        rules("two", "a.com", answer(201, "/a"), **both),
    )
    assert statuses(site, "http.80/a.com") == [[200, 201, 200, 201]]


def test_a_gateway_that_is_named_twice_counts_once(site: Site) -> None:
    site.put(
        gateway("shop/gw", server_fields(80, "HTTP")),
        rules("one", "a.com", answer(200, "/a"), gateways=["gw", "shop/gw", "./gw"]),
    )
    assert statuses(site, "http.80/a.com") == [[200]]


def test_routes_are_made_once_per_chain_with_the_port_of_the_first_server(site: Site) -> None:
    site.put(
        gateway("edge/gw", server_fields(8080, "HTTP", "a.com"), server_fields(80, "HTTP", "*.com", "a.com")),
        rules("one", "a.com", answer(200, port=8080), answer(201, port=80)),
    )
    assert (statuses(site, "http.8080/a.com"), statuses(site, "http.80/a.com")) == ([[200]], [[201]])


def test_servers_on_one_bound_port_share_routes_made_for_the_first() -> None:
    site = Site(proxies=(BEHIND,))
    site.put(
        gateway("edge/gw", server_fields(80, "HTTP", "*.com"), server_fields(8080, "HTTP", "a.com")),
        rules("one", "a.com", answer(200, port=80), answer(201, port=8080)),
    )
    assert hosts_of(site, "http.8080/a.com") == [("a.com:80", ["a.com"], 0)]
    assert statuses(site, "http.8080/a.com") == [[200]]


def test_a_rule_that_holds_nowhere_here_leaves_its_host_to_others(site: Site) -> None:
    site.put(
        gateway("edge/gw", server_fields(80, "HTTP")),
        rules("elsewhere", "a.com", answer(200, port=8080)),
        rules("wildcard", "*.com", answer(201)),
    )
    assert list(site.routes()) == ["http.80/*"]
    assert site.scopes() == ["http.80|*"]


def test_a_host_is_named_after_the_first_rule_that_holds_on_it(site: Site) -> None:
    site.put(
        gateway("edge/gw", server_fields(80, "HTTP", "a.com"), server_fields(8080, "HTTP")),
        rules("a", "a.com", answer(200, port=8080)),
        rules("b", "a.com", answer(201)),
    )
    assert hosts_of(site, "http.80/a.com") == [("a.com:80", ["a.com"], 0)]
    assert statuses(site, "http.80/a.com") == [[201]]


def test_a_redirecting_server_redirects_its_hosts_with_and_without_routes(site: Site) -> None:
    site.put(
        gateway("edge/gw", server_fields(80, "HTTP", "a.com", "*.b.com", "c.com", **REDIRECT)),
        rules("a", "a.com", answer(200)),
        rules("b", "x.b.com", answer(201)),
    )
    assert {name: hosts_of(site, name) for name in site.routes()} == {
        "http.80/*": [("*.b.com:80", ["*.b.com"], ALL_TLS)],
        "http.80/a.com": [("a.com:80", ["a.com"], ALL_TLS)],
        "http.80/c.com": [("c.com:80", ["c.com"], ALL_TLS)],
        "http.80/x.b.com": [("x.b.com:80", ["x.b.com"], ALL_TLS)],
    }
    assert statuses(site, "http.80/c.com") == [[]]


def test_a_redirect_wins_over_another_server_of_the_host(site: Site) -> None:
    site.put(
        gateway("edge/gw", server_fields(80, "HTTP", "a.com")),
        gateway("edge/redirecting", server_fields(80, "HTTP", "a.com", **REDIRECT)),
        rules("a", "a.com", answer(200)),
    )
    assert hosts_of(site, "http.80/a.com") == [("a.com:80", ["a.com"], ALL_TLS)]


def test_one_rule_under_two_servers_redirects_if_one_of_them_does(site: Site) -> None:
    plain, redirecting = server_fields(80, "HTTP", "a.com"), server_fields(80, "HTTP", "*.com", name="r", **REDIRECT)
    site.put(gateway("edge/gw", plain, redirecting), rules("a", "a.com", answer(200)))
    assert hosts_of(site, "http.80/a.com") == [("a.com:80", ["a.com"], ALL_TLS)]


def test_a_rule_that_holds_nowhere_redirects_nothing(site: Site) -> None:
    site.put(
        gateway("edge/gw", server_fields(80, "HTTP", "a.com")),
        gateway("edge/redirecting", server_fields(80, "HTTP", "*.com", **REDIRECT)),
        rules("a", "a.com", answer(200)),
        rules("b", "a.com", answer(201, port=8080), gateways=["edge/redirecting"]),
    )
    assert hosts_of(site, "http.80/a.com") == [("a.com:80", ["a.com"], 0)]


def test_a_host_that_is_redirected_for_one_namespace_is_redirected_where_nobody_has_routes(site: Site) -> None:
    site.put(gateway("edge/gw", server_fields(80, "HTTP", "shop/a.com", **REDIRECT)))
    assert hosts_of(site, "http.80/a.com") == [("a.com:80", ["a.com"], ALL_TLS)]


@pytest.mark.parametrize(("namespace", "redirects"), [("shop", ALL_TLS), ("team", 0)])
def test_a_redirect_for_one_namespace_concerns_its_own_routes(site: Site, namespace: str, redirects: int) -> None:
    site.put(
        gateway(
            "edge/gw", server_fields(80, "HTTP", "team/a.com"), server_fields(80, "HTTP", "shop/a.com", **REDIRECT)
        ),
        virtual_service(f"{namespace}/v", "a.com", gateways=["edge/gw"], http=[answer(200)]),
    )
    assert hosts_of(site, "http.80/a.com") == [("a.com:80", ["a.com"], redirects)]


def test_a_host_is_named_after_the_oldest_server_that_redirects_it() -> None:
    site = Site(proxies=(BEHIND,))
    old, young = (
        server_fields(80, "HTTP", "team/a.com", **REDIRECT),
        server_fields(8080, "HTTP", "shop/a.com", **REDIRECT),
    )
    site.put(
        gateway("edge/a", server_fields(8080, "HTTP", "x.com", **REDIRECT), young, created="2026-01-02T00:00:00Z"),
        gateway("edge/b", old, created="2026-01-01T00:00:00Z"),
    )
    assert hosts_of(site, "http.8080/a.com") == [("a.com:80", ["a.com"], ALL_TLS)]


def test_an_https_server_with_a_redirect_serves_its_routes(site: Site) -> None:
    tls = {"tls": {**SIMPLE["tls"], "httpsRedirect": True}}
    site.put(
        gateway("edge/gw", server_fields(443, "HTTPS", "a.com", name="web", **tls)), rules("a", "a.com", answer(200))
    )
    assert hosts_of(site, "https.443.web.gw.edge") == [("a.com:443", ["a.com"], ALL_TLS)]
    assert statuses(site, "https.443.web.gw.edge") == [[200]]


def test_a_delegate_that_changes_changes_the_routes_of_its_root(site: Site) -> None:
    root = rules("root", "a.com", {"match": [{"uri": {"prefix": "/a"}}], "delegate": {"name": "leaf"}})
    site.put(gateway("edge/gw", server_fields(80, "HTTP")), root)
    assert site.routes() == {}
    leaf = virtual_service("shop/leaf", http=[answer(200)])
    site.put(leaf)
    assert statuses(site, "http.80/a.com") == [[200]]
    site.put(virtual_service("shop/leaf", http=[answer(200, "/a/b"), answer(201)]))
    assert statuses(site, "http.80/a.com") == [[200, 201]]
    site.remove(leaf)
    assert site.routes() == {}
    assert site.scopes() == []


def test_a_destination_without_a_port_means_the_only_port_or_that_of_the_server(site: Site) -> None:
    site.put(
        gateway("edge/gw", server_fields(8080, "HTTP")),
        service("shop/one", {"port": 9090, "name": "http"}),
        service("shop/two", {"port": 80, "name": "a"}, {"port": 443, "name": "b"}),
        rules("a", "a.com", {"match": [{"uri": {"prefix": "/1"}}], "route": [to("one")]}, {"route": [to("two")]}),
    )
    assert site.leads_to("http.8080/a.com") == [
        ["outbound|9090||one.shop.svc.cluster.local", "outbound|8080||two.shop.svc.cluster.local"]
    ]
    assert site.clusters() == ["outbound|9090||one.shop.svc.cluster.local"]


def test_an_external_name_stands_for_its_target(site: Site) -> None:
    site.put(
        gateway("edge/gw", server_fields(80, "HTTP")),
        service("shop/alias", {"port": 80, "name": "http"}, type="ExternalName", externalName="api.example.org"),
        rules("a", "a.com", {"route": [to("alias")]}),
    )
    assert site.leads_to("http.80/a.com") == [["outbound|80||api.example.org"]]


def test_match_conditions_on_the_proxy_are_decided_here(site: Site) -> None:
    own, other = {"sourceLabels": {"istio": "ingressgateway"}}, {"sourceLabels": {"istio": "other"}}
    site.put(
        gateway("edge/gw", server_fields(80, "HTTP")),
        rules(
            "a",
            "a.com",
            answer(200, **own),
        ),
        rules("b", "b.com", answer(201, **other)),
        rules("c", "c.com", answer(202, sourceNamespace="edge")),
        rules("d", "d.com", answer(203, sourceNamespace="shop")),
    )
    assert list(site.routes()) == ["http.80/a.com", "http.80/c.com"]


def test_a_gateway_that_goes_takes_its_routes_with_it(site: Site) -> None:
    gw = gateway("edge/gw", server_fields(80, "HTTP"))
    site.put(gw, rules("a", "a.com", answer(200)), rules("b", "*.com", answer(200)))
    site.remove(gw)
    assert site.routes() == {}
    assert site.scopes() == []
    assert site.listeners() == {}
