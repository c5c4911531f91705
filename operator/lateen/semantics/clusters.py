"""Clusters: one per port and subset of a service, as its DestinationRule wants it (istio-semantics §2.12, §3.5).

A gateway has no original destination, so a ServiceEntry of resolution NONE becomes a cluster
whose endpoints are delivered and never come (503 UH). A cluster that cannot be configured as
written is left out (503 NC); `lateen.semantics.limits` tells why.
"""

from typing import Final

from lateen.ir.cluster import Cluster, Discovery, UpstreamProtocol
from lateen.ir.endpoint import Endpoints
from lateen.ir.route import ClusterRef
from lateen.model.destinationrule import SimpleLb
from lateen.model.keys import Key
from lateen.model.protocols import Protocol
from lateen.model.serviceentry import Resolution
from lateen.semantics.balancing import lower_balancer, proximity_of
from lateen.semantics.destination_rules import EffectiveRule
from lateen.semantics.locality import preferred_by_service
from lateen.semantics.policy import EffectivePolicy
from lateen.semantics.pools import (
    connect_timeout,
    lower_breaker,
    lower_ejection,
    lower_http,
    lower_keepalive,
    upstream_protocol,
)
from lateen.semantics.registry import RegisteredService
from lateen.semantics.upstream_tls import asks_host_for_sni, lower_tls, refusal, speaks_tls, verifies_host

_DISCOVERY: Final = {
    Resolution.STATIC: Discovery.EDS,
    Resolution.NONE: Discovery.EDS,
    Resolution.DNS: Discovery.STRICT_DNS,
    Resolution.DNS_ROUND_ROBIN: Discovery.LOGICAL_DNS,
}
DNS: Final = frozenset({Discovery.STRICT_DNS, Discovery.LOGICAL_DNS})
"""Clusters that carry their endpoints; without any they are left out (503 NC)."""


def discovery_of(
    ref: ClusterRef, service: RegisteredService, rule: EffectiveRule | None, policy: EffectivePolicy
) -> Discovery | None:
    """How the cluster of one port and subset learns its endpoints; None: there is no such cluster.

    There is none for a port or subset that does not exist, for an alias, for DYNAMIC_DNS, and
    for TLS that cannot be configured.
    """
    discovery = _DISCOVERY.get(service.resolution)
    if discovery is None or service.alias or service.port(ref.port) is None or refusal(policy.tls):
        return None
    if ref.subset and (rule is None or rule.subset(ref.subset) is None):
        return None
    balancer = policy.load_balancer
    if balancer is not None and balancer.simple is SimpleLb.PASSTHROUGH and balancer.consistent_hash is None:
        return Discovery.ORIGINAL_DST
    return discovery


def lower_cluster(
    ref: ClusterRef,
    service: RegisteredService,
    policy: EffectivePolicy,
    discovery: Discovery,
    *,
    default_connect_timeout: float,
    mirrors_client: bool = False,
    dns_endpoints: Endpoints | None = None,
    rules: tuple[Key, ...] = (),
) -> Cluster:
    """Make the cluster of one port and subset.

    `discovery` and `policy` are those in effect (`discovery_of`, `effective_policy`), `rules` the
    DestinationRules behind them; `dns_endpoints` belong to a cluster whose endpoints DNS resolves.
    `mirrors_client`: the proxy is next to its clients, and ports of unknown protocol get what they speak.
    """
    port = service.port(ref.port)
    pool, outlier = policy.connection_pool, policy.ejection
    declared = port.protocol if port is not None else Protocol.UNSUPPORTED
    protocol = upstream_protocol(pool, declared, mirrors_client=mirrors_client)
    tls = policy.tls if policy.tls is not None and speaks_tls(policy.tls) else None
    http2 = protocol is UpstreamProtocol.HTTP2
    return Cluster(
        ref=ref,
        discovery=discovery,
        connect_timeout=connect_timeout(pool, default_connect_timeout),
        lb=lower_balancer(
            policy.load_balancer,
            proximity_of(policy.load_balancer, service.traffic_distribution),
            ejects=outlier is not None,
        ),
        breaker=lower_breaker(pool, policy.retry_budget),
        keepalive=lower_keepalive(pool),
        http=lower_http(
            pool,
            protocol,
            auto_sni=tls is not None and asks_host_for_sni(tls),
            auto_san_validation=tls is not None and verifies_host(tls),
            ejection_status_codes=outlier.outlier_detection_http_error_codes if outlier is not None else (),
        ),
        ejection=lower_ejection(outlier) if outlier is not None else None,
        panic_percent=panic_percent(service, policy),
        tls=lower_tls(tls, service_names=service.subject_alt_names, http2=http2) if tls is not None else None,
        proxy_protocol=policy.proxy_protocol.version.value if policy.proxy_protocol is not None else "",
        dns_endpoints=dns_endpoints,
        origins=(service.origin, *rules),
    )


def panic_percent(service: RegisteredService, policy: EffectivePolicy) -> int:
    """The share of healthy endpoints, in percent, below which all of them get requests; 0: never.

    Services that prefer near endpoints never panic: the next priority takes over instead.
    """
    if policy.ejection is None or preferred_by_service(service.traffic_distribution) is not None:
        return 0
    return policy.ejection.min_health_percent
