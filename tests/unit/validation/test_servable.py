"""What Envoy would refuse is found before it gets there."""

import pytest
from tests.unit.validation.judging import http_rule

THE_REST = f"{{destination: {{host: b}}, weight: {2**31 - 1}}}, {{destination: {{host: c}}, weight: 2}}"

REFUSED = [
    ("{route: [], redirect: {uri: /new, redirectCode: 304}}", ["warning redirect.redirectCode"]),
    ("{route: [], redirect: {uri: /new, redirectCode: 300}}", ["warning redirect.redirectCode"]),
    ('{route: [], redirect: {uri: "/a\\nb"}}', ["warning redirect.uri"]),
    ('{route: [], redirect: {authority: "a\\rb"}}', ["warning redirect.authority"]),
    (
        '{route: [], match: [{uri: {prefix: /a}}], redirect: {prefixRewrite: "/a\\0b"}}',
        ["warning redirect.prefixRewrite"],
    ),
    ('rewrite: {uri: "/a\\nb"}', ["warning rewrite.uri"]),
    ('rewrite: {authority: "a\\nb"}', ["warning rewrite.authority"]),
    ("{route: [], directResponse: {status: 600}}", ["warning directResponse.status"]),
    ("fault: {abort: {httpStatus: 600, percentage: {value: 1}}}", ["warning fault.abort.httpStatus"]),
    ("headers: {request: {set: {x-a: '%NOPE%'}}}", ["warning headers.request.set.x-a"]),
    ("headers: {response: {add: {x-a: '%REQ%'}}}", ["warning headers.response.add.x-a"]),
    (
        "route: [{destination: {host: a}, headers: {request: {add: {x-a: '%NOPE(b)%'}}}}]",
        ["warning route[0].headers.request.add.x-a"],
    ),
    (f"headers: {{request: {{set: {{x-a: {'a' * 16385}}}}}}}", ["warning headers.request.set.x-a"]),
    (f"headers: {{request: {{set: {{x-a: {'ä' * 8193}}}}}}}", ["warning headers.request.set.x-a"]),
    (
        "rewrite: {uriRegexRewrite: {match: '(a)b', rewrite: '\\2'}}",
        ["warning rewrite.uriRegexRewrite.rewrite"],
    ),
    ("rewrite: {uriRegexRewrite: {match: 'a', rewrite: '\\n'}}", ["warning rewrite.uriRegexRewrite.rewrite"]),
    (f"route: [{{destination: {{host: a}}, weight: {2**31 - 1}}}, {THE_REST}]", ["warning route"]),
    ("match: [{queryParams: {'': {exact: a}}}]", ["warning match[0].queryParams."]),
    (
        f"match: [{{queryParams: {{? {'n' * 1025} : {{exact: a}}}}}}]",
        [f"warning match[0].queryParams.{'n' * 1025}"],
    ),
    (
        'rewrite: {uriRegexRewrite: {match: a, rewrite: "b\\n"}}',
        ["warning rewrite.uriRegexRewrite.rewrite"],
    ),
    (f"headers: {{request: {{set: {{? {'n' * 16385} : a}}}}}}", [f"warning headers.request.set.{'n' * 16385}"]),
]

SERVED = [
    "{route: [], redirect: {uri: /new, redirectCode: 307}}",
    "{route: [], directResponse: {status: 599}}",
    "rewrite: {uriRegexRewrite: {match: '(a)b', rewrite: '\\0\\1\\\\'}}",
    f"headers: {{request: {{set: {{x-a: {'a' * 16384}}}}}}}",
    "headers: {request: {set: {x-a: '%REQ(x-b)%'}}}",
]


@pytest.mark.parametrize(("rule", "expected"), REFUSED)
def test_what_the_proxy_would_refuse_is_named(rule: str, expected: list[str]) -> None:
    assert http_rule(rule) == expected


@pytest.mark.parametrize("rule", SERVED)
def test_what_the_proxy_takes_passes(rule: str) -> None:
    assert http_rule(rule) == []


def test_a_rule_with_errors_is_not_called_unservable_on_top() -> None:
    assert http_rule("{route: [], redirect: {uri: /new, redirectCode: 200}}") == ["error redirect.redirectCode"]


def test_header_names_with_line_breaks_are_refused() -> None:
    assert http_rule('headers: {response: {remove: ["a\\nb"]}}') == ["warning headers.response.remove[0]"] * 2
