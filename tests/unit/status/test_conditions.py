"""Conditions, as a function of findings and progress."""

import pytest

from lateen.compile.codes import Code
from lateen.ir.finding import Finding
from lateen.model.keys import Key, Kind
from lateen.model.objects import FieldPath, Severity
from lateen.status.conditions import Condition, ConditionType, Progress, conditions

KEY = Key(Kind.VIRTUAL_SERVICE, "shop", "cart")


def said(code: Code, message: str = "why") -> Finding:
    return Finding(KEY, code.id, code.severity, message, ("spec",))


def answers(*findings: Finding, progress: Progress | None = None) -> dict[str, tuple[str, str, str]]:
    return {each.type.value: (each.status, each.reason, each.message) for each in conditions(findings, progress)}


def test_an_object_without_errors_is_accepted_and_resolved() -> None:
    found = answers(said(Code.NOTE))
    assert found["Accepted"] == ("True", "Accepted", "")
    assert found["ResolvedRefs"] == ("True", "ResolvedRefs", "")


def test_what_is_doubtful_is_said_beside_the_good_answer() -> None:
    found = answers(said(Code.QUESTIONABLE_FIELD, "the rule is not served"), said(Code.HOST_NOT_SERVED, "not open"))
    assert found["Accepted"] == ("True", "Accepted", "spec: the rule is not served")
    assert found["ResolvedRefs"] == ("True", "ResolvedRefs", "spec: not open")


def test_what_is_doubtful_gives_way_to_what_is_wrong() -> None:
    found = answers(said(Code.QUESTIONABLE_FIELD, "doubtful"), said(Code.INVALID_FIELD, "wrong"))
    assert found["Accepted"] == ("False", "Invalid", "spec: wrong")


def test_a_broken_rule_is_not_accepted() -> None:
    found = answers(said(Code.INVALID_FIELD), said(Code.SERVER_REFUSED, "port"), progress=Progress(1, 1))
    assert found["Accepted"] == ("False", "Invalid", "spec: why; spec: port")
    assert found["ResolvedRefs"][0] == "True"
    assert found["Programmed"][:2] == ("False", "Invalid")


@pytest.mark.parametrize("code", [Code.SERVER_REFUSED, Code.PORT_TAKEN, Code.UNSUPPORTED, Code.HOST_TAKEN])
def test_an_object_of_which_a_part_is_left_out_is_programmed_with_the_rest(code: Code) -> None:
    found = answers(said(code), progress=Progress(1, 1))
    assert found["Accepted"][:2] == ("False", "Invalid")
    assert found["Programmed"][:2] == ("True", "Programmed")


@pytest.mark.parametrize("code", [Code.INTERNAL_ERROR, Code.UNREADABLE, Code.INVALID_FIELD])
def test_an_object_that_is_refused_keeps_its_last_version(code: Code) -> None:
    found = answers(said(code), progress=Progress(1, 1))
    assert found["Programmed"] == ("False", "Invalid", "the last valid version, if any, stays in use")


def test_a_name_that_leads_nowhere_is_not_resolved_but_accepted() -> None:
    found = answers(said(Code.SERVICE_NOT_FOUND), progress=Progress(2, 2))
    assert found["Accepted"][0] == "True"
    assert found["ResolvedRefs"] == ("False", "NotFound", "spec: why")
    assert found["Programmed"][0] == "True"


