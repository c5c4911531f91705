"""A file's bytes to documents with their places, and a field's path back to its line.

Accepts what `kubectl apply -f` accepts: several YAML documents, `List` objects (read as
their items), JSON. A file with any error gives its problems and the documents that could
be read all the same; the caller decides what to do with a file that is broken in part.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple, TypeAlias

from lateen.model.objects import FieldPath, RawObject, Severity
from lateen.sources.base import FileProblem
from lateen.sources.field_lines import find_item_lines, find_line
from lateen.sources.json_values import split_json
from lateen.sources.yaml_values import Complaint, Decoded, Stretch, decode_yaml, split_documents

MAX_PROBLEMS: Final = 20
"""Problems reported per file; a file of another format would drown everything else."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where one object stands in its file."""

    line: int
    """1-based line on which the object starts."""
    stretch: Stretch
    document: int
    """Position of the document within the stretch."""
    prefix: FieldPath = ()
    """Path of the object within the document, when it is an item of a `List`."""

    def line_of(self, path: FieldPath) -> int:
        """Give the 1-based line of a field; one that is not written has its nearest written ancestor's line."""
        try:
            return self.stretch.line - 1 + find_line(self.stretch.text, self.document, self.prefix + path)
        except LookupError:  # JSON that is not YAML (surrogate pairs)
            return self.line


@dataclass(frozen=True, slots=True)
class Document:
    """One object of a file."""

    index: int
    """Position among the file's objects, counting from 0; items of a `List` count one by one."""
    raw: RawObject
    place: Place

    @property
    def line(self) -> int:
        """The 1-based line on which the object starts."""
        return self.place.line


@dataclass(frozen=True, slots=True)
class Repeated:
    """One object that was not read again, as the text around it is known."""

    index: int
    """As `Document.index`."""
    line: int
    """1-based line on which the object starts."""
    stretch: bytes
    """Digest of the stretch of text that it stands in."""
    ordinal: int
    """Position among the objects of the stretch."""


Known: TypeAlias = Callable[[bytes], Sequence[int] | None]
"""Whether a stretch of text with this digest need not be read: for each of its objects the line, counted from 0."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file holds."""

    documents: tuple[Document, ...]
    problems: tuple[FileProblem, ...]
    repeated: tuple[Repeated, ...] = ()
    """Objects that the reader already knew; none unless it said so."""

    @property
    def broken(self) -> bool:
        """Whether the file as a whole cannot be trusted: some of it could not be read."""
        return any(problem.severity is Severity.ERROR for problem in self.problems)


def decode_text(data: bytes, file: str) -> str | FileProblem:
    """Decode a file's bytes: UTF-8, with or without a byte order mark."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        column = error.start - before.rfind(b"\n")
        return FileProblem(file, line, column, f"not UTF-8 text (byte 0x{data[error.start]:02x})")


def read_documents(text: str, file: str, known: Known | None = None) -> Reading:
    """Read all objects of a file.

    Args:
        text: the file's content.
        file: its name; `.json` files must be JSON, all others may be.
        known: spares the reading of what is unchanged in a large file.
    """
    documents: list[Document] = []
    repeated: list[Repeated] = []
    problems: list[FileProblem] = []
    for found in _read_objects(text, must_be_json=file.endswith(".json"), known=known or _know_nothing):
        index = len(documents) + len(repeated)
        if isinstance(found, Complaint):
            problems.append(FileProblem(file, found.line, found.column, found.message))
        elif isinstance(found, Repeated):
            repeated.append(replace(found, index=index))
        else:
            documents.append(Document(index, found.raw, found.place))
    if len(problems) > MAX_PROBLEMS:
        more = f"{len(problems) - MAX_PROBLEMS} more problems in this file"
        problems[MAX_PROBLEMS:] = [FileProblem(file, problems[MAX_PROBLEMS].line, 0, more)]
    return Reading(tuple(documents), tuple(problems), tuple(repeated))


def _know_nothing(_: bytes) -> None:
    """Have everything read."""


class Locator:
    """Answers where the fields of one file's objects stand; reads no more of the file than it must."""

    def __init__(self, text: str) -> None:
        """Prepare to answer for `text`."""
        self._text = text
        values = _read_json(text) if _looks_like_json(text) else None
        self._stretches = list(split_documents(text)) if values is None else []
        self._starts = [stretch.line for stretch in self._stretches]
        self._places: dict[int, list[Place]] = {} if values is None else {0: _places_of(values)}

    def line(self, document_index: int, path: FieldPath) -> int:
        """Give the 1-based line of a field of the `document_index`-th object (see `Document.index`).

        A field that is not written is answered with its nearest written ancestor's line.
        Reads everything up to the object; `line_from` does not.

        Raises:
            LookupError: the text has no such object.
        """
        places = (found.place for found in _read_objects(self._text) if isinstance(found, _Found))
        for index, place in enumerate(places):
            if index == document_index:
                return place.line_of(path)
        raise LookupError(f"there is no object {document_index}")

    def line_from(self, start: int, path: FieldPath) -> int:
        """Give the 1-based line of a field of the object that starts on line `start`.

        Raises:
            LookupError: no object starts there.
        """
        number = max(bisect_right(self._starts, start) - 1, 0)
        places = self._places.get(number)
        if places is None:
            places = self._places[number] = _places_of(_read_stretch(self._stretches[number]))
        for place in places:
            if place.line == start:
                return place.line_of(path)
        raise LookupError(f"no object starts on line {start}")


