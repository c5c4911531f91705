"""How much may be written in a while: what many objects cause at once must not flood an API server."""

import math
import time
from collections.abc import Callable
from typing import Self


class WriteBudget:
    """A number of writes that grows with time, up to a limit. Whoever shares it shares the limit."""

    def __init__(self, rate: float = 20.0, burst: int = 50, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with all of it.

        Args:
            rate: writes per second on average; infinite: no limit.
            burst: writes at once after a time of silence.
            clock: monotonic seconds.
        """
        self._rate = rate
        self._burst = float(burst)
        self._clock = clock
        self._left = self._burst
        self._at = clock()

    @classmethod
    def unlimited(cls) -> Self:
        """Allow everything."""
        return cls(math.inf, 1)

    def delay(self, reserve: float = 0.0) -> float:
        """Seconds until one write is allowed; 0: now.

        Args:
            reserve: writes that have to be left after it, for what matters more.
        """
        if self._rate == math.inf:
            return 0.0
        now = self._clock()
        self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now
        missing = min(reserve + 1, self._burst) - self._left
        # Adding up small parts may end just below a whole.
        return max(0.0, missing / self._rate) if missing > 1e-6 else 0.0

    def spend(self) -> None:
        """Note one write."""
        if self._rate != math.inf:
            self._left -= 1
