"""Keys of the derived tables."""

from typing import NamedTuple

from lateen.ir.listener import RouteLayout
from lateen.ir.proxy import ProxyId
from lateen.ir.route import ClusterRef
from lateen.model.hosts import is_wildcard
from lateen.model.keys import Key


class HostKey(NamedTuple):
    """One host of one HTTP chain of one proxy."""

    proxy: ProxyId
    chain: str
    host: str

    def stands_alone(self, layout: RouteLayout) -> bool:
        """Whether the host has a resource of its own in a chain of this layout; wildcards share one (ADR 0002)."""
        return layout is RouteLayout.SCOPED and not is_wildcard(self.host)


class RouteListKey(NamedTuple):
    """The routes of one VirtualService at one gateway: the same for all its hosts there."""

    proxy: ProxyId
    chain: str
    rule: Key
    gateway: str
    """`namespace/name`, or `mesh`."""
    port: int
    tls: bool


class ServerKey(NamedTuple):
    """One server of one Gateway on one proxy."""

    proxy: ProxyId
    gateway: Key
    position: int
    """In the Gateway's `servers`."""


class ListenerKey(NamedTuple):
    """One listener of one proxy."""

    proxy: ProxyId
    listener: str


class WantedCluster(NamedTuple):
    """One cluster of one proxy: it exists while a route or a chain names it."""

    proxy: ProxyId
    cluster: ClusterRef


class WantedSecret(NamedTuple):
    """One piece of TLS material of one proxy, by its SDS name."""

    proxy: ProxyId
    name: str


class JoinedKey(NamedTuple):
    """The hosts of a chain that stand together: all of them, or only the wildcards."""

    proxy: ProxyId
    chain: str
    wildcards: bool


class MeshHost(NamedTuple):
    """One port of one service, as the outbound proxy serves it."""

    proxy: ProxyId
    host: str
    port: int


class MeshDomain(NamedTuple):
    """One spelling of a service's name in a Host header."""

    proxy: ProxyId
    domain: str
