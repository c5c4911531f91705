"""One stretch of YAML text to JSON values: parser events in, values and complaints out.

Built on events instead of PyYAML's node tree because libyaml's composer recurses in C and
falls over on deeply nested input, and because lines, duplicate keys and the growth of
aliases are at hand here. Depth and alias growth are bounded.
"""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Final, NamedTuple, TypeAlias

import yaml
from yaml._yaml import CParser  # libyaml; `yaml.cyaml` has it, but does not export it
from yaml.reader import ReaderError

from lateen.sources.scalars import print_key, resolve_plain, resolve_tagged

MAX_DEPTH: Final = 200
"""Levels of nesting; no object comes near it."""

MAX_ALIASED: Final = 100_000
"""Values that aliases may add to one document ("billion laughs")."""

_MERGE: Final = "<<"
_MAPPING_TAGS: Final = frozenset({None, "!", "tag:yaml.org,2002:map"})
_SEQUENCE_TAGS: Final = frozenset({None, "!", "tag:yaml.org,2002:seq"})


class Complaint(NamedTuple):
    """Something wrong at a place of the text; line and column are 1-based."""

    line: int
    column: int
    message: str


class Decoded(NamedTuple):
    """One document: its value and the 1-based line on which the value starts."""

    value: Any
    line: int


class Refusal(Exception):  # noqa: N818 - never leaves this module's callers; it is not an error of the program
    """The text cannot be read any further."""

    def __init__(self, complaint: Complaint) -> None:
        """Carry the complaint."""
        super().__init__(complaint.message)
        self.complaint = complaint


Event: TypeAlias = Any
"""One of PyYAML's event classes; they carry no types."""


def parse_events(text: str) -> Iterator[Event]:
    """Yield libyaml's events of `text`.

    Raises:
        Refusal: the text is not YAML.
    """
    parser = CParser(text)
    try:
        while parser.check_event():
            yield parser.get_event()
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        column = error.position - text.rfind("\n", 0, error.position)
        message = f"the character U+{error.character:04X} is not allowed in YAML"
        raise Refusal(Complaint(line, column, message)) from error
    except yaml.MarkedYAMLError as error:
        raise Refusal(_complain(error)) from error
    finally:
        parser.dispose()


def _complain(error: yaml.MarkedYAMLError) -> Complaint:
    """Turn libyaml's words into one sentence; its context names where the construct began."""
    mark = error.problem_mark or error.context_mark
    message = error.problem or "not YAML"
    if "cannot start any token" in message:
        message += " (a tab cannot indent; quote a value that starts with @, ` or %)"
    if error.context:
        message += f", {error.context}{_say_where_it_began(error)}"
    return Complaint(mark.line + 1 if mark else 1, mark.column + 1 if mark else 1, message)


def _say_where_it_began(error: yaml.MarkedYAMLError) -> str:
    """Count lines back: the text may be one stretch of a longer file, so its own line numbers mean nothing."""
    if error.context_mark is None or error.problem_mark is None:
        return ""
    lines = error.problem_mark.line - error.context_mark.line
    return f" that starts {lines} line{'' if lines == 1 else 's'} above" if lines else ""


@dataclass(slots=True)
class _Anchor:
    value: Any
    size: int


