"""Endpoints: the addresses behind a cluster."""

from dataclasses import dataclass
from enum import Enum, auto

from lateen.ir.route import ClusterRef
from lateen.model.keys import Key


class Health(Enum):
    """What the source says of an endpoint (istio-semantics §2.15)."""

    HEALTHY = auto()
    UNHEALTHY = auto()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address. `host` is an IP, for DNS clusters a name, for sockets a `unix://` path."""

    host: str
    port: int
    weight: int = 1
    health: Health = Health.HEALTHY


@dataclass(frozen=True, slots=True)
class Locality:
    """Endpoints that share a place and a priority."""

    endpoints: tuple[Endpoint, ...]
    place: str = ""
    """`region/zone/subzone`."""
    priority: int = 0
    weight: int = 0
    """0: the sum of the endpoints' weights."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """All endpoints of one cluster."""

    ref: ClusterRef
    localities: tuple[Locality, ...] = ()
    origins: tuple[Key, ...] = ()
