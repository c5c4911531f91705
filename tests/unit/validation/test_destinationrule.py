"""What a DestinationRule may say: a snippet of its spec, and what is found where."""

import pytest
from tests.unit.validation.judging import destination_rule

RULES = [
    ("host: cart", []),
    ("host: cart.shop.svc.cluster.local", []),
    ("host: '*.example.com'", []),
    ("host: '*'", []),
    ("host: ''", ["error spec.host"]),
    ("host: null", ["error spec.host"]),
    ("host: a b", ["error spec.host"]),
    ("trafficPolicy: {}", ["error spec.trafficPolicy"]),
    ("subsets: [{name: v1, labels: {version: v1}}, {name: v2}]", []),
    ("subsets: [{name: v1}, {name: v1}]", ["error spec.subsets[1].name"]),
    ("subsets: [{labels: {version: v1}}]", ["error spec.subsets[0].name"]),
    ("subsets: [{name: ''}]", ["error spec.subsets[0].name"]),
    ("subsets: [{name: 'v1|x'}]", ["error spec.subsets[0].name"]),
    ("subsets: [{name: v1, labels: {version: 'a b'}}]", ["error spec.subsets[0].labels.version"]),
    ("subsets: [{name: v1, trafficPolicy: {}}]", ["error spec.subsets[0].trafficPolicy"]),
    (
        "subsets: [{name: v1, trafficPolicy: {connectionPool: {}}}]",
        ["error spec.subsets[0].trafficPolicy.connectionPool"],
    ),
    ("subsets: [null]", ["error spec.subsets[0]"]),
    ("exportTo: ['.']", []),
    ("exportTo: ['*', other]", ["error spec.exportTo"]),
    ("exportTo: ['~']", ["error spec.exportTo[0]"]),
]

SELECTORS = [
    ("workloadSelector: {matchLabels: {app: web}}", []),
    ("{workloadSelector: {matchLabels: {app: web}}, exportTo: ['.']}", []),
    ("{workloadSelector: {matchLabels: {app: web}}, exportTo: [shop]}", []),
    ("{workloadSelector: {matchLabels: {app: web}}, exportTo: ['*']}", ["error spec.exportTo[0]"]),
    ("{workloadSelector: {matchLabels: {app: web}}, exportTo: [other]}", ["error spec.exportTo[0]"]),
    ("workloadSelector: {}", ["warning spec.workloadSelector.matchLabels"]),
    ("workloadSelector: {matchLabels: {'': web}}", ["error spec.workloadSelector.matchLabels"]),
    ("workloadSelector: {matchLabels: {app: '*'}}", ["error spec.workloadSelector.matchLabels.app"]),
]


@pytest.mark.parametrize(("snippet", "expected"), RULES)
def test_a_rule_has_a_host_and_named_subsets(snippet: str, expected: list[str]) -> None:
    assert destination_rule(snippet) == expected


@pytest.mark.parametrize(("snippet", "expected"), SELECTORS)
def test_a_rule_for_some_proxies_stays_in_its_namespace(snippet: str, expected: list[str]) -> None:
    assert destination_rule(snippet) == expected
