"""Commands that the test runs, and waiting for what they will say."""

import http.client
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Final, TypeVar

T = TypeVar("T")

ROOT: Final = Path(__file__).parents[2]
_POLL: Final = 0.25


class CommandError(AssertionError):
    """A command failed; the message is the command and all that it said."""


def run(*command: str, given: str = "", within: float = 60.0) -> str:
    """Run a command in the root of the repository.

    Args:
        command: program and arguments.
        given: its standard input.
        within: seconds that it may take.

    Returns:
        Its standard output.

    Raises:
        CommandError: it failed, or took too long.
    """
    shown = "$ " + " ".join(command)
    try:
        done = subprocess.run(  # noqa: S603 - commands of our own tests
            command, cwd=ROOT, input=given, capture_output=True, text=True, check=False, timeout=within
        )
    except subprocess.TimeoutExpired as error:
        raise CommandError(f"{shown}\nnot done after {within:g} s") from error
    if done.returncode:
        raise CommandError(f"{shown}\n{done.stdout}{done.stderr}")
    return done.stdout


def becomes(look: Callable[[], T], wanted: T, *, within: float = 30.0, what: str = "") -> None:
    """Look again and again until something is as wanted.

    Raises:
        AssertionError: it did not become so, with what was seen last.
    """

    def is_wanted() -> bool:
        seen = look()
        assert seen == wanted, f"not within {within:g} s: {what}: wanted {wanted}, last seen: {seen}"
        return True

    eventually(is_wanted, within=within, what=what)


def eventually(look: Callable[[], T], *, within: float = 30.0, what: str = "") -> T:
    """Look again and again until something is there (is true), and give it.

    For what cannot be waited for otherwise: answers of proxies, above all. An assertion that fails
    within `look`, or a connection that does, counts as nothing there yet.

    Raises:
        AssertionError: it did not come, with what was seen last.
    """
    deadline = time.monotonic() + within
    pause = Event()
    while True:
        try:
            seen = look()
        except (AssertionError, OSError, http.client.HTTPException) as error:
            if time.monotonic() > deadline:
                raise
            last: object = error
        else:
            if seen:
                return seen
            last = seen
        assert time.monotonic() < deadline, f"not within {within:g} s: {what or look.__name__}; last seen: {last}"
        pause.wait(_POLL)
