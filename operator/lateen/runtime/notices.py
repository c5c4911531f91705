"""One statement about a file or an object, with its place: the same line in every command."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final, TypedDict

from lateen.compile.codes import Code, code_of
from lateen.ir.finding import Finding
from lateen.model.keys import Key
from lateen.model.objects import FieldPath, Origin, Severity, print_path
from lateen.sources.base import FileProblem

Locate = Callable[[Origin, FieldPath], int]
"""Finds the 1-based line of a field of an object."""

_ORDER: Final = {severity: rank for rank, severity in enumerate(Severity)}


class NoticeFields(TypedDict):
    """The JSON form; this shape is stable (docs/cli.md)."""

    file: str
    line: int
    column: int
    kind: str
    namespace: str
    name: str
    path: str
    code: str
    severity: str
    message: str


@dataclass(frozen=True, slots=True)
class Notice:
    """What is said, about what, and where that is written."""

    severity: Severity
    code: str
    message: str
    key: Key | None = None
    """None: about a file, or a document that has no name."""
    path: str = ""
    """The field, as users write it: `spec.http[0].timeout`."""
    file: str = ""
    line: int = 0
    """1-based; 0: the whole file."""
    column: int = 0
    """1-based; 0: the whole line."""

    @property
    def place(self) -> str:
        """`file:line:column`, without the parts that are unknown."""
        parts = [self.file, *(str(number) for number in (self.line, self.column) if number)]
        return ":".join(parts) if self.file else ""

    @property
    def subject(self) -> str:
        """`Kind namespace/name`; empty for a file."""
        return f"{self.key.kind} {self.key.namespace}/{self.key.name}" if self.key else ""

    def __str__(self) -> str:
        """Print `file:line: severity kind ns/name: spec.http[0].timeout: message [LAT0101]`."""
        place = f"{self.place}: " if self.place else ""
        subject = f" {self.subject}" if self.key else ""
        path = f"{self.path}: " if self.path else ""
        return f"{place}{self.severity.value}{subject}: {path}{self.message} [{self.code}]"

    def fields(self) -> NoticeFields:
        """Give the JSON form."""
        key = self.key
        return NoticeFields(
            file=self.file,
            line=self.line,
            column=self.column,
            kind=key.kind.value if key else "",
            namespace=key.namespace if key else "",
            name=key.name if key else "",
            path=self.path,
            code=self.code,
            severity=self.severity.value,
            message=self.message,
        )


def notice_of_finding(finding: Finding, origin: Origin | None, locate: Locate) -> Notice:
    """Put a finding at its place; `locate` may read the file."""
    line = locate(origin, finding.path) if origin is not None and origin.file else 0
    return Notice(
        finding.severity,
        finding.code,
        finding.message,
        finding.key,
        print_path(finding.path),
        origin.file if origin is not None else "",
        line,
    )


def notice_of_problem(problem: FileProblem) -> Notice:
    """Repeat what a source says about a file."""
    code = code_of(problem.severity, Code.UNREADABLE).id
    path = print_path(problem.path)
    return Notice(problem.severity, code, problem.message, None, path, problem.file, problem.line, problem.column)


def in_reading_order(notices: Iterable[Notice]) -> list[Notice]:
    """Sort by file and line, the worst first where several stand on one line."""
    return sorted(
        notices, key=lambda each: (PurePath(each.file).parts, each.line, each.column, _ORDER[each.severity], str(each))
    )
