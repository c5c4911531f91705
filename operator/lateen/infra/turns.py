"""Classes of proxies are written a few at a time: the first start of many would flood an API server."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import structlog

AT_ONCE: Final = 8
"""Classes of which objects are written at once; of each of them one object at a time."""

TELL_SECONDS: Final = 10.0
"""How often it is told how many wait."""

_log = structlog.get_logger(__name__)


class Turns:
    """Who wants to write waits for a turn."""

    def __init__(self, at_once: int = AT_ONCE, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Let the first ones write at once.

        Args:
            at_once: how many turns there are at a time.
            clock: monotonic seconds.
        """
        self._free = asyncio.Semaphore(at_once)
        self._clock = clock
        self._left = 0
        self._done = 0
        self._told_at = 0.0
        self._told = False

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Have a turn while the context lasts."""
        if not self._left:
            self._done, self._told_at, self._told = 0, self._clock(), False
        self._left += 1
        try:
            async with self._free:
                yield
        finally:
            self._left -= 1
            self._done += 1
            self._tell()

    def _tell(self) -> None:
        """Say how far this is, if it takes long."""
        if not self._left and self._told:
            _log.info("all proxies are written", written=self._done)
        elif self._left and self._clock() - self._told_at >= TELL_SECONDS:
            self._told_at, self._told = self._clock(), True
            _log.info("proxies are being written", written=self._done, left=self._left)
