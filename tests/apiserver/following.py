"""Everything that a source of a cluster has told, as a test wants to look at it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from lateen.model.keys import Key, Kind
from lateen.model.objects import Change
from lateen.sources.base import SourceEvent
from lateen.sources.kube import KubeSource


class Following:
    """The objects as the source has told them, in one namespace."""

    def __init__(self, namespace: str) -> None:
        """Look at one namespace only: others belong to other tests."""
        self._namespace = namespace
        self._news = asyncio.Event()
        self.synced = asyncio.Event()
        self.objects: dict[Key, Change] = {}
        self.batches: list[tuple[Change, ...]] = []
        """Those that were not empty, without other namespaces."""
        self.statuses: dict[Key, Mapping[str, Any] | None] = {}

    def take(self, events: Sequence[SourceEvent]) -> None:
        """Be the source's sink."""
        changes = [event for event in events if isinstance(event, Change) and event.key.namespace == self._namespace]
        if changes:
            self.batches.append(tuple(changes))
        for change in changes:
            if change.raw is None:
                self.objects.pop(change.key, None)
            else:
                self.objects[change.key] = change
        self._news.set()

    def on_status(self, key: Key, status: Mapping[str, Any] | None, _version: str) -> None:
        """Hear a status."""
        if key.namespace == self._namespace:
            self.statuses[key] = status
        self._news.set()

    def names(self, kind: Kind) -> list[str]:
        """Objects of a kind that there are."""
        return sorted(key.name for key in self.objects if key.kind is kind)

    def spec(self, kind: Kind, name: str) -> Any:
        """The `spec` of an object that there is; None: there is no such object."""
        change = self.objects.get(Key(kind, self._namespace, name))
        return change.raw["spec"] if change is not None and change.raw is not None else None

    async def until(self, holds: Callable[[], bool]) -> None:
        """Return when something holds; it is looked at whenever the source tells something."""
        while not holds():
            self._news.clear()
            await self._news.wait()

    @asynccontextmanager
    async def running(self, source: KubeSource) -> AsyncIterator[None]:
        """Run a source while the context lasts, and fail with it."""
        task = asyncio.create_task(source.run(self.take, self.synced))
        body = asyncio.current_task()
        assert body is not None

        def end(ended: asyncio.Task[None]) -> None:
            if not ended.cancelled():
                body.cancel()

        task.add_done_callback(end)
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
