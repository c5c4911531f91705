"""Merging Gateways: which servers share a port, which are refused, and what their routes are called."""

from typing import Any

import pytest
from tests.unit.semantics.objects import gateway, proxy, server, server_fields

from lateen.ir.listener import RouteLayout
from lateen.ir.proxy import PortTarget, Proxy, ProxyId
from lateen.model.keys import Key, Kind
from lateen.model.objects import Object
from lateen.semantics.servers import (
    MergedServers,
    PlacedServer,
    PortRules,
    bound_port,
    chain_name,
    choose_layout,
    merge_servers,
    terminates_tls,
)

EDGE = proxy()
PLAIN = PortRules()
SIMPLE: dict[str, Any] = {"tls": {"mode": "SIMPLE", "credentialName": "cert"}}
PASSTHROUGH: dict[str, Any] = {"tls": {"mode": "PASSTHROUGH"}}
REDIRECT: dict[str, Any] = {"tls": {"httpsRedirect": True}}
REFUSED = "refused"
SHARED = "shared"


def merge(*gateways: Object[Any], rules: PortRules = PLAIN) -> MergedServers:
    return merge_servers(EDGE, gateways, rules)


def older_and_younger(older: dict[str, Any], younger: dict[str, Any]) -> MergedServers:
    return merge(
        gateway("infra/z", older, created="2026-01-01T00:00:00Z"),
        gateway("infra/a", younger, created="2026-01-02T00:00:00Z"),
    )


def http(number: int = 80, *hosts: str, **options: Any) -> dict[str, Any]:
    return server_fields(number, "HTTP", *hosts, **options)


def https(*hosts: str, number: int = 443, **options: Any) -> dict[str, Any]:
    return server_fields(number, "HTTPS", *hosts, **{**SIMPLE, **options})


def tcp(number: int = 80, **options: Any) -> dict[str, Any]:
    return server_fields(number, "TCP", **options)


def passthrough(*hosts: str, number: int = 443) -> dict[str, Any]:
    return server_fields(number, "TLS", *hosts, **PASSTHROUGH)


@pytest.mark.parametrize(
    ("older", "younger", "outcome"),
    [
        (http(), server_fields(80, "GRPC"), SHARED),
        (http(), server_fields(80, "HTTP2", name="h2"), SHARED),
        (http(), tcp(), REFUSED),
        (tcp(), http(), REFUSED),
        (tcp(), tcp(name="other"), REFUSED),
        (http(443), https("a.com"), REFUSED),
        (https("a.com"), http(443), SHARED),
        (passthrough("a.com"), tcp(443), SHARED),
        (tcp(443), passthrough("a.com"), REFUSED),
        (https("a.com"), https("b.com"), SHARED),
        (https("a.com"), passthrough("b.com"), SHARED),
        (https("*.a.com"), https("b.a.com"), SHARED),
        (https("a.com"), https("a.com"), REFUSED),
        (https("ns1/*"), https("ns2/*"), REFUSED),
        (https("b.com", "a.com"), https("a.com", "c.com"), REFUSED),
        (https("a.com"), passthrough("a.com"), REFUSED),
        (http(80, "a.com", **REDIRECT), http(80, "a.com", **REDIRECT), REFUSED),
        (http(80, "ns1/a.com", **REDIRECT), http(80, "ns2/a.com", **REDIRECT), SHARED),
        (http(80, "a.com"), http(80, "a.com", **REDIRECT), SHARED),
    ],
)
def test_a_younger_server_shares_the_port_or_is_refused_as_a_whole(
    older: dict[str, Any], younger: dict[str, Any], outcome: str
) -> None:
    merged = older_and_younger(older, younger)
    assert merged.servers[0].gateway.name == "z"
    refused = [(each.gateway.name, each.index) for each in merged.refused]
    assert (len(merged.servers), refused) == ((2, []) if outcome == SHARED else (1, [("a", 0)]))


def test_servers_that_bind_different_addresses_do_not_meet() -> None:
    merged = older_and_younger(http(80, bind="10.0.0.1"), tcp(80, bind="10.0.0.2"))
    assert [each.listener for each in merged.servers] == ["10.0.0.1_80", "10.0.0.2_80"]
    merged = older_and_younger(https("a.com", bind="10.0.0.1"), https("a.com", bind="10.0.0.2"))
    assert merged.refused == ()


def test_an_address_that_is_written_out_is_the_one_bound_anyway() -> None:
    merged = older_and_younger(http(), http(80, bind="0.0.0.0"))
    assert {(each.listener, each.chain) for each in merged.servers} == {("0.0.0.0_80", "http.80")}
    merged = older_and_younger(http(80, bind="0.0.0.0"), http())
    assert {each.chain for each in merged.servers} == {"http.80.0.0.0.0"}


