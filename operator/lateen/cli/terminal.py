"""How things look on a terminal: colours, counts, durations, tables."""

from collections.abc import Iterable, Sequence
from typing import Final

from lateen.model.objects import Severity

COLOURS: Final = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}

_MILLISECONDS: Final = 1000
_MINUTE: Final = 60
_HOUR: Final = 3600


def count(number: int, noun: str) -> str:
    """Print `1 file`, `2 files`, `3 proxies`."""
    if number == 1:
        return f"1 {noun}"
    plural = noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    return f"{number} {plural}"


def milliseconds(seconds: float) -> str:
    """Print a short time: `0.4 ms`, `12 ms`, `1.20 s`."""
    if seconds >= 1:
        return f"{seconds:.2f} s"
    number = seconds * _MILLISECONDS
    return f"{number:.0f} ms" if number >= 10 else f"{number:.1f} ms"


def ago(seconds: float) -> str:
    """Print a long time with one unit: `12 s`, `3 min`, `5 h`."""
    if seconds < _MINUTE:
        return f"{seconds:.0f} s"
    if seconds < _HOUR:
        return f"{seconds / _MINUTE:.0f} min"
    return f"{seconds / _HOUR:.0f} h"


def table(rows: Iterable[Sequence[str]], indent: str = "") -> list[str]:
    """Align columns with two blanks between them; the last one is as long as it likes."""
    kept = [list(row) for row in rows]
    if not kept:
        return []
    widths = [max(len(row[at]) for row in kept) for at in range(len(kept[0]) - 1)]
    return [
        indent + "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]).rstrip()
        for row in kept
    ]
