"""Endpoints of clusters (istio-semantics §3.6)."""

from functools import lru_cache
from ipaddress import ip_address
from typing import Final

from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment

from lateen.envoy.names import cluster_name
from lateen.envoy.wire import Fields, resource, serialize
from lateen.ir.endpoint import Endpoint, Endpoints, Locality
from lateen.ir.resource import Resource, ResourceType

_SOCKET: Final = "unix://"
_MAX_WEIGHT: Final = 4_294_967_295
_REMEMBERED: Final = 64


def build_endpoints(endpoints: Endpoints) -> Resource:
    """ClusterLoadAssignment, named as its cluster. Without endpoints it is sent all the same: clusters wait for it."""
    name = cluster_name(endpoints.ref)
    message = ClusterLoadAssignment(**load_assignment(endpoints))
    return resource(ResourceType.ENDPOINTS, name, serialize(message), origins=endpoints.origins)


def load_assignment(endpoints: Endpoints) -> Fields:
    """Return the fields of a `ClusterLoadAssignment`; weights that Envoy cannot hold are clamped."""
    return {
        "cluster_name": cluster_name(endpoints.ref),
        "endpoints": [_locality(locality) for locality in endpoints.localities],
    }


def _locality(locality: Locality) -> Fields:
    weight = locality.weight or sum(max(endpoint.weight, 1) for endpoint in locality.endpoints)
    fields: Fields = {"lb_endpoints": [_endpoint(endpoint) for endpoint in locality.endpoints]}
    if weight:
        fields["load_balancing_weight"] = {"value": min(weight, _MAX_WEIGHT)}
    if locality.place:
        fields["locality"] = place(locality.place)
    if locality.priority:
        fields["priority"] = locality.priority
    return fields


def place(text: str) -> Fields:
    """Return the fields of a `Locality` written as `region/zone/subzone`; later parts may be missing."""
    region, _, rest = text.partition("/")
    zone, _, subzone = rest.partition("/")
    return {"region": region, "zone": zone, "sub_zone": subzone}


def _endpoint(endpoint: Endpoint) -> Fields:
    return {
        "endpoint": {"address": _address(endpoint)},
        "health_status": endpoint.health.name,
        "load_balancing_weight": {"value": min(max(endpoint.weight, 1), _MAX_WEIGHT)},
    }


def _address(endpoint: Endpoint) -> Fields:
    if endpoint.host.startswith(_SOCKET):
        return {"pipe": {"path": endpoint.host.removeprefix(_SOCKET)}}
    return {"socket_address": {"address": endpoint.host, "port_value": endpoint.port}}


@lru_cache(_REMEMBERED)
def _addresses(body: bytes) -> frozenset[str]:
    message = ClusterLoadAssignment.FromString(body)
    return frozenset(
        address.pipe.path or print_address(address.socket_address.address, address.socket_address.port_value)
        for locality in message.endpoints
        for address in (entry.endpoint.address for entry in locality.lb_endpoints)
    )


def addresses_of(endpoints: Resource) -> frozenset[str]:
    """Every address in endpoints that `build_endpoints` made, as Envoy writes it."""
    return _addresses(endpoints.body)


def print_address(host: str, port: int) -> str:
    """`10.1.2.3:8080`, `[fd00::1]:8080`: how Envoy writes an address."""
    try:
        address = ip_address(host)
    except ValueError:
        return f"{host}:{port}"
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"


def split_address(address: str) -> tuple[str, int]:
    """Read what Envoy writes; the port is 0 when there is none."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdecimal():
        return address, 0
    return host.removeprefix("[").removesuffix("]"), int(port)
