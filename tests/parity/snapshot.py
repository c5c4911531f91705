"""What a proxy was given, decoded from the very bytes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from envoy.config.route.v3.scoped_route_pb2 import ScopedRouteConfiguration

from lateen.ir.resource import Resource, ResourceType

_MESSAGES: Final[Mapping[ResourceType, Any]] = {
    ResourceType.LISTENER: Listener,
    ResourceType.SCOPE: ScopedRouteConfiguration,
    ResourceType.ROUTE: RouteConfiguration,
}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The resources that decide where a request goes. Messages are Envoy's, hence untyped."""

    listeners: Mapping[str, Any] = field(default_factory=dict)
    scopes: Mapping[str, str] = field(default_factory=dict)
    """Key → name of the route configuration."""
    routes: Mapping[str, Any] = field(default_factory=dict)


def decode(resources: Iterable[Resource]) -> Snapshot:
    """Decode what the matcher looks at; clusters, endpoints and secrets decide nothing here."""
    found: dict[ResourceType, dict[str, Any]] = {type_: {} for type_ in _MESSAGES}
    for resource in resources:
        message_type = _MESSAGES.get(resource.key.type)
        if message_type is not None:
            found[resource.key.type][resource.key.name] = message_type.FromString(resource.body)
    scopes = {
        "|".join(fragment.string_key for fragment in scope.key.fragments): scope.route_configuration_name
        for scope in found[ResourceType.SCOPE].values()
    }
    return Snapshot(found[ResourceType.LISTENER], scopes, found[ResourceType.ROUTE])
