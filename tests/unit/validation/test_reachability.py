"""Rules and matches that nothing reaches are pointed out; others are left alone."""

import pytest
from tests.unit.validation.judging import findings, virtual_service

from lateen.model.keys import Kind
from lateen.model.virtualservice import HttpMatch, HttpRule, StringMatch
from lateen.validation.reachability import check_http_reachability

ROUTE = "route: [{destination: {host: cart}}]"

HTTP = [
    ("[], [{uri: {prefix: /a}}]", ["warning spec.http[1]"]),
    ("[], []", ["warning spec.http[1]"]),
    ("[{uri: {prefix: /a}}], []", []),
    ("[{uri: {prefix: /a}}], [{uri: {prefix: /b}}]", []),
    ("[{uri: {prefix: /b}}], [{uri: {prefix: /a}}, {uri: {exact: /b}}]", []),
    ("[{uri: {exact: /a}}], [{uri: {exact: /a}}]", ["warning spec.http[1]", "warning spec.http[1].match[0]"]),
    ("[{uri: {exact: /a}}], [{uri: {exact: /a}}, {uri: {exact: /b}}]", ["warning spec.http[1].match[0]"]),
    ("[{uri: {exact: /a}, name: x}], [{uri: {exact: /a}, name: y}, {port: 1}]", ["warning spec.http[1].match[0]"]),
    ("[{uri: {prefix: /a}}], [{uri: {prefix: /a/b}}]", ["warning spec.http[1].match[0]"]),
    ("[{uri: {prefix: /a}}, {uri: {prefix: /ab}}]", ["warning spec.http[0].match[1]"]),
    ("[{uri: {prefix: /a/b}}], [{uri: {prefix: /a}}]", []),
    ("[{uri: {prefix: /a}}], [{uri: {exact: /a/b}}]", []),
    ("[{uri: {prefix: /a}}], [{uri: {prefix: /a/b}, method: {exact: GET}}]", ["warning spec.http[1].match[0]"]),
    ("[{uri: {prefix: /a}, method: {exact: GET}}], [{uri: {prefix: /a/b}}]", []),
    ("[{uri: {prefix: /a}, method: {exact: GET}}], [{uri: {prefix: /a/b}, method: {exact: PUT}}]", []),
    (
        "[{uri: {prefix: /a}, headers: {x: {exact: y}}}], [{uri: {prefix: /ab}, headers: {x: {exact: y}}, port: 80}]",
        ["warning spec.http[1].match[0]"],
    ),
    (
        "[{uri: {prefix: /a}, headers: {x: null}}], [{uri: {prefix: /ab}, headers: {x: {}}}]",
        ["warning spec.http[1].match[0]"],
    ),
    ("[{uri: {prefix: /a}, headers: {x: {}}}], [{uri: {prefix: /ab}, withoutHeaders: {x: {}}}]", []),
    ("[{uri: {prefix: /a}, port: 80}], [{uri: {prefix: /ab}, port: 81}]", []),
    ("[{uri: {prefix: /a}, gateways: [infra/a]}], [{uri: {prefix: /ab}, gateways: [infra/b]}]", []),
    (
        "[{uri: {prefix: /A}, ignoreUriCase: true}], [{uri: {prefix: /ab}, ignoreUriCase: true}]",
        ["warning spec.http[1].match[0]"],
    ),
    ("[{uri: {prefix: /a}}], [{uri: {prefix: /ab}, ignoreUriCase: true}]", []),
    ("[{uri: {prefix: ''}}], [{uri: {prefix: /a}}]", []),
    (
        "[{uri: {prefix: /a}}], [{uri: {prefix: /ab}, port: 1, scheme: {exact: http}, headers: {a: {}, b: {}, c: {}}}]",
        ["warning spec.http[1].match[0]"],
    ),
]

TCP = [
    ("[], []", ["warning spec.tcp[1]"]),
    ("[], [{port: 1}]", ["warning spec.tcp[1]"]),
    ("[{port: 1}], [{port: 1}]", ["warning spec.tcp[1]", "warning spec.tcp[1].match[0]"]),
    ("[{port: 1}, {port: 1}], [{port: 2}]", ["warning spec.tcp[0].match[1]"]),
    ("[{port: 1}], [{port: 2}], []", []),
]


def rules(matches: str) -> str:
    """Rules with these lists of matches."""
    depth, parts, part = 0, [], ""
    for character in matches + ",":
        depth += (character in "[{") - (character in "]}")
        if character == "," and depth == 0:
            parts.append(part)
            part = ""
        else:
            part += character
    return "[" + ", ".join(f"{{match: {each}, {ROUTE}}}" for each in parts) + "]"


@pytest.mark.parametrize(("matches", "expected"), HTTP)
def test_http_rules_and_matches_that_nothing_reaches(matches: str, expected: list[str]) -> None:
    assert virtual_service(f"http: {rules(matches)}") == expected


@pytest.mark.parametrize(("matches", "expected"), TCP)
def test_tcp_rules_and_matches_that_nothing_reaches(matches: str, expected: list[str]) -> None:
    assert virtual_service(f"{{http: [], tcp: {rules(matches)}}}") == expected


def test_a_tls_rule_that_repeats_another_is_not_reached() -> None:
    rule = {"match": [{"sniHosts": ["a"]}], "route": [{"destination": {"host": "cart"}}]}
    found = findings(Kind.VIRTUAL_SERVICE, {"hosts": ["a"], "tls": [rule, rule]})
    assert found == ["warning spec.tls[1]", "warning spec.tls[1].match[0]"]


def test_the_message_names_the_rule_that_takes_the_requests() -> None:
    first = HttpRule(name="all of a", match=(HttpMatch(uri=StringMatch(prefix="/a")),))
    second = HttpRule(match=(HttpMatch(uri=StringMatch(prefix="/a/b")),))
    (problem,) = check_http_reachability((first, second))
    assert "'all of a'" in problem.message


def test_look_ups_per_match_do_not_grow_with_the_number_of_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = 0
    plain = StringMatch.__eq__

    def counting(self: StringMatch, other: object) -> bool:
        nonlocal compared
        compared += 1
        return plain(self, other)

    monkeypatch.setattr(StringMatch, "__eq__", counting)

    def count(size: int) -> int:
        nonlocal compared
        compared = 0
        check_http_reachability(
            tuple(HttpRule(match=(HttpMatch(uri=StringMatch(prefix=f"/service{number}/")),)) for number in range(size))
        )
        return compared

    assert count(2000) <= 2 * count(1000) + 100
