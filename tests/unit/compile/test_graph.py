"""The page that everybody reads first says what the graph is."""

import re

from lateen.compile import graph
from lateen.compile.graph import build_graph
from lateen.compile.settings import CompileSettings


def test_the_page_lists_every_derived_table_at_its_stage() -> None:
    listed: dict[str, int] = {}
    stage = 0
    for number, names in re.findall(r"^ {4}(\d?) +(\w+(?:, \w+)*) {2,}\S", graph.__doc__ or "", re.MULTILINE):
        stage = int(number or stage)
        listed |= dict.fromkeys(names.split(", "), stage)
    tables = build_graph(CompileSettings()).engine.tables
    derived = {name: table.stage for name, table in tables.items() if table.stage}
    assert {name: stage for name, stage in listed.items() if name != "inputs"} == derived
