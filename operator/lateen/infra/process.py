"""One Envoy process: started so that it cannot outlive this one, read, and ended."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from lateen.infra.process_log import ProcessLog

_LAUNCHER: Final = Path(__file__).with_name("launcher.py")
_CHUNK: Final = 64 * 1024
_LAST_OUTPUT: Final = 1.0
"""Seconds to wait for the rest of the output after the end; a grandchild may hold the pipe open."""


class EnvoyProcess:
    """A running process; `start` makes one."""

    def __init__(self, process: asyncio.subprocess.Process, log: ProcessLog, on_line: Callable[[bytes], None]) -> None:
        """Take over a process whose standard output and error are pipes."""
        self._process = process
        self.log = log
        self._on_line = on_line
        self._reading = asyncio.gather(self._read_log(), self._read_lines())

    @classmethod
    async def start(
        cls, command: Sequence[str], directory: Path, log: ProcessLog, on_line: Callable[[bytes], None]
    ) -> "EnvoyProcess":
        """Run `command` in `directory`, in a session of its own (a terminal's Ctrl-C is not for it).

        Args:
            command: program and arguments.
            directory: where it runs.
            log: takes what it writes to standard error.
            on_line: takes what it writes to standard output, line by line.

        Raises:
            OSError: the system cannot start a process.
        """
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-I", "-S"),
            str(_LAUNCHER),
            str(os.getpid()),
            *command,
            cwd=directory,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        return cls(process, log, on_line)

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    async def wait(self) -> int:
        """Wait for the end, with all output read; gives the exit status, negative for a signal."""
        status = await self._process.wait()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self._reading), _LAST_OUTPUT)
        return status

    async def end(self, patience: float) -> int:
        """Ask the process to end, and force it after `patience` seconds."""
        self._signal(signal.SIGTERM)
        try:
            return await asyncio.wait_for(self.wait(), patience)
        except TimeoutError:
            self._signal(signal.SIGKILL)
            return await self.wait()
        except asyncio.CancelledError:
            self._signal(signal.SIGKILL)
            raise

    def kill(self) -> None:
        """End the process at once."""
        self._signal(signal.SIGKILL)

    def why_ended(self, status: int) -> str:
        """Say in one line why the process ended with this status."""
        words = self.log.last_words()
        if words:
            return words
        if status < 0:
            return f"ended by {signal.Signals(-status).name}"
        return f"ended with status {status}"

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    async def _read_lines(self) -> None:
        stream = self._process.stdout
        if stream is None:
            return
        begun = b""
        while chunk := await stream.read(_CHUNK):
            *lines, begun = (begun + chunk).split(b"\n")
            for line in lines:
                self._on_line(line)

    async def _read_log(self) -> None:
        stream = self._process.stderr
        if stream is None:
            return
        while chunk := await stream.read(_CHUNK):
            self.log.feed(chunk)
            # A full disk must not keep Envoy from writing on: its output is still read.
            with contextlib.suppress(OSError):
                await asyncio.to_thread(self.log.write, chunk)
        self.log.feed(b"")
