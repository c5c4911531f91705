"""Service: a stable name for the endpoints behind it (Kubernetes docs: Service; istio-semantics §2.15)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from lateen.model.kubernetes import KUBERNETES, PortReference
from lateen.model.values import Int32, Text

EXTERNAL_NAME: Final = "ExternalName"
"""The `type` of a Service that only stands for another name."""


@dataclass(frozen=True, slots=True)
class ServicePort:
    """A port of a Service."""

    __pydantic_config__ = KUBERNETES

    port: Int32
    """Port number that clients use."""

    name: Text = ""
    """Name; its text before the first dash may name the protocol (`http-admin`)."""

    protocol: Text = "TCP"
    """Transport: TCP, UDP or SCTP."""

    app_protocol: Text = ""
    """Protocol on top of the transport; wins over the name."""

    target_port: PortReference | None = None
    """Port of the pods, by number or name; None: the same number."""


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """The part of a Service that routing depends on."""

    __pydantic_config__ = KUBERNETES

    ports: tuple[ServicePort, ...] = ()
    """Ports of the service."""

    selector: Mapping[Text, Text] = field(default_factory=dict)
    """Labels of the pods behind it; empty: endpoints are managed by hand."""

    type: Text = "ClusterIP"
    """ClusterIP, NodePort, LoadBalancer or ExternalName."""

    external_name: Text = ""
    """The name that an ExternalName service stands for."""

    internal_traffic_policy: Text = "Cluster"
    """Cluster, or Local: only endpoints on the client's node."""

    traffic_distribution: Text = ""
    """PreferClose, PreferSameZone or PreferSameNode; empty: no preference."""

    @property
    def is_alias(self) -> bool:
        """Whether the service only stands for another name."""
        return self.type == EXTERNAL_NAME
