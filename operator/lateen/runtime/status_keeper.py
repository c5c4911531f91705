"""Keeps written status in step with what is the case: each object once, however often it changed meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import structlog

from lateen.model.keys import Key
from lateen.runtime.leadership import Leadership
from lateen.status.base import ObjectStatus, StatusSink

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
"""Seconds that a sink gets to recover after it failed."""

_log = structlog.get_logger(__name__)


class StatusKeeper:
    """Writes the status of objects that changed. A sink that fails is asked again, and stops nothing else."""

    def __init__(
        self,
        sink: StatusSink,
        leadership: Leadership,
        status: Callable[[Key], ObjectStatus],
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:
        """Write what `status` says at the moment of writing."""
        self._sink = sink
        self._leadership = leadership
        self._status = status
        self._sleep = sleep
        self._unwritten: dict[Key, None] = {}
        self._wake = asyncio.Event()

    def tell(self, keys: Iterable[Key]) -> None:
        """Note that there may be news of these objects."""
        self._unwritten.update(dict.fromkeys(keys))
        self._wake.set()

    async def run(self) -> None:
        """Write until cancelled."""
        pause = FIRST_PAUSE
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self._leadership.wait_until(leading=True)
            while self._unwritten:
                key = next(iter(self._unwritten))
                del self._unwritten[key]
                if await self._write(key):
                    pause = FIRST_PAUSE
                else:
                    self.tell([key])
                    await self._sleep(pause)
                    pause = min(2 * pause, LONGEST_PAUSE)

    async def _write(self, key: Key) -> bool:
        try:
            status = self._status(key)
            if not self._sink.is_written(key, status):
                await self._sink.write(key, status)
        except Exception as error:  # noqa: BLE001 - whatever a sink does, proxies are served
            _log.warning("status cannot be written", object=str(key), error=str(error) or type(error).__name__)
            return False
        return True
