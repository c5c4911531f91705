"""Listeners: which chains they have, in which order, and who gets a port that two proxies want."""

from typing import Any

import pytest
from envoy.config.listener.v3.listener_pb2 import Listener as ListenerMessage
from tests.unit.compile.site import EDGE, Site, tcp_proxy
from tests.unit.semantics.objects import (
    gateway,
    rule,
    server_fields,
    service,
    subset,
    to,
    virtual_service,
)

from lateen.compile.names import ListenerKey
from lateen.ir.listener import HttpChain
from lateen.ir.proxy import ProxyId
from lateen.ir.resource import ResourceType
from lateen.model.keys import Key, Kind
from lateen.model.objects import Object
from lateen.model.virtualservice import VirtualServiceSpec
from lateen.semantics.servers import PortRules

SIMPLE: dict[str, Any] = {"tls": {"mode": "SIMPLE", "credentialName": "cert"}}
PASSTHROUGH: dict[str, Any] = {"tls": {"mode": "PASSTHROUGH"}}


@pytest.fixture
def site() -> Site:
    return Site()


def names(site: Site, listener: str) -> list[list[str]]:
    return [list(chain.filter_chain_match.server_names) for chain in site.chains(listener)]


def tcp(path: str, *targets: dict[str, Any], **options: Any) -> Object[VirtualServiceSpec]:
    return virtual_service(path, "*.com", gateways=["infra/gw"], tcp=[{"route": list(targets)}], **options)


def sni(path: str, *hosts: str, created: str = "") -> Object[VirtualServiceSpec]:
    return virtual_service(
        path,
        *hosts,
        gateways=["infra/gw"],
        tls=[{"match": [{"sniHosts": list(hosts)}], "route": [to("db.com", port=443)]}],
        created=created,
    )


def test_plaintext_servers_of_one_port_share_a_chain(site: Site) -> None:
    site.put(gateway("infra/a", server_fields(80, "GRPC-WEB", "a.com")), gateway("infra/b", server_fields(80, "HTTP")))
    (chain,) = site.chains("0.0.0.0_80")
    assert chain.name == "http.80"
    assert not chain.HasField("filter_chain_match")
    assert http_of(site, "0.0.0.0_80").grpc_web


def test_a_tls_server_has_a_chain_for_its_names(site: Site) -> None:
    site.put(
        gateway(
            "infra/gw",
            server_fields(443, "HTTPS", "b.com", "a.com", name="web", **SIMPLE),
            server_fields(443, "HTTPS", "*.org", name="org", **SIMPLE),
        )
    )
    assert names(site, "0.0.0.0_443") == [["a.com", "b.com"], ["*.org"]]
    assert [chain.name for chain in site.chains("0.0.0.0_443")] == [
        "https.443.web.gw.infra",
        "https.443.org.gw.infra",
    ]


def test_tls_for_every_name_and_plaintext_share_a_port(site: Site) -> None:
    site.put(
        gateway("infra/a", server_fields(8443, "HTTPS", "*", **SIMPLE)),
        gateway("infra/b", server_fields(8443, "HTTP", "*")),
    )
    assert [chain.filter_chain_match.transport_protocol for chain in site.chains("0.0.0.0_8443")] == ["tls", ""]


def http_of(site: Site, name: str) -> HttpChain:
    """The HTTP part of a listener's first chain, before it is encoded."""
    chain = site.graph.listeners.listeners.values[ListenerKey(EDGE, name)].chains[0].http
    assert chain is not None
    return chain


def test_statistics_of_a_tls_server_carry_its_name(site: Site) -> None:
    named = {**server_fields(443, "HTTPS", "a.com", **SIMPLE), "name": "mine"}
    site.put(gateway("infra/gw", named, {**server_fields(80, "HTTP"), "name": "unused"}))
    assert http_of(site, "0.0.0.0_443").stat_prefix == "mine"
    assert http_of(site, "0.0.0.0_80").stat_prefix == "outbound_0.0.0.0_80"


