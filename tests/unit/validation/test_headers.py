"""Which header changes are possible: a snippet of `headers`, and what is found where."""

import pytest
from tests.unit.validation.judging import http_rule

from lateen.validation.formatcommands import PLAIN, WITH_ARGUMENTS
from lateen.validation.headers import check_header_value, unknown_commands

CHANGES = [
    ("request: {set: {x-a: b}, add: {x-c: ''}, remove: [x-d]}", []),
    ("response: {set: {x-a: b}, add: {x-c: d}, remove: [x-d]}", []),
    ("request: {set: {host: a.example.com}}", []),
    ("request: {add: {':authority': a.example.com}}", []),
    ("request: {set: {'': a}}", ["error headers.request.set."]),
    ("request: {add: {'': a}}", ["error headers.request.add."]),
    ("request: {set: {':path': a}}", ["error headers.request.set.:path"]),
    ("request: {remove: [host]}", ["error headers.request.remove[0]"]),
    ("request: {remove: [':method']}", ["error headers.request.remove[0]"]),
    ("request: {remove: ['']}", ["error headers.request.remove[0]"]),
    ("response: {set: {Host: a}}", ["error headers.response.set.Host"]),
    ("response: {add: {':status': a}}", ["error headers.response.add.:status"]),
    ("response: {remove: [':status']}", ["error headers.response.remove[0]"]),
    ("request: {set: {'a b': c}}", ["warning headers.request.set.a b"]),
    ("request: {set: {x-a: '50%'}}", ["error headers.request.set.x-a"]),
    ("request: {set: {host: a, ':authority': b}}", ["error headers.request.set.:authority"]),
    ("request: {set: {host: a}, add: {host: b}}", ["error headers.request.add.host"]),
]

VALUES = [
    "",
    "plain",
    "with\ttab",
    "100%%",
    "%HOSTNAME%",
    "before %HOSTNAME% after",
    "%REQ(x-a)%",
    "%REQ(x-a?x-b)%",
    "%START_TIME(%s.%3f)%",
    '%DYNAMIC_METADATA(["a", "b"])%',
    "%DYNAMIC_METADATA(a:b)%",
    "%A% %B%",
]

BROKEN = ["%", "50%", "a%b", "%A", "%A(b%", "%A(b)", '%A(["b"%', '%A(["b" "c"])%', "%A([b])%", "\n", "\x7f"]


@pytest.mark.parametrize(("changes", "expected"), CHANGES)
def test_names_are_header_names_and_the_host_is_changed_once(changes: str, expected: list[str]) -> None:
    assert http_rule(f"headers: {{{changes}}}") == expected


def test_the_host_is_not_rewritten_and_set_as_well() -> None:
    found = http_rule("{rewrite: {authority: a}, headers: {request: {set: {Host: b}}}}")
    assert found == ["error headers.request.set.Host"]


def test_changes_for_one_destination_follow_the_same_rules() -> None:
    found = http_rule("route: [{destination: {host: cart}, headers: {response: {add: {'': a}}}}]")
    assert found == ["error route[0].headers.response.add."]


@pytest.mark.parametrize("value", VALUES)
def test_a_value_may_hold_commands_and_doubled_percent_signs(value: str) -> None:
    assert check_header_value(value) == ()


@pytest.mark.parametrize("value", BROKEN)
def test_a_value_has_no_lone_percent_sign_and_no_control_characters(value: str) -> None:
    assert len(check_header_value(value)) == 1


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("100%% %HOSTNAME%", ()),
        ("%REQ(x-a)% %RESP(x-b)%", ()),
        ("%REQ%", ("REQ",)),
        ("%NOPE% %HOSTNAME% %NADA(a)%", ("NOPE", "NADA")),
        ("%hostname%", ("hostname",)),
    ],
)
def test_commands_that_the_proxy_does_not_know_are_found(value: str, expected: tuple[str, ...]) -> None:
    assert unknown_commands(value) == expected


def test_a_command_is_listed_either_as_plain_or_as_needing_arguments() -> None:
    assert PLAIN.isdisjoint(WITH_ARGUMENTS)
    assert {"HOSTNAME", "START_TIME"} <= PLAIN
    assert {"REQ", "DYNAMIC_METADATA"} <= WITH_ARGUMENTS
