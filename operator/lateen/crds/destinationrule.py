"""Limits of DestinationRules (istio-semantics §1.3, §4.4).

Prime numbers, shares that add up to 100, overlapping localities and the namespace of a ConfigMap
stay with `lateen.validation`: CEL has no words for them, or no access. So do regions that fail
over to themselves, and rules about blocks in the port policies of subsets: comparing texts, or
anything else, once for each entry of a list in a list costs too much.
"""

from collections.abc import Mapping
from typing import Any, Final

from lateen.crds.constraints import (
    COUNT,
    DURATION,
    DURATION_OR_ZERO,
    LABEL,
    MOST,
    PERCENT,
    PORT,
    SELECTOR,
    VISIBILITY,
    Block,
    between,
    each,
    entries,
    exclusive,
    has_entries,
    has_text,
    letters,
    listed,
    pairs,
    pattern,
    rule,
    together,
    values,
)
from lateen.model.destinationrule import DestinationRuleSpec, Subset, WorkloadSelector
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
    Warmup,
    ZoneAwareLb,
)
from lateen.model.trafficpolicy import (
    CircuitBreaker,
    ClientTls,
    ConnectionPool,
    Http2KeepAlive,
    HttpPool,
    OutlierDetection,
    PortTrafficPolicy,
    RetryBudget,
    TcpKeepalive,
    TcpPool,
    TrafficPolicy,
    Tunnel,
)
from lateen.validation.loadbalancer import MAGLEV_BOUND
from lateen.validation.trafficpolicy import PORT_POLICIES

_REGION: Final = pattern("[^/*]*")

_BALANCING: Final[Mapping[type[Any], Block]] = {
    LoadBalancerSettings: Block(
        fields={"warmupDurationSecs": DURATION},
        whole=together(
            exclusive("simple", "consistentHash", "backendUtilization"),
            exclusive("localityLbSetting", "zoneAwareLbSetting"),
        ),
    ),
    ConsistentHash: Block(
        whole=together(
            exclusive("httpHeaderName", "httpCookie", "useSourceIp", "httpQueryParameterName"),
            exclusive("ringHash", "maglev"),
            rule(
                "!has(self.minimumRingSize) || self.minimumRingSize == 0 || !(has(self.ringHash) || has(self.maglev))",
                "minimumRingSize goes with neither ringHash nor maglev",
            ),
        )
    ),
    HttpCookie: Block(fields={"name": letters(least=1), "ttl": DURATION_OR_ZERO}),
    CookieAttribute: Block(required=("name",), fields={"name": letters(least=1)}),
    Maglev: Block(fields={"tableSize": between(2, MAGLEV_BOUND - 1)}),
    Warmup: Block(
        fields={
            "duration": DURATION,
            "minimumPercent": PERCENT,
            "aggression": {"minimum": 0, "exclusiveMinimum": True},
        }
    ),
    LocalityLb: Block(
        whole=rule(
            f"!({has_entries('distribute')} && {has_entries('failover')})",
            "only one of distribute and failover is possible",
        )
    ),
    Distribute: Block(fields={"to": values(between(1, 100))}),
    Failover: Block(fields={"from": _REGION, "to": _REGION}),
    ZoneAwareLb: Block(fields={"minClusterSize": {"minimum": 1}}),
    BackendUtilization: Block(
        fields={
            "weightExpirationPeriod": DURATION_OR_ZERO,
            "weightStabilizationPeriod": DURATION_OR_ZERO,
            "weightUpdatePeriod": DURATION_OR_ZERO,
        }
    ),
}

_POOLS: Final[Mapping[type[Any], Block]] = {
    ConnectionPool: Block(whole=pairs(least=1)),
    TcpPool: Block(
        fields={
            "maxConnections": COUNT,
            "connectTimeout": DURATION,
            "maxConnectionDuration": DURATION,
            "idleTimeout": DURATION_OR_ZERO,
        }
    ),
    TcpKeepalive: Block(fields={"time": DURATION, "interval": DURATION}),
    HttpPool: Block(
        fields={
            "http1MaxPendingRequests": COUNT,
            "http2MaxRequests": COUNT,
            "maxRequestsPerConnection": COUNT,
            "maxRetries": COUNT,
            "maxConcurrentStreams": COUNT,
            "idleTimeout": DURATION,
        },
        whole=rule(
            "!(has(self.useClientProtocol) && self.useClientProtocol "
            "&& has(self.h2UpgradePolicy) && self.h2UpgradePolicy == 'UPGRADE')",
            "useClientProtocol and h2UpgradePolicy UPGRADE exclude each other",
        ),
    ),
    Http2KeepAlive: Block(required=("interval", "timeout"), fields={"interval": DURATION, "timeout": DURATION}),
}

