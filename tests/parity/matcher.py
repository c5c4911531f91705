"""An interpreter of Envoy's configuration: where one request would go.

It follows Envoy down to the virtual host and decides the route by path only, as the cases do:
prefixes of whole segments count as plain ones, and headers, methods and query parameters are
not looked at. Regular expressions are searched for, not anchored.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import re2
from envoy.config.route.v3.route_components_pb2 import VirtualHost
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpConnectionManager,
)
from envoy.extensions.filters.network.tcp_proxy.v3.tcp_proxy_pb2 import TcpProxy
from envoy.extensions.http.early_header_mutation.header_mutation.v3.header_mutation_pb2 import HeaderMutation
from envoy.extensions.transport_sockets.tls.v3.tls_pb2 import DownstreamTlsContext
from tests.parity.snapshot import Snapshot

from lateen.envoy.names import parse_scoped_route_name

_ANY_ADDRESS: Final = frozenset({"0.0.0.0", "::"})
_AUTHORITY: Final = "%REQ(:authority)%"
_INSPECTOR: Final = "envoy.filters.listener.tls_inspector"


class Failure(StrEnum):
    """Why a request is not forwarded, spelled as the cases do."""

    NO_LISTENER = "no_listener"
    NO_FILTER_CHAIN = "no_filter_chain"
    MULTIPLE_FILTER_CHAINS = "multiple_filter_chains"
    NO_VIRTUAL_HOST = "no_virtual_host"
    NO_ROUTE = "no_route"
    TLS_REDIRECT = "tls_redirect"
    PROTOCOL_ERROR = "protocol_error"
    TLS_ERROR = "tls_error"
    MTLS_ERROR = "mtls_error"


class Security(StrEnum):
    """How a client connects."""

    PLAINTEXT = "plaintext"
    TLS = "tls"
    MTLS = "mtls"


@dataclass(frozen=True, slots=True)
class Request:
    """One call of a case."""

    port: int
    host: str = ""
    path: str = "/"
    address: str = "1.3.3.7"
    protocol: str = "http"
    security: Security = Security.PLAINTEXT
    sni: str = ""
    alpn: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """How far a request came. Names it did not reach are empty."""

    failure: Failure | None = None
    listener: str = ""
    route_config: str = ""
    """Without the host that the SCOPED layout adds to it."""
    virtual_host: str = ""
    route: str = ""
    cluster: str = ""
    """Empty for weighted clusters, redirects and direct responses too."""
    alike: frozenset[str] = frozenset()
    """Virtual hosts of the chain with the same routes: the reference would have made them one."""
    chain_is_empty: bool = False
    """The chain has no virtual host at all; the reference has one there that answers 404."""


def decide(snapshot: Snapshot, request: Request) -> Decision:
    """Follow one request."""
    listener = _match_listener(snapshot.listeners.values(), request)
    if listener is None:
        return Decision(Failure.NO_LISTENER)
    inspected = any(each.name == _INSPECTOR for each in listener.listener_filters)
    chains = match_chains(list(listener.filter_chains), request, inspected=inspected)
    if len(chains) != 1:
        failure = Failure.MULTIPLE_FILTER_CHAINS if chains else Failure.NO_FILTER_CHAIN
        return Decision(failure, listener.name)
    chain = chains[0]
    refusal = _refuse_connection(chain, request.security)
    if refusal is not None:
        return Decision(refusal, listener.name)
    manager = _unpack(chain, HttpConnectionManager)
    if manager is None:
        proxy = _unpack(chain, TcpProxy)
        return Decision(listener=listener.name, cluster=proxy.cluster if proxy is not None else "")
    encrypted = request.security is not Security.PLAINTEXT
    if request.protocol == "tcp" or encrypted != chain.HasField("transport_socket"):
        return Decision(Failure.PROTOCOL_ERROR, listener.name)
    return _route(snapshot, listener.name, manager, request)


def _refuse_connection(chain: Any, security: Security) -> Failure | None:
    """What a chain that terminates TLS does not accept."""
    if not chain.HasField("transport_socket"):
        return None
    if security is Security.PLAINTEXT:
        return Failure.TLS_ERROR
    context = DownstreamTlsContext()
    chain.transport_socket.typed_config.Unpack(context)
    wants_certificate = context.require_client_certificate.value
    return Failure.MTLS_ERROR if wants_certificate and security is Security.TLS else None


def _match_listener(listeners: Iterable[Any], request: Request) -> Any | None:
    """The listener bound to the very address, else the one bound to all."""
    found: Any | None = None
    for listener in listeners:
        bound = listener.address.socket_address
        if bound.port_value != request.port:
            continue
        if bound.address == request.address:
            return listener
        if bound.address in _ANY_ADDRESS:
            found = listener
    return found


def match_chains(chains: Sequence[Any], request: Request, *, inspected: bool) -> Sequence[Any]:
    """Narrow the chains down, criterion by criterion, in Envoy's order; one is left unless they are ambiguous.

    A criterion that some chain names for this connection excludes the chains that leave it open.
    """
    sni = request.sni.lower() if inspected else ""
    alpn = request.alpn if inspected else ""
    encrypted = inspected and request.security is not Security.PLAINTEXT
    chains = _narrow(chains, lambda match: match.server_names, _server_names(sni))
    transport = "tls" if encrypted else "raw_buffer"
    chains = _narrow(chains, lambda match: [match.transport_protocol] if match.transport_protocol else [], [transport])
    return _narrow(chains, lambda match: match.application_protocols, [alpn] if alpn else [])


def _server_names(sni: str) -> list[str]:
    """The patterns that fit a server name, best first."""
    labels = sni.split(".") if sni else []
    return [sni, *("*." + ".".join(labels[i:]) for i in range(1, len(labels)))] if labels else []


def _narrow(chains: Sequence[Any], named: Callable[[Any], Iterable[str]], wanted: Iterable[str]) -> list[Any]:
    for value in wanted:
        found = [chain for chain in chains if value in named(chain.filter_chain_match)]
        if found:
            return found
    return [chain for chain in chains if not list(named(chain.filter_chain_match))]


def _unpack(chain: Any, message_type: Any) -> Any | None:
    """The chain's network filter of one type."""
    for each in chain.filters:
        if each.typed_config.Is(message_type.DESCRIPTOR):
            message = message_type()
            each.typed_config.Unpack(message)
            return message
    return None


