"""Sidecar: what a workload's own proxy accepts and reaches (istio-semantics §1.6). Checked, but not served yet."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator

from lateen.model.gateway import ServerTls
from lateen.model.schema import SPEC
from lateen.model.serviceentry import WorkloadSelector
from lateen.model.trafficpolicy import ConnectionPool
from lateen.model.values import Text, UInt32, enumeration
from lateen.model.virtualservice import Destination


class CaptureMode(StrEnum):
    """How connections get to a listener."""

    DEFAULT = "DEFAULT"
    """As the environment is set up."""

    IPTABLES = "IPTABLES"
    """The kernel redirects them."""

    NONE = "NONE"
    """The client connects to the listener itself."""


class OutboundMode(StrEnum):
    """What becomes of connections to unknown destinations."""

    REGISTRY_ONLY = "REGISTRY_ONLY"
    """They are refused."""

    ALLOW_ANY = "ALLOW_ANY"
    """They pass."""


ReadCaptureMode = Annotated[CaptureMode, BeforeValidator(enumeration(CaptureMode))]


@dataclass(frozen=True, slots=True)
class SidecarPort:
    """The port of a listener."""

    __pydantic_config__ = SPEC

    number: UInt32 = 0
    """Port number; 0 together with a `unix://` bind of an egress listener."""

    protocol: Text = ""
    """Protocol of the port; empty: not known."""

    name: Text = ""
    """Name of the port, a DNS label."""

    target_port: UInt32 = 0
    """Deprecated, and refused for Sidecars."""


@dataclass(frozen=True, slots=True)
class IngressListener:
    """A port on which the workload accepts connections."""

    __pydantic_config__ = SPEC

    port: SidecarPort
    """Port and protocol."""

    bind: Text = ""
    """IP address to listen on, instead of the workload's own."""

    capture_mode: ReadCaptureMode = CaptureMode.DEFAULT
    """How connections get here."""

    default_endpoint: Text = ""
    """Where the workload listens: a loopback or wildcard address with port, or `unix://` and a path."""

    tls: ServerTls | None = None
    """TLS settings, for HTTPS and TLS."""

    connection_pool: ConnectionPool | None = None
    """Limits towards the workload."""


@dataclass(frozen=True, slots=True)
class EgressListener:
    """Services that the workload reaches, all ports or one."""

    __pydantic_config__ = SPEC

    hosts: tuple[Text, ...]
    """Hosts as `namespace/host`; `~namespace/host` takes hosts away again."""

    port: SidecarPort | None = None
    """The one port; None: the ports of the services."""

    bind: Text = ""
    """IP address or `unix://` socket to listen on."""

    capture_mode: ReadCaptureMode = CaptureMode.DEFAULT
    """How connections get here."""


@dataclass(frozen=True, slots=True)
class OutboundTrafficPolicy:
    """What becomes of connections to unknown destinations."""

    __pydantic_config__ = SPEC

    mode: Annotated[OutboundMode, BeforeValidator(enumeration(OutboundMode))] = OutboundMode.REGISTRY_ONLY
    """Whether they pass."""

    egress_proxy: Destination | None = None
    """A service to send them to, with ALLOW_ANY."""


@dataclass(frozen=True, slots=True)
class SidecarSpec:
    """Configuration of the proxies beside the workloads of a namespace."""

    __pydantic_config__ = SPEC

    workload_selector: WorkloadSelector | None = None
    """Chooses workloads of the namespace; None: all of them."""

    ingress: tuple[IngressListener, ...] = ()
    """Ports that the workload accepts connections on, instead of those of its services."""

    egress: tuple[EgressListener, ...] = ()
    """What the workload reaches."""

    inbound_connection_pool: ConnectionPool | None = None
    """Limits towards the workload, for ports that have none of their own."""

    outbound_traffic_policy: OutboundTrafficPolicy | None = None
    """What becomes of connections to unknown destinations."""
