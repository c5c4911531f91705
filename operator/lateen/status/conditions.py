"""Conditions of one object, out of its findings and of what its proxies acknowledged. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from lateen.compile.codes import Code
from lateen.ir.finding import Finding
from lateen.model.objects import Severity, print_path

_REFERENCES = frozenset(
    code.id
    for code in (
        Code.GATEWAY_NOT_FOUND,
        Code.SERVICE_NOT_FOUND,
        Code.PORT_NOT_FOUND,
        Code.SUBSET_NOT_FOUND,
        Code.DELEGATE_NOT_FOUND,
        Code.SECRET_NOT_FOUND,
        Code.SECRET_UNUSABLE,
    )
)
_WHOLE = frozenset(code.id for code in (Code.INTERNAL_ERROR, Code.UNREADABLE, Code.INVALID_FIELD))
"""What keeps a version of an object from use as a whole; of other errors a part is left out."""


class ConditionType(StrEnum):
    """The three questions that a user has about an object."""

    ACCEPTED = "Accepted"
    """Is it valid, and free of conflicts with older objects?"""
    RESOLVED_REFS = "ResolvedRefs"
    """Does everything that it names exist?"""
    PROGRAMMED = "Programmed"
    """Have all proxies acknowledged it?"""


@dataclass(frozen=True, slots=True)
class Condition:
    """One answer."""

    type: ConditionType
    status: str
    """`True`, `False` or `Unknown`."""
    reason: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the proxies are with an object's current version."""

    proxies: int = 0
    """Proxies that have a part of it."""
    acknowledged: int = 0
    rejection: str = ""
    """What a proxy said that refused it."""
    version: str = field(default="", compare=False)
    """Hash over the versions of all its resources: whoever counts the same has the same."""


def conditions(findings: Iterable[Finding], progress: Progress | None) -> tuple[Condition, ...]:
    """Answer the three questions; `progress` is None for an object that no proxy needs."""
    errors = [finding for finding in findings if finding.severity is Severity.ERROR]
    own = [finding for finding in errors if finding.code not in _REFERENCES and finding.code != Code.REJECTED.id]
    lost = [finding for finding in errors if finding.code in _REFERENCES]
    return (
        _answer(ConditionType.ACCEPTED, own, "Accepted", "Invalid"),
        _answer(ConditionType.RESOLVED_REFS, lost, "ResolvedRefs", "NotFound"),
        _programmed(progress, refused=any(finding.code in _WHOLE for finding in own)),
    )


def _answer(type_: ConditionType, problems: list[Finding], good: str, bad: str) -> Condition:
    if not problems:
        return Condition(type_, "True", good)
    return Condition(type_, "False", bad, "; ".join(map(print_finding, problems)))


def _programmed(progress: Progress | None, *, refused: bool) -> Condition:
    programmed = ConditionType.PROGRAMMED
    if progress is not None and progress.rejection:
        return Condition(programmed, "False", "Rejected", progress.rejection)
    if refused:
        return Condition(programmed, "False", "Invalid", "the last valid version, if any, stays in use")
    if progress is None or not progress.proxies:
        return Condition(programmed, "Unknown", "NotUsed", "no proxy has a part of it")
    counted = f"acknowledged by {progress.acknowledged} of {progress.proxies} proxies"
    if progress.acknowledged < progress.proxies:
        return Condition(programmed, "False", "Pending", counted)
    return Condition(programmed, "True", "Programmed", counted)


def print_finding(finding: Finding) -> str:
    """`spec.http[0].timeout: message`, without the path where there is none."""
    return f"{print_path(finding.path)}: {finding.message}" if finding.path else finding.message
