"""Which proxy a piece of configuration is for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

MESH_GATEWAY = "mesh"
"""The reserved gateway name of service-to-service traffic (istio-semantics §2.2)."""


class ProxyId(NamedTuple):
    """One class of identical proxies: all Envoys with the same namespace and selector."""

    namespace: str
    name: str
    """The selector as text (`istio=ingressgateway`), `all` for an empty one, `mesh` for the mesh port."""

    def __str__(self) -> str:
        """Print the node id's form, `namespace/name`."""
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class PortTarget:
    """One port of a Service that selects the proxy: `port` reaches the proxy on `target`."""

    port: int
    target: int


@dataclass(frozen=True, slots=True)
class Proxy:
    """Everything about a proxy that the compiler may depend on."""

    id: ProxyId
    labels: Mapping[str, str]
    namespace: str
    """Where it runs: decides visibility (exportTo), DestinationRule lookup, Secrets."""
    port_targets: tuple[PortTarget, ...] = ()
    locality: str = ""
    """`region/zone/subzone`, empty when unknown."""


@dataclass(frozen=True, slots=True)
class ListeningPort:
    """Where one Gateway server can be reached on a proxy; shown to users."""

    proxy: ProxyId
    gateway: str
    """`namespace/name` of the Gateway."""
    number: int
    """The port as written in the Gateway."""
    address: str
    port: int
    """The port that is really bound."""
    protocol: str
    hosts: tuple[str, ...] = field(default=())
