"""What a VirtualService may say: a snippet of its spec, and what is found where."""

import pytest
from tests.unit.validation.judging import virtual_service

from lateen.validation.syntax import LABEL_LENGTH

SNI = "outbound_.80_.v1_.cart.shop.global"

TCP = "route: [{destination: {host: db}}]"

HOSTS = [
    ("hosts: [a.example.com, b.example.com]", []),
    ("hosts: ['*.example.com', example.com]", []),
    ("hosts: ['*']", []),
    ("hosts: ['10.0.0.1']", []),
    ("hosts: [cart]", []),
    ("hosts: ['a b']", ["error spec.hosts[0]"]),
    ("hosts: ['a..b']", ["error spec.hosts[0]"]),
    ("hosts: ['a.*.com']", ["error spec.hosts[0]"]),
    ("{hosts: ['*'], gateways: []}", ["error spec.hosts[0]"]),
    ("{hosts: ['*'], gateways: [infra/public, mesh]}", ["error spec.hosts[0]"]),
    ("hosts: [a.example.com, a.example.com]", ["error spec.hosts[1]"]),
    ("hosts: [a.example.com, '*.example.com']", ["error spec.hosts[1]"]),
    ("hosts: ['*.example.com', a.example.com]", ["error spec.hosts[1]"]),
    ("hosts: ['*.com', '*.example.com']", ["error spec.hosts[1]"]),
]

GATEWAYS = [
    ("gateways: [public]", []),
    ("gateways: [mesh]", []),
    ("gateways: [infra/public, mesh]", []),
    ("gateways: [public.infra.svc.cluster.local]", ["warning spec.gateways[0]"]),
    ("gateways: ['pu blic']", ["error spec.gateways[0]"]),
    ("gateways: ['/public']", ["error spec.gateways[0]"]),
    ("gateways: ['infra/']", ["error spec.gateways[0]"]),
    ("gateways: ['./public']", ["error spec.gateways[0]"]),
    ("gateways: ['*/public']", ["error spec.gateways[0]"]),
    ("gateways: [infra/public, 'infra/*']", ["error spec.gateways[1]"]),
    ("gateways: [mesh, 'infra/*', '@']", ["warning spec.gateways[1]", "warning spec.gateways[2]"]),
]

VISIBILITY = [
    ("exportTo: ['*']", []),
    ("exportTo: ['.', infra]", []),
    ("exportTo: ['*', infra]", ["error spec.exportTo"]),
    ("exportTo: ['.', shop]", ["error spec.exportTo[1]"]),
    ("exportTo: ['~']", ["error spec.exportTo[0]"]),
    ("exportTo: ['a b']", ["error spec.exportTo[0]"]),
]

PARTS = [
    ("http: []", ["error spec"]),
    ("{hosts: [], gateways: []}", []),
    ("hosts: []", ["error spec.gateways"]),
    (f"{{hosts: [], gateways: [], tcp: [{{{TCP}}}]}}", ["error spec.tcp"]),
    (
        f"{{hosts: [], gateways: [], tls: [{{match: [{{sniHosts: [a]}}], {TCP}}}]}}",
        ["error spec.tls", "error spec.tls[0].match[0].sniHosts[0]"],
    ),
    (
        "{hosts: [], gateways: [], http: [{delegate: {name: other}}]}",
        ["error spec.http[0]", "error spec.http[0].delegate"],
    ),
    ("http: [{delegate: {name: other}}]", []),
    ("http: [{delegate: {name: other}, redirect: {uri: /}}]", ["error spec.http[0].redirect"]),
    (
        "http: [{delegate: {name: other}, route: [{destination: {host: cart}}]}]",
        ["error spec.http[0].route"],
    ),
    ("http: [null]", ["error spec.http[0]"]),
]

