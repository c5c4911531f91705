"""What every file holds, and which file an object is served from. Pure bookkeeping, no I/O.

Rules:

* a file that cannot be read completely keeps what it held before, as a whole; one that never
  could be read completely gives the objects that can be read, and those that once could;
* a document that lost its identity keeps the object that stood in its place;
* of several files with the same object the one that had it first serves it; when that one
  gives it up, the next in order of path takes over;
* an object whose content did not change is never announced again, only its move.

The content of objects is not kept (a hash is), except while an object waits behind another file's.
For large files the text around each object is remembered by its hash too, so that an edit
costs what was edited and not what the file holds.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Final, NamedTuple, TypeAlias

from lateen.model.keys import Key
from lateen.model.objects import Change, Origin, Problem, RawObject, Severity
from lateen.sources.base import FileProblem, FileReport, Identify, Move, SourceEvent
from lateen.sources.yaml_documents import Document, Known, Reading, Repeated

Updates: TypeAlias = Mapping[str, Reading | None]
"""File → what it holds now; None when the file is gone."""

_LARGE: Final = 16
"""Stretches of text from which on it pays to remember them."""


@dataclass(slots=True)
class _Entry:
    """One object in one file."""

    digest: bytes
    line: int
    document: int
    raw: RawObject | None
    """The content, until it is announced; None also when the text was known and not read again."""

    def origin(self, file: str) -> Origin:
        return Origin(file=file, line=self.line, document=self.document)


class _Known(NamedTuple):
    """One object of a stretch of text that is remembered."""

    key: Key
    digest: bytes
    offset: int
    """Lines from the beginning of the stretch."""


@dataclass(slots=True)
class _File:
    """One file: its objects, and what is wrong with it apart from objects that other files serve."""

    entries: dict[Key, _Entry] = field(default_factory=dict)
    problems: tuple[FileProblem, ...] = ()
    complete: bool = False
    """Whether it has been read without a problem that makes it untrustworthy."""
    stretches: dict[bytes, list[_Known]] = field(default_factory=dict)
    """The objects of each stretch of text, by the text's digest, where all of them could be named."""


@dataclass(frozen=True, slots=True)
class _Served:
    file: str
    digest: bytes
    origin: Origin


class Ledger:
    """Turns readings of files into events."""

    def __init__(self, identify: Identify) -> None:
        """Name documents with `identify`."""
        self._identify = identify
        self._files: dict[str, _File] = {}
        self._claims: dict[Key, set[str]] = {}
        self._served: dict[Key, _Served] = {}
        self._reported: dict[str, tuple[FileProblem, ...]] = {}

    def update(self, updates: Updates) -> list[SourceEvent]:
        """Take in what changed since the last call, as one step: a file renamed in it moves its objects.

        Files whose reports changed because of other files (an object served elsewhere) are reported too.
        """
        touched: dict[Key, None] = {}
        for file, reading in updates.items():
            touched.update(dict.fromkeys(self._take(file, reading)))
        events: list[SourceEvent] = []
        affected = dict.fromkeys(updates)
        for key in touched:
            affected.update(dict.fromkeys(self._claims.get(key, ())))
            events.extend(self._settle(key))
        events.extend(self._reports(affected))
        return events

    def known(self, file: str) -> Known:
        """Say which stretches of a file need not be read: those whose objects are all served from there, unchanged."""
        held = self._files.get(file) or _File()

        def lines(stretch: bytes) -> list[int] | None:
            objects = held.stretches.get(stretch)
            if objects is None or not all(self._serves(file, each) for each in objects):
                return None
            return [each.offset for each in objects]

        return lines

    def _serves(self, file: str, known: _Known) -> bool:
        served = self._served.get(known.key)
        return served is not None and served.file == file and served.digest == known.digest

    def origin(self, key: Key) -> Origin | None:
        """Say where an object is served from now."""
        served = self._served.get(key)
        return served.origin if served else None

    def _take(self, file: str, reading: Reading | None) -> Iterable[Key]:
        """Replace what a file holds; gives the keys that it held or holds."""
        before = self._files.pop(file, None) or _File()
        if reading is None:
            after = _File()
        else:
            after = self._read(file, reading, before)
            self._files[file] = after
        for key in before.entries.keys() - after.entries.keys():
            self._claims[key].discard(file)
            if not self._claims[key]:
                del self._claims[key]
        for key in after.entries:
            self._claims.setdefault(key, set()).add(file)
        return [*before.entries, *(key for key in after.entries if key not in before.entries)]

    def _read(self, file: str, reading: Reading, before: _File) -> _File:
        if reading.broken and before.complete:
            return replace(before, problems=reading.problems)
        after = _File(complete=not reading.broken)
        problems: list[FileProblem] = list(reading.problems)
        unnamed: list[Document] = []
        stretches = _Stretches()
        documents: list[Document | Repeated] = [*reading.documents, *reading.repeated]
        for document in sorted(documents, key=lambda each: each.index):
            if isinstance(document, Repeated):
                key, digest, _ = before.stretches[document.stretch][document.ordinal]
                entry = _Entry(digest, document.line, document.index, None)
                stretches.keep(document.stretch, before.stretches[document.stretch])
            else:
                named = self._identify(document.raw)
                if isinstance(named, Problem):
                    problems.append(_blame(file, document, named))
                    stretches.give_up(document)
                    if named.severity is Severity.ERROR:
                        unnamed.append(document)
                    continue
                key = named
                entry = _Entry(_digest(document.raw), document.line, document.index, document.raw)
                stretches.add(document, key, entry.digest)
            first = after.entries.setdefault(key, entry)
            if first is not entry:
                message = f"{key} is already defined in {file}:{first.line}"
                problems.append(FileProblem(file, document.line, 1, message))
        _keep_places(before, after, unnamed)
        if reading.broken:
            after.entries = before.entries | after.entries
        else:
            after.stretches = stretches.worth_remembering()
        after.problems = tuple(problems)
        return after

    def _settle(self, key: Key) -> Iterable[SourceEvent]:
        """Decide which file serves the object now, and say what that changes."""
        before = self._served.get(key)
        claims = self._claims.get(key)
        if not claims:
            if before is not None:
                del self._served[key]
                yield Change(key, None, before.origin)
            return
        file = before.file if before is not None and before.file in claims else min(claims)
        entry = self._files[file].entries[key]
        after = _Served(file, entry.digest, entry.origin(file))
        self._served[key] = after
        raw, entry.raw = entry.raw, None
        if before is None or before.digest != after.digest:
            yield Change(key, raw, after.origin)
        elif before.origin != after.origin:
            yield Move(key, after.origin)

    def _reports(self, files: Iterable[str]) -> Iterable[FileReport]:
        for file in files:
            held = self._files.get(file)
            problems = (*held.problems, *self._conflicts(file, held)) if held else ()
            if problems != self._reported.get(file, ()):
                yield FileReport(file, problems)
            if problems:
                self._reported[file] = problems
            else:
                self._reported.pop(file, None)

    def _conflicts(self, file: str, held: _File) -> Iterable[FileProblem]:
        for key, entry in held.entries.items():
            served = self._served[key]
            if served.file != file:
                place = f"{served.origin.file}:{served.origin.line}"
                message = f"{key} is already defined in {place}, which stays in use"
                yield FileProblem(file, entry.line, 1, message)


