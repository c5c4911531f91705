"""Proxies that have just come: they do not count before they have everything, and status waits for them at first."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

from lateen.xds.delta import DeltaStream

LOADING: Final = 30.0
"""Seconds until a proxy that has just come counts, even if it has not acknowledged everything."""


class Arrivals:
    """Streams of proxies that have not got everything yet."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """None has come.

        Args:
            clock: monotonic seconds.
        """
        self.complete = asyncio.Event()
        """Set when the first batch is live, and every proxy that has come has everything."""
        self._clock = clock
        self._since: dict[int, float] = {}
        """Streams by number, with the time when they came."""
        self._is_live = False

    def come(self, number: int) -> None:
        """A stream began."""
        self._since[number] = self._clock()

    def settle(self, number: int) -> None:
        """A stream has everything, or is gone."""
        self._since.pop(number, None)
        self._look()

    def go_live(self) -> None:
        """The first batch is live. Later ones may touch no proxy, and are live while none has come back."""
        self._is_live = True
        self._look()

    def without(self, streams: Iterable[DeltaStream]) -> list[DeltaStream]:
        """Leave those out that have just come: before they have everything, no request reaches them."""
        late = self._clock() - LOADING
        return [each for each in streams if self._since.get(each.stream.number, late) <= late]

    def _look(self) -> None:
        if self._is_live and not self._since:
            self.complete.set()
