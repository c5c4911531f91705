"""Whether it is worth waiting for an object any longer, out of its conditions. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from lateen.model.keys import Key
from lateen.status.conditions import Condition, ConditionType


class Verdict(StrEnum):
    """What becomes of a wait."""

    HOLDS = "holds"
    """What was waited for is the case."""
    OPEN = "open"
    """It is not, and may be later without anybody's doing."""
    REFUSED = "refused"
    """The object's current content is refused: somebody has to change it, or what it names."""
    ABSENT = "absent"
    """There is no such object."""


class Standing(NamedTuple):
    """How one object stands."""

    key: Key
    verdict: Verdict
    message: str
    """The conditions that matter for the verdict, in words."""


def judge(key: Key, wanted: ConditionType, conditions: Iterable[Condition]) -> Standing:
    """Say how an object stands.

    An object whose current content is refused does not hold, whatever else is the case: a part of it
    may be live, and the rest never will.

    Args:
        key: the object.
        wanted: the question that has to be answered by `True`.
        conditions: the answers about the object's current content; none while nobody has looked at it.
    """
    found = {condition.type: condition for condition in conditions}
    if not found:
        return Standing(key, Verdict.OPEN, "nobody has said anything about its current content yet")
    accepted, programmed = found.get(ConditionType.ACCEPTED), found.get(ConditionType.PROGRAMMED)
    for answer in (accepted, programmed):
        if answer is not None and answer.status == "False" and (answer is accepted or answer.reason == "Rejected"):
            return Standing(key, Verdict.REFUSED, _words(answer))
    answer = found.get(wanted)
    if answer is None:
        return Standing(key, Verdict.OPEN, f"{wanted} is not known yet")
    if answer.status == "True":
        return Standing(key, Verdict.HOLDS, _words(answer))
    others = (each for each in found.values() if each is not answer and each.status == "False")
    return Standing(key, Verdict.OPEN, "; ".join(map(_words, (answer, *others))))


def current_conditions(manifest: Mapping[str, Any]) -> Iterator[Condition]:
    """Read those conditions of an object in a cluster that are about its current generation."""
    generation = manifest.get("metadata", {}).get("generation", 0)
    status = manifest.get("status") or {}
    for each in status.get("conditions") or ():
        observed = each.get("observedGeneration", status.get("observedGeneration", 0))
        if each.get("type") in list(ConditionType) and int(observed or 0) >= generation:
            type_, reason, message = ConditionType(each["type"]), each.get("reason", ""), each.get("message", "")
            yield Condition(type_, str(each.get("status", "")), str(reason), str(message))


def _words(condition: Condition) -> str:
    """`Programmed is False (Pending): acknowledged by 0 of 1 proxies`."""
    reason = f" ({condition.reason})" if condition.reason not in ("", condition.type.value) else ""
    message = f": {condition.message}" if condition.message else ""
    return f"{condition.type} is {condition.status}{reason}{message}"
