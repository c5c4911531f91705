"""A source that holds what it is told: for one-shot commands and for tests."""

import asyncio
from collections.abc import Iterable

from lateen.sources.base import Sink, SourceEvent


class MemorySource:
    """Replays the given events, then everything that is `put`."""

    def __init__(self, events: Iterable[SourceEvent] = ()) -> None:
        """Start with `events` as the initial state."""
        self._initial = tuple(events)
        self._batches: asyncio.Queue[tuple[SourceEvent, ...]] = asyncio.Queue()

    def put(self, *events: SourceEvent) -> None:
        """Hand the running source one more batch; batches put before it runs follow the initial one."""
        self._batches.put_nowait(events)

    async def run(self, sink: Sink, synced: asyncio.Event) -> None:
        """Produce the initial batch, set `synced`, then one batch per `put` until cancelled."""
        sink(self._initial)
        synced.set()
        while True:
            sink(await self._batches.get())
