"""Pages as their readers follow them: each command of a part is run, in order, and prints what the page says."""

import re
import subprocess
from collections.abc import Iterator
from typing import Final

from tests.e2e.cluster import Doors, host_ports
from tests.e2e.commands import ROOT, CommandError, eventually, run
from tests.e2e.kubernetes import OPERATOR, RELEASE
from tests.integration.readme.console import Step, steps_of
from tests.integration.readme.parts import for_a_cluster

PROVEN_ELSEWHERE: Final = frozenset({"make cluster", "kind delete cluster --name lateen"})
"""What `tests.e2e` does itself, by the same means."""
_LOOKS: Final = re.compile(r"curl |for i in |kubectl (get|describe|logs) |\.venv/bin/lateen ")
"""Commands that may be repeated until they show what is a moment away."""
_PATIENCE: Final = 60.0


def steps(page: str, doors: Doors) -> Iterator[Step]:
    """Give the commands of a page that are for a cluster, with the ports that there are."""
    text = for_a_cluster(page, (ROOT / page).read_text())
    for named, door in host_ports(doors).items():
        text = text.replace(named, door)
    return (step for step in steps_of(text) if step.command not in PROVEN_ELSEWHERE)


def follow(step: Step) -> None:
    """Run a command as a reader does.

    Raises:
        AssertionError: it fails, or prints something else.
    """
    if not _LOOKS.match(step.command):
        printed = _shell(step)
        assert step.is_printed_by(printed), f"$ {step.command}\n{printed}"
        return

    def look() -> bool:
        printed = _shell(step)
        assert step.is_printed_by(printed), f"$ {step.command}\n{printed}"
        return True

    eventually(look, within=_PATIENCE, what=step.command)


def install(doors: Doors, *values: str) -> None:
    """Install Lateen as the README says, if it is not there, with some other `values`."""
    if RELEASE not in run("helm", "list", "--namespace", OPERATOR, "--short").split():
        command = next(step.command for step in steps("README.md", doors) if step.command.startswith("helm install "))
        run("bash", "-c", " ".join((command, *(f"--set={value}" for value in values))), within=180)


def _shell(step: Step) -> str:
    done = subprocess.run(  # noqa: S603 - the commands of our own pages, as a shell would run them
        ["bash", "-c", step.command],  # noqa: S607 - the reader's own
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    if done.returncode:
        raise CommandError(f"$ {step.command}\n{done.stdout}{done.stderr}")
    return done.stdout
