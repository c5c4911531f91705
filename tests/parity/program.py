"""The program: judges all groups, prints the table, writes the failures, and compares with the floors."""

import argparse
import os
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Final

from tests.parity import golden, report, simulation, validation
from tests.parity.verdict import Judgement, Verdict

_HERE: Final = Path(__file__).parent
_ROOT: Final = _HERE.parents[1]
_SHOWN: Final = 20
"""Failures of a group that are printed; the file has all."""


def main(arguments: list[str] | None = None) -> int:
    """Run; the result is the exit code: 1 when a rate fell, 2 when there are no cases."""
    options = _parse(arguments)
    folder: Path = options.folder
    if not folder.is_dir():
        print(f"parity: there is no directory {folder}; set PARITY_DIR", file=sys.stderr)  # noqa: T201 - a program
        return 2
    judgements = report.apply_departures(judge(folder), _HERE / "departures.toml")
    tallies = report.tally(judgements)
    report.write_results(options.output, judgements, tallies)
    floors = report.read_floors(options.floors)
    print(report.table(tallies))  # noqa: T201 - a program
    for line in _summary(judgements, everything=options.failures):
        print(line)  # noqa: T201 - a program
    print(f"\nEverything that did not pass: {options.output}")  # noqa: T201 - a program
    if options.raise_floors:
        report.write_floors(options.floors, tallies, floors)
        return 0
    fallen = report.below_floors(tallies, floors)
    for line in fallen:
        print(f"BELOW THE FLOOR  {line}")  # noqa: T201 - a program
    return 1 if fallen else 0


def judge(folder: Path) -> Iterator[Judgement]:
    """Judge every group that is there."""
    if (folder / validation.GROUP).is_dir():
        yield from validation.judge_validation(folder / validation.GROUP)
    present = (folder / group for group in simulation.GROUPS if (folder / group).is_dir())
    yield from chain.from_iterable(map(simulation.judge_simulation, present))
    if (folder / golden.GROUP).is_dir():
        yield from golden.judge_golden(folder / golden.GROUP)


def _summary(judgements: list[Judgement], *, everything: bool) -> Iterator[str]:
    failed = [judgement for judgement in judgements if judgement.verdict is Verdict.FAILED]
    shown = failed if everything else failed[:_SHOWN]
    if shown:
        yield "\nFailed:"
    yield from (f"  {judgement.group}/{judgement.case}: {judgement.reason}" for judgement in shown)
    if len(shown) < len(failed):
        yield f"  … and {len(failed) - len(shown)} more (--failures shows all)"


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="parity", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path(os.environ.get("PARITY_DIR", "../shared/parity")))
    parser.add_argument("--output", type=Path, default=_ROOT / "out" / "parity.json", help="where the failures go")
    parser.add_argument("--floors", type=Path, default=_HERE / "floors.toml")
    parser.add_argument("--raise-floors", action="store_true", help="write what was reached as the new floors")
    parser.add_argument("--failures", action="store_true", help="print every failure")
    return parser.parse_args(arguments)
