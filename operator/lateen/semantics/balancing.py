"""Load balancing of a cluster: the algorithm, and how near endpoints are preferred (istio-semantics §1.3.2, §1.3.3)."""

from typing import Final

from lateen.ir.cluster import LbPolicy, LoadBalancer, Warmup
from lateen.model import destinationrule as dr
from lateen.semantics.locality import BY_PLACE, EVERYWHERE, Proximity, Share, preferred_by_service
from lateen.validation.loadbalancer import RING_BOUND

_SIMPLE: Final = {
    dr.SimpleLb.ROUND_ROBIN: LbPolicy.ROUND_ROBIN,
    dr.SimpleLb.RANDOM: LbPolicy.RANDOM,
    dr.SimpleLb.PASSTHROUGH: LbPolicy.CLUSTER_PROVIDED,
}
_RING_SIZE: Final = 1024
_UNSET: Final = dr.LoadBalancerSettings()
_LEAST_REQUEST: Final = LoadBalancer()
_SLOW_STARTERS: Final = frozenset({LbPolicy.LEAST_REQUEST, LbPolicy.ROUND_ROBIN})


def proximity_of(balancer: dr.LoadBalancerSettings | None, traffic_distribution: str = "") -> Proximity:
    """Find the one setting in effect: the rule's, else the Service's, else near first."""
    if balancer is None and not traffic_distribution:
        return BY_PLACE
    if balancer is not None and balancer.zone_aware_lb_setting is not None:
        zone = balancer.zone_aware_lb_setting
        if zone.enabled is False:
            return Proximity(by_place=False, zone_aware=False)
        return Proximity(
            takeovers=tuple((entry.from_, entry.to) for entry in zone.failover),
            labels=zone.failover_priority,
            without_ejection=True,
            zone_aware=True,
            min_cluster_size=zone.min_cluster_size,
        )
    if balancer is not None and balancer.locality_lb_setting is not None:
        setting = balancer.locality_lb_setting
        if setting.enabled is False:
            return EVERYWHERE
        return Proximity(
            shares=tuple(Share(entry.from_, tuple(sorted(entry.to.items()))) for entry in setting.distribute),
            takeovers=tuple((entry.from_, entry.to) for entry in setting.failover),
            labels=setting.failover_priority,
        )
    return preferred_by_service(traffic_distribution) or BY_PLACE


def lower_balancer(balancer: dr.LoadBalancerSettings | None, proximity: Proximity, *, ejects: bool) -> LoadBalancer:
    """Lower the algorithm. `backendUtilization` leaves LEAST_REQUEST in place, as elsewhere."""
    if balancer is None and proximity is BY_PLACE:
        return _LEAST_REQUEST
    balancer = balancer or _UNSET
    ring_size = table_size = 0
    policy = _SIMPLE.get(balancer.simple, LbPolicy.LEAST_REQUEST) if balancer.simple else LbPolicy.LEAST_REQUEST
    consistent = balancer.consistent_hash
    if consistent is not None:
        if consistent.maglev is not None:
            policy, table_size = LbPolicy.MAGLEV, consistent.maglev.table_size or 0
        elif consistent.ring_hash is not None:
            policy, ring_size = LbPolicy.RING_HASH, consistent.ring_hash.minimum_ring_size
        else:
            policy, ring_size = LbPolicy.RING_HASH, consistent.minimum_ring_size or _RING_SIZE
    return LoadBalancer(
        policy=policy,
        ring_size=min(ring_size, RING_BOUND),
        table_size=table_size,
        warmup=_warmup(balancer) if policy in _SLOW_STARTERS else None,
        locality_weighted=proximity.weighted(ejects=ejects),
        zone_aware=proximity.zone_aware,
        zone_min_cluster_size=proximity.min_cluster_size,
    )


def _warmup(balancer: dr.LoadBalancerSettings) -> Warmup | None:
    """Read `warmup`, or the older duration alone."""
    if balancer.warmup is not None:
        warmup = balancer.warmup
        return Warmup(warmup.duration, warmup.minimum_percent, warmup.aggression)
    if balancer.warmup_duration_secs is not None:
        return Warmup(balancer.warmup_duration_secs)
    return None
