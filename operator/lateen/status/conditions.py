"""Conditions of one object, out of its findings and of what its proxies acknowledged. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from lateen.compile.codes import Code
from lateen.ir.finding import Finding
from lateen.model.keys import Kind
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


_UNUSED = frozenset(
    code.id
    for code in (
        Code.GATEWAY_NOT_FOUND,
        Code.HOST_NOT_SERVED,
        Code.HOST_TAKEN,
        Code.PORT_TAKEN,
        Code.RULE_WITHOUT_SERVICE,
        Code.SERVER_NAME_TAKEN,
        Code.SERVER_REFUSED,
        Code.UNSUPPORTED,
    )
)
"""What may keep an object from all proxies."""

_NEEDS: Final[Mapping[Kind, str]] = {
    Kind.GATEWAY: "no proxy serves any of its servers",
    Kind.VIRTUAL_SERVICE: "no proxy serves any of its hosts by its rules",
    Kind.DESTINATION_RULE: "no proxy sends requests to its host",
    Kind.SERVICE_ENTRY: "no proxy sends requests to any of its hosts",
    Kind.WORKLOAD_ENTRY: "no proxy sends requests to a service that selects it",
}
"""What is the case when no proxy has a part of an object."""

LONGEST_MESSAGE: Final = 1024
"""Characters of a message; an API server would take 32 times as many."""

_ROOM: Final = 20
"""For `; and 1000000 more`."""


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
    absent: frozenset[str] = frozenset()
    """Classes of proxies that need it, and of which none is connected: `edge/istio=ingressgateway`."""
    unready: frozenset[str] = frozenset()
    """Classes of proxies that are connected, and of which none is ready for requests yet."""

    @property
    def is_arriving(self) -> bool:
        """Whether all proxies are there, and some have not answered yet."""
        return self.acknowledged < self.proxies and not (self.rejection or self.absent)


def conditions(
    findings: Iterable[Finding], progress: Progress | None, *, kind: Kind | None = None, generation: int = 0
) -> tuple[Condition, ...]:
    """Answer the three questions. The same is answered in the same words, in whatever order findings come.

    Args:
        findings: everything there is to say about the object.
        progress: None for an object that no proxy needs.
        kind: of the object, where it is known.
        generation: which edit of the object this is about; 0 where its source does not count.
    """
    found = sorted(set(findings), key=_order)
    errors = [finding for finding in found if finding.severity is Severity.ERROR]
    own = [finding for finding in errors if finding.code not in _REFERENCES and finding.code != Code.REJECTED.id]
    lost = [finding for finding in errors if finding.code in _REFERENCES]
    doubts = [finding for finding in found if finding.severity is Severity.WARNING]
    return (
        _answer(ConditionType.ACCEPTED, own, [each for each in doubts if each.code not in _UNUSED], "Invalid"),
        _answer(ConditionType.RESOLVED_REFS, lost, [each for each in doubts if each.code in _UNUSED], "NotFound"),
        _programmed(
            progress,
            refused=any(finding.code in _WHOLE for finding in own),
            unused=_why_unused(kind, found),
            subject=f"generation {generation} is " if generation else "",
        ),
    )


def _answer(type_: ConditionType, problems: list[Finding], doubts: list[Finding], bad: str) -> Condition:
    if not problems:
        return Condition(type_, "True", type_.value, join(map(print_finding, doubts)))
    return Condition(type_, "False", bad, join(map(print_finding, problems)))


def _programmed(progress: Progress | None, *, refused: bool, unused: str, subject: str) -> Condition:
    programmed = ConditionType.PROGRAMMED
    if progress is not None and progress.rejection:
        return Condition(programmed, "False", "Rejected", join([progress.rejection]))
    if refused:
        return Condition(programmed, "False", "Invalid", "the last valid version, if any, stays in use")
    if progress is None or not (progress.proxies or progress.absent):
        return Condition(programmed, "Unknown", "NotUsed", unused)
    counted = f"{subject}acknowledged by {progress.acknowledged} of {progress.proxies} proxies"
    missing = [
        f"no proxy of {' and '.join(sorted(classes))} is {lacking}"
        for classes, lacking in ((progress.absent, "connected"), (progress.unready, "ready"))
        if classes
    ]
    if missing:
        return Condition(programmed, "False", "Pending", join([*missing, counted] if progress.proxies else missing))
    if progress.acknowledged < progress.proxies:
        return Condition(programmed, "False", "Pending", counted)
    return Condition(programmed, "True", "Programmed", counted)


def _why_unused(kind: Kind | None, findings: list[Finding]) -> str:
    """Say why no proxy needs an object: what was found about it, or what else it takes for an object of its kind."""
    needs = _NEEDS.get(kind, "no proxy has a part of it") if kind is not None else "no proxy has a part of it"
    causes = [finding for finding in findings if finding.code in _UNUSED]
    return join([needs, *map(print_finding, causes)]) if causes else needs


def join(texts: Iterable[str], limit: int = LONGEST_MESSAGE) -> str:
    """Put texts in a row, as many as there is room for, and say how many are left out."""
    parts = [text if len(text) <= limit - _ROOM else f"{text[: limit - _ROOM - 1]}…" for text in texts]
    joined = "; ".join(parts)
    if len(joined) <= limit:
        return joined
    shown, length = 0, 0
    while length + len(parts[shown]) <= limit - _ROOM:
        length += len(parts[shown]) + 2
        shown += 1
    return f"{'; '.join(parts[:shown])}; and {len(parts) - shown} more"


def _order(finding: Finding) -> tuple[list[tuple[int, str]], str, str]:
    """Order findings by field, as fields stand in the object's lists, then by code and words."""
    path = [(part, "") if isinstance(part, int) else (-1, part) for part in finding.path]
    return path, finding.code, finding.message


def print_finding(finding: Finding) -> str:
    """`spec.http[0].timeout: message`, without the path where there is none."""
    return f"{print_path(finding.path)}: {finding.message}" if finding.path else finding.message
