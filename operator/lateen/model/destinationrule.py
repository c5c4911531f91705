"""DestinationRule: how requests are carried to a service once it is chosen (istio-semantics §1.3).

The policy lives in `trafficpolicy` and `loadbalancer`; all their types are offered here as
well, so that readers of a DestinationRule need one import. Choices ("one of") are separate
optional fields; `lateen.validation.destinationrule` checks them.
"""

from dataclasses import dataclass, field

from lateen.model.loadbalancer import (
    BackendUtilization,
    ConsistentHash,
    CookieAttribute,
    Distribute,
    Failover,
    HttpCookie,
    LoadBalancerSettings,
    LocalityLb,
    Maglev,
    RingHash,
    SimpleLb,
    Warmup,
    ZoneAwareLb,
)
from lateen.model.schema import SPEC
from lateen.model.trafficpolicy import (
    CircuitBreaker,
    ClientTls,
    ConnectionPool,
    H2UpgradePolicy,
    Http2KeepAlive,
    HttpPool,
    OutlierDetection,
    PortTrafficPolicy,
    ProxyProtocol,
    ProxyProtocolVersion,
    RetryBudget,
    TcpKeepalive,
    TcpPool,
    TlsMode,
    TrafficPolicy,
    Tunnel,
)
from lateen.model.values import Labels, PortSelector, Text

__all__ = [
    "BackendUtilization",
    "CircuitBreaker",
    "ClientTls",
    "ConnectionPool",
    "ConsistentHash",
    "CookieAttribute",
    "DestinationRuleSpec",
    "Distribute",
    "Failover",
    "H2UpgradePolicy",
    "Http2KeepAlive",
    "HttpCookie",
    "HttpPool",
    "LoadBalancerSettings",
    "LocalityLb",
    "Maglev",
    "OutlierDetection",
    "PortSelector",
    "PortTrafficPolicy",
    "ProxyProtocol",
    "ProxyProtocolVersion",
    "RetryBudget",
    "RingHash",
    "SimpleLb",
    "Subset",
    "TcpKeepalive",
    "TcpPool",
    "TlsMode",
    "TrafficPolicy",
    "Tunnel",
    "Warmup",
    "WorkloadSelector",
    "ZoneAwareLb",
]


@dataclass(frozen=True, slots=True)
class Subset:
    """A named part of a service's endpoints, usually one version."""

    __pydantic_config__ = SPEC

    name: Text
    """Its name; VirtualServices refer to it."""
    labels: Labels = field(default_factory=dict)
    """Labels that its endpoints carry. None: all endpoints."""
    traffic_policy: TrafficPolicy | None = None
    """Policy of the subset; each block replaces the one of the whole service."""


@dataclass(frozen=True, slots=True)
class WorkloadSelector:
    """Which proxies a rule is for."""

    __pydantic_config__ = SPEC

    match_labels: Labels = field(default_factory=dict)
    """Labels that the proxy carries."""


@dataclass(frozen=True, slots=True)
class DestinationRuleSpec:
    """Policy and subsets of one service."""

    __pydantic_config__ = SPEC

    host: Text
    """The service: a short name in the namespace of the rule, a full name, or a wildcard."""
    traffic_policy: TrafficPolicy | None = None
    """Policy for all of the service."""
    subsets: tuple[Subset, ...] = ()
    """Named parts of the service."""
    export_to: tuple[Text, ...] = ()
    """Namespaces whose proxies see the rule: `*` all, `.` its own. None: all."""
    workload_selector: WorkloadSelector | None = None
    """Only for proxies of the rule's own namespace that carry these labels. None: for all."""
