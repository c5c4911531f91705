"""Clusters: where requests go, how many at once, and who is ejected."""

from dataclasses import dataclass
from enum import Enum, auto

from lateen.ir.endpoint import Endpoints
from lateen.ir.listener import SecretRef, TlsParameters
from lateen.ir.route import ClusterRef
from lateen.model.keys import Key


class Discovery(Enum):
    """How a cluster learns its endpoints."""

    EDS = auto()
    STRICT_DNS = auto()
    LOGICAL_DNS = auto()
    ORIGINAL_DST = auto()


class LbPolicy(Enum):
    """Load-balancing algorithm (istio-semantics §1.3.2)."""

    LEAST_REQUEST = auto()
    ROUND_ROBIN = auto()
    RANDOM = auto()
    RING_HASH = auto()
    MAGLEV = auto()
    CLUSTER_PROVIDED = auto()


@dataclass(frozen=True, slots=True)
class Warmup:
    """Slow start; duration in seconds."""

    duration: float
    minimum_percent: float | None = None
    aggression: float | None = None


@dataclass(frozen=True, slots=True)
class LoadBalancer:
    """Algorithm and its parameters."""

    policy: LbPolicy = LbPolicy.LEAST_REQUEST
    ring_size: int = 0
    """Minimum ring size; 0: Envoy's default."""
    table_size: int = 0
    """Maglev table; 0: Envoy's default."""
    warmup: Warmup | None = None
    locality_weighted: bool = False
    zone_aware: bool | None = None
    """None: not configured."""
    zone_min_cluster_size: int | None = None


@dataclass(frozen=True, slots=True)
class CircuitBreaker:
    """Limits of one cluster; None means no limit (istio-semantics §1.3.4)."""

    max_connections: int | None = None
    max_pending_requests: int | None = None
    max_requests: int | None = None
    max_retries: int | None = None
    retry_budget: "RetryBudget | None" = None


@dataclass(frozen=True, slots=True)
class RetryBudget:
    """Retries as a share of active requests; interval in seconds."""

    percent: float
    min_concurrency: int
    interval: float | None = None


@dataclass(frozen=True, slots=True)
class TcpKeepalive:
    """None: the operating system's default; times in seconds."""

    probes: int | None = None
    time: int | None = None
    interval: int | None = None


class UpstreamProtocol(Enum):
    """Which HTTP is spoken to the endpoints."""

    DEFAULT = auto()
    """HTTP/1.1, said only when another option needs the block."""
    HTTP2 = auto()
    DOWNSTREAM = auto()
    """The same as the client's."""


@dataclass(frozen=True, slots=True)
class UpstreamHttp:
    """HTTP options of a cluster; durations in seconds."""

    protocol: UpstreamProtocol = UpstreamProtocol.DEFAULT
    idle_timeout: float | None = None
    max_connection_duration: float | None = None
    max_requests_per_connection: int | None = None
    max_concurrent_streams: int | None = None
    keepalive_interval: float | None = None
    keepalive_timeout: float | None = None
    auto_sni: bool = False
    auto_san_validation: bool = False
    ejection_status_codes: tuple[int, ...] = ()
    """Statuses that count as errors instead of 5xx."""


PLAIN_HTTP = UpstreamHttp()


@dataclass(frozen=True, slots=True)
class Ejection:
    """Outlier detection; None: Envoy's default (istio-semantics §1.3.5). Durations in seconds."""

    consecutive_5xx: int | None = None
    """0 turns the detector off."""
    consecutive_gateway_errors: int | None = None
    consecutive_local_failures: int | None = None
    split_local_errors: bool = False
    interval: float | None = None
    base_time: float | None = None
    max_percent: int | None = None


@dataclass(frozen=True, slots=True)
class UpstreamTls:
    """TLS to the endpoints (istio-semantics §1.3.6)."""

    sni: str = ""
    certificate: SecretRef | None = None
    trust: SecretRef | None = None
    """None: nothing is verified (insecureSkipVerify)."""
    system_trust: bool = False
    """Verify against the operating system's authorities."""
    subject_alt_names: tuple[str, ...] = ()
    alpn: tuple[str, ...] = ()
    crl_file: str = ""
    parameters: TlsParameters = TlsParameters(min_version="TLSV1_2", max_version="TLSV1_3")


@dataclass(frozen=True, slots=True)
class Cluster:
    """One cluster of one proxy."""

    ref: ClusterRef
    discovery: Discovery = Discovery.EDS
    connect_timeout: float = 10.0
    lb: LoadBalancer = LoadBalancer()
    breaker: CircuitBreaker = CircuitBreaker()
    keepalive: TcpKeepalive | None = None
    http: UpstreamHttp = PLAIN_HTTP
    ejection: Ejection | None = None
    panic_percent: int = 0
    tls: UpstreamTls | None = None
    proxy_protocol: str = ""
    """`V1`, `V2` or empty."""
    dns_endpoints: Endpoints | None = None
    """Inline endpoints of a DNS cluster."""
    origins: tuple[Key, ...] = ()
    """The objects behind it: Service or ServiceEntry first, then DestinationRules."""