def test_a_tcp_server_without_a_route_has_no_listener(site: Site) -> None:
    site.put(gateway("infra/gw", server_fields(9000, "TCP"), server_fields(80, "HTTP")))
    assert list(site.listeners()) == ["0.0.0.0_80"]
    site.put(tcp("team/db", to("db.com", port=5432)))
    assert list(site.listeners()) == ["0.0.0.0_80", "0.0.0.0_9000"]


def test_the_oldest_rule_decides_for_a_tcp_server(site: Site) -> None:
    site.put(
        gateway("infra/gw", server_fields(9000, "TCP")),
        tcp("team/a", to("young.com", port=1), created="2026-01-02T00:00:00Z"),
        tcp("team/b", to("old.com", port=1), created="2026-01-01T00:00:00Z"),
    )
    (chain,) = site.chains("0.0.0.0_9000")
    assert tcp_proxy(chain).cluster == "outbound|1||old.com"
    assert tcp_proxy(chain).stat_prefix == "outbound|1||old.com"


def test_a_rule_that_the_proxy_does_not_see_routes_no_connection(site: Site) -> None:
    site.put(gateway("infra/gw", server_fields(9000, "TCP")), tcp("team/db", to("db.com", port=1), exportTo=["."]))
    assert site.listeners() == {}


def test_weights_split_connections_and_zero_gets_none(site: Site) -> None:
    site.put(
        gateway("infra/gw", server_fields(9000, "TCP")),
        tcp("team/db", to("a.com", 90, port=1), to("b.com", 10, port=1), to("c.com", port=1)),
    )
    proxy = tcp_proxy(site.chains("0.0.0.0_9000")[0])
    assert [(each.name, each.weight) for each in proxy.weighted_clusters.clusters] == [
        ("outbound|1||a.com", 90),
        ("outbound|1||b.com", 10),
    ]
    assert proxy.stat_prefix == "db.team"


def test_timeouts_are_those_of_the_first_destination_whatever_its_weight(site: Site) -> None:
    pool = {"connectionPool": {"tcp": {"idleTimeout": "7s", "maxConnectionDuration": "9s"}}}
    site.put(
        gateway("infra/gw", server_fields(9000, "TCP")),
        service("team/first", {"port": 1, "name": "tcp"}),
        rule("team/first", "first", pool),
        tcp("team/db", to("first", port=1), to("second", 10, port=1)),
    )
    proxy = tcp_proxy(site.chains("0.0.0.0_9000")[0])
    assert (proxy.idle_timeout.seconds, proxy.max_downstream_connection_duration.seconds) == (7, 9)


def test_a_tunnel_and_a_hash_come_from_the_rule_of_the_destination(site: Site) -> None:
    policy = {
        "tunnel": {"targetHost": "far.com", "targetPort": 443},
        "loadBalancer": {"consistentHash": {"useSourceIp": True}},
    }
    site.put(
        gateway("infra/gw", server_fields(9000, "TCP")),
        service("team/db", {"port": 1, "name": "tcp"}),
        rule("team/db", "db", None, subsets=[subset("v1", policy)]),
        tcp("team/db", to("db", port=1, subset="v1")),
    )
    proxy = tcp_proxy(site.chains("0.0.0.0_9000")[0])
    assert proxy.tunneling_config.hostname == "far.com:443"
    assert proxy.hash_policy[0].HasField("source_ip")


def test_a_terminating_tcp_server_matches_its_names(site: Site) -> None:
    site.put(
        gateway("infra/gw", server_fields(443, "TLS", "a.com", **SIMPLE)),
        tcp("team/db", to("db.com", port=1)),
    )
    (chain,) = site.chains("0.0.0.0_443")
    assert list(chain.filter_chain_match.server_names) == ["a.com"]
    assert chain.HasField("transport_socket")


