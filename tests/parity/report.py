"""The table, the file with every failure, floors and departures."""

import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, TypeAlias

from tests.parity.verdict import Judgement, Tally, Verdict

Tallies: TypeAlias = Mapping[tuple[str, str], Tally]
"""By group and kind."""

ALL: Final = "all"
_ORDER: Final = (Verdict.PASSED, Verdict.FAILED, Verdict.DEPARTED, Verdict.UNSUPPORTED)


@dataclass(frozen=True, slots=True)
class Floor:
    """What a kind has reached before."""

    passed: int
    share: float


def apply_departures(judgements: Iterable[Judgement], path: Path) -> list[Judgement]:
    """Set deliberate differences apart: failures of a listed case, or of a listed call (`case#call`)."""
    listed = _read(path).get("departure", ())
    reasons: dict[tuple[str, str], str] = {(each["group"], each["case"]): each["reason"] for each in listed}
    out = []
    for judgement in judgements:
        names = (judgement.case, judgement.case.partition("#")[0])
        reason = next((r for name in names if (r := reasons.get((judgement.group, name)))), None)
        if reason is not None and judgement.verdict is Verdict.FAILED:
            judgement = replace(judgement, verdict=Verdict.DEPARTED, reason=reason)  # noqa: PLW2901 - the same one
        out.append(judgement)
    return out


def tally(judgements: Iterable[Judgement]) -> Tallies:
    """Count by group and kind, and by group."""
    out: dict[tuple[str, str], Tally] = {}
    for judgement in judgements:
        for kind in (judgement.kind, ALL):
            out.setdefault((judgement.group, kind), Tally()).add(judgement.verdict)
    return dict(sorted(out.items(), key=lambda item: (item[0][0], item[0][1] == ALL, item[0][1])))


def table(tallies: Tallies) -> str:
    """Print the counts; `rate` is passed of passed and failed, `share` is passed of all but departures."""
    heads = ["group", "kind", *(str(verdict) for verdict in _ORDER), "rate", "share"]
    rows = [
        [
            group,
            kind,
            *(str(count[verdict]) for verdict in _ORDER),
            f"{count.rate:.1f} %" if count[Verdict.PASSED] + count[Verdict.FAILED] else "-",
            f"{count.share:.1f} %",
        ]
        for (group, kind), count in tallies.items()
    ]
    widths = [max(len(row[i]) for row in [heads, *rows]) for i in range(len(heads))]
    sides = [*"<<", *">" * (len(heads) - 2)]
    rule = ["-" * width for width in widths]
    return "\n".join(
        "  ".join(f"{cell:{side}{width}}" for cell, side, width in zip(row, sides, widths, strict=True))
        for row in [heads, rule, *rows]
    )


def write_results(path: Path, judgements: Sequence[Judgement], tallies: Tallies) -> None:
    """Write the counts and everything that did not pass."""
    results = {
        "rates": [
            {"group": group, "kind": kind, "rate": round(count.rate, 2), "share": round(count.share, 2)}
            | {str(verdict): count[verdict] for verdict in _ORDER}
            for (group, kind), count in tallies.items()
        ],
        **{str(verdict): [asdict(j) for j in judgements if j.verdict is verdict] for verdict in _ORDER[1:]},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")


def read_floors(path: Path) -> dict[tuple[str, str], Floor]:
    """Read the floors by group and kind."""
    return {(group, kind): Floor(**values) for group, kinds in _read(path).items() for kind, values in kinds.items()}


def below_floors(tallies: Tallies, floors: Mapping[tuple[str, str], Floor]) -> list[str]:
    """What fell: fewer cases pass than before, and a smaller share of them.

    Both are asked, so that larger and smaller collections of cases can be run too. A kind of which
    there is no case is not judged.
    """
    return [
        f"{group} {kind}: {count[Verdict.PASSED]} passed ({count.share:.1f} %), "
        f"the floor is {floor.passed} ({floor.share:.1f} %)"
        for (group, kind), floor in floors.items()
        if (count := tallies.get((group, kind))) is not None
        and count[Verdict.PASSED] < floor.passed
        and round(count.share, 1) < floor.share
    ]


def write_floors(path: Path, tallies: Tallies, floors: Mapping[tuple[str, str], Floor]) -> None:
    """Write what was reached where it is more than before; floors never fall by themselves."""
    merged = dict(floors)
    for place, count in tallies.items():
        if not count[Verdict.PASSED]:
            continue
        reached = Floor(count[Verdict.PASSED], round(count.share, 1))
        before = merged.get(place, Floor(0, 0.0))
        merged[place] = Floor(max(before.passed, reached.passed), max(before.share, reached.share))
    lines = ["# What each kind has reached: `make parity` fails below, `make parity ARGS=--raise-floors` raises.\n"]
    group = ""
    for (its_group, kind), floor in merged.items():
        if its_group != group:
            group = its_group
            lines.append(f"\n[{group}]\n")
        lines.append(f'"{kind}" = {{ passed = {floor.passed}, share = {floor.share} }}\n')
    path.write_text("".join(lines))


def _read(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text()) if path.exists() else {}
