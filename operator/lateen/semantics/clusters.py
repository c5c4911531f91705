"""Clusters: one per port and subset of a service, as its DestinationRule wants it (istio-semantics §2.12, §3.5).

A gateway has no original destination, so a ServiceEntry of resolution NONE becomes a cluster
whose endpoints are delivered and never come (503 UH). A cluster that cannot be configured as
written is left out (503 NC); `lateen.semantics.policy_checks` tells why.
"""

from typing import Final

from lateen.ir.cluster import Cluster, Discovery, LbPolicy, UpstreamProtocol
from lateen.ir.endpoint import Endpoints
from lateen.ir.route import ClusterRef
from lateen.model.serviceentry import Resolution
from lateen.semantics.balancing import lower_balancer, proximity_of
from lateen.semantics.destination_rules import EffectiveRule
from lateen.semantics.locality import preferred_by_service
from lateen.semantics.policy import EffectivePolicy, effective_policy
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
DNS: Final = frozenset({Resolution.DNS, Resolution.DNS_ROUND_ROBIN})
"""Resolutions whose endpoints are part of the cluster."""


def lower_cluster(
    ref: ClusterRef,
    service: RegisteredService,
    rule: EffectiveRule | None,
    *,
    default_connect_timeout: float,
    dns_endpoints: Endpoints | None = None,
) -> Cluster | None:
    """Make the cluster of one port and subset; None: there is no such cluster.

    There is none for a port or subset that does not exist, for an alias, for DYNAMIC_DNS, for
    TLS that cannot be configured, and for a DNS service without `dns_endpoints`.
    """
    port = service.port(ref.port)
    discovery = _DISCOVERY.get(service.resolution)
    if port is None or discovery is None or service.alias:
        return None
    if ref.subset and (rule is None or rule.subset(ref.subset) is None):
        return None
    policy = effective_policy(rule, ref.subset, ref.port)
    if refusal(policy.tls):
        return None
    balancer = lower_balancer(
        policy.load_balancer,
        proximity_of(policy.load_balancer, service.traffic_distribution),
        ejects=policy.ejection is not None,
    )
    if balancer.policy is LbPolicy.CLUSTER_PROVIDED:
        discovery, dns_endpoints = Discovery.ORIGINAL_DST, None
    elif service.resolution in DNS and (dns_endpoints is None or not dns_endpoints.localities):
        return None
    pool, outlier = policy.connection_pool, policy.ejection
    protocol = upstream_protocol(pool, port.protocol)
    tls = policy.tls if policy.tls is not None and speaks_tls(policy.tls) else None
    return Cluster(
        ref=ref,
        discovery=discovery,
        connect_timeout=connect_timeout(pool, default_connect_timeout),
        lb=balancer,
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
        tls=lower_tls(tls, service_names=service.subject_alt_names, http2=protocol is UpstreamProtocol.HTTP2)
        if tls is not None
        else None,
        proxy_protocol=policy.proxy_protocol.version.value if policy.proxy_protocol is not None else "",
        dns_endpoints=dns_endpoints if discovery is not Discovery.EDS else None,
        origins=(service.origin, *(rule.origins if rule is not None else ())),
    )


def panic_percent(service: RegisteredService, policy: EffectivePolicy) -> int:
    """The share of healthy endpoints, in percent, below which all of them get requests; 0: never.

    Services that prefer near endpoints never panic: the next priority takes over instead.
    """
    if policy.ejection is None or preferred_by_service(service.traffic_distribution) is not None:
        return 0
    return policy.ejection.min_health_percent
