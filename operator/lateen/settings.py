"""Everything that can be set, with its default. Values are given once, at the start."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

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

    options: tuple[str, ...] = ("*",)
    """What Gateways may change of their proxies by annotations `proxy.lateen.io/…`; `*`: anything."""


@dataclass(frozen=True, slots=True)
class ProxyService:
    """The Service in front of the proxies of one class."""

    __pydantic_config__ = SPEC

    type: str = "LoadBalancer"
    """ClusterIP, NodePort or LoadBalancer; None: no Service, somebody else leads clients to the proxies."""

    annotations: Mapping[str, str] = field(default_factory=dict)
    """Annotations; load balancers are configured by these."""

    external_traffic_policy: str = "Cluster"
    """`Local` keeps the clients' addresses and skips nodes without proxies; `Cluster` spreads evenly."""

    load_balancer_class: str = ""
    """Which load balancer; empty: the cluster's own."""

    load_balancer_source_ranges: tuple[str, ...] = ()
    """Address ranges that may call the load balancer; empty: all."""

    node_ports: Mapping[str, int] = field(default_factory=dict)
    """Fixed node ports, by port of the Service."""


def as_in_file(name: str) -> str:
    """Name of a setting in files: `targetCPUUtilizationPercentage`, with `CPU` in capitals as in Kubernetes."""
    first, *others = name.split("_")
    return first + "".join("CPU" if each == "cpu" else each.capitalize() for each in others)


_KUBERNETES: Final = SPEC | {"alias_generator": as_in_file}


@dataclass(frozen=True, slots=True)
class Autoscaling:
    """The HorizontalPodAutoscaler of one class."""

    __pydantic_config__ = _KUBERNETES

    enabled: bool = False
    """Whether there is one; if so, it decides how many pods there are."""

    min_replicas: int = 2
    """The fewest pods it keeps."""

    max_replicas: int = 10
    """The most pods it makes."""

    target_cpu_utilization_percentage: int = 80
    """Mean use of the requested CPU that it aims at, in percent."""

    metrics: tuple[Mapping[str, Any], ...] = ()
    """Metrics that it goes by instead of the use of CPU."""

    behavior: Mapping[str, Any] = field(default_factory=dict)
    """How fast it scales; empty: as Kubernetes does."""


@dataclass(frozen=True, slots=True)
class DisruptionBudget:
    """The PodDisruptionBudget of one class."""

    __pydantic_config__ = SPEC

    enabled: bool = True
    """Whether there is one."""

    min_available: int | str | None = None
    """How many pods must stay: a number or a percentage. If given, `max_unavailable` has no effect."""

    max_unavailable: int | str = 1
    """How many pods an eviction may take at a time: a number or a percentage."""


@dataclass(frozen=True, slots=True)
class ProxyNetworkPolicy:
    """The NetworkPolicy of one class."""

    __pydantic_config__ = SPEC

    enabled: bool = False
    """Whether there is one: clients reach the Gateways' ports and nothing else."""


@dataclass(frozen=True, slots=True)
class ProxyRemoval:
    """How proxies go that no Gateway wants any more."""

    __pydantic_config__ = SPEC

    delay_seconds: int = 30
    """Seconds that their objects stay in case that a Gateway wants them again."""


@dataclass(frozen=True, slots=True)
class ProxyDefaults:
    """How proxies run in a cluster, where no annotation of a Gateway says otherwise (`docs/proxies.md`)."""

    __pydantic_config__ = SPEC

    image: str = "lateen-proxy"
    """Image with Envoy, and with bash, which drains it."""

    image_pull_policy: str = "IfNotPresent"
    """Always, IfNotPresent or Never."""

    image_pull_secrets: tuple[Mapping[str, str], ...] = ()
    """Secrets to pull the image with, as `{name: …}`; each namespace with proxies needs them."""

    replicas: int = 2
    """Pods of each class."""

    resources: Mapping[str, Any] = field(default_factory=lambda: {"requests": {"cpu": "100m", "memory": "128Mi"}})
    """What a pod asks for, and may take."""

    service: ProxyService = field(default_factory=ProxyService)
    """The Service in front of the pods."""

    affinity: Mapping[str, Any] = field(default_factory=dict)
    """Where pods go; empty: they avoid each other's node where they can."""

    topology_spread_constraints: tuple[Mapping[str, Any], ...] = ()
    """How pods spread; empty: over zones where they can. Without `labelSelector` the class's own pods are meant."""

    node_selector: Mapping[str, str] = field(default_factory=dict)
    """Labels of the nodes that they may run on."""

    tolerations: tuple[Mapping[str, Any], ...] = ()
    """Taints of nodes that they tolerate."""

    pod_annotations: Mapping[str, str] = field(default_factory=dict)
    """More annotations of the pods."""

    pod_labels: Mapping[str, str] = field(default_factory=dict)
    """More labels of the pods."""

    priority_class_name: str = ""
    """PriorityClass of the pods."""

    autoscaling: Autoscaling = field(default_factory=Autoscaling)
    """The HorizontalPodAutoscaler."""

    pod_disruption_budget: DisruptionBudget = field(default_factory=DisruptionBudget)
    """The PodDisruptionBudget."""

    network_policy: ProxyNetworkPolicy = field(default_factory=ProxyNetworkPolicy)
    """The NetworkPolicy."""

    concurrency: int = 2
    """Worker threads of each Envoy; 0: one for each processor that it sees."""

    log_level: str = "warning"
    """Envoy's own log level."""

    drain_delay_seconds: int = 5
    """Seconds that a pod which is to end goes on taking connections, until everybody has heard of it."""

    drain_seconds: int = 30
    """Seconds that it has in all for its connections to end; it ends when the last one has."""

    removal: ProxyRemoval = field(default_factory=ProxyRemoval)
    """How proxies go that no Gateway wants any more."""

    extra_env: tuple[Mapping[str, Any], ...] = ()
    """More environment variables, as in a container."""

    run_as_user: int = 65532
    """User and group that Envoy runs as; 0: whom the image or the cluster names."""


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

    proxies: ProxyDefaults = field(default_factory=ProxyDefaults)
    """How proxies run."""

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
