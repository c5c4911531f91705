"""What the chart says about its values is what it takes."""

from collections.abc import Iterator, Mapping
from typing import Any

from tests.chart.documented_values import documented_values, resolve, schema
from tests.chart.readme import PAGE, rewrite


def test_the_readme_lists_the_values_of_the_chart(*, rewrite_goldens: bool) -> None:
    page = rewrite(PAGE.read_text())
    if rewrite_goldens:
        PAGE.write_text(page)
    assert PAGE.read_text().splitlines() == page.splitlines(), "the chart's README differs; see `make chart`"


def test_every_value_has_a_comment() -> None:
    assert [value.name for value in documented_values() if not value.comment] == []


def test_the_schema_and_the_file_of_values_know_the_same_values() -> None:
    known = {path for path in _leaves(schema()) if path != ("global",)}
    listed = {value.path for value in documented_values()}
    missing = {path for path in known if not any(path[: len(each)] == each for each in listed)}
    unknown = {each for each in listed if not any(path[: len(each)] == each for path in known)}
    assert (missing, unknown) == (set(), set())


def test_the_schema_refuses_unknown_values_at_every_level() -> None:
    open_ones = [
        ".".join(path)
        for path, part in _groups(schema())
        if part.get("additionalProperties") is not False and part.get("properties")
    ]
    assert open_ones == []


def _groups(part: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    yield path, part
    for name, child in part.get("properties", {}).items():
        yield from _groups(resolve(child), (*path, name))


def _leaves(part: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    return (path for path, each in _groups(part) if not each.get("properties"))
