"""`lateen up` as a command of its own: started, listened to, and ended with the demo."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

from demo.stage import DemoError
from lateen.infra import launcher

_PATIENCE: Final = 30.0
"""Seconds to wait for `lateen up` to say something."""
_DRAINING: Final = 10.0
"""Seconds that it gets to end."""
_COLOURS: Final = re.compile(r"\x1b\[[\d;]*m")

_LIVE: Final = re.compile(r"live in ([\d.]+ m?s)\b")


class Instance:
    """A running `lateen up`, and everything it has said."""

    def __init__(self, process: asyncio.subprocess.Process, quote: Callable[[str], None]) -> None:
        """Listen to a process; `start` makes one."""
        self.lines: list[str] = []
        self._process = process
        self._quote = quote
        self._told = asyncio.Condition()
        self._ended = False
        self._reading = asyncio.create_task(self._read())

    async def until_said(self, pattern: re.Pattern[str] | str, since: int = 0) -> re.Match[str]:
        """Wait for a line, from number `since` on, that a pattern is found in.

        Raises:
            DemoError: it is not said in time, or the command ended.
        """
        seen = since

        def found() -> re.Match[str] | None:
            nonlocal seen
            while seen < len(self.lines):
                seen += 1
                match = re.search(pattern, self.lines[seen - 1])
                if match is not None:
                    return match
            return None

        try:
            async with asyncio.timeout(_PATIENCE), self._told:
                while (match := found()) is None:
                    self.require_running()
                    await self._told.wait()
                return match
        except TimeoutError as error:
            raise DemoError(f"`lateen up` did not say {pattern!r} within {_PATIENCE:.0f} s") from error

    async def until_live(self, since: int) -> str:
        """Wait until a change is acknowledged by every proxy; gives the time that took, as it was said."""
        return (await self.until_said(_LIVE, since))[1]

    def hush(self) -> None:
        """Repeat nothing of what it says from now on."""
        self._quote = lambda _: None

    def require_running(self) -> None:
        """Go on only while it runs.

        Raises:
            DemoError: it has ended, which nobody asked it to.
        """
        if self._ended:
            raise DemoError("`lateen up` ended: " + " / ".join(self.lines[-1:]))

    async def until_ended(self) -> None:
        """Wait for the end.

        Raises:
            DemoError: always; nobody has asked it to end.
        """
        await asyncio.shield(self._reading)
        self.require_running()

    async def end(self) -> None:
        """Ask it to drain and wait; end it by force when it takes too long."""
        self.hush()
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self._process.wait(), _DRAINING)
        except TimeoutError:
            with suppress(ProcessLookupError):
                self._process.kill()
        await asyncio.wait({self._reading})

    async def _read(self) -> None:
        stream = self._process.stdout
        while stream is not None and (raw := await stream.readline()):
            line = _COLOURS.sub("", raw.decode(errors="replace")).rstrip()
            with suppress(BrokenPipeError):  # nobody reads any more, which the demo itself is about to find out
                self._quote(line)
            async with self._told:
                self.lines.append(line)
                self._told.notify_all()
        async with self._told:
            self._ended = True
            self._told.notify_all()


@asynccontextmanager
async def lateen_up(
    arguments: Sequence[str], runtime: Path, *, quote: Callable[[str], None]
) -> AsyncIterator[Instance]:
    """Run `lateen up` while the context lasts, with its state in `runtime`.

    The kernel ends it when this process ends in a way that leaves no time to do so.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", launcher.__file__, str(os.getpid())),
        *(sys.executable, "-m", "lateen", "up", *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=os.environ | {"XDG_RUNTIME_DIR": str(runtime)},
        start_new_session=True,  # a terminal's Ctrl-C is for the demo, which then ends this
    )
    instance = Instance(process, quote)
    try:
        yield instance
    finally:
        await instance.end()
