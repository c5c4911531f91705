"""The interpreter that judges parity cases decides as Envoy does."""

from typing import Any

import pytest
from envoy.config.listener.v3.listener_components_pb2 import FilterChain
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.route.v3.route_components_pb2 import VirtualHost
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpConnectionManager,
)
from envoy.extensions.filters.network.tcp_proxy.v3.tcp_proxy_pb2 import TcpProxy
from envoy.extensions.http.early_header_mutation.header_mutation.v3.header_mutation_pb2 import HeaderMutation
from envoy.extensions.transport_sockets.tls.v3.tls_pb2 import DownstreamTlsContext
from google.protobuf.any_pb2 import Any as Packed
from tests.parity.matcher import Failure, Request, Security, decide, match_chains, match_virtual_host
from tests.parity.snapshot import Snapshot

INSPECTOR = {"name": "envoy.filters.listener.tls_inspector"}


def pack(message: Any) -> Any:
    packed = Packed()
    packed.Pack(message)
    return packed


def http(route_name: str = "http.80") -> Any:
    manager = HttpConnectionManager(rds={"route_config_name": route_name})
    return {"name": "http", "typed_config": pack(manager)}


def scoped(chain: str = "http.80") -> Any:
    header = {"key": "x-scope", "value": f"{chain}|%REQ(:authority)%"}
    mutation = HeaderMutation(mutations=[{"append": {"header": header}}])
    manager = HttpConnectionManager(
        scoped_routes={"name": "scopes"},
        early_header_mutation_extensions=[{"name": "mutation", "typed_config": pack(mutation)}],
    )
    return {"name": "http", "typed_config": pack(manager)}


def tcp(cluster: str) -> Any:
    return {"name": "tcp", "typed_config": pack(TcpProxy(cluster=cluster))}


def tls(*, client_certificate: bool = False) -> Any:
    context = DownstreamTlsContext(require_client_certificate={"value": client_certificate})
    return {"name": "tls", "typed_config": pack(context)}


def listener(*chains: Any, address: str = "0.0.0.0", port: int = 80) -> Any:
    name = f"{address}_{port}"
    bound = {"socket_address": {"address": address, "port_value": port}}
    return Listener(name=name, address=bound, filter_chains=chains, listener_filters=[INSPECTOR])


def host(*domains: str, name: str = "", routes: Any = (), require_tls: str = "NONE") -> Any:
    return VirtualHost(name=name or f"{domains[0]}:80", domains=domains, routes=routes, require_tls=require_tls)


def forward(cluster: str, name: str = "", **match: Any) -> Any:
    return {"name": name, "match": match or {"prefix": "/"}, "route": {"cluster": cluster}}


def snapshot(*listeners: Any, routes: Any = (), scopes: Any = None) -> Snapshot:
    return Snapshot({each.name: each for each in listeners}, scopes or {}, {config.name: config for config in routes})


def config(name: str, *hosts: Any) -> Any:
    return RouteConfiguration(name=name, virtual_hosts=hosts, ignore_port_in_host_matching=True)


def plain(*hosts: Any) -> Snapshot:
    return snapshot(listener({"filters": [http()]}), routes=[config("http.80", *hosts)])


def test_a_port_that_nobody_listens_on_has_no_listener() -> None:
    assert decide(plain(), Request(81, "a.test")).failure is Failure.NO_LISTENER


def test_a_listener_on_the_very_address_comes_before_the_one_on_all() -> None:
    given = snapshot(listener({"filters": [tcp("all")]}), listener({"filters": [tcp("one")]}, address="10.0.0.1"))
    assert decide(given, Request(80, address="10.0.0.1")).cluster == "one"
    assert decide(given, Request(80, address="10.0.0.2")).cluster == "all"


@pytest.mark.parametrize(
    ("sni", "cluster"),
    [
        ("a.b.test", "exact"),
        ("A.B.test", "exact"),
        ("x.b.test", "long"),
        ("x.y.b.test", "long"),
        ("x.test", "short"),
        ("other.example", "any"),
        ("", "any"),
    ],
)
def test_the_most_specific_server_name_wins(sni: str, cluster: str) -> None:
    names = {"exact": ["a.b.test"], "long": ["*.b.test"], "short": ["*.test"], "any": []}
    chains = [{"filter_chain_match": {"server_names": v}, "filters": [tcp(k)]} for k, v in names.items()]
    given = snapshot(listener(*chains))
    assert decide(given, Request(80, protocol="tcp", security=Security.TLS, sni=sni)).cluster == cluster


def test_without_an_inspector_no_server_name_is_seen() -> None:
    chains = [FilterChain(name="named", filter_chain_match={"server_names": ["a.test"]}), FilterChain(name="open")]
    request = Request(80, security=Security.TLS, sni="a.test")
    assert [chain.name for chain in match_chains(chains, request, inspected=False)] == ["open"]
    assert [chain.name for chain in match_chains(chains, request, inspected=True)] == ["named"]


def test_a_chain_for_the_transport_comes_before_one_for_any() -> None:
    chains = [FilterChain(name="tls", filter_chain_match={"transport_protocol": "tls"}), FilterChain(name="open")]
    encrypted, bare = Request(80, security=Security.TLS), Request(80)
    assert [chain.name for chain in match_chains(chains, encrypted, inspected=True)] == ["tls"]
    assert [chain.name for chain in match_chains(chains, bare, inspected=True)] == ["open"]


def test_a_chain_for_the_application_protocol_comes_before_one_for_any() -> None:
    chains = [FilterChain(name="h2", filter_chain_match={"application_protocols": ["h2"]}), FilterChain(name="open")]
    found = [
        [chain.name for chain in match_chains(chains, Request(80, security=Security.TLS, alpn=alpn), inspected=True)]
        for alpn in ("h2", "http/1.1", "")
    ]
    assert found == [["h2"], ["open"], ["open"]]


