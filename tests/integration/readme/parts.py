"""Which parts of a page are for a cluster; all others are for the machine of whoever reads it."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

CLUSTER_PARTS: Final[Mapping[str, frozenset[str]]] = {"README.md": frozenset({"In a cluster"})}
"""Headings by page: `tests/e2e` follows these."""

_HEADING: Final = re.compile(r"^## (.+)$", re.MULTILINE)


def for_this_machine(page: str, markdown: str) -> str:
    """Leave out of a page what is for a cluster."""
    return "".join(text for title, text in _parts_of(markdown) if title not in CLUSTER_PARTS.get(page, ()))


def for_a_cluster(page: str, markdown: str) -> str:
    """Give what is for a cluster: some parts, or all of a page that has no others."""
    return "".join(
        text for title, text in _parts_of(markdown) if page not in CLUSTER_PARTS or title in CLUSTER_PARTS[page]
    )


def _parts_of(markdown: str) -> Iterator[tuple[str, str]]:
    """Give the heading and the text of each part; the beginning has no heading."""
    first, *others = _HEADING.split(markdown)
    yield "", first
    yield from zip(others[::2], others[1::2], strict=True)
