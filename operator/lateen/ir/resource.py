"""Resources: what is sent to proxies, already encoded."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from lateen.model.keys import Key


class ResourceType(StrEnum):
    """The kinds of resources that proxies subscribe to, in make-before-break order."""

    CLUSTER = "envoy.config.cluster.v3.Cluster"
    ENDPOINTS = "envoy.config.endpoint.v3.ClusterLoadAssignment"
    SECRET = "envoy.extensions.transport_sockets.tls.v3.Secret"  # noqa: S105 - a message's name
    LISTENER = "envoy.config.listener.v3.Listener"
    SCOPE = "envoy.config.route.v3.ScopedRouteConfiguration"
    ROUTE = "envoy.config.route.v3.RouteConfiguration"

    @property
    def url(self) -> str:
        """The type URL in requests and responses."""
        return f"type.googleapis.com/{self.value}"


class ResourceKey(NamedTuple):
    """Name of a resource within one proxy's configuration."""

    type: ResourceType
    name: str


@dataclass(frozen=True, slots=True)
class Resource:
    """One encoded resource. Two with equal bytes have equal versions, on every replica."""

    key: ResourceKey
    version: str
    """Hash of `body`."""
    body: bytes = field(repr=False)
    """The message, without the `Any` around it. Never printed: a secret's holds its private key."""
    needs: frozenset[ResourceKey] = frozenset()
    """What this names: clusters, and what a proxy asks for once it has this.

    Clusters must be live on the proxy before this is sent, also those that a route behind it names.
    """
    origins: tuple[Key, ...] = ()
    """The objects behind it, most responsible first: a NACK is reported on them."""
