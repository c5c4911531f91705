"""Rules for VirtualServices (istio-semantics §1.2, §4.1, §4.3).

What one object says by itself; whether gateways, destinations and delegates exist shows
when objects are put together.
"""

from collections.abc import Iterator, Sequence

from lateen.model.hosts import is_ip_address, is_wildcard, matches
from lateen.model.objects import Object, Problem
from lateen.model.virtualservice import VirtualServiceSpec
from lateen.validation.binding import check_gateway_names, holds_on_mesh
from lateen.validation.httprule import check_http_rule
from lateen.validation.l4rule import check_sni_domain, check_tcp_rule, check_tls_rule
from lateen.validation.reachability import check_http_reachability, check_l4_reachability
from lateen.validation.report import Report
from lateen.validation.syntax import check_export_to, check_wildcard_domain, under


def check_virtual_service(obj: Object[VirtualServiceSpec]) -> Iterator[Problem]:
    """Yield every problem of one VirtualService, with paths that start at `spec`."""
    spec = obj.spec
    report = Report()
    on_mesh = holds_on_mesh(spec.gateways)
    _check_top_level(spec, on_mesh=on_mesh, report=report)
    if spec.export_to:
        report.include(check_export_to(spec.export_to, obj.key.namespace), "exportTo")
    for index, http in enumerate(spec.http):
        report.include(check_http_rule(http, is_delegate=not spec.hosts, on_mesh=on_mesh), "http", index)
    for index, tls in enumerate(spec.tls):
        report.include(check_tls_rule(tls, spec), "tls", index)
    for index, tcp in enumerate(spec.tcp):
        report.include(check_tcp_rule(tcp, spec), "tcp", index)
    report.include(check_http_reachability(spec.http), "http")
    report.include(check_l4_reachability(spec.tls), "tls")
    report.include(check_l4_reachability(spec.tcp), "tcp")
    yield from under(report, "spec")


def _check_top_level(spec: VirtualServiceSpec, *, on_mesh: bool, report: Report) -> None:
    if not spec.hosts:
        for field, given in (("gateways", spec.gateways), ("tls", spec.tls), ("tcp", spec.tcp)):
            if given:
                report.error(f"a VirtualService without hosts is for others to delegate to and has no {field}", field)
    if not (spec.http or spec.tls or spec.tcp):
        report.error("http, tls or tcp is needed")
    if spec.gateways:
        report.include(check_gateway_names(spec.gateways), "gateways")
    report.include(_check_hosts(spec, on_mesh=on_mesh), "hosts")


def _check_hosts(spec: VirtualServiceSpec, *, on_mesh: bool) -> Report:
    """Each host by itself, then all of them together."""
    report = Report()
    by_server_name = not on_mesh and any(match.sni_hosts for rule in spec.tls for match in rule.match)
    for index, host in enumerate(spec.hosts):
        wrong = check_sni_domain(host) if by_server_name else check_wildcard_domain(host)
        if wrong and not is_ip_address(host):
            report.include(wrong, index)
        elif host == "*" and on_mesh:
            report.error("'*' is possible only at gateways, and these rules hold for the mesh too", index)
    if not report and len(spec.hosts) > 1:
        _check_overlap(spec.hosts, report)
    return report


def _check_overlap(hosts: Sequence[str], report: Report) -> None:
    """No two hosts may cover the same name. Wildcards are compared with everything, plain names only looked up."""
    seen: dict[str, int] = {}
    wildcards: list[str] = []
    for index, host in enumerate(hosts):
        rivals = seen if is_wildcard(host) else wildcards
        rival = host if host in seen else next((other for other in rivals if matches(host, other)), None)
        if rival is not None:
            report.error(f"{host!r} overlaps with {rival!r}", index)
        seen.setdefault(host, index)
        if is_wildcard(host):
            wildcards.append(host)
