"""Rules for Sidecars (istio-semantics §1.6, §4.5)."""

from collections.abc import Iterator, Sequence
from typing import Final

from lateen.model.gateway import ServerTls, TlsMode
from lateen.model.objects import Object, Problem
from lateen.model.protocols import Protocol, parse_protocol
from lateen.model.sidecar import (
    CaptureMode,
    EgressListener,
    IngressListener,
    OutboundMode,
    OutboundTrafficPolicy,
    SidecarPort,
    SidecarSpec,
)
from lateen.validation.addresses import UNIX, check_unix_path
from lateen.validation.connectionpool import check_connection_pool
from lateen.validation.gateway import check_server_tls
from lateen.validation.hostnames import check_exposed_host
from lateen.validation.syntax import (
    Problems,
    check_dns_label,
    check_fqdn,
    check_ip_address,
    check_port,
    check_selector,
    is_dns_label,
    problem,
    under,
    warning,
)
from lateen.validation.weights import check_destination

_OWN_ADDRESSES: Final = frozenset({"", "127.0.0.1", "0.0.0.0", "[::1]", "[::]"})  # noqa: S104 - what users may write
_FOREIGN_TLS: Final = frozenset({TlsMode.ISTIO_MUTUAL, TlsMode.AUTO_PASSTHROUGH})


def check_sidecar(sidecar: Object[SidecarSpec]) -> Iterator[Problem]:
    """Check a whole Sidecar; paths start at the object."""
    spec = sidecar.spec
    yield from warning("Sidecars are checked but not served yet", "kind")
    if spec.workload_selector is not None:
        yield from under(check_selector(spec.workload_selector.labels), "spec", "workloadSelector", "labels")
    parts = (spec.ingress, spec.egress, spec.outbound_traffic_policy, spec.inbound_connection_pool)
    if not any(part not in ((), None) for part in parts):
        yield from problem("ingress, egress, outboundTrafficPolicy or inboundConnectionPool is needed", "spec")
    if spec.inbound_connection_pool is not None:
        pool = check_connection_pool(spec.inbound_connection_pool)
        yield from under(pool, "spec", "inboundConnectionPool")
    yield from under(_check_ingress(spec.ingress), "spec", "ingress")
    yield from under(_check_egress(spec.egress, sidecar.key.namespace), "spec", "egress")
    if spec.outbound_traffic_policy is not None:
        yield from under(_check_outbound(spec.outbound_traffic_policy), "spec", "outboundTrafficPolicy")


def _check_ingress(listeners: Sequence[IngressListener]) -> Iterator[Problem]:
    numbers: set[int] = set()
    for index, listener in enumerate(listeners):
        if listener.port.number in numbers:
            yield from problem("an earlier listener has this port number", index, "port", "number")
        numbers.add(listener.port.number)
        yield from under(_check_ingress_listener(listener), index)


def _check_ingress_listener(listener: IngressListener) -> Iterator[Problem]:
    yield from under(_check_port(listener.port), "port")
    yield from under(check_port(listener.port.number), "port", "number")
    if listener.bind:
        yield from under(check_ip_address(listener.bind), "bind")
    yield from under(_check_default_endpoint(listener.default_endpoint), "defaultEndpoint")
    protocol = parse_protocol(listener.port.protocol)
    if listener.tls is not None:
        if not protocol.is_tls:
            yield from problem("TLS settings are for the protocols HTTPS and TLS", "tls")
        yield from under(_check_tls(listener.tls), "tls")
    if listener.connection_pool is not None:
        yield from under(check_connection_pool(listener.connection_pool), "connectionPool")
        if listener.connection_pool.http is not None and not protocol.is_http:
            yield from warning("limits of requests have no effect: the protocol is not HTTP", "connectionPool", "http")


def _check_port(port: SidecarPort) -> Iterator[Problem]:
    if port.target_port:
        yield from problem("targetPort has no effect on Sidecars", "targetPort")
    if port.name:
        yield from under(check_dns_label(port.name), "name")
    if port.protocol and parse_protocol(port.protocol) is Protocol.UNSUPPORTED:
        yield from problem(f"unknown protocol {port.protocol!r}", "protocol")


