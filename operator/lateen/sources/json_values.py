"""JSON text to values: one object after another, with the checks that YAML gets as well."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final, NoReturn

from lateen.sources.yaml_values import MAX_DEPTH, Complaint, Decoded, Stretch

_HALF_CHARACTER: Final = re.compile(r"[\ud800-\udfff]")
_SPACE: Final = re.compile(r"[ \t\r\n]*")


class _DuplicateKeyError(ValueError):
    """A key stands twice in one JSON object."""


def _fields(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _DuplicateKeyError(f"the key {twice!r} is written twice in one object")
    return fields


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not JSON")


def _refuse_value(value: Any) -> str:
    """Say why a decoded value cannot be used, level by level instead of by recursion; empty when it can."""
    level = [value]
    for _ in range(MAX_DEPTH):
        inner: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                inner.extend(each)
                inner.extend(each.values())
            elif isinstance(each, list):
                inner.extend(each)
            elif isinstance(each, str) and _HALF_CHARACTER.search(each):
                return "half of a surrogate pair (\\ud800 to \\udfff) is not a character"
        if not inner:
            return ""
        level = inner
    return f"nested deeper than {MAX_DEPTH} levels"


def split_json(text: str) -> Iterator[tuple[Stretch, Decoded | Complaint]]:
    """Decode the JSON values that `text` holds one after another.

    Yields each value's stretch of text with the value, or with the complaint that ends the
    reading. Lines count from the beginning of `text`.
    """
    decoder = json.JSONDecoder(object_pairs_hook=_fields, parse_constant=_refuse_constant)
    position, line = 0, 1
    while True:
        start = _SPACE.match(text, position).end()  # type: ignore[union-attr]  # matches the empty text as well
        if start == len(text):
            return
        line += text.count("\n", position, start)
        try:
            value, position = decoder.raw_decode(text, start)
            refusal = _refuse_value(value)
        except json.JSONDecodeError as error:
            yield Stretch("", line), Complaint(error.lineno, error.colno, f"not JSON: {error.msg}")
            return
        except RecursionError:
            refusal, value = f"nested deeper than {MAX_DEPTH} levels", None
        except ValueError as error:
            refusal, value = str(error), None
        if refusal:
            yield Stretch("", line), Complaint(line, 1, refusal)
            return
        yield Stretch(text[start:position], line), Decoded(value, line)
        line += text.count("\n", start, position)