def test_a_pass_through_match_that_repeats_a_name_is_left_out_as_a_whole(site: Site) -> None:
    site.put(
        gateway("infra/gw", server_fields(443, "TLS", "*.com", **PASSTHROUGH)),
        sni("team/a", "a.com", created="2026-01-01T00:00:00Z"),
        sni("team/b", "a.com", "b.com", created="2026-01-02T00:00:00Z"),
        sni("team/c", "b.com", created="2026-01-03T00:00:00Z"),
    )
    assert names(site, "0.0.0.0_443") == [["a.com"], ["b.com"]]
    assert [chain.name for chain in site.chains("0.0.0.0_443")] == ["infra/gw/0/team/a/0/0", "infra/gw/0/team/c/0/0"]


def test_a_server_on_a_unix_socket_listens_there(site: Site) -> None:
    site.put(gateway("infra/gw", server_fields(0, "HTTP", bind="unix:///run/edge.sock")))
    (listener,) = site.listeners().values()
    assert listener.address.pipe.path == "/run/edge.sock"
    assert site.chains(listener.name)[0].name == "http.0.unix:///run/edge.sock"


@pytest.mark.parametrize("mode", ["ISTIO_MUTUAL", "AUTO_PASSTHROUGH"])
def test_a_server_that_needs_certificates_of_a_mesh_is_left_out_alone(site: Site, mode: str) -> None:
    gw = gateway(
        "infra/gw",
        server_fields(443, "TLS", "a.com", tls={"mode": mode}),
        server_fields(443, "HTTPS", "b.com", **SIMPLE),
    )
    site.put(gw, tcp("team/db", to("db.com", port=1)))
    assert names(site, "0.0.0.0_443") == [["b.com"]]
    assert ("LAT0203", "spec.servers[0].tls.mode") in site.said(gw)


def test_where_proxies_share_a_machine_the_oldest_gateway_has_the_port() -> None:
    site = Site(one_host=True)
    old = gateway("infra/old", server_fields(80, "HTTP"), created="2026-01-01T00:00:00Z", app="a")
    young = gateway("infra/young", server_fields(80, "HTTP"), created="2026-01-02T00:00:00Z", app="b")
    site.put(old, young)
    one, other = ProxyId("shared", "app=a"), ProxyId("shared", "app=b")
    assert (list(site.listeners(one)), list(site.listeners(other))) == (["0.0.0.0_80"], [])
    assert site.said(young) == [("LAT0202", "spec.servers[0].port.number")]
    site.remove(old)
    assert list(site.listeners(other)) == ["0.0.0.0_80"]
    assert site.said(young) == []


def test_proxies_on_machines_of_their_own_share_nothing(site: Site) -> None:
    site.put(
        gateway("infra/a", server_fields(80, "HTTP"), app="a"), gateway("infra/b", server_fields(80, "HTTP"), app="b")
    )
    for name in ("app=a", "app=b"):
        assert list(site.listeners(ProxyId("shared", name))) == ["0.0.0.0_80"]


def test_every_gateway_of_a_shared_port_has_a_part_in_its_listener(site: Site) -> None:
    site.put(
        gateway("edge/older", server_fields(80, "HTTP", "a.com")),
        gateway("edge/younger", server_fields(80, "HTTP", "b.com")),
    )
    (listener,) = site.resources(ResourceType.LISTENER).values()
    assert listener.origins == (Key(Kind.GATEWAY, "edge", "older"), Key(Kind.GATEWAY, "edge", "younger"))


@pytest.mark.parametrize(
    ("dual_stack", "bind", "bound"),
    [
        (False, None, ("0.0.0.0", False)),
        (True, None, ("::", True)),
        (True, "0.0.0.0", ("::", True)),
        (True, "10.0.0.1", ("10.0.0.1", False)),
        (False, "::", ("::", False)),
    ],
)
def test_proxies_of_both_families_are_reached_by_both(
    dual_stack: bool,  # noqa: FBT001 - a row of the table
    bind: str | None,
    bound: tuple[str, bool],
) -> None:
    site = Site(ports=PortRules(dual_stack=dual_stack))
    site.put(gateway("infra/gw", server_fields(80, "HTTP", **({"bind": bind} if bind else {}))))
    (encoded,) = site.graph.listeners.encoded.values.values()
    address = ListenerMessage.FromString(encoded.body).address.socket_address
    assert (address.address, address.ipv4_compat) == bound
