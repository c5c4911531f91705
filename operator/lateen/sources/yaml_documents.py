"""A file's bytes to documents with their places, and a field's path back to its line.

Accepts what `kubectl apply -f` accepts: several YAML documents, `List` objects (read as
their items), JSON. A file with any error gives its problems and the documents that could
be read all the same; the caller decides what to do with a file that is broken in part.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from lateen.model.objects import FieldPath, RawObject, Severity
from lateen.sources.base import FileProblem
from lateen.sources.field_lines import find_item_lines, find_line
from lateen.sources.json_values import split_json
from lateen.sources.yaml_values import Complaint, Decoded, Stretch, decode_yaml, split_documents

MAX_PROBLEMS: Final = 20
"""Problems reported per file; a file of another format would drown everything else."""


@dataclass(frozen=True, slots=True)
class Document:
    """One object of a file."""

    index: int
    """Position among the file's objects, counting from 0; items of a `List` count one by one."""
    line: int
    """1-based line on which the object starts."""
    raw: RawObject


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file holds."""

    documents: tuple[Document, ...]
    problems: tuple[FileProblem, ...]

    @property
    def broken(self) -> bool:
        """Whether the file as a whole cannot be trusted: some of it could not be read."""
        return any(problem.severity is Severity.ERROR for problem in self.problems)


class _Place(NamedTuple):
    """Where one object stands: its stretch of text, the document in it, and the path inside a `List`."""

    stretch: Stretch
    document: int
    prefix: FieldPath


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
            raw, line, _ = found
            documents.append(Document(len(documents), line, raw))
    if len(problems) > MAX_PROBLEMS:
        more = f"{len(problems) - MAX_PROBLEMS} more problems in this file"
        problems[MAX_PROBLEMS:] = [FileProblem(file, problems[MAX_PROBLEMS].line, 0, more)]
    return Reading(tuple(documents), tuple(problems))


def locate(text: str, document_index: int, path: FieldPath) -> int:
    """Give the 1-based line of a field of the `document_index`-th object (see `Document.index`).

    A field that is not written is answered with its nearest written ancestor's line.

    Raises:
        LookupError: the text has no such object.
    """
    index = 0
    for found in _read_objects(text, must_be_json=False):
        if isinstance(found, Complaint):
            continue
        if index == document_index:
            return _line_in(found, path)
        index += 1
    raise LookupError(f"there is no object {document_index}")


class _Found(NamedTuple):
    raw: dict[str, Any]
    line: int
    place: _Place


def _line_in(found: _Found, path: FieldPath) -> int:
    stretch, document, prefix = found.place
    try:
        return stretch.line - 1 + find_line(stretch.text, document, prefix + path)
    except LookupError:  # JSON that is not YAML (surrogate pairs)
        return found.line


def _read_objects(text: str, *, must_be_json: bool) -> Iterator[_Found | Complaint]:
    for stretch, document, decoded in _read_values(text, must_be_json=must_be_json):
        if isinstance(decoded, Complaint):
            yield decoded
        else:
            yield from _flatten(_Place(stretch, document, ()), decoded)


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


def _flatten(place: _Place, decoded: Decoded) -> Iterator[_Found | Complaint]:
    """Turn a `List` into its items, as `kubectl` does; anything but a mapping is a complaint."""
    value, line = decoded
    if not isinstance(value, dict):
        what = "a list" if isinstance(value, list) else "a single value"
        yield Complaint(line, 1, f"an object is a mapping with apiVersion and kind, not {what}")
        return
    if not _is_list(value):
        yield _Found(value, line, place)
        return
    items = value["items"]
    if items is None:
        return
    if not isinstance(items, list):
        yield Complaint(line, 1, f"the items of a {value['kind']} are a list")
        return
    lines = _item_lines(place)
    for index, item in enumerate(items):
        item_line = place.stretch.line - 1 + lines[index] if index < len(lines) else line
        yield from _flatten(place._replace(prefix=(*place.prefix, "items", index)), Decoded(item, item_line))


def _item_lines(place: _Place) -> list[int]:
    """Give the lines of a `List`'s items within the stretch; empty for JSON that is not YAML, and behind aliases."""
    try:
        return find_item_lines(place.stretch.text, place.document, (*place.prefix, "items"))
    except LookupError:
        return []


def _is_list(value: Mapping[str, Any]) -> bool:
    kind = value.get("kind")
    return "items" in value and isinstance(kind, str) and kind.endswith("List")
