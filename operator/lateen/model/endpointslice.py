"""EndpointSlice: some of the endpoints of one Service (Kubernetes docs: EndpointSlice, discovery.k8s.io/v1)."""

from dataclasses import dataclass, field
from typing import Final

from lateen.model.kubernetes import KUBERNETES
from lateen.model.values import Flag, Int32, Text

SERVICE_LABEL: Final = "kubernetes.io/service-name"
"""Label of a slice that names its Service."""


@dataclass(frozen=True, slots=True)
class EndpointConditions:
    """State of one endpoint; None counts as Kubernetes says: ready, not terminating."""

    __pydantic_config__ = KUBERNETES

    ready: Flag | None = None
    """May receive new connections."""

    terminating: Flag | None = None
    """Is being shut down."""


@dataclass(frozen=True, slots=True)
class ObjectReference:
    """Points to the object behind an endpoint."""

    __pydantic_config__ = KUBERNETES

    kind: Text = ""
    """Kind of the object, mostly Pod."""

    name: Text = ""
    """Its name."""

    namespace: Text = ""
    """Its namespace; empty: the one of the slice."""


@dataclass(frozen=True, slots=True)
class SliceEndpoint:
    """One endpoint. Its addresses are interchangeable: only the first is used."""

    __pydantic_config__ = KUBERNETES

    addresses: tuple[Text, ...]
    """Addresses of the slice's address type, at least one."""

    conditions: EndpointConditions = field(default_factory=EndpointConditions)
    """State of the endpoint."""

    node_name: Text = ""
    """Node it runs on."""

    zone: Text = ""
    """Zone it runs in."""

    target_ref: ObjectReference | None = None
    """The pod behind it."""

    @property
    def is_ready(self) -> bool:
        """Whether it may receive new connections; not knowing counts as yes."""
        return self.conditions.ready is not False


@dataclass(frozen=True, slots=True)
class SlicePort:
    """A port of every endpoint of the slice."""

    __pydantic_config__ = KUBERNETES

    name: Text = ""
    """Name of the Service's port it belongs to."""

    port: Int32 | None = None
    """Port number; None means all ports."""

    protocol: Text = "TCP"
    """Transport: TCP, UDP or SCTP."""

    app_protocol: Text = ""
    """Protocol on top of the transport."""


@dataclass(frozen=True, slots=True)
class EndpointSliceSpec:
    """Endpoints that share their ports. The object has no `spec`: these are its top-level fields."""

    __pydantic_config__ = KUBERNETES

    address_type: Text = "IPv4"
    """IPv4, IPv6 or FQDN."""

    endpoints: tuple[SliceEndpoint, ...] = ()
    """The endpoints."""

    ports: tuple[SlicePort, ...] = ()
    """Their ports."""
