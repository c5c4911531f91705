"""Wishes of Gateways over the defaults."""

from dataclasses import fields, replace

import pytest

from lateen.infra.tuning import tune
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
