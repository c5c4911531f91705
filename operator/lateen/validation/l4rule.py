"""Rules for the TLS and TCP rules of a VirtualService (istio-semantics §1.2.11)."""

import re
from collections.abc import Sequence
from typing import Final

from lateen.model.hosts import is_ip_address, subset_of
from lateen.model.matching import L4Match, TlsMatch
from lateen.model.objects import Problem
from lateen.model.virtualservice import TcpRule, TlsRule, VirtualServiceSpec
from lateen.validation.binding import MESH, check_gateway_names, holds_on_mesh
from lateen.validation.report import Report
from lateen.validation.syntax import check_ip_subnet, check_labels, check_port, check_wildcard_domain
from lateen.validation.weights import check_shares

_SNI_OF_CLUSTER: Final = re.compile(r"outbound_\.[0-9]+_\.[A-Za-z0-9_-]*_\.(?P<host>.+)")


def check_sni_domain(host: str) -> tuple[Problem, ...]:
    """A host, or the server name of a cluster: `outbound_.<port>_.<subset>_.<host>`."""
    found = _SNI_OF_CLUSTER.fullmatch(host)
    return check_wildcard_domain(found["host"] if found else host)


def check_tls_rule(rule: TlsRule, spec: VirtualServiceSpec) -> Report:
    """Server names that the VirtualService covers, and destinations."""
    report = Report()
    if not rule.match:
        report.error("a TLS rule needs a match with server names", "match")
    for index, match in enumerate(rule.match):
        report.include(_check_tls_match(match, spec), "match", index)
    if not rule.route:
        report.error("a TLS rule needs a destination", "route")
    report.include(check_shares(rule.route), "route")
    return report


def _check_tls_match(match: TlsMatch, spec: VirtualServiceSpec) -> Report:
    report = Report()
    if not match.sni_hosts:
        report.error("a TLS match needs a server name", "sniHosts")
    for index, host in enumerate(match.sni_hosts):
        report.include(_check_sni_host(host, spec), "sniHosts", index)
    _check_connection(match, spec.gateways, report)
    return report


def _check_sni_host(host: str, spec: VirtualServiceSpec) -> Report:
    report = Report()
    wrong = check_wildcard_domain(host) if MESH in spec.gateways else check_sni_domain(host)
    if wrong and is_ip_address(host):
        report.warn(f"{host} is an IP address; clients send no server name for those")
    elif wrong:
        report.extend(wrong)
    elif not any(subset_of(host, outer) for outer in spec.hosts):
        report.error(f"{host!r} lies under none of the hosts {', '.join(spec.hosts) or '(there are none)'}")
    return report


def check_tcp_rule(rule: TcpRule, spec: VirtualServiceSpec) -> Report:
    """Conditions and destinations of a TCP rule."""
    report = Report()
    for index, match in enumerate(rule.match):
        connection = Report()
        _check_connection(match, spec.gateways, connection)
        report.include(connection, "match", index)
    if not rule.route:
        report.error("a TCP rule needs a destination", "route")
    report.include(check_shares(rule.route), "route")
    return report


def _check_connection(match: TlsMatch | L4Match, gateways: Sequence[str], report: Report) -> None:
    """What TLS and TCP matches have in common."""
    for index, subnet in enumerate(match.destination_subnets):
        report.include(check_ip_subnet(subnet), "destinationSubnets", index)
    if match.port:
        report.include(check_port(match.port), "port")
    report.include(check_labels(match.source_labels), "sourceLabels")
    if match.gateways:
        report.include(check_gateway_names(match.gateways), "gateways")
    if match.source_subnet:
        report.warn("sourceSubnet has no effect", "sourceSubnet")
    if holds_on_mesh(match.gateways or gateways):
        return
    for field, given in (
        ("destinationSubnets", match.destination_subnets),
        ("sourceLabels", match.source_labels),
        ("sourceNamespace", match.source_namespace),
    ):
        if given:
            report.warn(f"{field} has no effect at a gateway", field)
