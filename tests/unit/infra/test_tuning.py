"""Wishes of Gateways over the defaults."""

from dataclasses import fields, replace

import pytest

from lateen.infra.tuning import find_faults, tune
from lateen.semantics.proxy_options import OPTIONS
from lateen.settings import Autoscaling, DisruptionBudget, ProxyDefaults, ProxyNetworkPolicy, ProxyService

DEFAULTS = ProxyDefaults(
    service=ProxyService(annotations={"a": "1", "b": "1"}), pod_labels={"a": "1", "b": "1"}, pod_annotations={"a": "1"}
)
SAMPLES = {
    "affinity": '{"a": {}}',
    "autoscaling": "{}",
    "concurrency": "9",
    "drain-delay-seconds": "9",
    "drain-seconds": "9",
    "external-traffic-policy": "Local",
    "extra-env": '[{"name": "A"}]',
    "image": "other",
    "image-pull-policy": "Always",
    "image-pull-secrets": '["a"]',
    "load-balancer-class": "a",
    "load-balancer-source-ranges": '["10.0.0.0/8"]',
    "log-level": "debug",
    "network-policy": "true",
    "node-ports": '{"80": 30080}',
    "node-selector": '{"a": "b"}',
    "pod-annotations": '{"c": "d"}',
    "pod-disruption-budget": '{"enabled": false}',
    "pod-labels": '{"c": "d"}',
    "priority-class-name": "high",
    "replicas": "9",
    "resources": "{}",
    "service-annotations": '{"c": "d"}',
    "service-type": "None",
    "tolerations": "[{}]",
    "topology-spread-constraints": "[{}]",
}


def test_nothing_wished_changes_nothing() -> None:
    assert tune(DEFAULTS, {}) == DEFAULTS


def test_there_is_a_sample_of_every_option() -> None:
    assert list(SAMPLES) == list(OPTIONS)


@pytest.mark.parametrize("name", SAMPLES)
def test_every_option_changes_one_setting(name: str) -> None:
    tuned = tune(DEFAULTS, {name: SAMPLES[name]})
    changed = [each.name for each in fields(tuned) if getattr(tuned, each.name) != getattr(DEFAULTS, each.name)]
    assert len(changed) == 1


def test_labels_and_annotations_are_added() -> None:
    tuned = tune(
        DEFAULTS, {"pod-labels": '{"b": "2"}', "pod-annotations": '{"b": "2"}', "service-annotations": '{"b": "2"}'}
    )
    assert tuned.pod_labels == {"a": "1", "b": "2"}
    assert tuned.pod_annotations == {"a": "1", "b": "2"}
    assert tuned.service.annotations == {"a": "1", "b": "2"}


def test_an_autoscaler_is_on_unless_it_is_switched_off() -> None:
    assert tune(DEFAULTS, {"autoscaling": '{"minReplicas": 3}'}).autoscaling == Autoscaling(
        enabled=True, min_replicas=3, max_replicas=10
    )
    on = replace(DEFAULTS, autoscaling=Autoscaling(enabled=True))
    assert not tune(on, {"autoscaling": '{"enabled": false}'}).autoscaling.enabled


def test_the_most_pods_are_never_fewer_than_the_fewest() -> None:
    assert tune(DEFAULTS, {"autoscaling": '{"minReplicas": 20}'}).autoscaling.max_replicas == 20


@pytest.mark.parametrize(
    ("wish", "budget"),
    [
        ('{"maxUnavailable": "20%"}', DisruptionBudget(max_unavailable="20%")),
        ('{"minAvailable": 2}', DisruptionBudget(min_available=2, max_unavailable=1)),
        ('{"enabled": false}', DisruptionBudget(enabled=False, min_available=1)),
    ],
)
def test_a_budget_is_one_number_or_the_other(wish: str, budget: DisruptionBudget) -> None:
    defaults = replace(DEFAULTS, pod_disruption_budget=DisruptionBudget(min_available=1))
    assert tune(defaults, {"pod-disruption-budget": wish}).pod_disruption_budget == budget


def test_a_network_policy_is_wished_away() -> None:
    on = replace(DEFAULTS, network_policy=ProxyNetworkPolicy(enabled=True))
    assert not tune(on, {"network-policy": "false"}).network_policy.enabled


def test_defaults_have_no_faults() -> None:
    assert list(find_faults(ProxyDefaults())) == []
    assert list(find_faults(tune(DEFAULTS, SAMPLES))) == []


@pytest.mark.parametrize(
    ("defaults", "path", "fault"),
    [
        (ProxyDefaults(image=""), "image", "text without spaces is expected, not ''"),
        (ProxyDefaults(replicas=-1), "replicas", "a whole number from 0 to 1000 is expected, not '-1'"),
        (ProxyDefaults(log_level="loud"), "logLevel", "one of trace, debug"),
        (ProxyDefaults(service=ProxyService(type="Node")), "service.type", "one of ClusterIP"),
        (
            ProxyDefaults(service=ProxyService(node_ports={"http": 1})),
            "service.nodePorts",
            "a port by port is expected",
        ),
        (ProxyDefaults(affinity={"a": None}), "affinity", "null says nothing"),
        (ProxyDefaults(pod_labels={"lateen.io/proxy": "x"}), "podLabels", "names of lateen.io are Lateen's own"),
        (ProxyDefaults(autoscaling=Autoscaling(min_replicas=0)), "autoscaling", "minReplicas: a whole number"),
        (
            ProxyDefaults(pod_disruption_budget=DisruptionBudget(max_unavailable="all")),
            "podDisruptionBudget",
            "maxUnavailable: a number of pods",
        ),
    ],
)
def test_defaults_are_checked_like_wishes(defaults: ProxyDefaults, path: str, fault: str) -> None:
    ((found, message),) = find_faults(defaults)
    assert found == path
    assert fault in message
