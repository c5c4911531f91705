"""What an HTTP rule may say: a snippet of the rule, and what is found where."""

import pytest
from tests.unit.validation.judging import http_rule, virtual_service

ACTIONS = [
    ("name: plain", []),
    ("route: []", ["error rule"]),
    ("{route: [], redirect: {uri: /new}}", []),
    ("redirect: {uri: /new}", ["error route"]),
    ("{route: [], redirect: {uri: /new}, fault: {abort: {httpStatus: 500, percentage: {value: 1}}}}", ["error fault"]),
    ("{route: [], redirect: {uri: /new}, rewrite: {uri: /}}", ["error rewrite"]),
    ("{route: [], redirect: {uri: /new}, directResponse: {status: 200}}", ["error directResponse"]),
    ("{route: [], directResponse: {status: 200}}", []),
    ("directResponse: {status: 200}", ["error route"]),
    ("{route: [], directResponse: {status: 200}, rewrite: {uri: /}}", ["error rewrite"]),
    ("{route: [], redirect: {uri: /new}, timeout: 1s}", ["warning timeout"]),
    ("{route: [], directResponse: {status: 200}, retries: {attempts: 1}}", ["warning retries"]),
    ("{route: [], directResponse: {status: 200}, mirror: {host: cart}}", ["warning mirror"]),
]

DESTINATIONS = [
    ("route: [{destination: {host: cart, subset: v1, port: {number: 80}}}]", []),
    ("route: [{destination: {host: cart}, weight: 0}]", []),
    ("route: [{destination: {host: cart}, weight: 1}, {destination: {host: cart}, weight: 3}]", []),
    ("route: [{destination: {host: '*.example.com'}}]", []),
    ("route: [{weight: 1}]", ["error route[0].destination"]),
    ("route: [{destination: {subset: v1}}]", ["error route[0].destination.host"]),
    ("route: [{destination: {host: ''}}]", ["error route[0].destination.host"]),
    ("route: [{destination: {host: '*'}}]", ["error route[0].destination.host"]),
    ("route: [{destination: {host: shop/cart}}]", ["error route[0].destination.host"]),
    ("route: [{destination: {host: cart, subset: 'a|b'}}]", ["error route[0].destination.subset"]),
    ("route: [{destination: {host: cart, port: {}}}]", ["error route[0].destination.port.number"]),
    ("route: [{destination: {host: cart, port: {number: 65536}}}]", ["error route[0].destination.port.number"]),
    ("route: [{destination: {host: cart}, weight: -1}]", ["error route[0].weight"]),
    ("route: [{destination: {host: a}}, {destination: {host: b}}]", ["error route"]),
]

MIRRORS = [
    ("{mirror: {host: copy}, mirrorPercentage: {value: 0}}", []),
    ("{mirror: {host: '*'}}", ["error mirror.host"]),
    ("{mirror: {host: copy}, mirrorPercent: 10}", ["warning mirrorPercent"]),
    ("{mirror: {host: copy}, mirror_percent: 10}", ["warning mirror_percent"]),
    ("{mirror: {host: copy}, mirrorPercent: 101}", ["error mirrorPercent"]),
    ("{mirror: {host: copy}, mirrorPercent: 10, mirrorPercentage: {value: 1}}", ["warning mirrorPercent"]),
    ("{mirror: {host: copy}, mirrorPercentage: {value: 100.1}}", ["error mirrorPercentage.value"]),
    ("{mirror: {host: copy}, mirrorPercentage: {value: -1}}", ["error mirrorPercentage.value"]),
    ("mirrorPercentage: {value: 10}", ["warning mirrorPercentage"]),
    ("mirrors: [{destination: {host: copy}, percentage: {value: 0.5}}]", []),
    ("mirrors: [{percentage: {value: 1}}]", ["error mirrors[0].destination"]),
    ("mirrors: [{destination: {host: copy}, percentage: {value: 101}}]", ["error mirrors[0].percentage.value"]),
    ("{mirror: {host: copy}, mirrors: [{destination: {host: copy}}]}", ["error mirrors"]),
]

TIMEOUTS = [
    ("timeout: 1ms", []),
    ("timeout: 1h30m", []),
    ("timeout: 0s", ["error timeout"]),
    ("timeout: 500us", ["error timeout"]),
    ("timeout: 1.0005s", ["error timeout"]),
    ("timeout: -1s", ["error timeout"]),
    ("timeout: 5", ["error timeout"]),
    ("timeout: 1.5", ["error timeout"]),
    ("timeout: 5 s", ["error timeout"]),
]


@pytest.mark.parametrize(("snippet", "expected"), ACTIONS)
def test_a_rule_has_one_action_and_what_goes_with_it(snippet: str, expected: list[str]) -> None:
    assert http_rule(snippet) == expected


@pytest.mark.parametrize(("snippet", "expected"), DESTINATIONS)
def test_destinations_are_hosts_with_weights(snippet: str, expected: list[str]) -> None:
    assert http_rule(snippet) == expected


@pytest.mark.parametrize(("snippet", "expected"), MIRRORS)
def test_mirrors_are_destinations_with_a_share(snippet: str, expected: list[str]) -> None:
    assert http_rule(snippet) == expected


@pytest.mark.parametrize(("snippet", "expected"), TIMEOUTS)
def test_a_timeout_is_a_duration_in_whole_milliseconds(snippet: str, expected: list[str]) -> None:
    assert http_rule(snippet) == expected


def test_every_fault_of_a_rule_is_reported_once_and_at_its_place() -> None:
    spec = "http: [{route: [{destination: {host: '*'}, weight: -1}], timeout: 0s, retries: {attempts: -1}}]"
    assert virtual_service(spec) == [
        "error spec.http[0].retries.attempts",
        "error spec.http[0].route[0].destination.host",
        "error spec.http[0].route[0].weight",
        "error spec.http[0].timeout",
    ]
