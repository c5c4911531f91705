"""The policy in effect for one port and subset of a service (istio-semantics §1.3.7).

Blocks replace each other as a whole; nothing is merged field by field.
"""

from dataclasses import dataclass

from lateen.model.destinationrule import (
    CircuitBreaker,
    ClientTls,
    ConnectionPool,
    LoadBalancerSettings,
    OutlierDetection,
    PortTrafficPolicy,
    ProxyProtocol,
    RetryBudget,
    TrafficPolicy,
    Tunnel,
)
from lateen.semantics.destination_rules import EffectiveRule


@dataclass(frozen=True, slots=True)
class EffectivePolicy:
    """One block of each kind, or None where nothing was written."""

    load_balancer: LoadBalancerSettings | None = None
    connection_pool: ConnectionPool | None = None
    ejection: OutlierDetection | None = None
    """`outlierDetection`, or the older `circuitBreaker` in its words."""
    tls: ClientTls | None = None
    tunnel: Tunnel | None = None
    proxy_protocol: ProxyProtocol | None = None
    retry_budget: RetryBudget | None = None


NO_POLICY = EffectivePolicy()


def effective_policy(rule: EffectiveRule | None, subset: str, port: int) -> EffectivePolicy:
    """Work out the policy of a cluster; `port` is the service's port."""
    if rule is None:
        return NO_POLICY
    base, _ = _for_port(rule.policy, port)
    written = rule.subset(subset) if subset else None
    if written is None or written.traffic_policy is None:
        return base
    own, replaced = _for_port(written.traffic_policy, port)
    if replaced:  # the subset's own port entry stands for all four blocks, even those it leaves out
        base = EffectivePolicy(tunnel=base.tunnel, proxy_protocol=base.proxy_protocol, retry_budget=base.retry_budget)
    return EffectivePolicy(
        load_balancer=own.load_balancer or base.load_balancer,
        connection_pool=own.connection_pool or base.connection_pool,
        ejection=own.ejection or base.ejection,
        tls=own.tls or base.tls,
        tunnel=own.tunnel or base.tunnel,
        proxy_protocol=own.proxy_protocol or base.proxy_protocol,
        retry_budget=own.retry_budget or base.retry_budget,
    )


def port_policy(policy: TrafficPolicy | None, port: int) -> PortTrafficPolicy | None:
    """The first `portLevelSettings` entry for a port."""
    if policy is None:
        return None
    return next(
        (entry for entry in policy.port_level_settings if entry.port is not None and entry.port.number == port), None
    )


def ejection_of(policy: TrafficPolicy | PortTrafficPolicy) -> OutlierDetection | None:
    """The ejection block; `circuitBreaker` counts where there is no `outlierDetection`."""
    if policy.outlier_detection is not None or policy.circuit_breaker is None:
        return policy.outlier_detection
    return _from_circuit_breaker(policy.circuit_breaker)


def _for_port(policy: TrafficPolicy | None, port: int) -> tuple[EffectivePolicy, bool]:
    """Resolve a policy for a port, and say whether an entry of its own replaced it."""
    if policy is None:
        return NO_POLICY, False
    entry = port_policy(policy, port)
    if entry is not None:
        blocks = EffectivePolicy(entry.load_balancer, entry.connection_pool, ejection_of(entry), entry.tls)
        return blocks, True
    return (
        EffectivePolicy(
            load_balancer=policy.load_balancer,
            connection_pool=policy.connection_pool,
            ejection=ejection_of(policy),
            tls=policy.tls,
            tunnel=policy.tunnel,
            proxy_protocol=policy.proxy_protocol,
            retry_budget=policy.retry_budget,
        ),
        False,
    )


def _from_circuit_breaker(breaker: CircuitBreaker) -> OutlierDetection:
    """Say the older block in today's words: errors are answers 5xx in a row."""
    return OutlierDetection(
        consecutive_5xx_errors=breaker.consecutive_errors,
        interval=breaker.interval,
        base_ejection_time=breaker.base_ejection_time,
        max_ejection_percent=breaker.max_ejection_percent,
    )
