"""Which blocks of which VirtualServices a TCP or pass-through server uses."""

from typing import Any

import pytest
from tests.unit.semantics.objects import gateway, proxy, server_fields, to, virtual_service

from lateen.model.objects import Object
from lateen.model.virtualservice import VirtualServiceSpec
from lateen.semantics.l4 import L4Route, l4_routes, routes_by_sni
from lateen.semantics.servers import PlacedServer, PortRules, merge_servers

TERMINATING: dict[str, Any] = {"tls": {"mode": "SIMPLE", "credentialName": "cert"}}
PASSTHROUGH: dict[str, Any] = {"tls": {"mode": "PASSTHROUGH"}}


def placed(protocol: str, *hosts: str, number: int = 443, **options: Any) -> PlacedServer:
    servers = [gateway("infra/gw", server_fields(number, protocol, *hosts, **options))]
    (found,) = merge_servers(proxy(), servers, PortRules()).servers
    return found


def tcp(name: str, *blocks: dict[str, Any], hosts: tuple[str, ...] = ("db.com",)) -> Object[VirtualServiceSpec]:
    return virtual_service(f"team/{name}", *hosts, gateways=["infra/gw"], tcp=list(blocks))


def block(host: str, *matches: dict[str, Any]) -> dict[str, Any]:
    return {"match": list(matches), "route": [to(host)]}


def sni(name: str, *entries: tuple[str, ...], hosts: tuple[str, ...] = ("*.foo.com",)) -> Object[VirtualServiceSpec]:
    blocks = [{"match": [{"sniHosts": list(names)}], "route": [to(f"{name}-{n}")]} for n, names in enumerate(entries)]
    return virtual_service(f"team/{name}", *hosts, gateways=["infra/gw"], tls=blocks)


def found(server: PlacedServer, *rules: Object[VirtualServiceSpec]) -> list[str]:
    return [route.route[0].destination.host for route in chains(server, *rules)]


def chains(server: PlacedServer, *rules: Object[VirtualServiceSpec]) -> tuple[L4Route, ...]:
    return l4_routes(server, rules, [rule.spec.hosts for rule in rules])


def test_only_pass_through_is_routed_by_server_name() -> None:
    assert routes_by_sni(placed("TLS", **PASSTHROUGH))
    assert routes_by_sni(placed("HTTPS", **PASSTHROUGH))
    assert not routes_by_sni(placed("TLS", **TERMINATING))
    assert not routes_by_sni(placed("TCP"))


@pytest.mark.parametrize("server", [placed("TCP"), placed("TLS", **TERMINATING)])
def test_a_tcp_server_uses_the_first_block_of_the_first_rule_only(server: PlacedServer) -> None:
    older = tcp("older", block("first"), block("second"))
    assert found(server, older, tcp("younger", block("third"))) == ["first"]


@pytest.mark.parametrize(
    ("match", "holds"),
    [
        ({}, True),
        ({"port": 443}, True),
        ({"port": 8443}, False),
        ({"gateways": ["infra/gw"]}, True),
        ({"gateways": ["gw.infra"]}, True),
        ({"gateways": ["gw"]}, False),
        ({"gateways": ["mesh"]}, False),
        ({"destinationSubnets": ["10.0.0.0/8"], "sourceLabels": {"app": "x"}, "sourceNamespace": "x"}, True),
        ({"port": 8443, "gateways": ["infra/gw"]}, False),
    ],
)
def test_port_and_gateway_decide_and_nothing_else_does(match: dict[str, Any], *, holds: bool) -> None:
    rule = tcp("rule", block("conditional", match), block("otherwise"))
    assert found(placed("TCP"), rule) == ["conditional" if holds else "otherwise"]


def test_one_of_several_matches_is_enough() -> None:
    assert found(placed("TCP"), tcp("rule", block("here", {"port": 1}, {"port": 443}))) == ["here"]


def test_a_server_without_a_fitting_block_has_no_chain() -> None:
    assert chains(placed("TCP"), tcp("rule", block("elsewhere", {"port": 1}))) == ()
    assert chains(placed("TCP")) == ()


@pytest.mark.parametrize(
    ("server", "rule", "attached"),
    [
        ("*", "db.com", True),
        ("db.com", "db.com", True),
        ("*.foo.com", "a.foo.com", True),
        ("a.foo.com", "*.foo.com", True),
        ("a.com", "b.com", False),
        ("team/db.com", "db.com", True),
        ("infra/db.com", "db.com", False),
    ],
)
def test_a_rule_attaches_where_a_host_is_open_to_it(server: str, rule: str, *, attached: bool) -> None:
    assert bool(found(placed("TCP", server), tcp("rule", block("x"), hosts=(rule,)))) is attached


def test_a_pass_through_server_has_a_chain_for_each_match_of_each_rule() -> None:
    server = placed("TLS", "*.foo.com", **PASSTHROUGH)
    one, two = sni("one", ("b.foo.com", "a.foo.com", "b.foo.com"), ("c.foo.com",)), sni("two", ("d.foo.com",))
    assert [(route.rule.key.name, route.server_names, route.index) for route in chains(server, one, two)] == [
        ("one", ("a.foo.com", "b.foo.com"), (0, 0)),
        ("one", ("c.foo.com",), (1, 0)),
        ("two", ("d.foo.com",), (0, 0)),
    ]


def test_server_names_are_those_of_the_rule_even_where_the_server_is_narrower() -> None:
    server = placed("TLS", "1.foo.com", **PASSTHROUGH)
    assert [route.server_names for route in chains(server, sni("rule", ("*.foo.com",)))] == [("*.foo.com",)]


def test_the_name_of_everything_is_no_name() -> None:
    server = placed("TLS", "*", **PASSTHROUGH)
    assert [route.server_names for route in chains(server, sni("rule", ("*",), hosts=("*",)))] == [()]


def test_a_pass_through_match_for_another_port_makes_no_chain() -> None:
    rule = virtual_service(
        "team/rule", "a.com", tls=[{"match": [{"sniHosts": ["a.com"], "port": 8443}], "route": [to("x")]}]
    )
    assert chains(placed("TLS", **PASSTHROUGH), rule) == ()
    assert len(chains(placed("TLS", number=8443, **PASSTHROUGH), rule)) == 1