_EJECTION: Final = {"interval": DURATION, "baseEjectionTime": DURATION, "maxEjectionPercent": PERCENT}

_FAILURES: Final[Mapping[type[Any], Block]] = {
    OutlierDetection: Block(
        fields={
            **_EJECTION,
            "minHealthPercent": PERCENT,
            "outlierDetectionHttpErrorCodes": each(between(100, 599)),
        },
        whole=rule(
            "!has(self.consecutiveLocalOriginFailures) || self.consecutiveLocalOriginFailures == 0 "
            "|| (has(self.splitExternalLocalOriginErrors) && self.splitExternalLocalOriginErrors)",
            "consecutiveLocalOriginFailures needs splitExternalLocalOriginErrors",
        ),
    ),
    CircuitBreaker: Block(fields=_EJECTION),
    RetryBudget: Block(fields={"percent": PERCENT, "budgetInterval": DURATION_OR_ZERO}),
}

_VERIFIES: Final = "(has(self.mode) && self.mode in ['SIMPLE', 'MUTUAL'])"
_UNVERIFIED: Final = f"({_VERIFIES} && has(self.insecureSkipVerify) && self.insecureSkipVerify)"
_MUTUAL: Final = f"""
    !has(self.mode) || self.mode != 'MUTUAL' || {has_text("credentialName")}
    || ({has_text("clientCertificate")} && {has_text("privateKey")})
"""
_ONE_SOURCE: Final = f"""
    !{_VERIFIES} || !{has_text("credentialName")}
    || !({has_text("clientCertificate")} || {has_text("privateKey")} || {has_text("caCertificates")}
         || {has_text("caCrl")})
"""
_NOTHING_TO_VERIFY: Final = f"""
    !{_UNVERIFIED}
    || !({has_text("caCertificates")} || {has_entries("subjectAltNames")}
         || (self.mode == 'SIMPLE' && {has_text("credentialName")}))
"""

_ONE_EJECTION: Final = rule(
    "!(has(self.circuitBreaker) && has(self.outlierDetection))",
    "circuitBreaker is the older spelling of outlierDetection; only one of them is possible",
)

LIMITS: Final[Mapping[type[Any], Block]] = {
    **_BALANCING,
    **_POOLS,
    **_FAILURES,
    DestinationRuleSpec: Block(
        fields={"host": letters(least=1, most=255), "subsets": entries(most=MOST), "exportTo": VISIBILITY}
    ),
    Subset: Block(fields={"name": pattern(LABEL)}, frugal=("trafficPolicy.portLevelSettings",)),
    WorkloadSelector: Block(fields={"matchLabels": SELECTOR}),
    TrafficPolicy: Block(
        fields={"portLevelSettings": entries(most=PORT_POLICIES)},
        whole=together(pairs(least=1), exclusive("tunnel", "proxyProtocol"), _ONE_EJECTION),
    ),
    PortTrafficPolicy: Block(required=("port",), whole=together(pairs(least=2), _ONE_EJECTION)),
    ClientTls: Block(
        whole=together(
            rule(_MUTUAL, "MUTUAL needs clientCertificate and privateKey, or credentialName"),
            rule(_ONE_SOURCE, "credentialName excludes clientCertificate, privateKey, caCertificates and caCrl"),
            rule(
                _NOTHING_TO_VERIFY,
                "insecureSkipVerify excludes caCertificates and subjectAltNames, and in mode SIMPLE credentialName",
            ),
        )
    ),
    Tunnel: Block(
        fields={"targetHost": letters(least=1), "targetPort": PORT, "protocol": listed("", "CONNECT", "POST")}
    ),
}
