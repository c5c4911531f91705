"""What becomes of a wait, as a function of an object's conditions."""

from typing import Any

import pytest

from lateen.model.keys import Key, Kind
from lateen.status.conditions import Condition, ConditionType
from lateen.status.verdict import Verdict, current_conditions, judge

KEY = Key(Kind.VIRTUAL_SERVICE, "shop", "cart")
ACCEPTED = Condition(ConditionType.ACCEPTED, "True", "Accepted")
INVALID = Condition(ConditionType.ACCEPTED, "False", "Invalid", "spec.hosts: why")
LOST = Condition(ConditionType.RESOLVED_REFS, "False", "NotFound", "no Gateway edge")
LIVE = Condition(ConditionType.PROGRAMMED, "True", "Programmed", "acknowledged by 2 of 2 proxies")
PENDING = Condition(ConditionType.PROGRAMMED, "False", "Pending", "acknowledged by 1 of 2 proxies")
REJECTED = Condition(ConditionType.PROGRAMMED, "False", "Rejected", "route: no such cluster")
WAITS = "Programmed is False (Pending): acknowledged by 1 of 2 proxies"


@pytest.mark.parametrize(
    ("conditions", "verdict", "message"),
    [
        ((ACCEPTED, LIVE), Verdict.HOLDS, "Programmed is True: acknowledged by 2 of 2 proxies"),
        ((ACCEPTED, PENDING), Verdict.OPEN, WAITS),
        (
            (ACCEPTED, LOST, PENDING),
            Verdict.OPEN,
            f"{WAITS}; ResolvedRefs is False (NotFound): no Gateway edge",
        ),
        ((ACCEPTED,), Verdict.OPEN, "Programmed is not known yet"),
        ((), Verdict.OPEN, "nobody has said anything about its current content yet"),
        ((ACCEPTED, REJECTED), Verdict.REFUSED, "Programmed is False (Rejected): route: no such cluster"),
    ],
)
def test_conditions_decide_whether_to_wait(conditions: tuple[Condition, ...], verdict: Verdict, message: str) -> None:
    assert judge(KEY, ConditionType.PROGRAMMED, conditions) == (KEY, verdict, message)


@pytest.mark.parametrize("programmed", [LIVE, PENDING])
def test_what_is_refused_is_never_live_however_far_its_parts_are(programmed: Condition) -> None:
    standing = judge(KEY, ConditionType.PROGRAMMED, (INVALID, programmed))
    assert standing[1:] == (Verdict.REFUSED, "Accepted is False (Invalid): spec.hosts: why")


def test_other_conditions_can_be_waited_for() -> None:
    assert judge(KEY, ConditionType.ACCEPTED, (ACCEPTED, PENDING)).verdict is Verdict.HOLDS
    assert judge(KEY, ConditionType.RESOLVED_REFS, (ACCEPTED, LOST)).verdict is Verdict.OPEN


def test_only_conditions_about_the_current_generation_count() -> None:
    live = {"type": "Programmed", "status": "True", "reason": "Programmed", "message": "m", "observedGeneration": 2}
    accepted = {"type": "Accepted", "status": "True"}
    foreign = {"type": "Reconciled", "status": "False", "observedGeneration": 3}

    def manifest(generation: int) -> dict[str, Any]:
        status = {"observedGeneration": 3, "conditions": [live, accepted, foreign]}
        return {"metadata": {"generation": generation}, "status": status}

    assert [each.type for each in current_conditions(manifest(2))] == ["Programmed", "Accepted"]
    assert [each.type for each in current_conditions(manifest(3))] == ["Accepted"]
    assert [*current_conditions(manifest(4))] == []
    assert [*current_conditions({"metadata": {"generation": 1}})] == []
