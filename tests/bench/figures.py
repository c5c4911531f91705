"""What a measurement comes to, how it is printed, and how a program hands it on."""

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number."""

    name: str
    value: float
    """The median where it was measured more than once."""
    unit: str
    n: int = 1
    p99: float | None = None
    target: float | None = None
    """At most this much is wanted, on an idle machine."""
    how: str = ""

    def row(self) -> tuple[str, ...]:
        """The cells of its row in the table."""
        verdict = "" if self.target is None else "ok" if self.value <= self.target else "MISSED"
        return (
            self.name,
            _number(self.value),
            _number(self.p99),
            self.unit,
            str(self.n),
            _number(self.target),
            verdict,
            self.how,
        )


def of_many(
    name: str, values: Iterable[float], unit: str, *, scale: float = 1.0, target: float | None = None, how: str = ""
) -> Figure:
    """Median and 99th percentile of repeated measurements, multiplied by `scale`."""
    ordered = sorted(value * scale for value in values)
    return Figure(name, quantile(ordered, 0.5), unit, len(ordered), quantile(ordered, 0.99), target, how)


def quantile(ordered: Sequence[float], share: float) -> float:
    """The value below which that share of the sorted values lies."""
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]


def hand_on(figures: Iterable[Figure]) -> None:
    """Write figures for the program that started this one, one JSON object a line."""
    for figure in figures:
        sys.stdout.write(json.dumps(asdict(figure)) + "\n")


def read(text: str) -> list[Figure]:
    """Read what `hand_on` wrote."""
    return [Figure(**json.loads(line)) for line in text.splitlines()]


def table(figures: Iterable[Figure]) -> str:
    """Lay figures out in columns."""
    head = ("figure", "p50", "p99", "unit", "n", "at most", "", "how")
    rows = [head, *(figure.row() for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.0f}" if value >= 100 or value == int(value) else f"{value:.2f}"
