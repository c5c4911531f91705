"""Files compiled once, without a running instance: what `lateen validate` and `lateen dump` look at."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from lateen.compile.compiler import Compiler, Outcome
from lateen.compile.settings import CompileSettings
from lateen.ir.finding import Finding
from lateen.model.keys import Key
from lateen.model.objects import Change, FieldPath, Origin
from lateen.runtime.notices import Notice, in_reading_order, notice_of_finding, notice_of_problem
from lateen.sources.base import FileProblem, FileReport
from lateen.sources.file_tree import list_files, require_roots
from lateen.sources.ledger import Ledger
from lateen.sources.yaml_documents import Locator, Reading, decode_text, read_documents
from lateen.validation.intake import Intake

STDIN: Final = "<stdin>"
"""The file name of what is read from standard input."""


@dataclass(slots=True)
class Offline:
    """A set of files, read and compiled."""

    compiler: Compiler
    outcome: Outcome
    problems: tuple[FileProblem, ...]
    origins: dict[Key, Origin]
    texts: dict[str, str] = field(repr=False)
    _locators: dict[str, Locator] = field(default_factory=dict, repr=False)

    def locate(self, origin: Origin, path: FieldPath) -> int:
        """Give the 1-based line of an object's field, the object's own where the field is not written."""
        locator = self._locators.get(origin.file)
        if locator is None:
            locator = self._locators[origin.file] = Locator(self.texts[origin.file])
        try:
            return locator.line(origin.document, path)
        except LookupError:
            return origin.line

    def notice(self, finding: Finding) -> Notice:
        """Put a finding at its place."""
        return notice_of_finding(finding, self.origins.get(finding.key), self.locate)

    def notices(self) -> list[Notice]:
        """Everything there is to say, in reading order."""
        found = [self.notice(each) for findings in self.outcome.findings.values() for each in findings]
        return in_reading_order([*found, *self.problem_notices()])

    def problem_notices(self) -> list[Notice]:
        """What there is to say about files and about documents that are no objects."""
        return [*map(notice_of_problem, self.problems)]


@dataclass(frozen=True, slots=True)
class Files:
    """A set of files, read."""

    changes: tuple[Change, ...]
    """Their objects; each comes as an addition."""
    problems: tuple[FileProblem, ...]
    texts: dict[str, str] = field(repr=False)
    """What stands in those that are text, by name."""


def compile_files(
    paths: Sequence[Path], settings: CompileSettings, intake: Intake, stdin: bytes | None = None
) -> Offline:
    """Read and compile files, directories, and (unless None) the bytes of standard input. Blocks.

    Raises:
        InputError: a path does not exist or may not be read.
    """
    files = read_files(paths, intake, stdin)
    compiler = Compiler(settings, intake)
    outcome = compiler.apply(files.changes)
    origins = {change.key: change.origin for change in files.changes}
    return Offline(compiler, outcome, files.problems, origins, files.texts)


def read_files(paths: Sequence[Path], intake: Intake, stdin: bytes | None = None) -> Files:
    """Read files, directories, and (unless None) the bytes of standard input; `intake` names objects. Blocks.

    Raises:
        InputError: a path does not exist or may not be read.
    """
    readings: dict[str, Reading] = {}
    texts: dict[str, str] = {}
    blobs: dict[str, bytes | FileProblem] = {}
    unlisted: tuple[FileProblem, ...] = ()
    if paths:
        require_roots(paths)
        listing = list_files(paths)
        blobs = {file: _read(file) for file in listing.files}
        unlisted = tuple(
            FileProblem(place, 0, 0, f"cannot be listed: {why}") for place, why in sorted(listing.unlisted.items())
        )
    if stdin is not None:
        blobs[STDIN] = stdin
    for file, data in blobs.items():
        text = data if isinstance(data, FileProblem) else decode_text(data, file)
        if isinstance(text, FileProblem):
            readings[file] = Reading((), (text,))
        else:
            texts[file] = text
            readings[file] = read_documents(text, file)
    events = Ledger(intake.identify).update(readings)
    changes = tuple(event for event in events if isinstance(event, Change))
    reports = [event for event in events if isinstance(event, FileReport)]
    problems = (*unlisted, *(problem for report in reports for problem in report.problems))
    return Files(changes, problems, texts)


def _read(file: str) -> bytes | FileProblem:
    try:
        return Path(file).read_bytes()
    except OSError as error:
        return FileProblem(file, 0, 0, f"cannot be read: {error.strerror}")
