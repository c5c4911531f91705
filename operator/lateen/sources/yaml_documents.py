"""A file's bytes to documents with their places, and a field's path back to its line.

Accepts what `kubectl apply -f` accepts: several YAML documents, `List` objects (read as
their items), JSON. A file with any error gives its problems and the documents that could
be read all the same; the caller decides what to do with a file that is broken in part.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

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
class Reading:
    """What a file holds."""

    documents: tuple[Document, ...]
    problems: tuple[FileProblem, ...]

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


def read_documents(text: str, file: str) -> Reading:
    """Read all objects of a file.

    Args:
        text: the file's content.
        file: its name; `.json` files must be JSON, all others may be.
    """
    documents: list[Document] = []
    problems: list[FileProblem] = []
    for found in _read_objects(text, must_be_json=file.endswith(".json")):
        if isinstance(found, Complaint):
            problems.append(FileProblem(file, found.line, found.column, found.message))
        else:
            documents.append(Document(len(documents), found.raw, found.place))
    if len(problems) > MAX_PROBLEMS:
        more = f"{len(problems) - MAX_PROBLEMS} more problems in this file"
        problems[MAX_PROBLEMS:] = [FileProblem(file, problems[MAX_PROBLEMS].line, 0, more)]
    return Reading(tuple(documents), tuple(problems))


class Locator:
    """Answers where the fields of one file's objects stand. Reads the file once, for any number of questions."""

    def __init__(self, text: str) -> None:
        """Read the objects of `text`; only their places are kept."""
        found = (each for each in _read_objects(text, must_be_json=False) if isinstance(each, _Found))
        self._places = [each.place for each in found]

    def line(self, document_index: int, path: FieldPath) -> int:
        """Give the 1-based line of a field of the `document_index`-th object (see `Document.index`).

        A field that is not written is answered with its nearest written ancestor's line.

        Raises:
            LookupError: the text has no such object.
        """
        return self._places[document_index].line_of(path)


def locate(text: str, document_index: int, path: FieldPath) -> int:
    """Give the line of one field, as `Locator.line` does."""
    return Locator(text).line(document_index, path)


class _Found(NamedTuple):
    raw: dict[str, Any]
    place: Place


def _read_objects(text: str, *, must_be_json: bool) -> Iterator[_Found | Complaint]:
    for stretch, position, decoded in _read_values(text, must_be_json=must_be_json):
        if isinstance(decoded, Complaint):
            yield decoded
        else:
            yield from _flatten(decoded.value, Place(decoded.line, stretch, position))


_Value = tuple[Stretch, int, Decoded | Complaint]
"""A value, the stretch it was read from, and its position there."""


def _read_values(text: str, *, must_be_json: bool) -> Iterable[_Value]:
    if must_be_json or text.lstrip().startswith("{"):
        values: list[_Value] = [(stretch, 0, decoded) for stretch, decoded in split_json(text)]
        if must_be_json or not any(isinstance(decoded, Complaint) for _, _, decoded in values):
            return values
    return _read_yaml_values(text)


def _read_yaml_values(text: str) -> Iterator[_Value]:
    for stretch in split_documents(text):
        above = stretch.line - 1
        documents, complaints = decode_yaml(stretch.text)
        for position, decoded in enumerate(documents):
            yield stretch, position, decoded._replace(line=decoded.line + above)
        for complaint in complaints:
            yield stretch, 0, complaint._replace(line=complaint.line + above)


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
