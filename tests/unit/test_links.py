"""Links in the documents lead to files and headings that exist."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

_ROOT: Final = Path(__file__).parents[2]
_PAGES: Final = sorted(
    path.relative_to(_ROOT)
    for pattern in ("*.md", "docs/**/*.md", "examples/**/*.md", "charts/**/*.md")
    for path in _ROOT.glob(pattern)
)
_LINK: Final = re.compile(r"\]\(([^)\s]+)\)")
_HEADING: Final = re.compile(r"^#+ (.+)$", re.MULTILINE)
_PLACE: Final = re.compile(r'<a id="([^"]+)"')


def places_of(text: str) -> Iterator[str]:
    """Name the headings of a page as links do, and the places that it names itself."""
    for heading in _HEADING.findall(text):
        yield re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
    yield from _PLACE.findall(text)


@pytest.mark.parametrize("page", _PAGES, ids=str)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    text = (_ROOT / page).read_text()
    for link in _LINK.findall(text):
        if "://" in link:
            continue
        file, _, place = link.partition("#")
        target = (_ROOT / page).parent / file if file else _ROOT / page
        assert target.exists(), link
        assert not place or place in set(places_of(target.read_text())), link
