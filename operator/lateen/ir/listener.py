"""Listeners: where a proxy accepts connections and what it does with them."""

from dataclasses import dataclass
from enum import Enum, auto

from lateen.ir.route import Target
from lateen.model.keys import Key


class RouteLayout(Enum):
    """How an HTTP chain's virtual hosts travel to Envoy (ADR 0002)."""

    SCOPED = auto()
    """One scope and one RouteConfiguration per host: a change costs the same at any size."""
    SINGLE = auto()
    """One RouteConfiguration for the whole chain."""


@dataclass(frozen=True, slots=True)
class HttpChain:
    """An HTTP connection manager."""

    route_name: str
    """`http.80`, or `https.443.https.gateway.namespace` (istio-semantics §2.3.4)."""
    stat_prefix: str
    layout: RouteLayout = RouteLayout.SCOPED
    grpc_web: bool = False
    port_in_host: bool = False
    """Virtual hosts are named with their port (the mesh port); otherwise ports in Host are ignored."""


@dataclass(frozen=True, slots=True)
class Tunnel:
    """Wrap TCP in CONNECT or POST (istio-semantics §1.3.6)."""

    target: str
    """`host:port`."""
    use_post: bool = False


@dataclass(frozen=True, slots=True)
class TcpChain:
    """A TCP proxy; durations in seconds."""

    targets: tuple[Target, ...]
    stat_prefix: str
    weighted: bool = False
    idle_timeout: float | None = None
    max_connection_duration: float | None = None
    hash_source_ip: bool = False
    tunnel: Tunnel | None = None


class SecretKind(Enum):
    """What a `SecretRef` stands for."""

    CERTIFICATE = auto()
    TRUST = auto()


@dataclass(frozen=True, slots=True)
class SecretRef:
    """TLS material by name: delivered by SDS, or read by Envoy from local files."""

    name: str
    """SDS name (`kubernetes://name`), or empty when the paths are used."""
    kind: SecretKind
    certificate_file: str = ""
    key_file: str = ""
    trust_file: str = ""


@dataclass(frozen=True, slots=True)
class TlsParameters:
    """Versions (`TLSV1_2` …; empty: Envoy's default), ciphers, curves."""

    min_version: str = ""
    max_version: str = ""
    ciphers: tuple[str, ...] = ()
    curves: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DownstreamTls:
    """TLS that the proxy terminates (istio-semantics §1.1.2)."""

    certificates: tuple[SecretRef, ...]
    trust: SecretRef | None = None
    require_client_certificate: bool = False
    subject_alt_names: tuple[str, ...] = ()
    certificate_spki: tuple[str, ...] = ()
    certificate_hashes: tuple[str, ...] = ()
    crl_file: str = ""
    accept_untrusted: bool = False
    alpn: tuple[str, ...] = ("h2", "http/1.1")
    parameters: TlsParameters = TlsParameters()


@dataclass(frozen=True, slots=True)
class FilterChain:
    """One way through a listener. Exactly one of `http` and `tcp` is set."""

    name: str
    """Unique within its listener."""
    http: HttpChain | None = None
    tcp: TcpChain | None = None
    server_names: tuple[str, ...] = ()
    """SNI to match; empty: any, including none."""
    tls: DownstreamTls | None = None
    only_tls: bool = False
    """Take only connections that begin with a TLS handshake; others have a chain of their own."""
    origins: tuple[Key, ...] = ()


@dataclass(frozen=True, slots=True)
class Listener:
    """One bound address."""

    name: str
    """`0.0.0.0_8080` (istio-semantics §2.3.5)."""
    address: str
    port: int
    chains: tuple[FilterChain, ...]
    pipe: str = ""
    """Path of a Unix domain socket; then `address` and `port` are unused."""
    dual_stack: bool = False
    """Clients reach it by IPv6 as well, though `address` is that of all interfaces in IPv4."""
