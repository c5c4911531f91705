"""Rules for ServiceEntries (istio-semantics §1.4, §4.5)."""

from collections.abc import Iterator, Sized
from typing import Final

from lateen.model.hosts import MATCH_ALL, is_wildcard
from lateen.model.objects import Object, Problem
from lateen.model.protocols import Protocol, parse_protocol
from lateen.model.serviceentry import Location, Resolution, ServiceEntryPort, ServiceEntrySpec
from lateen.validation.hostnames import check_whole_wildcard
from lateen.validation.syntax import (
    check_dns_label,
    check_export_to,
    check_fqdn,
    check_ip_subnet,
    check_port,
    check_selector,
    check_wildcard_domain,
    problem,
    under,
    warning,
)
from lateen.validation.workloadentry import check_resolved_endpoint, check_static_endpoint

MOST: Final = {"hosts": 256, "addresses": 256, "ports": 256, "endpoints": 4096}
"""How many entries the lists may have."""

ADDRESS_LENGTH: Final = 64
AUTO_ADDRESS_LABEL: Final = "networking.istio.io/enable-autoallocate-ip"
WAYPOINT_LABEL: Final = "istio.io/use-waypoint"

_BY_REQUEST: Final = frozenset({Protocol.HTTP, Protocol.HTTP2, Protocol.GRPC, Protocol.TLS})
_KEEPS_SUBNETS: Final = frozenset({Resolution.NONE, Resolution.STATIC})


def check_service_entry(entry: Object[ServiceEntrySpec]) -> Iterator[Problem]:
    """Check a whole ServiceEntry; paths start at the object."""
    spec = entry.spec
    yield from under(_check_hosts(spec), "spec")
    yield from under(_check_addresses(spec), "spec")
    yield from under(_check_ports(spec), "spec")
    yield from under(_check_selector(spec), "spec")
    yield from under(_check_sizes(spec), "spec")
    match spec.resolution:
        case Resolution.NONE:
            yield from under(_check_unresolved(spec), "spec")
        case Resolution.STATIC:
            names = [port.name for port in spec.ports]
            for index, endpoint in enumerate(spec.endpoints):
                yield from under(check_static_endpoint(endpoint, names), "spec", "endpoints", index)
        case Resolution.DNS | Resolution.DNS_ROUND_ROBIN:
            yield from under(_check_resolved(spec), "spec")
        case Resolution.DYNAMIC_DNS:
            yield from under(_check_resolved_by_request(entry), "spec")
    yield from under(_check_tellable(entry), "spec")
    yield from under(check_export_to(spec.export_to, entry.key.namespace, may_hide=True), "spec", "exportTo")


def _check_hosts(spec: ServiceEntrySpec) -> Iterator[Problem]:
    if not spec.hosts:
        yield from problem("at least one host is required", "hosts")
    for index, host in enumerate(spec.hosts):
        if host == MATCH_ALL:
            yield from problem("'*' alone is no host of a service", "hosts", index)
            continue
        yield from under(check_wildcard_domain(host), "hosts", index)
        if check_whole_wildcard(host) and spec.resolution is not Resolution.DYNAMIC_DNS:
            yield from warning(f"{host!r}: TLS connections can only be matched by whole labels", "hosts", index)


def _check_addresses(spec: ServiceEntrySpec) -> Iterator[Problem]:
    for index, address in enumerate(spec.addresses):
        if len(address) > ADDRESS_LENGTH:
            yield from problem(f"an address has at most {ADDRESS_LENGTH} characters", "addresses", index)
        yield from under(check_ip_subnet(address), "addresses", index)
        if "/" in address and spec.resolution not in _KEEPS_SUBNETS:
            yield from problem("a subnet is possible with the resolutions NONE and STATIC only", "addresses", index)


def _check_ports(spec: ServiceEntrySpec) -> Iterator[Problem]:
    names: set[str] = set()
    numbers: set[int] = set()
    for index, port in enumerate(spec.ports):
        if port.name in names:
            yield from problem(f"the port name {port.name!r} is used twice", "ports", index, "name")
        if port.number in numbers:
            yield from problem(f"the port number {port.number} is used twice", "ports", index, "number")
        names.add(port.name)
        numbers.add(port.number)
        yield from under(_check_port(port), "ports", index)