@dataclass(slots=True)
class _Reader:
    """Builds values from the events of one stretch of text."""

    events: Iterator[Event]
    complaints: list[Complaint] = field(default_factory=list)
    anchors: dict[str, _Anchor] = field(default_factory=dict)
    size: int = 0
    aliased: int = 0

    def documents(self) -> Iterator[Decoded]:
        for event in self.events:
            if type(event) is yaml.DocumentStartEvent:
                self.anchors.clear()
                self.aliased = 0
                first = next(self.events)
                before = len(self.complaints)
                value = self.value(first, 1)
                if value is not None and len(self.complaints) == before:
                    yield Decoded(value, first.start_mark.line + 1)

    def value(self, event: Event, depth: int) -> Any:
        """Build the value that `event` opens."""
        kind = type(event)
        if kind is yaml.AliasEvent:
            return self.alias(event)
        if depth > MAX_DEPTH:
            raise Refusal(_at(event, f"nested deeper than {MAX_DEPTH} levels"))
        before = self.size
        self.size += 1
        if kind is yaml.ScalarEvent:
            result = self.scalar(event)
        elif kind is yaml.MappingStartEvent:
            result = self.mapping(event, depth)
        else:
            result = self.sequence(event, depth)
        if event.anchor:
            self.anchors[event.anchor] = _Anchor(result, self.size - before)
        return result

    def alias(self, event: Event) -> Any:
        anchor = self.anchors.get(event.anchor)
        if anchor is None:
            raise Refusal(_at(event, f"the alias *{event.anchor} has no finished anchor &{event.anchor} before it"))
        self.size += anchor.size
        self.aliased += anchor.size
        if self.aliased > MAX_ALIASED:
            raise Refusal(_at(event, f"aliases expand to more than {MAX_ALIASED} values"))
        return anchor.value

    def scalar(self, event: Event) -> Any:
        if event.tag is None:
            if not event.implicit[0]:
                return event.value
            try:
                return resolve_plain(event.value)
            except ValueError as error:
                self.complaints.append(_at(event, str(error)))
                return None
        try:
            return resolve_tagged(event.tag, event.value)
        except ValueError as error:
            self.complaints.append(_at(event, str(error)))
            return None

    def sequence(self, start: Event, depth: int) -> list[Any]:
        if start.tag not in _SEQUENCE_TAGS:
            self.complaints.append(_at(start, f"the tag {start.tag} is not supported on a list"))
        items: list[Any] = []
        for event in self.events:
            if type(event) is yaml.SequenceEndEvent:
                break
            items.append(self.value(event, depth + 1))
        return items

    def mapping(self, start: Event, depth: int) -> dict[str, Any]:
        if start.tag not in _MAPPING_TAGS:
            self.complaints.append(_at(start, f"the tag {start.tag} is not supported on a mapping"))
        fields: dict[str, Any] = {}
        lines: dict[str, int] = {}
        merged: list[Any] = []
        for event in self.events:
            if type(event) is yaml.MappingEndEvent:
                break
            merges = type(event) is yaml.ScalarEvent and event.value == _MERGE and event.implicit[0]
            name = _MERGE if merges else self.key(event, depth)
            if name in lines:
                message = f"the key {name!r} is written twice; first on line {lines[name]}"
                self.complaints.append(_at(event, message))
            lines[name] = event.start_mark.line + 1
            following = next(self.events)
            value = self.value(following, depth + 1)
            if merges:
                merged = self.merge_sources(following, value)
            else:
                fields[name] = value
        for each in merged:
            fields = {**each, **fields}
        return fields

    def key(self, event: Event, depth: int) -> str:
        value = self.value(event, depth + 1)
        if isinstance(value, dict | list):
            raise Refusal(_at(event, "a key must be a single value"))
        try:
            return sys.intern(print_key(value))  # the same few names in every document
        except ValueError as error:
            self.complaints.append(_at(event, str(error)))
            return ""

    def merge_sources(self, event: Event, value: Any) -> list[Any]:
        """Give the mappings that `<<` names; earlier ones win over later ones."""
        sources = value if isinstance(value, list) else [value]
        if all(isinstance(each, dict) for each in sources):
            return sources
        self.complaints.append(_at(event, "<< merges a mapping, or a list of mappings"))
        return []


def _at(event: Event, message: str) -> Complaint:
    return Complaint(event.start_mark.line + 1, event.start_mark.column + 1, message)


class Stretch(NamedTuple):
    """A part of a file that is read on its own."""

    text: str
    line: int
    """1-based line of the file on which it begins."""

    def digest(self) -> bytes:
        """Identify the text, wherever it stands."""
        return blake2b(self.text.encode(), digest_size=16).digest()


_MARKER: Final = re.compile(r"^---(?=[ \t\r\n]|\Z)", re.MULTILINE)
_DIRECTIVE: Final = re.compile(r"^%", re.MULTILINE)


def split_documents(text: str) -> Iterator[Stretch]:
    """Cut a file before each `---`, which YAML allows only between documents.

    A file with directives (`%YAML`) stays whole, as they belong to the document that follows.
    """
    starts = [0]
    if not _DIRECTIVE.search(text):
        starts += [found.start() for found in _MARKER.finditer(text) if found.start()]
    line, counted = 1, 0
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        line += text.count("\n", counted, start)
        counted = start
        yield Stretch(text[start:end], line)


def decode_yaml(text: str) -> tuple[list[Decoded], list[Complaint]]:
    """Decode all documents of `text`. Lines count from the beginning of `text`.

    Empty documents and those with a complaint are left out. After a syntax error nothing more is read.
    """
    reader = _Reader(parse_events(text))
    documents: list[Decoded] = []
    try:
        documents.extend(reader.documents())
    except Refusal as refusal:
        reader.complaints.append(refusal.complaint)
    return documents, reader.complaints