TLS = [
    (f"{{tls: [{{match: [{{sniHosts: [shop.example.com]}}], {TCP}}}]}}", []),
    (f"{{hosts: ['*.example.com'], tls: [{{match: [{{sniHosts: [a.example.com]}}], {TCP}}}]}}", []),
    (f"{{tls: [{{match: [{{sniHosts: [other.com]}}], {TCP}}}]}}", ["error spec.tls[0].match[0].sniHosts[0]"]),
    (f"{{tls: [{{match: [{{sniHosts: ['*.example.com']}}], {TCP}}}]}}", ["error spec.tls[0].match[0].sniHosts[0]"]),
    (f"{{tls: [{{match: [{{sniHosts: ['10.0.0.1']}}], {TCP}}}]}}", ["warning spec.tls[0].match[0].sniHosts[0]"]),
    (f"{{tls: [{{match: [{{sniHosts: ['::1']}}], {TCP}}}]}}", ["warning spec.tls[0].match[0].sniHosts[0]"]),
    (f"{{tls: [{{match: [{{port: 443}}], {TCP}}}]}}", ["error spec.tls[0].match[0].sniHosts"]),
    (f"{{tls: [{{{TCP}}}]}}", ["error spec.tls[0].match"]),
    ("{tls: [{match: [{sniHosts: [shop.example.com]}]}]}", ["error spec.tls[0].route"]),
    (
        f"{{hosts: [{SNI}], tls: [{{match: [{{sniHosts: [{SNI}]}}], {TCP}}}]}}",
        [],
    ),
    (f"hosts: [{SNI}]", ["error spec.hosts[0]"]),
]

TCP_MATCHES = [
    ("port: 3306", []),
    ("port: 70000", ["error port"]),
    ("{gateways: [mesh], destinationSubnets: [10.0.0.0/8, 10.0.0.1]}", []),
    ("{gateways: [mesh], destinationSubnets: [10.0.0.0/33]}", ["error destinationSubnets[0]"]),
    ("{gateways: [mesh], sourceLabels: {app: web}}", []),
    ("{gateways: [mesh], sourceLabels: {'a b': web}}", ["error sourceLabels.a b"]),
    ("gateways: ['infra/*']", ["error gateways[0]"]),
    ("sourceSubnet: 10.0.0.0/8", ["warning sourceSubnet"]),
    ("destinationSubnets: [10.0.0.0/8]", ["warning destinationSubnets"]),
    ("sourceLabels: {app: web}", ["warning sourceLabels"]),
    ("sourceNamespace: web", ["warning sourceNamespace"]),
]

TCP_RULES = [
    ("tcp: [{match: [{port: 1}]}]", ["error spec.tcp[0].route"]),
    ("tcp: [{route: [{destination: {host: '*'}}]}]", ["error spec.tcp[0].route[0].destination.host"]),
    ("tcp: [{route: [{destination: {host: a}}, {destination: {host: b}}]}]", ["error spec.tcp[0].route"]),
    ("tcp: [{route: [{destination: {host: a}, weight: -1}]}]", ["error spec.tcp[0].route[0].weight"]),
    ("tcp: [{match: [null], route: [{destination: {host: a}}]}]", ["error spec.tcp[0].match[0]"]),
]


@pytest.mark.parametrize(("snippet", "expected"), HOSTS)
def test_hosts_are_domains_that_do_not_overlap(snippet: str, expected: list[str]) -> None:
    assert virtual_service(snippet) == expected


@pytest.mark.parametrize(("snippet", "expected"), GATEWAYS)
def test_gateways_are_named_by_name_or_namespace_and_name(snippet: str, expected: list[str]) -> None:
    assert virtual_service(snippet) == expected


@pytest.mark.parametrize(("snippet", "expected"), VISIBILITY)
def test_visibility_is_all_or_a_list_of_namespaces(snippet: str, expected: list[str]) -> None:
    assert virtual_service(snippet) == expected


@pytest.mark.parametrize(("snippet", "expected"), PARTS)
def test_a_virtual_service_has_rules_and_only_roots_delegate(snippet: str, expected: list[str]) -> None:
    assert virtual_service(snippet) == expected


@pytest.mark.parametrize(("snippet", "expected"), TLS)
def test_tls_rules_match_server_names_of_the_virtual_service(snippet: str, expected: list[str]) -> None:
    assert virtual_service(snippet) == expected


@pytest.mark.parametrize(("match", "expected"), TCP_MATCHES)
def test_tcp_matches_are_checked_and_say_what_a_gateway_ignores(match: str, expected: list[str]) -> None:
    block = match if match.startswith("{") else f"{{{match}}}"
    found = virtual_service(f"tcp: [{{match: [{block}], {TCP}}}]")
    assert [finding.replace("spec.tcp[0].match[0].", "") for finding in found] == expected


@pytest.mark.parametrize(("snippet", "expected"), TCP_RULES)
def test_tcp_rules_have_destinations_with_weights(snippet: str, expected: list[str]) -> None:
    assert virtual_service(snippet) == expected


def test_a_label_of_a_host_is_limited_in_length() -> None:
    assert virtual_service(f"hosts: [{'a' * LABEL_LENGTH}.com]") == []
    assert virtual_service(f"hosts: [{'a' * (LABEL_LENGTH + 1)}.com]") == ["error spec.hosts[0]"]
