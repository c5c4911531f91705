"""The chart's values with their comments, defaults and types: what its README lists."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml
from tests.chart.helm import CHART

_VALUES: Final = CHART / "values.yaml"
_SCHEMA: Final = CHART / "values.schema.json"
_LINE: Final = re.compile(r"^(?P<indent> *)(?:# ?(?P<comment>.*)|(?P<key>[A-Za-z]\w*):.*)$")


@dataclass(frozen=True, slots=True)
class DocumentedValue:
    """One value that users set."""

    path: tuple[str, ...]
    comment: str
    """Empty: it has none."""
    default: Any

    @property
    def name(self) -> str:
        """`image.tag`."""
        return ".".join(self.path)


def documented_values() -> list[DocumentedValue]:
    """Every value in the file's order; what is inside one without comments of its own belongs to it."""
    defaults = yaml.safe_load(_VALUES.read_text())
    comments = dict(_comments(_VALUES.read_text()))
    groups = {path[:length] for path, comment in comments.items() if comment for length in range(len(path))}
    return [
        DocumentedValue(path, comment, _at(defaults, path))
        for path, comment in comments.items()
        if path not in groups and path[:-1] in groups
    ]


def schema() -> dict[str, Any]:
    """What the chart says about its values' types."""
    found: dict[str, Any] = json.loads(_SCHEMA.read_text())
    return found


def schema_at(path: tuple[str, ...]) -> Mapping[str, Any]:
    """The part of the schema that is about one value.

    Raises:
        KeyError: the schema does not know it.
    """
    part: Mapping[str, Any] = schema()
    for key in path:
        part = resolve(part["properties"][key])
    return part


def resolve(part: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow a reference to the schema's definitions."""
    if "$ref" not in part:
        return part
    found: Mapping[str, Any] = schema()["definitions"][part["$ref"].rpartition("/")[2]]
    return found


def _comments(text: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """Each key with the comment above it."""
    above: list[str] = []
    keys: list[str] = []
    for line in text.splitlines():
        matched = _LINE.match(line)
        if matched is None:
            above = []
        elif matched["key"]:
            keys = [*keys[: len(matched["indent"]) // 2], matched["key"]]
            yield tuple(keys), " ".join(above)
            above = []
        else:
            above.append(matched["comment"])


def _at(values: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        values = values[key]
    return values
