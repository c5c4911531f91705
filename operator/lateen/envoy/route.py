"""Route configurations: virtual hosts and their routes, in both layouts (istio-semantics §3.4)."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Final

from envoy.config.route.v3 import route_components_pb2, route_pb2

from lateen.envoy.action import direct_response_action, forward_action, redirect_action
from lateen.envoy.cors import CORS_FILTER, cors_config
from lateen.envoy.fault import FAULT_FILTER, fault_config
from lateen.envoy.headers import header_fields
from lateen.envoy.match import route_match
from lateen.envoy.names import cluster_name, scoped_route_name
from lateen.envoy.scope import SCOPE_HEADER, VIRTUAL_HOST_METADATA, WILDCARDS
from lateen.envoy.wire import Fields, framed, resource, serialize
from lateen.ir.resource import Resource, ResourceKey, ResourceType
from lateen.ir.route import DirectResponse, Forward, HeaderOps, Redirect, Route, VirtualHost
from lateen.model.keys import Key

_MAX_DIRECT_RESPONSE_BODY: Final = 1 << 20
"""Bytes; the limit of a VirtualService's body, above Envoy's 4 KiB."""

_VIRTUAL_HOSTS_FIELD: Final = 2


def build_scoped_route(chain: str, host: str, vhost: VirtualHost) -> Resource:
    """RouteConfiguration `<chain>/<host>` with one virtual host; needs the clusters its routes name.

    Ports in the Host header are ignored unless one of the virtual host's domains has a port.

    Raises:
        ValueError: a route cannot be expressed (see `lateen.envoy.action`).
    """
    name = scoped_route_name(chain, host)
    message = route_pb2.RouteConfiguration(
        virtual_hosts=[_virtual_host(vhost)],
        **_configuration(name, port_in_host=any(map(_has_port, vhost.domains)), scoped=True),
    )
    return resource(ResourceType.ROUTE, name, serialize(message), route_needs(vhost), route_origins(vhost))


def virtual_host_fragment(vhost: VirtualHost) -> bytes:
    """One virtual host as an entry of `RouteConfiguration.virtual_hosts`, ready to be joined with others.

    Raises:
        ValueError: a route cannot be expressed (see `lateen.envoy.action`).
    """
    return framed(_VIRTUAL_HOSTS_FIELD, serialize(route_components_pb2.VirtualHost(**_virtual_host(vhost))))


def build_single_route(
    chain: str,
    fragments: Sequence[bytes],
    needs: Iterable[ResourceKey] = (),
    origins: Iterable[Key] = (),
    *,
    port_in_host: bool = False,
) -> Resource:
    """RouteConfiguration of a whole chain in the SINGLE layout, joined from the fragments of its virtual hosts.

    The bytes are those of the message built in one piece, at a twentieth of the time: only
    the fields before and after the virtual hosts are encoded here. Without fragments every
    request is answered 404, as for an unknown host.
    """
    body = _joined(chain, fragments, _settings(port_in_host=port_in_host, scoped=False))
    return resource(ResourceType.ROUTE, chain, body, needs, origins)


def build_wildcard_route(
    chain: str,
    fragments: Sequence[bytes],
    needs: Iterable[ResourceKey] = (),
    origins: Iterable[Key] = (),
    *,
    port_in_host: bool = False,
) -> Resource:
    """RouteConfiguration `<chain>/*` of all wildcard hosts of a chain in the SCOPED layout, joined from fragments."""
    name = scoped_route_name(chain, WILDCARDS)
    body = _joined(name, fragments, _settings(port_in_host=port_in_host, scoped=True))
    return resource(ResourceType.ROUTE, name, body, needs, origins)


def _joined(name: str, fragments: Sequence[bytes], settings: bytes) -> bytes:
    return b"".join((serialize(route_pb2.RouteConfiguration(name=name)), *fragments, settings))


@cache
def _settings(*, port_in_host: bool, scoped: bool) -> bytes:
    """Everything of a configuration that is encoded after the virtual hosts: all their fields have higher numbers."""
    fields = _configuration("", port_in_host=port_in_host, scoped=scoped)
    return serialize(route_pb2.RouteConfiguration(**fields))


def _configuration(name: str, *, port_in_host: bool, scoped: bool) -> Fields:
    fields: Fields = {
        "name": name,
        "validate_clusters": {"value": False},
        "ignore_port_in_host_matching": not port_in_host,
        "max_direct_response_body_size_bytes": {"value": _MAX_DIRECT_RESPONSE_BODY},
    }
    if scoped:
        fields["request_headers_to_remove"] = (SCOPE_HEADER,)
    return fields


def route_needs(vhost: VirtualHost) -> frozenset[ResourceKey]:
    """Return every cluster that a route of the virtual host names, mirrors included."""
    names = {cluster_name(cluster) for route in vhost.routes for cluster in route.clusters}
    return frozenset([ResourceKey(ResourceType.CLUSTER, name) for name in names])


def route_origins(vhost: VirtualHost) -> tuple[Key, ...]:
    """Return the objects behind the virtual host, in the order of its routes, each once."""
    return tuple(dict.fromkeys(route.origin for route in vhost.routes))


def _has_port(domain: str) -> bool:
    _, colon, port = domain.rpartition(":")
    return bool(colon) and port.isdecimal()


def _virtual_host(vhost: VirtualHost) -> Fields:
    fields: Fields = {
        "name": vhost.name,
        "domains": vhost.domains,
        "routes": [_route(route) for route in vhost.routes],
        "include_request_attempt_count": True,
        "metadata": VIRTUAL_HOST_METADATA,
    }
    if vhost.require_tls:
        fields["require_tls"] = "ALL"
    return fields


def _route(route: Route) -> Fields:
    fields: Fields = {"match": route_match(route.match), **_action(route.action)}
    fields.update(header_fields(route.ops, *_target_ops(route.action)))
    if route.name:
        fields["name"] = route.name
    if route.stat_prefix:
        fields["stat_prefix"] = route.stat_prefix
    if route.operation:
        fields["decorator"] = {"operation": route.operation}
    per_filter = _per_filter(route)
    if per_filter:
        fields["typed_per_filter_config"] = per_filter
    return fields


def _action(action: Forward | Redirect | DirectResponse) -> Fields:
    if isinstance(action, Forward):
        return {"route": forward_action(action)}
    if isinstance(action, Redirect):
        return {"redirect": redirect_action(action)}
    return {"direct_response": direct_response_action(action)}


def _target_ops(action: Forward | Redirect | DirectResponse) -> tuple[HeaderOps, ...]:
    """The changes of the only destination follow the route's own (istio-semantics §1.2.4)."""
    if isinstance(action, Forward) and not action.weighted and len(action.targets) == 1:
        return (action.targets[0].ops,)
    return ()


def _per_filter(route: Route) -> Fields:
    fields: Fields = {}
    if route.fault is not None:
        fields[FAULT_FILTER] = fault_config(route.fault)
    if route.cors is not None:
        fields[CORS_FILTER] = cors_config(route.cors)
    return fields
