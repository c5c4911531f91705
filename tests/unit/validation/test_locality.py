"""How requests may be shared among localities: a snippet of `localityLbSetting`, and what is found where."""

import pytest
from tests.unit.validation.judging import traffic_policy

SETTINGS = [
    ("{enabled: false}", []),
    ("{distribute: [{from: us/a/1, to: {us/a/1: 80, us/b: 20}}]}", []),
    ("{distribute: [{from: us/a, to: {us: 100}}, {from: 'us/*', to: {us: 100}}, {from: '*', to: {'*': 100}}]}", []),
    ("{failover: [{from: us, to: eu}]}", []),
    ("{failoverPriority: [topology.istio.io/network, topology.kubernetes.io/region]}", []),
    ("{failover: [{from: us, to: eu}], failoverPriority: [app=web]}", []),
    ("{distribute: [{from: us, to: {us: 100}}], failover: [{from: us, to: eu}]}", ["error failover"]),
    ("{distribute: [{from: us, to: {us: 99}}]}", ["error distribute[0].to"]),
    ("{distribute: [{from: us}]}", ["error distribute[0].to"]),
    ("{distribute: [{from: us, to: {us: 0, eu: 100}}]}", ["error distribute[0].to.us"]),
    ("{distribute: [{from: us, to: {us: 101}}]}", ["error distribute[0].to.us"]),
    ("{distribute: [{from: us/a/b/c, to: {us: 100}}]}", ["error distribute[0].from"]),
    ("{distribute: [{from: us//b, to: {us: 100}}]}", ["error distribute[0].from"]),
    ("{distribute: [{to: {us: 100}}]}", ["error distribute[0].from"]),
    ("{distribute: [{from: '*/a', to: {us: 100}}]}", ["error distribute[0].from"]),
    ("{distribute: [{from: 'us*', to: {us: 100}}]}", ["error distribute[0].from"]),
    ("{distribute: [{from: us, to: {us: 100}}, {from: us/a, to: {us: 100}}]}", ["error distribute[1].from"]),
    ("{distribute: [{from: us/a, to: {us: 100}}, {from: us, to: {us: 100}}]}", ["error distribute[1].from"]),
    ("{distribute: [{from: us/*, to: {us: 100}}, {from: us/a, to: {us: 100}}]}", ["error distribute[1].from"]),
    ("{distribute: [{from: '*', to: {us: 100}}, {from: us, to: {us: 100}}]}", ["error distribute[1].from"]),
    ("{distribute: [{from: us, to: {us/a: 50, us: 50}}]}", ["error distribute[0].to.us/a"]),
    ("{failover: [{from: us, to: us}]}", ["error failover[0].to"]),
    ("{failover: [{from: us/a, to: eu}]}", ["error failover[0].from"]),
    ("{failover: [{from: us, to: '*'}]}", ["error failover[0].to"]),
    (
        "{failover: [{from: us, to: eu}], failoverPriority: [topology.istio.io/subzone]}",
        ["error failoverPriority[0]"],
    ),
    ("{enabled: false, failoverPriority: [app]}", ["warning enabled"]),
]


def judge(setting: str, beside: str = "outlierDetection: {}") -> list[str]:
    found = traffic_policy(f"{{loadBalancer: {{localityLbSetting: {setting}}}, {beside}}}")
    return [finding.replace("loadBalancer.localityLbSetting.", "") for finding in found]


@pytest.mark.parametrize(("setting", "expected"), SETTINGS)
def test_localities_are_well_formed_and_do_not_overlap(setting: str, expected: list[str]) -> None:
    assert judge(setting) == expected


@pytest.mark.parametrize("field", ["failover: [{from: us, to: eu}]", "failoverPriority: [app]"])
def test_failover_needs_ejection(field: str) -> None:
    name = field.partition(":")[0]
    assert judge(f"{{{field}}}", "tls: {}") == [f"warning {name}"]
    assert judge(f"{{{field}}}", "circuitBreaker: {}") == ["info circuitBreaker"]