def test_a_refused_server_still_holds_its_hosts() -> None:
    merged = merge(
        gateway("infra/a", http(443), https("a.com")),
        gateway("infra/b", http(443, "a.com", **REDIRECT)),
    )
    assert [(each.gateway.name, each.index) for each in merged.refused] == [("a", 1), ("b", 0)]
    assert "host 'a.com' on port 443 already belongs to Gateway infra/a" in merged.refused[1].reason


def test_a_refusal_says_who_has_the_port() -> None:
    (refusal,) = older_and_younger(http(), tcp()).refused
    assert refusal.reason == "port 80 already serves HTTP for an older server, which TCP cannot share"


def test_a_refusal_names_the_port_as_it_was_written_and_as_it_is_bound() -> None:
    rules = PortRules(shift=10_000, reserved=frozenset({10_081}))
    merged = merge(gateway("infra/a", http(), tcp(), https("a.com"), https("a.com", name="b"), http(81)), rules=rules)
    assert [each.reason for each in merged.refused] == [
        "port 80 (10080 at the proxy) already serves HTTP for an older server, which TCP cannot share",
        "host 'a.com' on port 443 (10443 at the proxy) already belongs to Gateway infra/a",
        "port 81 (10081 at the proxy) is the proxy's own",
    ]


def test_two_https_servers_of_one_gateway_need_different_port_names() -> None:
    merged = merge(gateway("infra/a", https("a.com", name="same"), https("b.com", name="same")))
    assert [each.reason for each in merged.refused] == [
        "an older server already uses the port name 'same' on port 443",
    ]


def test_gateways_are_merged_by_age_then_name_then_namespace() -> None:
    merged = merge(
        gateway("x/b", http()),
        gateway("y/a", http()),
        gateway("x/a", http()),
        gateway("x/c", http(), http(name="second"), created="2026-01-01T00:00:00Z"),
        gateway("x/old", http(), created="2025-01-01T00:00:00Z"),
    )
    assert [(f"{each.gateway.namespace}/{each.gateway.name}", each.index) for each in merged.servers] == [
        ("x/a", 0),
        ("y/a", 0),
        ("x/b", 0),
        ("x/old", 0),
        ("x/c", 0),
        ("x/c", 1),
    ]
    assert merged.servers == tuple(sorted(merged.servers, key=lambda each: each.order))


def test_a_service_translates_the_port_and_the_first_one_counts() -> None:
    behind = Proxy(ProxyId("edge", "x"), {}, "edge", (PortTarget(80, 8080), PortTarget(80, 9090), PortTarget(443, 443)))
    assert bound_port(80, behind, PortRules(shift=10_000)) == 8080
    assert bound_port(443, behind, PortRules(shift=10_000)) == 443
    assert bound_port(8443, behind, PLAIN) == 8443


@pytest.mark.parametrize(("number", "bound"), [(0, 0), (1, 10_001), (1023, 11_023), (1024, 1024), (8080, 8080)])
def test_privileged_ports_move_where_the_proxy_may_not_bind_them(number: int, bound: int) -> None:
    assert bound_port(number, EDGE, PortRules(shift=10_000)) == bound


def test_two_ports_that_lead_to_one_are_one_listener() -> None:
    behind = Proxy(ProxyId("edge", "x"), {}, "edge", (PortTarget(80, 8080),))
    merged = merge_servers(behind, [gateway("infra/a", http(80), http(8080))], PLAIN)
    assert [(each.listener, each.chain, each.server.port.number) for each in merged.servers] == [
        ("0.0.0.0_8080", "http.8080", 80),
        ("0.0.0.0_8080", "http.8080", 8080),
    ]


@pytest.mark.parametrize(
    ("fields", "port", "name"),
    [
        (http(80), 8080, "http.8080"),
        (server_fields(80, "grpc-web"), 80, "http.80"),
        (http(80, bind="10.0.0.1"), 8080, "http.8080.10.0.0.1"),
        (https("a.com", name="web"), 8443, "https.443.web.gw.infra"),
        (https("a.com", name="web", bind="10.0.0.1"), 8443, "https.443.web.gw.infra.10.0.0.1"),
        (server_fields(443, "HTTPS", **PASSTHROUGH), 443, ""),
        (server_fields(443, "TLS", **SIMPLE), 443, ""),
        (tcp(), 80, ""),
    ],
)
def test_route_configurations_are_named_after_the_bound_port_or_the_server(
    fields: dict[str, Any], port: int, name: str
) -> None:
    merged = merge_servers(
        Proxy(ProxyId("edge", "x"), {}, "edge", (PortTarget(fields["port"]["number"], port),)),
        [gateway("infra/gw", fields)],
        PLAIN,
    )
    (placed,) = merged.servers
    assert (placed.chain, placed.is_http) == (name, bool(name))
    assert chain_name(placed.server, placed.protocol, Key(Kind.GATEWAY, "infra", "gw"), port) == name


