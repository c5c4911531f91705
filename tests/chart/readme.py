"""The table of values in the chart's README; `python -m tests.chart.readme` writes it anew."""

import json
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any, Final

from tests.chart.documented_values import DocumentedValue, documented_values, resolve, schema_at
from tests.chart.helm import CHART

PAGE: Final = CHART / "README.md"

_BEGIN: Final = "<!-- generated: values -->\n"
_END: Final = "<!-- end -->"
_PIPE: Final = "\\|"
_WORDS: Final = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "object": "map",
    "array": "list",
}


def rewrite(page: str) -> str:
    """Put the tables between their comments."""
    before, begin, rest = page.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    assert begin, _BEGIN
    assert end, _END
    tables = "\n".join(_tables())
    return f"{before}{begin}\n{tables}\n{end}{after}"


def _tables() -> Iterator[str]:
    """One table for the values at the top, then one for each group."""
    yield from _table("The operator's pods", [each for each in documented_values() if len(each.path) == 1])
    nested = [each for each in documented_values() if len(each.path) > 1]
    for group, values in groupby(nested, key=lambda each: each.path[0]):
        yield from _table(f"`{group}`", list(values))


def _table(title: str, values: list[DocumentedValue]) -> Iterator[str]:
    yield from (f"### {title}", "", "| value | type | default | meaning |", "|---|---|---|---|")
    for value in values:
        cells = (f"`{value.name}`", _type(schema_at(value.path)), f"`{json.dumps(value.default)}`", value.comment)
        yield f"| {' | '.join(cell.replace('|', _PIPE) for cell in cells)} |"
    yield ""


def _type(part: Mapping[str, Any]) -> str:
    """Say in words what a value may be."""
    part = resolve(part)
    if "description" in part:
        return str(part["description"])
    if "enum" in part:
        return ", ".join(f"`{json.dumps(each)}`" for each in part["enum"])
    word = _WORDS[part["type"]]
    if part["type"] == "array":
        return f"{word} of {_type(part['items'])}s"
    if part["type"] == "object":
        return f"{word} to {_type(part['additionalProperties'])}"
    return word + _range(part)


def _range(part: Mapping[str, Any]) -> str:
    if "maximum" in part:
        return f", {part['minimum']} to {part['maximum']}"
    if "minimum" in part:
        return f", at least {part['minimum']}"
    return f", more than {part['exclusiveMinimum']}" if "exclusiveMinimum" in part else ""


if __name__ == "__main__":
    PAGE.write_text(rewrite(PAGE.read_text()))
