"""Every command of the README and the guides is run, in order, and prints what the page says.

Those that need a cluster are run by `tests/e2e`, on one. A page is run in a directory of its own,
with ports that are free. Commands that run until Ctrl-C go on in the background until the page ends,
as they do in a reader's other terminal.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Timer
from typing import Final

import pytest
from tests.integration.readme.console import Step, steps_of
from tests.integration.readme.parts import for_this_machine
from tests.ports import free_ports

pytestmark = [pytest.mark.envoy, pytest.mark.slow]

ROOT: Final = Path(__file__).parents[3]
PAGES: Final = ("README.md", "docs/getting-started.md")

PORTS: Final = ("10080", "15001", "18080", "18081")
"""Those that pages and examples speak of."""

PROVEN_ELSEWHERE: Final = {
    "make install": "by whoever runs this test",
    "make demo": "tests/integration/demo",
    "make demo KEEP=1": "tests/integration/demo",
    "make test": "this is it",
}
"""Commands of make that a page may have; the Makefile is asked whether they exist."""

_PATIENCE: Final = 20.0


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory in which the commands of a page work, with other ports."""
    for folder in ("demo", "examples"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    commands = tmp_path / ".venv" / "bin"
    commands.mkdir(parents=True)
    for name, arguments in (("python", ""), ("lateen", "-m lateen")):
        (commands / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments} "$@"\n')
        (commands / name).chmod(0o755)
    return tmp_path


@pytest.fixture
def ports() -> dict[str, str]:
    """Free ports in place of those that the pages name."""
    return dict(zip(PORTS, map(str, free_ports(len(PORTS))), strict=True))


def replace_ports(text: str, ports: dict[str, str]) -> str:
    return re.sub(r"\b(" + "|".join(ports) + r")\b", lambda found: ports[found[0]], text)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("page", PAGES)
def test_a_page_prints_what_it_says(page: str, place: Path, ports: dict[str, str], tmp_path: Path) -> None:
    for file in (place / "examples").rglob("*.yaml"):
        file.write_text(replace_ports(file.read_text(), ports))
    environment = os.environ | {
        "PYTHONPATH": str(ROOT / "operator"),
        "XDG_RUNTIME_DIR": str(tmp_path),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    shift = int(ports["10080"]) - 80
    with ExitStack() as running:
        for step in steps_of(
            replace_ports(for_this_machine(page, (ROOT / page).read_text()), ports | {"10000": str(shift)})
        ):
            if step.command in PROVEN_ELSEWHERE:
                assert_make_knows(step.command)
            elif step.command.endswith("&") or "lateen up" in step.command:
                extra = f" --drain 0 --port-shift {shift}" if "lateen up" in step.command else ""
                command = step.command.removesuffix("&") + extra
                running.enter_context(in_background(Step(command, step.output), place, environment))
            else:
                run(step, place, environment)


def test_a_page_that_says_something_else_is_found_out() -> None:
    (step,) = steps_of("```console\n$ date\nMon …\n…\nend\n```\n")
    assert step.command == "date"
    assert step.is_printed_by("Mon 3\nmore\nend\n")
    assert not step.is_printed_by("Mon 3\nmore\n")
    assert not step.is_printed_by("Tue 4\nend\n")
    assert not step.is_printed_by("Mon 3\nend\nmore\n")
    assert step.has_been_printed_by("Mon 3\nend\nmore\n")


def assert_make_knows(command: str) -> None:
    subprocess.run([*command.split(), "--dry-run"], cwd=ROOT, check=True, capture_output=True)  # noqa: S603 - of a page of ours


def run(step: Step, place: Path, environment: dict[str, str]) -> None:
    """Run a command to its end; it may take a moment until what was just edited shows."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        done = subprocess.run(  # noqa: S602 - the commands of our own pages, as a shell would run them
            step.command,
            shell=True,
            cwd=place,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        if step.is_printed_by(done.stdout):
            return
        assert time.monotonic() < deadline, f"$ {step.command}\n{done.stdout}{done.stderr}"


@contextmanager
def in_background(step: Step, place: Path, environment: dict[str, str]) -> Iterator[None]:
    """Run a command until the block ends; it has printed what it should when the block begins."""
    process = subprocess.Popen(  # noqa: S602 - as above
        f"exec {step.command}",
        shell=True,
        cwd=place,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    printed = ""
    impatience = Timer(_PATIENCE, process.kill)
    with process:
        try:
            impatience.start()
            assert process.stdout is not None
            while not step.has_been_printed_by(printed):
                line = process.stdout.readline()
                assert line, f"$ {step.command}\n{printed}"
                printed += line
            impatience.cancel()
            yield
        finally:
            impatience.cancel()
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=_PATIENCE)
