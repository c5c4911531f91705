"""Gathers changes that come close together into one batch. One that comes after a rest is not kept waiting."""

import asyncio
from typing import Final

from lateen.model.keys import Key
from lateen.model.objects import Change
from lateen.sources.base import Sink

QUIET: Final = 0.005
"""Seconds without a further change before a batch is complete."""

LONGEST: Final = 0.05
"""Seconds after which a batch is complete although more changes keep coming; also how long after a batch changes are
gathered at all."""


class Batches:
    """The last change of each object since the last batch."""

    def __init__(self, sink: Sink, loop: asyncio.AbstractEventLoop) -> None:
        """Keep everything back until `release`."""
        self._sink = sink
        self._loop = loop
        self._pending: dict[Key, Change] = {}
        self._is_held = True
        self._first = 0.0
        self._last = 0.0
        self._rested = 0.0
        """Time from which a change goes by itself."""
        self._timer: asyncio.TimerHandle | None = None

    def add(self, change: Change) -> None:
        """Take a change; one of the same object that still waits is replaced."""
        self._last = self._loop.time()
        if not self._pending:
            self._first = self._last
        self._pending.pop(change.key, None)
        self._pending[change.key] = change
        if self._timer is None and not self._is_held:
            self._timer = self._loop.call_at(self._due, self._look)

    def release(self) -> None:
        """Hand over what there is, as one batch even if it is empty; from now on batches go by themselves."""
        self._is_held = False
        self._hand_over()

    def close(self) -> None:
        """Hand over nothing any more."""
        self._is_held = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    @property
    def _due(self) -> float:
        if self._first >= self._rested:
            return self._first
        return min(self._last + QUIET, self._first + LONGEST)

    def _look(self) -> None:
        self._timer = None
        if not self._pending:  # released meanwhile
            return
        if self._loop.time() < self._due:
            self._timer = self._loop.call_at(self._due, self._look)
        else:
            self._hand_over()

    def _hand_over(self) -> None:
        taken, self._pending = self._pending, {}
        self._rested = self._loop.time() + LONGEST
        self._sink(tuple(taken.values()))
