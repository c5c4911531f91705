"""How long to wait before a process that ended is started again."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

FIRST: Final = 0.2
LONGEST: Final = 10.0
HEALTHY: Final = 30.0
"""Seconds of life after which an end counts as the first one again."""

_SPREAD: Final = 0.2
"""Share of a pause that is left to chance, so that several processes do not start in step."""


@dataclass(slots=True)
class Backoff:
    """Doubles the pause from end to end, up to a limit."""

    random: Callable[[], float]
    """Gives a number from 0 to 1."""
    _next: float = FIRST

    def pause(self, lived: float) -> float:
        """Give the seconds to wait after a life of `lived` seconds."""
        if lived >= HEALTHY:
            self._next = FIRST
        pause = self._next
        self._next = min(pause * 2, LONGEST)
        return pause * (1 - _SPREAD * self.random())
