"""Listeners and their filter chains (istio-semantics §3.1, §3.2)."""

from collections.abc import Iterator
from functools import cache
from typing import Final

from envoy.config.listener.v3.listener_pb2 import Listener as ListenerMessage
from envoy.extensions.filters.listener.tls_inspector.v3.tls_inspector_pb2 import TlsInspector

from lateen.envoy.binding import socket_at
from lateen.envoy.http import http_filter
from lateen.envoy.names import cluster_name
from lateen.envoy.tcp import tcp_filter
from lateen.envoy.tls import downstream_socket, secrets_of
from lateen.envoy.wire import Fields, duration, extension, resource, serialize
from lateen.ir.listener import FilterChain, Listener, RouteLayout
from lateen.ir.resource import Resource, ResourceKey, ResourceType

_CONNECTIONS_PER_WAKEUP: Final = 1
_HANDSHAKE_SECONDS: Final = 15


def build_listener(listener: Listener, event_log: str = "") -> Resource:
    """Build a listener with its chains in their order. `event_log` is where overflows are written, if anywhere.

    It needs the clusters of its TCP chains, and the secrets and route configurations that Envoy
    asks for after it has heard of the listener; those of scopes are needed by the scopes.

    Raises:
        ValueError: a chain is neither HTTP nor TCP.
    """
    message = ListenerMessage(
        name=listener.name,
        address=_address(listener),
        traffic_direction="OUTBOUND",
        listener_filters=[_tls_inspector()] if _reads_hello(listener) else [],
        filter_chains=[_chain(chain, event_log) for chain in listener.chains],
        max_connections_to_accept_per_socket_event={"value": _CONNECTIONS_PER_WAKEUP},
    )
    origins = (key for chain in listener.chains for key in chain.origins)
    return resource(ResourceType.LISTENER, listener.name, serialize(message), _needs(listener), origins)


def _address(listener: Listener) -> Fields:
    if listener.pipe:
        return {"pipe": {"path": listener.pipe}}
    return socket_at(listener.address, listener.port, dual_stack=listener.dual_stack)


def _reads_hello(listener: Listener) -> bool:
    """Whether Envoy has to look into the client's hello, for its server name or to tell TLS from plain text."""
    return any(chain.server_names or chain.tls is not None or chain.only_tls for chain in listener.chains)


@cache
def _tls_inspector() -> Fields:
    return extension("envoy.filters.listener.tls_inspector", TlsInspector())


def _chain(chain: FilterChain, event_log: str) -> Fields:
    fields: Fields = {
        "name": chain.name,
        "filters": [_network_filter(chain, event_log)],
        "transport_socket_connect_timeout": duration(_HANDSHAKE_SECONDS),
    }
    match: Fields = {}
    if chain.server_names:
        match["server_names"] = chain.server_names
    if chain.only_tls:
        match["transport_protocol"] = "tls"
    if match:
        fields["filter_chain_match"] = match
    if chain.tls is not None:
        fields["transport_socket"] = downstream_socket(chain.tls)
    return fields


def _network_filter(chain: FilterChain, event_log: str) -> Fields:
    if chain.http is not None:
        return http_filter(chain.http, event_log)
    if chain.tcp is not None:
        return tcp_filter(chain.tcp, event_log)
    raise ValueError(f"filter chain {chain.name!r} is neither HTTP nor TCP")


def _needs(listener: Listener) -> Iterator[ResourceKey]:
    for chain in listener.chains:
        if chain.tls is not None:
            yield from secrets_of((*chain.tls.certificates, chain.tls.trust))
        if chain.http is not None and chain.http.layout is RouteLayout.SINGLE:
            yield ResourceKey(ResourceType.ROUTE, chain.http.route_name)
        if chain.tcp is not None:
            for target in chain.tcp.targets:
                yield ResourceKey(ResourceType.CLUSTER, cluster_name(target.cluster))
