"""Conditions, as a function of findings and progress."""

import pytest

from lateen.compile.codes import Code
from lateen.ir.finding import Finding
from lateen.model.keys import Key, Kind
from lateen.status.conditions import ConditionType, Progress, conditions

KEY = Key(Kind.VIRTUAL_SERVICE, "shop", "cart")


def said(code: Code, message: str = "why") -> Finding:
    return Finding(KEY, code.id, code.severity, message, ("spec",))


def answers(*findings: Finding, progress: Progress | None = None) -> dict[str, tuple[str, str, str]]:
    return {each.type.value: (each.status, each.reason, each.message) for each in conditions(findings, progress)}


def test_an_object_without_errors_is_accepted_and_resolved() -> None:
    found = answers(said(Code.QUESTIONABLE_FIELD), said(Code.RULE_WITHOUT_SERVICE))
    assert found["Accepted"] == ("True", "Accepted", "")
    assert found["ResolvedRefs"] == ("True", "ResolvedRefs", "")


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
