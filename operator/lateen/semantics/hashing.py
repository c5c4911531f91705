"""What of a request decides its endpoint, and the TCP settings of a listener.

Both belong to routes and chains although they are written in DestinationRules
(istio-semantics §1.2.11, §1.3.2).
"""

from dataclasses import dataclass

from lateen.ir.listener import Tunnel
from lateen.ir.route import HashPolicy, HashSource
from lateen.model import destinationrule as dr
from lateen.semantics.destination_rules import EffectiveRule
from lateen.semantics.policy import port_policy


@dataclass(frozen=True, slots=True)
class TcpSettings:
    """What a TCP chain takes from the rule of its first destination; durations in seconds."""

    idle_timeout: float | None = None
    max_connection_duration: float | None = None
    hash_source_ip: bool = False
    tunnel: Tunnel | None = None


NO_TCP_SETTINGS = TcpSettings()


def hash_policies(rule: EffectiveRule | None, subset: str, written_port: int | None) -> tuple[HashPolicy, ...]:
    """Hash policies of one destination, most specific block first.

    `rule` is None also for a host that is no visible service. `written_port` is the port that
    the destination itself names (or that of a service's own default route); without it
    port-level settings do not count, although they do for the cluster.
    """
    if rule is None:
        return ()
    named = rule.subset(subset) if subset else None
    for policy in (named.traffic_policy if named is not None else None, rule.policy):
        if policy is None:
            continue
        entry = port_policy(policy, written_port) if written_port is not None else None
        for block in (entry, policy):
            found = _consistent_hash(block.load_balancer) if block is not None else None
            if found is not None:
                return _lower(found)
    return ()


def tcp_settings(rule: EffectiveRule | None, subset: str, *, weighted: bool) -> TcpSettings:
    """Settings of a chain whose first destination has this rule; only the top level counts for timeouts."""
    if rule is None:
        return NO_TCP_SETTINGS
    policy = rule.policy
    named = rule.subset(subset) if subset else None
    own = named.traffic_policy if named is not None else None
    pool = policy.connection_pool.tcp if policy is not None and policy.connection_pool is not None else None
    balancer = policy.load_balancer if policy is not None else None
    if own is not None and own.load_balancer is not None:
        balancer = own.load_balancer
    found = _consistent_hash(balancer)
    tunnel = own.tunnel if own is not None else None
    if weighted or not subset:
        tunnel = policy.tunnel if policy is not None else None
    return TcpSettings(
        idle_timeout=pool.idle_timeout if pool is not None else None,
        max_connection_duration=pool.max_connection_duration if pool is not None else None,
        hash_source_ip=found is not None and bool(found.use_source_ip),
        tunnel=_lower_tunnel(tunnel) if tunnel is not None else None,
    )


def _consistent_hash(balancer: dr.LoadBalancerSettings | None) -> dr.ConsistentHash | None:
    return balancer.consistent_hash if balancer is not None else None


def _lower(consistent: dr.ConsistentHash) -> tuple[HashPolicy, ...]:
    """Lower the one source that is set; none set: nothing is hashed."""
    if consistent.http_header_name:
        return (HashPolicy(HashSource.HEADER, consistent.http_header_name),)
    cookie = consistent.http_cookie
    if cookie is not None:
        attributes = tuple((attribute.name, attribute.value) for attribute in cookie.attributes)
        return (HashPolicy(HashSource.COOKIE, cookie.name, cookie.path, cookie.ttl, attributes),)
    if consistent.use_source_ip is not None:
        return (HashPolicy(HashSource.SOURCE_IP, enabled=consistent.use_source_ip),)
    if consistent.http_query_parameter_name:
        return (HashPolicy(HashSource.QUERY, consistent.http_query_parameter_name),)
    return ()


def _lower_tunnel(tunnel: dr.Tunnel) -> Tunnel:
    return Tunnel(f"{tunnel.target_host}:{tunnel.target_port}", use_post=tunnel.protocol == "POST")
