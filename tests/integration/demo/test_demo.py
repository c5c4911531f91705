"""The demo as its users run it: a process that tells the truth by its exit code, and leaves nothing behind."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytestmark = [pytest.mark.envoy, pytest.mark.slow]

ROOT = Path(__file__).parents[3]


@contextmanager
def demo(*arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """Run the demo; whatever happens, it is ended, and with it all that it started."""
    process = subprocess.Popen(  # noqa: S603 - the arguments are written below
        [sys.executable, "-m", "demo", *arguments],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT / "operator"), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def read_until(process: subprocess.Popen[str], text: str) -> None:
    assert process.stdout is not None
    said = ""
    while text not in said:
        line = process.stdout.readline()
        assert line, said
        said += line


@contextmanager
def taken(port: int) -> Iterator[None]:
    """Have somebody listen on a port, if nobody does."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            other.bind(("127.0.0.1", port))
            other.listen()
        except OSError:
            pass  # somebody else listens there already
        yield


@pytest.mark.timeout(120)
def test_everything_that_the_demo_shows_holds_even_when_its_ports_are_taken() -> None:
    with taken(10080), demo() as process:
        said, _ = process.communicate()
    assert process.returncode == 0, said
    assert "expectations held" in said
    assert "127.0.0.1:10080" not in said


def test_a_demo_without_a_proxy_fails_and_says_why() -> None:
    with demo(LATEEN_ENVOY="/no/such/envoy") as process:
        said, _ = process.communicate()
    assert process.returncode == 1
    assert "The demo failed" in said
    assert "/no/such/envoy" in said


@pytest.mark.parametrize("line", ["1  Start", "2  Routing"])
def test_ctrl_c_ends_the_demo_and_all_that_it_started(line: str) -> None:
    with tempfile.TemporaryDirectory(prefix="demo-") as folder:  # shorter than `tmp_path`, which sockets need
        with demo(TMPDIR=folder) as process:
            read_until(process, line)
            process.send_signal(signal.SIGINT)
            said, _ = process.communicate()
        assert "Ended." in said
        assert process.returncode == 130
        assert list(Path(folder).iterdir()) == []


def test_a_demo_below_a_long_path_runs_all_the_same(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 60)
    folder.mkdir()
    with demo(TMPDIR=str(folder)) as process:
        read_until(process, "2  Routing")
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate()
    assert "Ended." in said
