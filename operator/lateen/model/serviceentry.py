"""ServiceEntry: a service that Kubernetes does not know, inside or outside the mesh (istio-semantics §1.4)."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator

from lateen.model.schema import SPEC
from lateen.model.values import Labels, Text, UInt32, enumeration
from lateen.model.workloadentry import WorkloadEntrySpec


class Location(StrEnum):
    """Whether the service belongs to the mesh."""

    MESH_EXTERNAL = "MESH_EXTERNAL"
    """Consumed through an API; no mesh identity is expected."""

    MESH_INTERNAL = "MESH_INTERNAL"
    """Part of the mesh, only not discovered by Kubernetes."""


class Resolution(StrEnum):
    """How the addresses of the service are found."""

    NONE = "NONE"
    """The client has already resolved: its original destination is used."""

    STATIC = "STATIC"
    """The endpoints' addresses are used as they are."""

    DNS = "DNS"
    """All addresses that DNS returns, refreshed in the background."""

    DNS_ROUND_ROBIN = "DNS_ROUND_ROBIN"
    """The first address that DNS returns, anew for each connection."""

    DYNAMIC_DNS = "DYNAMIC_DNS"
    """Resolved by the host of each request; for wildcard hosts."""


@dataclass(frozen=True, slots=True)
class ServiceEntryPort:
    """A port of the service."""

    __pydantic_config__ = SPEC

    number: UInt32
    """Port number that clients use."""

    name: Text
    """Name of the port, a DNS label."""

    protocol: Text = ""
    """HTTP, HTTPS, GRPC, HTTP2, GRPC-WEB, MONGO, TCP, TLS …; letter case does not matter, empty: not known."""

    target_port: UInt32 = 0
    """Port of the endpoints, where it differs; 0 means the same number."""


@dataclass(frozen=True, slots=True)
class WorkloadSelector:
    """Chooses workloads by their labels."""

    __pydantic_config__ = SPEC

    labels: Labels = field(default_factory=dict)
    """Labels that a workload of the same namespace has to carry, all of them."""


@dataclass(frozen=True, slots=True)
class ServiceEntrySpec:
    """A service: its hosts, its ports, and where its endpoints come from."""

    __pydantic_config__ = SPEC

    hosts: tuple[Text, ...]
    """Host names, used as written; the first label may be a wildcard."""

    addresses: tuple[Text, ...] = ()
    """Virtual addresses of the service, IP or CIDR."""

    ports: tuple[ServiceEntryPort, ...] = ()
    """Ports of the service."""

    location: Annotated[Location, BeforeValidator(enumeration(Location))] = Location.MESH_EXTERNAL
    """Whether the service belongs to the mesh."""

    resolution: Annotated[Resolution, BeforeValidator(enumeration(Resolution))] = Resolution.NONE
    """How addresses are found."""

    endpoints: tuple[WorkloadEntrySpec, ...] = ()
    """Endpoints given right here. Excludes `workloadSelector`."""

    workload_selector: WorkloadSelector | None = None
    """Chooses WorkloadEntries and Pods of the namespace as endpoints."""

    export_to: tuple[Text, ...] = ()
    """Namespaces that see the service: names, `.` for its own, `*` for all, `~` for none. Empty: all."""

    subject_alt_names: tuple[Text, ...] = ()
    """Names that the endpoints' certificates are checked for, unless a DestinationRule has its own."""