def test_two_chains_that_fit_equally_are_ambiguous() -> None:
    given = snapshot(listener({"filters": [http()]}, {"filters": [http()]}))
    assert decide(given, Request(80, "a.test")).failure is Failure.MULTIPLE_FILTER_CHAINS


def test_no_chain_fits_a_server_name_that_none_has() -> None:
    chain = {"filter_chain_match": {"server_names": ["a.test"]}, "transport_socket": tls(), "filters": [http()]}
    given = snapshot(listener(chain))
    assert decide(given, Request(80, security=Security.TLS, sni="b.test")).failure is Failure.NO_FILTER_CHAIN
    assert decide(given, Request(80)).failure is Failure.NO_FILTER_CHAIN


@pytest.mark.parametrize(
    ("security", "client_certificate", "failure"),
    [
        (Security.PLAINTEXT, False, Failure.TLS_ERROR),
        (Security.TLS, False, None),
        (Security.TLS, True, Failure.MTLS_ERROR),
        (Security.MTLS, True, None),
    ],
)
def test_a_chain_with_tls_takes_what_it_asks_for(
    security: Security, *, client_certificate: bool, failure: Failure | None
) -> None:
    chain = {"transport_socket": tls(client_certificate=client_certificate), "filters": [tcp("backend")]}
    assert decide(snapshot(listener(chain)), Request(80, security=security)).failure is failure


@pytest.mark.parametrize("request_", [Request(80, security=Security.TLS), Request(80, protocol="tcp")])
def test_a_chain_that_expects_plain_http_cannot_read_anything_else(request_: Request) -> None:
    decision = decide(plain(host("*", routes=[forward("a")])), request_)
    assert (decision.failure, decision.listener) == (Failure.PROTOCOL_ERROR, "0.0.0.0_80")


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("a.b.test", "exact"),
        ("A.b.TEST:8080", "exact"),
        ("x.b.test", "long"),
        ("b.test", "short"),
        ("front.example", "prefix"),
        ("elsewhere", "any"),
    ],
)
def test_the_most_specific_domain_wins(asked: str, name: str) -> None:
    hosts = [
        host("*", name="any"),
        host("front.*", name="prefix"),
        host("*.test", name="short"),
        host("*.b.test", name="long"),
        host("a.b.test", name="exact"),
    ]
    found = match_virtual_host(config("http.80", *hosts), asked)
    assert found is not None
    assert found.name == name


def test_a_host_that_no_domain_covers_has_no_virtual_host() -> None:
    decision = decide(plain(host("a.test")), Request(80, "b.test"))
    assert (decision.failure, decision.route_config) == (Failure.NO_VIRTUAL_HOST, "http.80")
    assert not decision.chain_is_empty


def test_a_chain_without_any_virtual_host_is_told_apart() -> None:
    assert decide(plain(), Request(80, "b.test")).chain_is_empty


def test_a_scope_of_the_host_comes_before_the_one_of_wildcards() -> None:
    routes = [
        config("http.80/a.test", host("a.test", routes=[forward("exact")])),
        config("http.80/*", host("*.test", routes=[forward("wildcard")])),
        config("http.81/b.test", host("b.test", routes=[forward("other chain")])),
    ]
    scopes = {"http.80|a.test": "http.80/a.test", "http.80|*": "http.80/*", "http.81|b.test": "http.81/b.test"}
    given = snapshot(listener({"filters": [scoped()]}), routes=routes, scopes=scopes)
    found = [decide(given, Request(80, asked)) for asked in ("a.test", "A.test:80", "b.test")]
    assert [each.cluster for each in found] == ["exact", "exact", "wildcard"]
    assert {each.route_config for each in found} == {"http.80"}
    assert decide(given, Request(80, "a.example")).failure is Failure.NO_VIRTUAL_HOST


@pytest.mark.parametrize(
    ("match", "path", "matches"),
    [
        ({"path": "/a"}, "/a", True),
        ({"path": "/a"}, "/a/b", False),
        ({"prefix": "/a"}, "/ab", True),
        ({"prefix": "/a"}, "/b", False),
        ({"path_separated_prefix": "/a"}, "/a/b", True),
        ({"safe_regex": {"regex": "b+"}}, "/abbc", True),
        ({"safe_regex": {"regex": "^/b"}}, "/ab", False),
    ],
)
def test_a_route_is_chosen_by_its_path(match: dict[str, Any], path: str, *, matches: bool) -> None:
    given = plain(host("a.test", routes=[forward("found", "named", **match)]))
    decision = decide(given, Request(80, "a.test", path))
    assert decision.failure is (None if matches else Failure.NO_ROUTE)
    assert (decision.route, decision.cluster) == (("named", "found") if matches else ("", ""))


def test_the_first_route_that_matches_is_taken() -> None:
    given = plain(host("a.test", routes=[forward("long", prefix="/a"), forward("short", prefix="/")]))
    assert [decide(given, Request(80, "a.test", path)).cluster for path in ("/a", "/b")] == ["long", "short"]


def test_a_host_that_wants_tls_redirects_plain_requests_whatever_its_routes() -> None:
    decision = decide(plain(host("a.test", require_tls="ALL")), Request(80, "a.test"))
    assert (decision.failure, decision.virtual_host) == (Failure.TLS_REDIRECT, "a.test:80")


def test_hosts_with_the_same_routes_are_alike() -> None:
    same = [forward("one")]
    given = plain(host("a.test", routes=same), host("b.test", routes=same), host("c.test", routes=[forward("two")]))
    assert decide(given, Request(80, "a.test")).alike == {"a.test:80", "b.test:80"}