@pytest.mark.parametrize(
    ("protocol", "options", "terminates", "encrypted"),
    [
        ("HTTPS", SIMPLE, True, True),
        ("TLS", SIMPLE, True, True),
        ("TLS", PASSTHROUGH, False, True),
        ("HTTP", REDIRECT, False, False),
        ("TCP", {}, False, False),
    ],
)
def test_what_ends_tls_and_what_passes_it_on(
    protocol: str, options: dict[str, Any], *, terminates: bool, encrypted: bool
) -> None:
    (placed,) = merge(gateway("infra/gw", server_fields(443, protocol, **options))).servers
    assert (placed.terminates_tls, placed.is_encrypted) == (terminates, encrypted)
    assert terminates_tls(placed.server, protocol) is terminates


@pytest.mark.parametrize(("options", "redirects"), [({}, False), (REDIRECT, True), (PASSTHROUGH, False)])
def test_only_the_redirect_setting_redirects(options: dict[str, Any], *, redirects: bool) -> None:
    (placed,) = merge(gateway("infra/gw", http(80, **options))).servers
    assert placed.redirects is redirects


@pytest.mark.parametrize(
    ("protocol", "hosts", "layout"),
    [
        ("HTTP", ["a.com"], RouteLayout.SCOPED),
        ("GRPC", ["*"], RouteLayout.SCOPED),
        ("HTTPS", ["a.com", "team/b.com"], RouteLayout.SINGLE),
        ("HTTPS", ["a.com", "*.b.com"], RouteLayout.SCOPED),
        ("HTTPS", ["team/*"], RouteLayout.SCOPED),
    ],
)
def test_only_a_tls_server_that_names_all_its_hosts_has_one_route_configuration(
    protocol: str, hosts: list[str], layout: RouteLayout
) -> None:
    assert choose_layout(protocol, hosts) is layout


def placed_tls(*hosts: str) -> PlacedServer:
    (placed,) = merge(gateway("infra/gw", https(*hosts))).servers
    return placed


def test_server_names_are_sorted_once_each_and_without_namespaces() -> None:
    assert placed_tls("ns2/b.com", "ns1/b.com", "./a.com").server_names == ("a.com", "b.com")


def test_a_server_for_every_host_asks_for_no_server_name() -> None:
    assert placed_tls("a.com", "*").server_names == ()
    assert placed_tls("ns1/*").server_names == ()


@pytest.mark.parametrize(
    ("bind", "pipe"), [("unix:///run/edge.sock", "/run/edge.sock"), ("unix://@edge", "@edge"), ("10.0.0.1", "")]
)
def test_a_server_may_listen_on_a_unix_socket(bind: str, pipe: str) -> None:
    (placed,) = merge(gateway("infra/gw", http(0, bind=bind))).servers
    assert placed.pipe == pipe


def test_a_placed_server_knows_where_it_stands() -> None:
    (placed,) = merge(gateway("infra/gw", http(80, "./a.com")), rules=PortRules("127.0.0.1", 10_000)).servers
    assert (placed.proxy, placed.listener, placed.port, placed.index) == (EDGE.id, "127.0.0.1_10080", 10_080, 0)
    assert placed.hosts == ("infra/a.com",)
    assert placed.server == server(80, "HTTP", "./a.com")


DUAL = PortRules(dual_stack=True)


@pytest.mark.parametrize("bind", ["0.0.0.0", "::", "0:0:0:0:0:0:0:0"])
def test_all_addresses_are_one_where_proxies_have_both_families(bind: str) -> None:
    merged = merge(gateway("infra/gw", http(80, "a.com"), http(80, "b.com", bind=bind)), rules=DUAL)
    assert [placed.listener for placed in merged.servers] == ["0.0.0.0_80", "0.0.0.0_80"]
    assert len({placed.chain for placed in merged.servers}) == 1


@pytest.mark.parametrize("bind", ["10.0.0.1", "fd00::1", "unix:///run/edge.sock"])
def test_one_address_is_that_address_whatever_families_there_are(bind: str) -> None:
    (placed,) = merge(gateway("infra/gw", http(80, bind=bind)), rules=DUAL).servers
    assert placed.address == bind