def _route(snapshot: Snapshot, listener: str, manager: Any, request: Request) -> Decision:
    chain, candidates = _route_configs(snapshot, manager, request.host)
    hosts = _hosts_of_chain(snapshot, chain, scoped=manager.HasField("scoped_routes"))
    for config in candidates:
        found = match_virtual_host(config, request.host)
        if found is not None:
            alike = frozenset(host.name for host in hosts if _same_routes(host, found))
            return _route_of_host(Decision(None, listener, chain, found.name, alike=alike), found, request)
    return Decision(Failure.NO_VIRTUAL_HOST, listener, chain, chain_is_empty=not hosts)


def _route_configs(snapshot: Snapshot, manager: Any, host: str) -> tuple[str, list[Any]]:
    """Name of the chain, and the route configurations in which Envoy looks for the host, in order."""
    if not manager.HasField("scoped_routes"):
        name = manager.rds.route_config_name
        return name, [snapshot.routes[name]] if name in snapshot.routes else []
    chain = _scope_prefix(manager).removesuffix("|")
    names = [snapshot.scopes.get(f"{chain}|{each}", "") for each in (_without_port(host.lower()), "*")]
    return chain, [snapshot.routes[name] for name in names if name in snapshot.routes]


def _scope_prefix(manager: Any) -> str:
    """What stands before the authority in the header by which scopes are chosen."""
    for each in manager.early_header_mutation_extensions:
        mutation = HeaderMutation()
        each.typed_config.Unpack(mutation)
        for step in mutation.mutations:
            if step.append.header.value.endswith(_AUTHORITY):
                return str(step.append.header.value.removesuffix(_AUTHORITY).replace("%%", "%"))
    return ""


def _hosts_of_chain(snapshot: Snapshot, chain: str, *, scoped: bool) -> list[Any]:
    hosts: list[Any] = []
    for name, config in snapshot.routes.items():
        if (parse_scoped_route_name(name)[0] if scoped and "/" in name else name) == chain:
            hosts += config.virtual_hosts
    return hosts


def match_virtual_host(config: Any, host: str) -> Any | None:
    """The virtual host: exact, then longest suffix (`*.b`), then longest prefix (`a.*`), then `*`."""
    host = host.lower()
    if config.ignore_port_in_host_matching:
        host = _without_port(host)
    best: tuple[int, int] | None = None
    found: Any | None = None
    for virtual_host in config.virtual_hosts:
        for domain in virtual_host.domains:
            rank = _domain_rank(domain, host)
            if rank is not None and (best is None or rank > best):
                best, found = rank, virtual_host
    return found


def _domain_rank(domain: str, host: str) -> tuple[int, int] | None:
    """How well a domain fits a host; None: not at all."""
    if domain == host:
        return (3, 0)
    if domain == "*":
        return (0, 0)
    if domain.startswith("*") and len(host) >= len(domain) and host.endswith(domain[1:]):
        return (2, len(domain))
    if domain.endswith("*") and len(host) >= len(domain) and host.startswith(domain[:-1]):
        return (1, len(domain))
    return None


def _same_routes(one: Any, other: Any) -> bool:
    return list(one.routes) == list(other.routes) and one.require_tls == other.require_tls


def _route_of_host(so_far: Decision, host: Any, request: Request) -> Decision:
    place = (so_far.listener, so_far.route_config, so_far.virtual_host)
    if host.require_tls == VirtualHost.ALL and request.security is Security.PLAINTEXT:
        return Decision(Failure.TLS_REDIRECT, *place, alike=so_far.alike)
    for route in host.routes:
        if _path_matches(route.match, request.path):
            cluster = route.route.cluster if route.HasField("route") else ""
            return Decision(None, *place, route.name, cluster, alike=so_far.alike)
    return Decision(Failure.NO_ROUTE, *place, alike=so_far.alike)


def _path_matches(match: Any, path: str) -> bool:
    kind = match.WhichOneof("path_specifier")
    if kind == "path":
        return bool(path == match.path)
    if kind in {"prefix", "path_separated_prefix"}:
        return path.startswith(getattr(match, kind))
    if kind == "safe_regex":
        return re2.search(match.safe_regex.regex, path) is not None
    return False


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdecimal() else host
