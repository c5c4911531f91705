"""The program: judges all groups, prints the table, writes the failures, and compares with the floors."""

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from tests.parity import golden, report, simulation, traffic, validation
from tests.parity.verdict import Judgement, Verdict

_HERE: Final = Path(__file__).parent
_ROOT: Final = _HERE.parents[1]
_GROUPS: Final[Mapping[str, Callable[[Path], Iterator[Judgement]]]] = {
    validation.GROUP: validation.judge_validation,
    **dict.fromkeys(simulation.GROUPS, simulation.judge_simulation),
    golden.GROUP: golden.judge_golden,
    traffic.GROUP: traffic.judge_traffic,
}
_SHOWN: Final = 20
"""Failures of a group that are printed; the file has all."""


def main(arguments: list[str] | None = None) -> int:
    """Run; the result is the exit code: 1 when a rate fell, 2 when there are no cases."""
    options = _parse(arguments)
    folder: Path = options.folder
    if not folder.is_dir():
        print(f"parity: there is no directory {folder}; set PARITY_DIR", file=sys.stderr)  # noqa: T201 - a program
        return 2
    judgements = report.apply_departures(judge(folder, options.group or ()), _HERE / "departures.toml")
    tallies = report.tally(judgements)
    report.write_results(options.output, judgements, tallies)
    floors = report.read_floors(options.floors)
    print(report.table(tallies))  # noqa: T201 - a program
    for line in _summary(judgements, everything=options.failures):
        print(line)  # noqa: T201 - a program
    others = sorted(path.name for path in folder.iterdir() if path.is_dir() and path.name not in _GROUPS)
    if others:
        print(f"\nNot judged at all: {', '.join(others)}")  # noqa: T201 - a program
    print(f"\nEverything that did not pass: {options.output}")  # noqa: T201 - a program
    if options.raise_floors:
        report.write_floors(options.floors, tallies, floors)
        return 0
    fallen = report.below_floors(tallies, floors)
    for line in fallen:
        print(f"BELOW THE FLOOR  {line}")  # noqa: T201 - a program
    return 1 if fallen else 0


def judge(folder: Path, groups: Iterable[str] = ()) -> Iterator[Judgement]:
    """Judge every group that is there; only those that are named, if any are."""
    wanted = frozenset(groups) or frozenset(_GROUPS)
    for name, judge_group in _GROUPS.items():
        if name in wanted and (folder / name).is_dir():
            yield from judge_group(folder / name)


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
    parser.add_argument("--group", action="append", choices=_GROUPS, help="judge this group only; may be repeated")
    parser.add_argument("--failures", action="store_true", help="print every failure")
    return parser.parse_args(arguments)
