"""Where a field stands in YAML text: a walk along the parser's events, without building anything."""

from collections.abc import Iterator

import yaml

from lateen.model.objects import FieldPath
from lateen.sources.yaml_values import Event, Refusal, parse_events


def find_line(text: str, document: int, path: FieldPath) -> int:
    """Give the 1-based line of `path` in the `document`-th (0-based, non-empty) document of `text`.

    A field that is written is found at its key, a list's item at its dash. One that is not
    written is answered with its nearest written ancestor. JSON may be given as well.

    Raises:
        LookupError: the text has no such document, or cannot be read up to it.
    """
    events = _open_document(text, document)
    line, _ = _follow(events, next(events), path)
    return line


def find_item_lines(text: str, document: int, path: FieldPath) -> list[int]:
    """Give the 1-based lines of all items of the list at `path`, in one walk.

    Raises:
        LookupError: as `find_line`.
    """
    events = _open_document(text, document)
    _, event = _follow(events, next(events), path)
    lines: list[int] = []
    if type(event) is yaml.SequenceStartEvent:
        for item in events:
            if type(item) is yaml.SequenceEndEvent:
                break
            lines.append(_line(item))
            _skip(events, item)
    return lines


def _open_document(text: str, document: int) -> Iterator[Event]:
    """Give the events from the document's root on."""
    # Tabs may indent JSON but not YAML; blanks instead keep every line where it is.
    events = parse_events(text.replace("\t", " "))
    try:
        for event in events:
            if type(event) is yaml.DocumentStartEvent:
                root = next(events)
                if _is_empty(root):
                    continue
                if document == 0:
                    return _reopened(root, events)
                document -= 1
                _skip(events, root)
    except Refusal as refusal:
        raise LookupError(str(refusal)) from refusal
    raise LookupError("no such document")


def _reopened(root: Event, events: Iterator[Event]) -> Iterator[Event]:
    yield root
    try:
        yield from events
    except Refusal as refusal:
        raise LookupError(str(refusal)) from refusal


def _is_empty(root: Event) -> bool:
    """Whether the document says nothing (or `null`), and so does not count."""
    return type(root) is yaml.ScalarEvent and root.implicit[0] and root.value in {"", "~", "null", "Null", "NULL"}


def _follow(events: Iterator[Event], root: Event, path: FieldPath) -> tuple[int, Event | None]:
    """Walk down the path as far as it is written: the line reached, and the event if all of it is written."""
    event, line = root, _line(root)
    for part in path:
        step = _enter_field(events, event, part) if isinstance(part, str) else _enter_item(events, event, part)
        if step is None:
            return line, None
        line, event = step
    return line, event


def _enter_field(events: Iterator[Event], event: Event, name: str) -> tuple[int, Event] | None:
    """Advance to the value of a key; the line is the key's."""
    if type(event) is not yaml.MappingStartEvent:
        return None
    for key in events:
        if type(key) is yaml.MappingEndEvent:
            break
        _skip(events, key)
        value = next(events)
        if type(key) is yaml.ScalarEvent and _names(key.value, name):
            return _line(key), value
        _skip(events, value)
    return None


def _enter_item(events: Iterator[Event], event: Event, index: int) -> tuple[int, Event] | None:
    if type(event) is not yaml.SequenceStartEvent:
        return None
    for item in events:
        if type(item) is yaml.SequenceEndEvent:
            break
        if index == 0:
            return _line(item), item
        index -= 1
        _skip(events, item)
    return None


def _skip(events: Iterator[Event], event: Event) -> None:
    """Advance past the end of the value that `event` opens."""
    depth = 0
    while True:
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth == 0:
            return
        event = next(events)


def _names(written: str, name: str) -> bool:
    """Whether a key is the field: as spelled, or camelCase for snake_case, which mean the same field."""
    return written == name or written.replace("_", "").lower() == name.replace("_", "").lower()


def _line(event: Event) -> int:
    return int(event.start_mark.line) + 1
