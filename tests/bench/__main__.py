"""`python -m tests.bench [PROGRAM…]`: run the measurements, print a table, and write them to `out/bench.json`.

Each runs in a process of its own, so that none inherits the memory or the garbage of another.
"""

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Final

from tests.apiserver.control_plane import ASSETS
from tests.bench.figures import Figure, read, table
from tests.bench.machine import describe

OUTPUT: Final = Path("out") / "bench.json"

PROGRAMS: Final[dict[str, tuple[tuple[str, ...], ...]]] = {
    "cold_compile": (("10000",),),
    "single_change": (("50",), ("10000",)),
    "live_change": (("100", "200", "scoped"), ("10000", "200", "scoped"), ("10000", "10", "single")),
    "start_up": (("10",),),
    "kubernetes": (("100", "100"), ("1000", "100"), ("3000", "60"), ("10000", "60")),
}
"""Programs with the arguments of each of their runs."""


_NEEDED: Final = {"kubernetes": ASSETS}
"""Programs that run only where a variable is set."""


def main(names: list[str]) -> int:
    """Run the named programs, or all; the result is the exit status: 1 if one of them broke."""
    unknown = [name for name in names if name not in PROGRAMS]
    if unknown:
        sys.stderr.write(f"no program {unknown[0]!r}; there are {', '.join(PROGRAMS)}\n")
        return 2
    machine = describe()
    for name, value in machine.items():
        sys.stdout.write(f"{name}: {value}\n")
    figures: list[Figure] = []
    broken = False
    for name in names or PROGRAMS:
        variable = _NEEDED.get(name, "")
        if variable and variable not in os.environ:
            sys.stdout.write(f"\n{name}: SKIPPED, {variable} is not set\n")
            continue
        for arguments in PROGRAMS[name]:
            sys.stdout.write(f"\n{name} {' '.join(arguments)} …\n")
            sys.stdout.flush()
            found = _run(name, arguments)
            broken = broken or not found
            figures += found
            sys.stdout.write(table(found) + "\n")
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text(json.dumps({"machine": machine, "figures": [asdict(each) for each in figures]}, indent=2) + "\n")
    sys.stdout.write(f"\nwritten to {OUTPUT}\n")
    return int(broken)


def _run(name: str, arguments: tuple[str, ...]) -> list[Figure]:
    command = [sys.executable, "-m", f"tests.bench.{name}", *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603 - our own programs
    return read(done.stdout) if done.returncode == 0 else []


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
