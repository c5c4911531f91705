"""The seam where objects come in: what a source produces and how it is run.

A source knows nothing of Istio's meaning. It decodes, names each object by its `Key`, and
says where each object is written. Three kinds of event leave it:

* `Change`: an object appeared, changed, or went away;
* `Move`: the same object is now written elsewhere (lines shifted, the file was renamed);
* `FileReport`: everything that is wrong with one file now, an empty report when it is well again.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from lateen.model.keys import Key
from lateen.model.objects import Change, FieldPath, Origin, Problem, RawObject, Severity, print_path


@dataclass(frozen=True, slots=True)
class FileProblem:
    """One thing wrong with a file, or with a document that could not be named as an object."""

    file: str
    line: int
    """1-based; 0 when the whole file is meant."""
    column: int
    """1-based; 0 when the whole line is meant."""
    message: str
    severity: Severity = Severity.ERROR
    path: FieldPath = ()
    """The field inside the document, where one is to blame."""

    def __str__(self) -> str:
        """Print `file:line:column: field: message`, without the parts that are unknown."""
        place = self.file
        if self.line:
            place += f":{self.line}"
            if self.column:
                place += f":{self.column}"
        field_name = f"{print_path(self.path)}: " if self.path else ""
        return f"{place}: {field_name}{self.message}"


@dataclass(frozen=True, slots=True)
class FileReport:
    """All problems of one file at this moment; replaces the file's previous report.

    `problems` is empty when the file is well again or gone.
    """

    file: str
    problems: tuple[FileProblem, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Move:
    """An object whose content is unchanged is now written at another place."""

    key: Key
    origin: Origin


SourceEvent: TypeAlias = Change | Move | FileReport
"""Everything that a source can say."""

Sink: TypeAlias = Callable[[Sequence[SourceEvent]], None]
"""Takes one batch; called on the event loop's thread, and must not block."""


Identify: TypeAlias = Callable[[RawObject], Key | Problem]
"""Names a decoded document, or says why it has no name (`lateen.validation.intake.identify`)."""


class Source(Protocol):
    """Where objects come from."""

    async def run(self, sink: Sink, synced: asyncio.Event) -> None:
        """Produce events until cancelled.

        The initial state is one batch; `synced` is set right after the sink has taken it.

        Raises:
            lateen.errors.InputError: the source cannot start at all (for example: no such directory).
        """
        ...
