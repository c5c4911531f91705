"""The way from the watcher's thread to the main loop: messages only, and one wake-up for as many as have come."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar

import structlog

MessageT = TypeVar("MessageT")

_log = structlog.get_logger(__name__)


class Crossing(Generic[MessageT]):
    """Takes messages on any thread and hands them over on the loop's."""

    def __init__(self, loop: asyncio.AbstractEventLoop, take: Callable[[MessageT], None]) -> None:
        """Hand every message to `take`, on `loop`'s thread, in the order of `put`."""
        self._loop = loop
        self._take = take
        self._messages: deque[MessageT] = deque()
        self._is_called = False

    def put(self, message: MessageT) -> None:
        """Send a message; from any thread. After the loop's end it is lost."""
        self._messages.append(message)
        if not self._is_called:
            self._is_called = True
            with suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._hand_over)

    def _hand_over(self) -> None:
        # First the flag: a message that is put from here on calls again, so none is left behind.
        self._is_called = False
        while self._messages:
            message = self._messages.popleft()
            try:
                self._take(message)
            except Exception:  # noqa: BLE001 - whatever is wrong with one message, those behind it are taken
                _log.exception("a message of the watcher cannot be taken", sort=type(message).__name__)