@pytest.mark.parametrize(
    ("progress", "expected"),
    [
        (None, ("Unknown", "NotUsed", "no proxy has a part of it")),
        (Progress(), ("Unknown", "NotUsed", "no proxy has a part of it")),
        (
            Progress(absent=frozenset({"edge/istio=ingressgateway"})),
            ("False", "Pending", "no proxy of edge/istio=ingressgateway is connected"),
        ),
        (
            Progress(2, 2, absent=frozenset({"edge/a=b", "edge/c=d"})),
            ("False", "Pending", "no proxy of edge/a=b and edge/c=d is connected; acknowledged by 2 of 2 proxies"),
        ),
        (
            Progress(2, 2, unready=frozenset({"edge/a=b"})),
            ("False", "Pending", "no proxy of edge/a=b is ready; acknowledged by 2 of 2 proxies"),
        ),
        (
            Progress(2, 2, absent=frozenset({"edge/a=b"}), unready=frozenset({"edge/c=d"})),
            (
                "False",
                "Pending",
                "no proxy of edge/a=b is connected; no proxy of edge/c=d is ready; acknowledged by 2 of 2 proxies",
            ),
        ),
        (Progress(2, 1), ("False", "Pending", "acknowledged by 1 of 2 proxies")),
        (Progress(2, 2), ("True", "Programmed", "acknowledged by 2 of 2 proxies")),
        (Progress(2, 2, "route r: bad"), ("False", "Rejected", "route r: bad")),
    ],
)
def test_what_proxies_have_acknowledged_is_programmed(
    progress: Progress | None, expected: tuple[str, str, str]
) -> None:
    assert answers(progress=progress)[ConditionType.PROGRAMMED.value] == expected


def test_a_refusal_by_a_proxy_leaves_the_object_accepted() -> None:
    found = answers(said(Code.REJECTED), progress=Progress(1, 0, "route r: bad"))
    assert found["Accepted"][0] == "True"
    assert found["Programmed"] == ("False", "Rejected", "route r: bad")


def test_the_generation_that_is_acknowledged_is_named_where_there_is_one() -> None:
    *_, programmed = conditions((), Progress(2, 1), generation=4)
    assert programmed.message == "generation 4 is acknowledged by 1 of 2 proxies"


@pytest.mark.parametrize(
    ("kind", "found", "expected"),
    [
        (Kind.GATEWAY, (), "no proxy serves any of its servers"),
        (Kind.VIRTUAL_SERVICE, (), "no proxy serves any of its hosts by its rules"),
        (
            Kind.VIRTUAL_SERVICE,
            (said(Code.GATEWAY_NOT_FOUND, "there is no Gateway shop/edge"), said(Code.NOTE, "by the way")),
            "no proxy serves any of its hosts by its rules; spec: there is no Gateway shop/edge",
        ),
        (
            Kind.DESTINATION_RULE,
            (said(Code.RULE_WITHOUT_SERVICE, "no service has the host cart"),),
            "no proxy sends requests to its host; spec: no service has the host cart",
        ),
        (Kind.SIDECAR, (), "no proxy has a part of it"),
    ],
)
def test_an_object_that_no_proxy_needs_says_why(kind: Kind, found: tuple[Finding, ...], expected: str) -> None:
    *_, programmed = conditions(found, None, kind=kind)
    assert programmed == Condition(ConditionType.PROGRAMMED, "Unknown", "NotUsed", expected)


def test_messages_are_bounded_and_say_how_much_is_left_out() -> None:
    found = [
        Finding(KEY, Code.INVALID_FIELD.id, Severity.ERROR, "x" * 100, ("spec", "http", index)) for index in range(500)
    ]
    accepted, *_ = conditions(found, None)
    assert len(accepted.message) <= 1024
    assert accepted.message.startswith("spec.http[0]: xxx")
    assert accepted.message.endswith("; and 492 more")


def test_one_long_message_is_cut() -> None:
    *_, programmed = conditions((), Progress(1, 0, "x" * 5000))
    assert len(programmed.message) <= 1024
    assert programmed.message.endswith("x…")


def test_findings_are_told_in_the_order_of_their_fields_and_once() -> None:
    paths: list[FieldPath] = [("spec", "http", 10), ("spec", "http", 2), ("spec",), (), ("spec", "http", 2)]
    found = [Finding(KEY, Code.INVALID_FIELD.id, Severity.ERROR, "why", path) for path in paths]
    accepted, *_ = conditions(found, None)
    assert accepted.message == "why; spec: why; spec.http[2]: why; spec.http[10]: why"
    assert conditions(reversed(found), None) == conditions(found, None)
