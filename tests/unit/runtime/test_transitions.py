"""Events on transitions, and on nothing else."""

from typing import Final

from lateen.model.keys import Key, Kind
from lateen.runtime.transitions import Transitions
from lateen.status.base import ObjectStatus
from lateen.status.conditions import Condition, ConditionType
from lateen.status.kube import Answer

KEY: Final = Key(Kind.VIRTUAL_SERVICE, "shop", "cart")
ACCEPTED, RESOLVED, PROGRAMMED = ConditionType.ACCEPTED, ConditionType.RESOLVED_REFS, ConditionType.PROGRAMMED

VALID: Final = Condition(ACCEPTED, "True", "Accepted")
INVALID: Final = Condition(ACCEPTED, "False", "Invalid", "spec.http[0].timeout: no duration")
FOUND: Final = Condition(RESOLVED, "True", "ResolvedRefs")
LOST: Final = Condition(RESOLVED, "False", "NotFound", "spec.http[0].route[0].destination.host: no service")
LIVE: Final = Condition(PROGRAMMED, "True", "Programmed", "acknowledged by 2 of 2 proxies")
PENDING: Final = Condition(PROGRAMMED, "False", "Pending", "acknowledged by 1 of 2 proxies")
REJECTED: Final = Condition(PROGRAMMED, "False", "Rejected", "route r: Envoy's words")
KEPT: Final = Condition(PROGRAMMED, "False", "Invalid", "the last valid version stays in use")
UNUSED: Final = Condition(PROGRAMMED, "Unknown", "NotUsed", "no proxy needs it")


class Stage:
    """An object, and what was told about it."""

    def __init__(self) -> None:
        """Begin with an object that says nothing."""
        self.told: list[tuple[str, str, str]] = []
        self.transitions = Transitions(self)
        self.before: dict[ConditionType, Answer] = {}

    def record(self, key: Key, type_: str, reason: str, message: str) -> None:
        assert key == KEY
        self.told.append((type_, reason, message))

    def write(self, *conditions: Condition) -> list[tuple[str, str, str]]:
        """Write a status; gives what was told by that."""
        self.told = []
        self.transitions.note(KEY, self.before, ObjectStatus(conditions))
        self.before = {each.type: Answer(each.type.value, each.status, each.reason, "") for each in conditions}
        return self.told


def test_an_object_that_is_live_for_the_first_time_is_told_once() -> None:
    stage = Stage()
    assert stage.write(VALID, FOUND, PENDING) == []
    assert stage.write(VALID, FOUND, LIVE) == [("Normal", "Programmed", "acknowledged by 2 of 2 proxies")]


def test_an_edit_that_is_taken_over_is_no_event() -> None:
    stage = Stage()
    stage.write(VALID, FOUND, LIVE)
    assert stage.write(VALID, FOUND, PENDING) == []
    assert stage.write(VALID, FOUND, PENDING) == []
    assert stage.write(VALID, FOUND, LIVE) == []
    assert stage.write(VALID, FOUND, LIVE) == []


def test_a_refusal_is_told_with_the_words_of_envoy_and_so_is_its_end() -> None:
    stage = Stage()
    stage.write(VALID, FOUND, LIVE)
    assert stage.write(VALID, FOUND, PENDING) == []
    assert stage.write(VALID, FOUND, REJECTED) == [("Warning", "Rejected", "route r: Envoy's words")]
    assert stage.write(VALID, FOUND, REJECTED) == []
    assert stage.write(VALID, FOUND, PENDING) == []
    assert stage.write(VALID, FOUND, REJECTED) == [("Warning", "Rejected", "route r: Envoy's words")]
    assert stage.write(VALID, FOUND, PENDING) == []
    assert stage.write(VALID, FOUND, LIVE) == [("Normal", "Programmed", "acknowledged by 2 of 2 proxies")]


def test_an_invalid_object_is_told_once_and_so_is_that_it_is_valid_again() -> None:
    stage = Stage()
    stage.write(VALID, FOUND, LIVE)
    assert stage.write(INVALID, FOUND, KEPT) == [("Warning", "Invalid", "spec.http[0].timeout: no duration")]
    assert stage.write(INVALID, FOUND, KEPT) == []
    assert stage.write(VALID, FOUND, LIVE) == [
        ("Normal", "Accepted", "it is valid again"),
        ("Normal", "Programmed", "acknowledged by 2 of 2 proxies"),
    ]


def test_an_object_that_is_invalid_from_the_beginning_is_told() -> None:
    assert Stage().write(INVALID, FOUND, KEPT) == [("Warning", "Invalid", "spec.http[0].timeout: no duration")]


def test_a_name_that_leads_nowhere_is_told_and_so_is_that_it_leads_somewhere() -> None:
    stage = Stage()
    assert [reason for _, reason, _ in stage.write(VALID, LOST, LIVE)] == ["NotFound", "Programmed"]
    assert stage.write(VALID, FOUND, LIVE) == [("Normal", "ResolvedRefs", "everything that it names exists again")]


def test_an_object_that_is_needed_no_more_is_told() -> None:
    stage = Stage()
    assert stage.write(VALID, FOUND, UNUSED) == []
    stage.write(VALID, FOUND, LIVE)
    assert stage.write(VALID, FOUND, UNUSED) == [("Normal", "NotUsed", "no proxy needs it")]


def test_nothing_is_told_after_a_restart() -> None:
    stage = Stage()
    stage.write(INVALID, LOST, REJECTED)
    stage.transitions = Transitions(stage)
    assert stage.write(INVALID, LOST, REJECTED) == []


def test_objects_that_are_never_live_are_forgotten() -> None:
    stage = Stage()
    for number in range(30_000):
        stage.transitions.note(Key(Kind.VIRTUAL_SERVICE, "shop", str(number)), {}, ObjectStatus((PENDING,)))
    assert len(stage.transitions._settled) <= 10_000
