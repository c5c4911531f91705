"""What holds for every test: the loop never blocks, cases are repeatable, no process is left behind.

Fixtures that belong to one sort of test live beside those tests.
"""

import inspect
import os
import signal
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import hypothesis
import pytest
from blockbuster import blockbuster_ctx

_MARK: Final = "LATEEN_TEST_SESSION"
"""Variable that every process started by a test inherits, even when its parent is gone."""

_LEFT_BEHIND: Final = pytest.StashKey[list[str]]()

hypothesis.settings.register_profile("dev", deadline=None, derandomize=True, max_examples=50)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, max_examples=100)
hypothesis.settings.register_profile("search", deadline=None, max_examples=2000, print_blob=True)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option of `make golden`."""
    parser.addoption(
        "--rewrite-goldens",
        action="store_true",
        help="write what the code gives now over the golden files, instead of comparing",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Choose how many examples properties try, and mark this session's processes."""
    hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))
    os.environ[_MARK] = uuid.uuid4().hex
    # As the command line does; else the first test with a loop would look for plugins in the file system.
    os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"


@pytest.fixture(scope="session")
def rewrite_goldens(pytestconfig: pytest.Config) -> bool:
    """Whether golden files are to be written rather than compared."""
    return bool(pytestconfig.getoption("--rewrite-goldens"))


@pytest.fixture(autouse=True)
def loop_never_blocks(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail an async test in which code of Lateen blocks the event loop (a sleep, a file, a lock)."""
    if not inspect.iscoroutinefunction(getattr(request, "function", None)):
        yield
        return
    with blockbuster_ctx("lateen"):
        yield


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the session when a process that a test started still runs, and end it."""
    found = []
    for pid in _processes_of(os.environ[_MARK]):
        found.append(f"{pid}: {_command_of(pid)}")
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    session.config.stash[_LEFT_BEHIND] = found
    if found and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Name the processes that were left behind."""
    left = config.stash.get(_LEFT_BEHIND, [])
    if left:
        terminalreporter.section("processes left behind by tests (ended now; the session fails)", red=True)
        for line in left:
            terminalreporter.line(line)


def _processes_of(mark: str) -> list[int]:
    """Return the processes, other than this one, whose environment carries the mark."""
    wanted = f"{_MARK}={mark}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # gone meanwhile, or not ours to read
            if int(folder.name) != os.getpid() and wanted in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
    return found


def _command_of(pid: int) -> str:
    try:
        return (Path("/proc") / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return "(ended meanwhile)"