def locate(text: str, document_index: int, path: FieldPath) -> int:
    """Give the line of one field, as `Locator.line` does."""
    return Locator(text).line(document_index, path)


class _Found(NamedTuple):
    raw: dict[str, Any]
    place: Place


class _Value(NamedTuple):
    """A value or complaint, the stretch it was read from, and its position there."""

    stretch: Stretch
    position: int
    decoded: Decoded | Complaint


def _read_objects(
    text: str, *, must_be_json: bool = False, known: Known = _know_nothing
) -> Iterator[_Found | Repeated | Complaint]:
    values = _read_json(text, must_be_json=must_be_json) if must_be_json or _looks_like_json(text) else None
    if values is not None:
        for value in values:
            yield from _flatten_value(value)
        return
    for stretch in split_documents(text):
        digest = stretch.digest() if known is not _know_nothing else b""
        lines = known(digest)
        if lines is None:
            for value in _read_stretch(stretch):
                yield from _flatten_value(value)
        else:
            for ordinal, line in enumerate(lines):
                yield Repeated(0, stretch.line + line, digest, ordinal)


def _looks_like_json(text: str) -> bool:
    return text.lstrip().startswith("{")


def _read_json(text: str, *, must_be_json: bool = False) -> list[_Value] | None:
    """Decode JSON; None when it is none, which in a file of another name makes it YAML's flow style."""
    values = [_Value(stretch, 0, decoded) for stretch, decoded in split_json(text)]
    if not must_be_json and any(isinstance(value.decoded, Complaint) for value in values):
        return None
    return values


def _read_stretch(stretch: Stretch) -> Iterator[_Value]:
    above = stretch.line - 1
    documents, complaints = decode_yaml(stretch.text)
    for position, decoded in enumerate(documents):
        yield _Value(stretch, position, decoded._replace(line=decoded.line + above))
    for complaint in complaints:
        yield _Value(stretch, 0, complaint._replace(line=complaint.line + above))


def _places_of(values: Iterable[_Value]) -> list[Place]:
    found = (each for value in values for each in _flatten_value(value))
    return [each.place for each in found if isinstance(each, _Found)]


def _flatten_value(value: _Value) -> Iterator[_Found | Complaint]:
    if isinstance(value.decoded, Complaint):
        yield value.decoded
    else:
        yield from _flatten(value.decoded.value, Place(value.decoded.line, value.stretch, value.position))


def _flatten(value: Any, place: Place) -> Iterator[_Found | Complaint]:
    """Turn a `List` into its items, as `kubectl` does; anything but a mapping is a complaint."""
    if not isinstance(value, dict):
        what = "a list" if isinstance(value, list) else "a single value"
        yield Complaint(place.line, 1, f"an object is a mapping with apiVersion and kind, not {what}")
        return
    if not _is_list(value):
        yield _Found(value, place)
        return
    items = value["items"]
    if items is None:
        return
    if not isinstance(items, list):
        yield Complaint(place.line, 1, f"the items of a {value['kind']} are a list")
        return
    lines = _item_lines(place)
    for index, item in enumerate(items):
        line = lines[index] if index < len(lines) else place.line
        yield from _flatten(item, replace(place, line=line, prefix=(*place.prefix, "items", index)))


def _item_lines(place: Place) -> list[int]:
    """Give the lines of a `List`'s items; empty for JSON that is not YAML, and behind aliases."""
    above = place.stretch.line - 1
    try:
        lines = find_item_lines(place.stretch.text, place.document, (*place.prefix, "items"))
    except LookupError:
        return []
    return [above + line for line in lines]


def _is_list(value: Mapping[str, Any]) -> bool:
    kind = value.get("kind")
    return "items" in value and isinstance(kind, str) and kind.endswith("List")
