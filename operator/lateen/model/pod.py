"""Pod: what endpoints and proxies need to know of one: where it runs, its addresses, whether it is ready."""

from dataclasses import dataclass, field
from typing import Annotated

from pydantic import Field

from lateen.model.kubernetes import KUBERNETES
from lateen.model.values import Int32, Text


@dataclass(frozen=True, slots=True)
class ContainerPort:
    """A port that a container names; Services refer to it."""

    __pydantic_config__ = KUBERNETES

    container_port: Int32
    """Port number."""

    name: Text = ""
    """Name of the port."""

    protocol: Text = "TCP"
    """Transport: TCP, UDP or SCTP."""


@dataclass(frozen=True, slots=True)
class Container:
    """One container of a pod."""

    __pydantic_config__ = KUBERNETES

    name: Text = ""
    """Name of the container."""

    ports: tuple[ContainerPort, ...] = ()
    """Ports it names."""


@dataclass(frozen=True, slots=True)
class PodPlacement:
    """What was asked for: the pod's `spec`."""

    __pydantic_config__ = KUBERNETES

    node_name: Text = ""
    """Node it runs on; empty: not scheduled yet."""

    containers: tuple[Container, ...] = ()
    """Its containers."""


@dataclass(frozen=True, slots=True)
class PodIp:
    """One address of a pod."""

    __pydantic_config__ = KUBERNETES

    ip: Text = ""
    """The address."""


@dataclass(frozen=True, slots=True)
class PodCondition:
    """One statement about a pod."""

    __pydantic_config__ = KUBERNETES

    type: Text = ""
    """What is stated, for example Ready."""

    status: Text = ""
    """True, False or Unknown."""


@dataclass(frozen=True, slots=True)
class PodStatus:
    """What is the case: the pod's `status`."""

    __pydantic_config__ = KUBERNETES

    phase: Text = ""
    """Pending, Running, Succeeded, Failed or Unknown."""

    pod_ip: Annotated[Text, Field(alias="podIP")] = ""
    """Its address; empty: none yet."""

    pod_ips: Annotated[tuple[PodIp, ...], Field(alias="podIPs")] = ()
    """All its addresses, one per IP family."""

    conditions: tuple[PodCondition, ...] = ()
    """Statements about it."""


@dataclass(frozen=True, slots=True)
class PodSpec:
    """A pod. Unlike with other kinds this holds `spec` and `status`: addresses are in the latter."""

    __pydantic_config__ = KUBERNETES

    spec: PodPlacement = field(default_factory=PodPlacement)
    """What was asked for."""

    status: PodStatus = field(default_factory=PodStatus)
    """What is the case."""

    @property
    def is_ready(self) -> bool:
        """Whether the pod says of itself that it is ready."""
        return any(condition.type == "Ready" and condition.status == "True" for condition in self.status.conditions)

    @property
    def addresses(self) -> tuple[str, ...]:
        """All its addresses, the main one first."""
        listed = dict.fromkeys(each.ip for each in self.status.pod_ips if each.ip)
        main = self.status.pod_ip
        return (main, *(ip for ip in listed if ip != main)) if main else tuple(listed)