def _check_port(port: ServiceEntryPort) -> Iterator[Problem]:
    yield from under(check_dns_label(port.name), "name")
    yield from under(check_port(port.number), "number")
    if port.target_port:
        yield from under(check_port(port.target_port), "targetPort")
    if port.protocol and parse_protocol(port.protocol) is Protocol.UNSUPPORTED:
        yield from problem(f"unknown protocol {port.protocol!r}", "protocol")


def _check_selector(spec: ServiceEntrySpec) -> Iterator[Problem]:
    if spec.workload_selector is None:
        return
    yield from under(check_selector(spec.workload_selector.labels), "workloadSelector", "labels")
    if spec.endpoints:
        yield from problem("endpoints and workloadSelector exclude each other", "workloadSelector")


def _check_sizes(spec: ServiceEntrySpec) -> Iterator[Problem]:
    lists: dict[str, Sized] = {
        "hosts": spec.hosts,
        "addresses": spec.addresses,
        "ports": spec.ports,
        "endpoints": spec.endpoints,
    }
    for name, listed in lists.items():
        if len(listed) > MOST[name]:
            yield from problem(f"at most {MOST[name]} entries are possible", name)


def _check_unresolved(spec: ServiceEntrySpec) -> Iterator[Problem]:
    if spec.endpoints:
        yield from problem("the resolution NONE uses no endpoints", "endpoints")
    if spec.workload_selector is not None:
        yield from warning("the resolution NONE uses no endpoints: the selector has no effect", "workloadSelector")


def _check_resolved(spec: ServiceEntrySpec) -> Iterator[Problem]:
    """Rules for names that the proxy resolves by itself."""
    if not spec.endpoints:
        for index, host in enumerate(spec.hosts):
            if check_fqdn(host):
                message = f"{host!r} cannot be resolved: without endpoints the hosts themselves are looked up"
                yield from problem(message, "hosts", index)
    elif spec.resolution is Resolution.DNS_ROUND_ROBIN and len(spec.endpoints) > 1:
        yield from problem("the resolution DNS_ROUND_ROBIN has at most one endpoint", "endpoints")
    names = [port.name for port in spec.ports]
    for index, endpoint in enumerate(spec.endpoints):
        yield from under(check_resolved_endpoint(endpoint, names), "endpoints", index)
    if spec.addresses and len(spec.hosts) > 1 and any(parse_protocol(port.protocol).is_tcp for port in spec.ports):
        message = "several hosts share these addresses: connections to a TCP port cannot be told apart"
        yield from warning(message, "addresses")


def _check_resolved_by_request(entry: Object[ServiceEntrySpec]) -> Iterator[Problem]:
    """Rules for hosts that are looked up anew for each request."""
    spec = entry.spec
    for index, host in enumerate(spec.hosts):
        if not is_wildcard(host):
            yield from problem("the resolution DYNAMIC_DNS is for wildcard hosts", "hosts", index)
    for name, given in (("addresses", spec.addresses), ("endpoints", spec.endpoints)):
        if given:
            yield from problem(f"the resolution DYNAMIC_DNS has no {name}", name)
    for index, port in enumerate(spec.ports):
        if parse_protocol(port.protocol) not in _BY_REQUEST:
            message = "the resolution DYNAMIC_DNS needs a host in each request: HTTP, HTTP2, GRPC or TLS"
            yield from problem(message, "ports", index, "protocol")
    if spec.location is Location.MESH_INTERNAL and WAYPOINT_LABEL in entry.meta.labels:
        yield from problem("MESH_INTERNAL with DYNAMIC_DNS is not possible behind a waypoint", "location")


def _check_tellable(entry: Object[ServiceEntrySpec]) -> Iterator[Problem]:
    """Whether a proxy can tell from a connection which host it is for."""
    spec = entry.spec
    automatic = spec.resolution is not Resolution.NONE and entry.meta.labels.get(AUTO_ADDRESS_LABEL) != "false"
    for index, port in enumerate(spec.ports):
        if not spec.addresses and not automatic and port.protocol in ("", "TCP"):
            message = "a TCP port without addresses takes every connection to its number"
            yield from warning(message, "ports", index, "protocol")
        protocol = parse_protocol(port.protocol)
        if spec.resolution is not Resolution.NONE and len(spec.hosts) > 1 and not (protocol.is_http or protocol.is_tls):
            message = "several hosts need a protocol that names the host: HTTP or TLS"
            yield from problem(message, "ports", index, "protocol")
