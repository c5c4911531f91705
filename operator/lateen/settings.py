"""Everything that can be set, with its default. Values are given once, at the start."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from lateen.model.schema import SPEC


@dataclass(frozen=True, slots=True)
class ProxySettings:
    """How Envoys are run on this machine."""

    binary: Path | None = None
    """The Envoy to run; None: the one that is installed with `lateen[envoy]`, or on the PATH."""

    concurrency: int = 2
    """Worker threads of each Envoy."""

    drain_seconds: float = 5.0
    """How long a proxy that is stopped waits for its connections to end."""

    log_level: str = "warning"
    """Envoy's own log level."""


@dataclass(frozen=True, slots=True)
class UpSettings:
    """Settings of `lateen up`."""

    paths: tuple[Path, ...]
    """Directories and files to read and to follow."""

    name: str = "default"
    """Name of the instance: `lateen status` and `lateen dump` find it by this."""

    namespace: str = "default"
    """Namespace of objects that name none."""

    bind: str = "127.0.0.1"
    """Address that Gateways without `bind` listen on."""

    port_shift: int = 10_000
    """Added to Gateway ports under 1024, which need privileges; 0 binds them as they are."""

    mesh_port: int = 0
    """Port of the outbound proxy for service-to-service traffic; 0: none."""

    trust_file: str = ""
    """Authorities (PEM) that services are checked against where no DestinationRule names any; empty: Debian's."""

    strict: bool = False
    """Refuse objects with unknown fields instead of warning about them."""

    proxy: ProxySettings = field(default_factory=ProxySettings)
    """How Envoys are run."""


AUTHORITY_SECRET: Final = "lateen-ca"  # noqa: S105 - a name
"""Secret in the operator's namespace that holds its authority."""

LEASE: Final = "lateen"
"""Lease in the operator's namespace by which its replicas elect."""


@dataclass(frozen=True, slots=True)
class StatusSettings:
    """How status is written to objects of an API server."""

    __pydantic_config__ = SPEC

    writes_per_second: float = 20.0
    """Writes on average; the newest news first."""

    burst: int = 50
    """Writes at once after a time of silence."""


@dataclass(frozen=True, slots=True)
class WatchSettings:
    """How an API server is watched."""

    __pydantic_config__ = SPEC

    audit_seconds: float = 600.0
    """How often what is known is compared with what there is."""


@dataclass(frozen=True, slots=True)
class EjectionSettings:
    """Ejected hosts and overflowing pools as Events."""

    __pydantic_config__ = SPEC

    enabled: bool = True
    """Whether the logs of proxies are read for them."""


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """The validating webhook."""

    __pydantic_config__ = SPEC

    enabled: bool = False
    """Whether it is served."""

    port: int = 9443
    """Where it listens."""

    configuration: str = "lateen"
    """Name of the ValidatingWebhookConfiguration whose authority is kept up to date."""


@dataclass(frozen=True, slots=True)
class LogSettings:
    """What is logged, and how."""

    __pydantic_config__ = SPEC

    level: str = "info"
    """The least severe level: debug, info, warning or error."""

    format: str = "json"
    """`json`, or `console` for people."""


@dataclass(frozen=True, slots=True)
class ServiceNames:
    """Services in the operator's namespace."""

    __pydantic_config__ = SPEC

    xds: str = "lateen-xds"
    """Where proxies find their configuration."""

    peers: str = "lateen-peers"
    """Headless: every replica, ready or not."""

    webhook: str = "lateen-webhook"
    """Where the API server finds the webhook."""


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """Which Gateways share proxies."""

    __pydantic_config__ = SPEC

    scope: str = "namespace"
    """`namespace`: Gateways of one namespace with one selector; `cluster`: all with one selector."""


@dataclass(frozen=True, slots=True)
class OperatorSettings:
    """Settings of `lateen operator`: the shape of its file."""

    __pydantic_config__ = SPEC

    namespace: str = "lateen-system"
    """Where the operator runs."""

    deployment: str = "lateen"
    """Name of its own Deployment."""

    service_names: ServiceNames = field(default_factory=ServiceNames)
    """Services in that namespace."""

    xds_port: int = 18000
    """Port for proxies and for other replicas."""

    health_port: int = 8080
    """Port of `/metrics`, `/livez` and `/readyz`."""

    control_port: int = 15100
    """Port that `lateen status` and others ask, on loopback."""

    trust_domain: str = "cluster.local"
    """First part of all identities."""

    cluster_domain: str = "cluster.local"
    """Suffix of service names."""

    root_namespace: str = "istio-system"
    """Namespace whose DestinationRules apply where no closer one does."""

    gateways: GatewaySettings = field(default_factory=GatewaySettings)
    """Which Gateways share proxies."""

    status: StatusSettings = field(default_factory=StatusSettings)
    """How status is written."""

    watch: WatchSettings = field(default_factory=WatchSettings)
    """How the API server is watched."""

    ejections: EjectionSettings = field(default_factory=EjectionSettings)
    """Ejected hosts and overflowing pools."""

    webhook: WebhookSettings = field(default_factory=WebhookSettings)
    """The validating webhook."""

    log: LogSettings = field(default_factory=LogSettings)
    """What is logged."""
