"""The seam where status goes out."""

from collections.abc import Sequence
from typing import Protocol

from lateen.model.keys import Key
from lateen.status.conditions import Condition


class StatusSink(Protocol):
    """Writes conditions where users look for them."""

    async def write(self, key: Key, conditions: Sequence[Condition]) -> None:
        """Write all conditions of one object; an empty sequence: the object is gone."""
        ...


class MemoryStatusSink:
    """Keeps conditions in memory: on a laptop, where `lateen status` asks for them, and in tests."""

    def __init__(self) -> None:
        """Start empty."""
        self.conditions: dict[Key, tuple[Condition, ...]] = {}

    async def write(self, key: Key, conditions: Sequence[Condition]) -> None:
        """Remember, or forget."""
        if conditions:
            self.conditions[key] = tuple(conditions)
        else:
            self.conditions.pop(key, None)
