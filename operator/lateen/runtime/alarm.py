"""A pause that news can cut short."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any


class Alarm:
    """One sleeper; whoever has news rings. News that come while nobody sleeps are not lost."""

    def __init__(self, sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep) -> None:
        """Sleep by this function."""
        self._sleep = sleep
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """End the pause that lasts, or the next one."""
        self._rung.set()

    async def pause(self, seconds: float) -> None:
        """Sleep, at most so long."""
        waits = [asyncio.ensure_future(self._rung.wait()), asyncio.ensure_future(self._sleep(seconds))]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        self._rung.clear()
