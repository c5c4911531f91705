"""What kopf would keep, kept nowhere: with these it writes to no object, and remembers none."""

from typing import Any

import kopf
from kopf._core.reactor.inventory import ResourceMemories, ResourceMemory


class NullDiffBase(kopf.DiffBaseStorage):
    """Keeps no last state on objects."""

    def build(self, **_: Any) -> Any:
        """Nothing of an object is compared."""
        return {}

    def fetch(self, **_: Any) -> None:
        """There is no last state."""

    def store(self, **_: Any) -> None:
        """Keep nothing."""


class NullProgress(kopf.ProgressStorage):
    """Keeps no progress of handlers on objects."""

    def fetch(self, **_: Any) -> None:
        """There is no progress."""

    def store(self, **_: Any) -> None:
        """Keep nothing."""

    def purge(self, **_: Any) -> None:
        """There is nothing to remove."""

    def touch(self, **_: Any) -> None:
        """Leave the object alone."""

    def clear(self, *, essence: Any) -> Any:
        """Give back what came in: there is nothing of ours in it."""
        return essence


class NoMemories(ResourceMemories):
    """Remembers no object: kopf's memory of one costs 7 KB, and only handlers of other sorts need it."""

    async def recall(self, raw_body: Any, *, ephemeral: bool = True, **options: Any) -> ResourceMemory:
        """Give a new memory each time."""
        del ephemeral
        return await super().recall(raw_body, ephemeral=True, **options)