def _check_default_endpoint(endpoint: str) -> Problems:
    if not endpoint:
        return ()
    if endpoint.startswith(UNIX):
        return check_unix_path(endpoint.removeprefix(UNIX))
    host, colon, number = endpoint.rpartition(":")
    if not colon or host not in _OWN_ADDRESSES:
        return problem(f"{endpoint!r} is neither a loopback or wildcard address with a port nor a unix socket")
    if not (number.isascii() and number.isdigit()):
        return problem(f"{number!r} is not a port number")
    return check_port(int(number[:6]))


def _check_tls(tls: ServerTls) -> Iterator[Problem]:
    unsupported = {
        "subjectAltNames": tls.subject_alt_names,
        "httpsRedirect": tls.https_redirect,
        "credentialName": tls.credential_name,
        "credentialNames": tls.credential_names,
        "tlsCertificates": tls.tls_certificates,
    }
    for name, value in unsupported.items():
        if value:
            yield from problem(f"{name} is not possible in a Sidecar", name)
    if tls.mode in _FOREIGN_TLS:
        yield from problem(f"{tls.mode} is not possible in a Sidecar", "mode")
    yield from check_server_tls(tls)


def _check_egress(listeners: Sequence[EgressListener], namespace: str) -> Iterator[Problem]:
    numbers: set[int] = set()
    sockets: set[str] = set()
    for index, listener in enumerate(listeners):
        yield from under(_check_egress_hosts(listener.hosts, namespace), index, "hosts")
        if listener.port is None:
            if index != len(listeners) - 1:
                yield from problem("only the last listener goes without port: it takes all the rest", index)
            continue
        yield from under(_check_egress_port(listener, listener.port), index)
        if listener.port.number == 0:
            if listener.bind in sockets:
                yield from problem("an earlier listener has this socket", index, "bind")
            sockets.add(listener.bind)
        else:
            if listener.port.number in numbers:
                yield from problem("an earlier listener has this port number", index, "port", "number")
            numbers.add(listener.port.number)


def _check_egress_port(listener: EgressListener, port: SidecarPort) -> Iterator[Problem]:
    yield from under(_check_port(port), "port")
    if port.number:
        yield from under(check_port(port.number), "port", "number")
        if listener.bind:
            yield from under(check_ip_address(listener.bind), "bind")
        return
    if listener.bind.startswith(UNIX):
        yield from under(check_unix_path(listener.bind.removeprefix(UNIX)), "bind")
    else:
        yield from problem("a listener without port number binds to a unix socket", "bind")
    if listener.capture_mode is CaptureMode.IPTABLES:
        yield from problem("the kernel redirects nothing to a unix socket", "captureMode")


def _check_egress_hosts(hosts: Sequence[str], own: str) -> Iterator[Problem]:
    if not hosts:
        yield from problem("at least one host is required")
    seen: dict[str, set[str]] = {}
    for index, host in enumerate(hosts):
        namespace, slash, name = host.partition("/")
        yield from under(_check_egress_host(host), index)
        if not slash:
            continue
        names = seen.setdefault(own if namespace == "." else namespace, set())
        if name in names or "*" in names or (name == "*" and names):
            yield from warning(f"{host!r} is covered by or covers an earlier host of the namespace", index)
        names.add(name)
    selecting = [namespace for namespace in seen if not namespace.startswith("~")]
    if "*" in seen.get("*", ()) and len(selecting) > 1:
        yield from warning("'*/*' selects everything: the other hosts have no effect")


def _check_egress_host(host: str) -> Iterator[Problem]:
    namespace, slash, name = host.partition("/")
    if not slash or not namespace or not name:
        yield from problem(f"{host!r} is not of the form namespace/host")
        return
    if namespace not in ("*", ".", "~", "~.") and not is_dns_label(namespace.removeprefix("~")):
        message = f"{namespace!r} is not a namespace; write a name, '.' for the Sidecar's own, '*' for any"
        yield from problem(message)
    yield from check_exposed_host(name, addresses=False)


def _check_outbound(policy: OutboundTrafficPolicy) -> Iterator[Problem]:
    proxy = policy.egress_proxy
    if proxy is None:
        return
    if policy.mode is not OutboundMode.ALLOW_ANY:
        yield from problem("an egressProxy needs the mode ALLOW_ANY", "egressProxy")
    yield from under(check_fqdn(proxy.host), "egressProxy", "host")
    if proxy.port is None:
        yield from problem("the port of the proxy is required", "egressProxy", "port")
    yield from under(check_destination(proxy), "egressProxy")
