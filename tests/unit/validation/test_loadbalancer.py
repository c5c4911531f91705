"""How endpoints may be chosen: a snippet of `loadBalancer`, and what is found where."""

import pytest
from tests.unit.validation.judging import traffic_policy

ALGORITHMS = [
    ("{simple: ROUND_ROBIN}", []),
    ("{simple: 5}", []),
    ("{simple: LEAST_CONN}", ["info simple"]),
    ("{simple: PASSTHROUGH}", ["warning simple"]),
    ("{simple: FASTEST}", ["error simple"]),
    ("{consistentHash: {httpHeaderName: x-user}}", []),
    ("{consistentHash: {useSourceIp: false}}", []),
    ("{consistentHash: {httpCookie: {name: user, ttl: 0s, attributes: [{name: SameSite, value: Lax}]}}}", []),
    ("{simple: RANDOM, consistentHash: {useSourceIp: true}}", ["error consistentHash"]),
    ("{consistentHash: {}}", ["warning consistentHash"]),
    ("{consistentHash: {httpHeaderName: ''}}", ["warning consistentHash.httpHeaderName"]),
    ("{consistentHash: {httpHeaderName: a, useSourceIp: true}}", ["error consistentHash.useSourceIp"]),
    ("{consistentHash: {httpCookie: {ttl: 1s}}}", ["error consistentHash.httpCookie.name"]),
    ("{consistentHash: {httpCookie: {name: ''}}}", ["error consistentHash.httpCookie.name"]),
    ("{consistentHash: {httpCookie: {name: a, ttl: -1s}}}", ["error consistentHash.httpCookie.ttl"]),
    ('{consistentHash: {httpCookie: {name: a, path: "/\\n"}}}', ["error consistentHash.httpCookie.path"]),
    (
        '{consistentHash: {httpCookie: {name: a, attributes: [{name: "b\\n", value: "c;d"}]}}}',
        ["error consistentHash.httpCookie.attributes[0].name", "error consistentHash.httpCookie.attributes[0].value"],
    ),
    (
        f"{{consistentHash: {{httpCookie: {{name: a, attributes: [{{name: b, value: {'v' * 16385}}}]}}}}}}",
        ["error consistentHash.httpCookie.attributes[0].value"],
    ),
    (
        "{consistentHash: {httpCookie: {name: a, attributes: [{value: b}]}}}",
        ["error consistentHash.httpCookie.attributes[0].name"],
    ),
    (
        "{consistentHash: {httpCookie: {name: a, attributes: [{name: b}, {name: b}]}}}",
        ["error consistentHash.httpCookie.attributes[1].name"],
    ),
    ("{consistentHash: {useSourceIp: true, ringHash: {minimumRingSize: 2048}}}", []),
    ("{consistentHash: {useSourceIp: true, minimumRingSize: 2048}}", ["warning consistentHash.minimumRingSize"]),
    (
        "{consistentHash: {useSourceIp: true, minimumRingSize: 1, ringHash: {}}}",
        ["error consistentHash.minimumRingSize"],
    ),
    (
        "{consistentHash: {useSourceIp: true, ringHash: {minimumRingSize: 8388609}}}",
        ["warning consistentHash.ringHash.minimumRingSize"],
    ),
    (
        "{consistentHash: {useSourceIp: true, ringHash: {}, maglev: {tableSize: 65537}}}",
        ["error consistentHash.maglev"],
    ),
    ("{consistentHash: {useSourceIp: true, maglev: {tableSize: 65537}}}", []),
    ("{consistentHash: {useSourceIp: true, maglev: {}}}", ["error consistentHash.maglev.tableSize"]),
    ("{consistentHash: {useSourceIp: true, maglev: {tableSize: 1}}}", ["error consistentHash.maglev.tableSize"]),
    ("{consistentHash: {useSourceIp: true, maglev: {tableSize: 100}}}", ["error consistentHash.maglev.tableSize"]),
    ("{consistentHash: {useSourceIp: true, maglev: {tableSize: 5000011}}}", ["error consistentHash.maglev.tableSize"]),
    ("{backendUtilization: {}}", ["warning backendUtilization"]),
]

WARMUP = [
    ("{warmup: {duration: 10s, minimumPercent: 5, aggression: 1.5}}", []),
    ("{warmup: {}}", ["error warmup.duration"]),
    ("{warmup: {duration: 0s}}", ["error warmup.duration"]),
    ("{warmup: {duration: 1s, minimumPercent: 101}}", ["error warmup.minimumPercent"]),
    ("{warmup: {duration: 1s, minimumPercent: -1}}", ["error warmup.minimumPercent"]),
    ("{warmup: {duration: 1s, aggression: 0}}", ["error warmup.aggression"]),
    ("{simple: RANDOM, warmup: {duration: 1s}}", ["warning warmup"]),
    ("{consistentHash: {useSourceIp: true}, warmup: {duration: 1s}}", ["warning warmup"]),
    ("{warmupDurationSecs: 10s}", ["info warmupDurationSecs"]),
    ("{warmupDurationSecs: 0s, warmup: {duration: 1s}}", ["error warmupDurationSecs", "warning warmupDurationSecs"]),
]

ZONES = [
    ("{zoneAwareLbSetting: {minClusterSize: 3}}", []),
    ("{zoneAwareLbSetting: {minClusterSize: 0}}", ["error zoneAwareLbSetting.minClusterSize"]),
    ("{zoneAwareLbSetting: {}, localityLbSetting: {}}", ["error zoneAwareLbSetting"]),
    ("{zoneAwareLbSetting: {failover: [{from: a, to: a}]}}", ["error zoneAwareLbSetting.failover[0].to"]),
    ("{zoneAwareLbSetting: {failoverPriority: [app, topology.istio.io/network]}}", []),
    (
        "{zoneAwareLbSetting: {failoverPriority: [topology.kubernetes.io/zone=a]}}",
        ["error zoneAwareLbSetting.failoverPriority[0]"],
    ),
]


def judge(settings: str) -> list[str]:
    found = traffic_policy(f"{{loadBalancer: {settings}, outlierDetection: {{}}}}")
    return [finding.replace("loadBalancer.", "") for finding in found]


@pytest.mark.parametrize(("settings", "expected"), ALGORITHMS)
def test_there_is_one_algorithm_and_one_thing_to_hash(settings: str, expected: list[str]) -> None:
    assert judge(settings) == expected


@pytest.mark.parametrize(("settings", "expected"), WARMUP)
def test_warm_up_has_a_duration_and_an_algorithm_that_knows_it(settings: str, expected: list[str]) -> None:
    assert judge(settings) == expected


@pytest.mark.parametrize(("settings", "expected"), ZONES)
def test_zone_awareness_stands_alone(settings: str, expected: list[str]) -> None:
    assert judge(settings) == expected
