"""Traffic policy of a DestinationRule: limits, ejection, TLS, tunnels (istio-semantics §1.3.4 to §1.3.6).

Durations are seconds. Load balancing lives in `loadbalancer`.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator, Field

from lateen.model.loadbalancer import LoadBalancerSettings
from lateen.model.schema import SPEC, Duration
from lateen.model.values import Flag, Int32, Number, PortSelector, Text, UInt32, enumeration


class H2UpgradePolicy(StrEnum):
    """Whether HTTP/2 is spoken to endpoints."""

    DEFAULT = "DEFAULT"
    """As the global setting says."""
    DO_NOT_UPGRADE = "DO_NOT_UPGRADE"
    """Only if the port's own protocol is HTTP/2."""
    UPGRADE = "UPGRADE"
    """Always."""


class TlsMode(StrEnum):
    """Whether and how TLS is spoken to endpoints."""

    DISABLE = "DISABLE"
    """No TLS."""
    SIMPLE = "SIMPLE"
    """TLS; the endpoint shows a certificate."""
    MUTUAL = "MUTUAL"
    """TLS; the proxy shows a certificate of its own, too."""
    ISTIO_MUTUAL = "ISTIO_MUTUAL"
    """As MUTUAL, with certificates that a mesh issues."""


class ProxyProtocolVersion(StrEnum):
    """Version of the PROXY protocol header."""

    V1 = "V1"
    """Text."""
    V2 = "V2"
    """Binary."""


@dataclass(frozen=True, slots=True)
class TcpKeepalive:
    """Probes that find dead connections."""

    __pydantic_config__ = SPEC

    probes: UInt32 = 0
    """Unanswered probes until the connection counts as dead; 0: the operating system's default."""
    time: Duration | None = None
    """Idle time before the first probe; whole seconds count."""
    interval: Duration | None = None
    """Time between probes; whole seconds count."""


@dataclass(frozen=True, slots=True)
class TcpPool:
    """Limits of connections of any protocol."""

    __pydantic_config__ = SPEC

    max_connections: Int32 = 0
    """Most connections to all endpoints; 0: no limit."""
    connect_timeout: Duration | None = None
    """Time limit for opening a connection; absent: 10 s."""
    tcp_keepalive: TcpKeepalive | None = None
    """Send keep-alive probes. An empty block uses the operating system's times."""
    max_connection_duration: Duration | None = None
    """Longest life of a connection; absent: unlimited."""
    idle_timeout: Duration | None = None
    """Close connections that were idle so long; `0s`: never; absent: 1 h."""


@dataclass(frozen=True, slots=True)
class Http2KeepAlive:
    """PING frames that find dead HTTP/2 connections."""

    __pydantic_config__ = SPEC

    interval: Duration | None = None
    """Time between PINGs; required."""
    timeout: Duration | None = None
    """Time for the answer until the connection is closed; required."""


@dataclass(frozen=True, slots=True)
class HttpPool:
    """Limits of HTTP requests and connections."""

    __pydantic_config__ = SPEC

    http1_max_pending_requests: Int32 = 0
    """Most requests that wait for a connection; 0: no limit. Holds for HTTP/2 as well."""
    http2_max_requests: Int32 = 0
    """Most open requests; 0: no limit. Holds for HTTP/1.1 as well."""
    max_requests_per_connection: Int32 = 0
    """Close a connection after so many requests; 0: no limit."""
    max_retries: Int32 = 0
    """Most retries under way at once; 0: no limit."""
    idle_timeout: Duration | None = None
    """Close connections without requests after this time; absent: 1 h."""
    h2_upgrade_policy: Annotated[H2UpgradePolicy, BeforeValidator(enumeration(H2UpgradePolicy))] = (
        H2UpgradePolicy.DEFAULT
    )
    """Whether HTTP/2 is spoken to endpoints of HTTP/1.1 ports."""
    use_client_protocol: Flag = False
    """Speak the HTTP version that the client speaks."""
    max_concurrent_streams: Int32 = 0
    """Most open requests on one HTTP/2 connection; 0: no limit. Only where HTTP/2 is spoken for certain."""
    http2_keep_alive: Http2KeepAlive | None = None
    """Send PINGs on HTTP/2 connections. Only where HTTP/2 is spoken for certain."""


@dataclass(frozen=True, slots=True)
class ConnectionPool:
    """Limits of connections and requests to a service."""

    __pydantic_config__ = SPEC

    tcp: TcpPool | None = None
    """Limits of connections of any protocol."""
    http: HttpPool | None = None
    """Limits of HTTP requests and connections."""


