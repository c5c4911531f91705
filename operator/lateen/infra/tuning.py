"""How the proxies of one class run: the defaults, and what their Gateways wish otherwise."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from typing import Any, Final

from lateen.semantics.proxy_options import OPTIONS, find_fault, read_option
from lateen.settings import (
    Autoscaling,
    DisruptionBudget,
    ProxyDefaults,
    ProxyNetworkPolicy,
    ProxyService,
    as_in_file,
)

_SERVICE: Final = {
    "external-traffic-policy": "external_traffic_policy",
    "load-balancer-class": "load_balancer_class",
    "load-balancer-source-ranges": "load_balancer_source_ranges",
    "node-ports": "node_ports",
    "service-annotations": "annotations",
    "service-type": "type",
}
"""Options of the Service, and the fields that they set."""

_MAY_BE_EMPTY: Final = frozenset({"load-balancer-class", "priority-class-name"})


def _autoscaling(now: Autoscaling, wish: Mapping[str, Any]) -> Autoscaling:
    scaled = Autoscaling(
        enabled=wish.get("enabled", True),
        min_replicas=wish.get("minReplicas", now.min_replicas),
        max_replicas=wish.get("maxReplicas", now.max_replicas),
        target_cpu_utilization_percentage=wish.get(
            "targetCPUUtilizationPercentage", now.target_cpu_utilization_percentage
        ),
        metrics=wish.get("metrics", now.metrics),
        behavior=wish.get("behavior", now.behavior),
    )
    return replace(scaled, max_replicas=max(scaled.min_replicas, scaled.max_replicas))


def _budget(now: DisruptionBudget, wish: Mapping[str, Any]) -> DisruptionBudget:
    stays = None if "maxUnavailable" in wish else now.min_available
    return DisruptionBudget(
        enabled=wish.get("enabled", True),
        min_available=wish.get("minAvailable", stays),
        max_unavailable=wish.get("maxUnavailable", now.max_unavailable),
    )


_WHOLE: Final[Mapping[str, Callable[[ProxyDefaults, Any], ProxyDefaults]]] = {
    "autoscaling": lambda now, wish: replace(now, autoscaling=_autoscaling(now.autoscaling, wish)),
    "network-policy": lambda now, wish: replace(now, network_policy=ProxyNetworkPolicy(enabled=wish)),
    "pod-annotations": lambda now, wish: replace(now, pod_annotations={**now.pod_annotations, **wish}),
    "pod-disruption-budget": lambda now, wish: replace(
        now, pod_disruption_budget=_budget(now.pod_disruption_budget, wish)
    ),
    "pod-labels": lambda now, wish: replace(now, pod_labels={**now.pod_labels, **wish}),
}
"""Options that change a part of a setting, or have another shape; the others replace the field of their name."""


def find_faults(defaults: ProxyDefaults) -> Iterator[tuple[str, str]]:
    """Tell what no Gateway could wish: the place of each setting as in the operator's file, and what is wrong."""
    for name in OPTIONS:
        group, field = ("service", _SERVICE[name]) if name in _SERVICE else ("", name.replace("-", "_"))
        value = getattr(defaults.service if group else defaults, field)
        if value == "" and name in _MAY_BE_EMPTY:
            continue
        if fault := find_fault(name, value if isinstance(value, str) else json.dumps(_plain(value))):
            yield ".".join(filter(None, (group, as_in_file(field)))), fault


def _plain(value: Any) -> Any:
    """A setting as an annotation would say it."""
    match value:
        case ProxyNetworkPolicy():
            return value.enabled
        case Autoscaling() | DisruptionBudget():
            return {as_in_file(name): each for name, each in asdict(value).items() if each is not None}
    return value


def tune(defaults: ProxyDefaults, options: Mapping[str, str]) -> ProxyDefaults:
    """Apply the wishes of Gateways to the defaults.

    Raises:
        InputError: an option is none; those of a `ProxyDeployment` have been checked.
    """
    tuned = defaults
    for name, text in options.items():
        value = read_option(name, text)
        if name in _SERVICE:
            tuned = replace(tuned, service=_service(tuned.service, _SERVICE[name], value))
        elif name in _WHOLE:
            tuned = _WHOLE[name](tuned, value)
        else:
            tuned = replace(tuned, **{name.replace("-", "_"): value})
    return tuned


def _service(now: ProxyService, field: str, value: Any) -> ProxyService:
    changed: dict[str, Any] = {field: {**now.annotations, **value} if field == "annotations" else value}
    return replace(now, **changed)
