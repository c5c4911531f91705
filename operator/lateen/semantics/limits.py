"""What is read but cannot be honoured, said per object so that nothing is dropped in silence.

Errors name a part that is not served: its cluster is left out, and requests get 503 NC.
Validation, which looks at form only, is elsewhere.
"""

from collections.abc import Iterator

from lateen.model.destinationrule import DestinationRuleSpec, PortTrafficPolicy, TrafficPolicy
from lateen.model.objects import FieldPath, Problem, Severity
from lateen.model.service import ServiceSpec
from lateen.model.serviceentry import Resolution, ServiceEntrySpec
from lateen.semantics.upstream_tls import refusal


def rule_limits(spec: DestinationRuleSpec) -> tuple[Problem, ...]:
    """What of a DestinationRule has no effect, or stops its clusters."""
    return tuple(_rule(spec))


def entry_limits(spec: ServiceEntrySpec) -> tuple[Problem, ...]:
    """What of a ServiceEntry has no effect at a gateway."""
    path: FieldPath = ("spec", "resolution")
    if spec.resolution is Resolution.DYNAMIC_DNS:
        message = "DYNAMIC_DNS is not supported: routes to these hosts answer 503"
        return (Problem(path, message),)
    if spec.resolution is Resolution.NONE:
        message = "a proxy that is not next to its client has no original destination: these hosts have no endpoints"
        return (Problem(path, message, Severity.WARNING),)
    return ()


def service_limits(spec: ServiceSpec) -> tuple[Problem, ...]:
    """What of a Service has no effect."""
    if spec.internal_traffic_policy == "Local":
        message = "endpoints of all nodes are used: proxies do not know their node"
        return (Problem(("spec", "internalTrafficPolicy"), message, Severity.WARNING),)
    return ()


def _rule(spec: DestinationRuleSpec) -> Iterator[Problem]:
    if spec.traffic_policy is not None:
        yield from _policy(spec.traffic_policy, ("spec", "trafficPolicy"))
    for index, subset in enumerate(spec.subsets):
        if subset.traffic_policy is not None:
            yield from _policy(subset.traffic_policy, ("spec", "subsets", index, "trafficPolicy"))


def _policy(policy: TrafficPolicy, path: FieldPath) -> Iterator[Problem]:
    yield from _blocks(policy, path)
    for index, entry in enumerate(policy.port_level_settings):
        yield from _blocks(entry, (*path, "portLevelSettings", index))


def _blocks(policy: TrafficPolicy | PortTrafficPolicy, path: FieldPath) -> Iterator[Problem]:
    """Look at the blocks that exist on both levels."""
    reason = refusal(policy.tls)
    if reason:
        yield Problem((*path, "tls"), f"{reason}; until then routes to this answer 503")
    if policy.outlier_detection is not None and policy.circuit_breaker is not None:
        message = "outlierDetection is there as well and decides alone"
        yield Problem((*path, "circuitBreaker"), message, Severity.WARNING)
    balancer = policy.load_balancer
    if balancer is not None and balancer.backend_utilization is not None:
        message = "has no effect: endpoints are chosen by LEAST_REQUEST"
        yield Problem((*path, "loadBalancer", "backendUtilization"), message, Severity.WARNING)