@dataclass(frozen=True, slots=True)
class OutlierDetection:
    """Ejection: endpoints that keep failing get no requests for a while."""

    __pydantic_config__ = SPEC

    consecutive_5xx_errors: Annotated[UInt32 | None, Field(alias="consecutive5xxErrors")] = None
    """Eject after so many 5xx answers (or failed connections) in a row; 0 switches this off; absent: 5."""
    consecutive_gateway_errors: UInt32 | None = None
    """Eject after so many answers 502, 503 or 504 in a row; 0 or absent: off."""
    consecutive_errors: Int32 = 0
    """Deprecated and without effect; `consecutive5xxErrors` is the field that ejects."""
    split_external_local_origin_errors: Flag = False
    """Count failures of the connection apart from error answers."""
    consecutive_local_origin_failures: UInt32 | None = None
    """Eject after so many failed connections in a row; needs `splitExternalLocalOriginErrors`."""
    interval: Duration | None = None
    """How often endpoints are examined; absent: 10 s."""
    base_ejection_time: Duration | None = None
    """First ejection time; grows with every ejection; absent: 30 s."""
    max_ejection_percent: Int32 = 0
    """Largest share of endpoints that may be ejected, in percent; 0: 10."""
    min_health_percent: Int32 = 0
    """Below this share of healthy endpoints requests go to all of them; 0: never."""
    outlier_detection_http_error_codes: tuple[UInt32, ...] = ()
    """Statuses that count as errors instead of 5xx."""


@dataclass(frozen=True, slots=True)
class CircuitBreaker:
    """Older spelling of `outlierDetection`: ejection after 5xx answers in a row."""

    __pydantic_config__ = SPEC

    consecutive_errors: UInt32 | None = None
    """As `outlierDetection.consecutive5xxErrors`."""
    interval: Duration | None = None
    """As `outlierDetection.interval`."""
    base_ejection_time: Duration | None = None
    """As `outlierDetection.baseEjectionTime`."""
    max_ejection_percent: Int32 = 0
    """As `outlierDetection.maxEjectionPercent`."""


@dataclass(frozen=True, slots=True)
class ClientTls:
    """TLS towards the endpoints."""

    __pydantic_config__ = SPEC

    mode: Annotated[TlsMode, BeforeValidator(enumeration(TlsMode))] = TlsMode.DISABLE
    """Whether and how TLS is spoken."""
    client_certificate: Text = ""
    """File with the proxy's certificate (MUTUAL)."""
    private_key: Text = ""
    """File with the key of that certificate (MUTUAL)."""
    ca_certificates: Text = ""
    """File with the authorities that are trusted; absent: those of the operating system."""
    credential_name: Text = ""
    """Secret with key, certificate and authorities, in place of the files."""
    subject_alt_names: tuple[Text, ...] = ()
    """Names that the endpoint's certificate may carry; one has to fit."""
    sni: Text = ""
    """Server name to ask for; absent: the Host header."""
    insecure_skip_verify: Flag | None = None
    """Do not verify the endpoint's certificate."""
    ca_crl: Text = ""
    """File with revoked certificates."""


@dataclass(frozen=True, slots=True)
class Tunnel:
    """TCP connections carried inside HTTP CONNECT or POST."""

    __pydantic_config__ = SPEC

    target_host: Text
    """Host that the tunnel leads to."""
    target_port: UInt32
    """Port that the tunnel leads to."""
    protocol: Text = ""
    """`CONNECT` (the default) or `POST`."""


@dataclass(frozen=True, slots=True)
class ProxyProtocol:
    """Tell the endpoint the client's address by a PROXY protocol header."""

    __pydantic_config__ = SPEC

    version: Annotated[ProxyProtocolVersion, BeforeValidator(enumeration(ProxyProtocolVersion))] = (
        ProxyProtocolVersion.V1
    )
    """Version of the header."""


@dataclass(frozen=True, slots=True)
class RetryBudget:
    """Limit of retries in proportion to open requests; takes the place of `maxRetries`."""

    __pydantic_config__ = SPEC

    percent: Number | None = None
    """Retries as share of open requests, in percent; absent: 20."""
    min_retry_concurrency: UInt32 = 0
    """So many retries are always allowed; 0: 3."""
    budget_interval: Duration | None = None
    """Time over which requests are counted."""


@dataclass(frozen=True, slots=True)
class PortTrafficPolicy:
    """Policy of one port of the service; takes the place of the whole policy around it."""

    __pydantic_config__ = SPEC

    port: PortSelector | None = None
    """The port, by the service's number; required."""
    load_balancer: LoadBalancerSettings | None = None
    """How an endpoint is chosen."""
    connection_pool: ConnectionPool | None = None
    """Limits of connections and requests."""
    outlier_detection: OutlierDetection | None = None
    """Ejection of endpoints that keep failing."""
    circuit_breaker: CircuitBreaker | None = None
    """Older spelling of `outlierDetection`."""
    tls: ClientTls | None = None
    """TLS towards the endpoints."""


@dataclass(frozen=True, slots=True)
class TrafficPolicy:
    """How requests are carried to a service once it is chosen."""

    __pydantic_config__ = SPEC

    load_balancer: LoadBalancerSettings | None = None
    """How an endpoint is chosen."""
    connection_pool: ConnectionPool | None = None
    """Limits of connections and requests."""
    outlier_detection: OutlierDetection | None = None
    """Ejection of endpoints that keep failing."""
    circuit_breaker: CircuitBreaker | None = None
    """Older spelling of `outlierDetection`."""
    tls: ClientTls | None = None
    """TLS towards the endpoints."""
    port_level_settings: tuple[PortTrafficPolicy, ...] = ()
    """Policies of single ports. They replace this policy for their port; nothing is merged."""
    tunnel: Tunnel | None = None
    """Carry TCP connections inside HTTP."""
    proxy_protocol: ProxyProtocol | None = None
    """Tell endpoints the client's address."""
    retry_budget: RetryBudget | None = None
    """Limit retries in proportion to open requests."""