class _Stretches:
    """Collects what each stretch of a file's text holds."""

    def __init__(self) -> None:
        """Begin with nothing read."""
        self._objects: dict[bytes, list[_Known]] = {}
        self._lines: dict[bytes, int] = {}
        self._given_up: set[bytes] = set()

    def keep(self, digest: bytes, objects: list[_Known]) -> None:
        """Take over what is known of a stretch."""
        self._objects[digest] = objects

    def add(self, document: Document, key: Key, digest: bytes) -> None:
        """Add one object to the stretch that it was read from."""
        stretch = document.place.stretch
        text = stretch.digest()
        if self._lines.setdefault(text, stretch.line) == stretch.line:
            self._objects.setdefault(text, []).append(_Known(key, digest, document.line - stretch.line))
        else:  # the same text twice
            self._given_up.add(text)

    def give_up(self, document: Document) -> None:
        """Have the stretch read every time, because what is wrong in it must be said every time."""
        self._given_up.add(document.place.stretch.digest())

    def worth_remembering(self) -> dict[bytes, list[_Known]]:
        """Give the objects of all stretches, or nothing for a file that is read quickly."""
        if len(self._objects) < _LARGE:
            return {}
        return {digest: objects for digest, objects in self._objects.items() if digest not in self._given_up}


def _blame(file: str, document: Document, problem: Problem) -> FileProblem:
    """Say why a document has no name."""
    return FileProblem(file, document.place.line_of(problem.path), 0, problem.message, problem.severity, problem.path)


def _keep_places(before: _File, after: _File, unnamed: list[Document]) -> None:
    """Let a document without identity keep the object that stood at its place.

    Somebody is in the middle of an edit (a name deleted, a kind misspelled); taking the
    object away would stop its traffic. If the document still has a name, it must be that object's.
    """
    if not unnamed:
        return
    by_document = {entry.document: key for key, entry in before.entries.items()}
    for document in unnamed:
        key = by_document.get(document.index)
        metadata = document.raw.get("metadata")
        name = metadata.get("name") if isinstance(metadata, Mapping) else None
        if key is not None and key not in after.entries and (name == key.name or not isinstance(name, str) or not name):
            entry = before.entries[key]
            after.entries[key] = _Entry(entry.digest, document.line, document.index, entry.raw)


def _digest(raw: RawObject) -> bytes:
    return blake2b(json.dumps(raw, sort_keys=True).encode(), digest_size=16).digest()
