"""docs/reference.md says what the code says."""

import re
from typing import Final

from tests.golden.golden import FOLDER
from tests.golden.reference import PAGE, SPECS, codes, fields, rewrite

from lateen.compile.codes import Code
from lateen.model.keys import Kind

_NAMES: Final = re.compile(r"\| `([^`]+)` \|$", re.MULTILINE)


def test_the_reference_lists_the_fields_and_findings_of_the_code(*, rewrite_goldens: bool) -> None:
    page = rewrite(PAGE.read_text())
    if rewrite_goldens:
        PAGE.write_text(page)
    assert PAGE.read_text().splitlines() == page.splitlines(), "docs/reference.md differs; see `make golden`"


def test_every_kind_and_every_code_is_in_the_reference() -> None:
    assert set(SPECS) == set(Kind)
    assert {code.id for code in Code} == set(re.findall(r"\bLAT\d{4}\b", codes()))
    assert "`consecutive5xxErrors`" in fields()
    assert "`circuitBreaker`" in fields()


def test_names_in_the_reference_are_given_to_something_in_a_golden() -> None:
    given = "".join(path.read_text() for path in FOLDER.glob("*/envoy.yaml"))
    _, _, section = PAGE.read_text().partition("## Names")
    examples = [name.replace("\\|", "|") for name in _NAMES.findall(section)]
    assert len(examples) == 8
    assert [name for name in examples if f"\nname: {name}\n" not in given] == []
