"""What one commit did, for those who publish it."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeVar

from lateen.engine.table import Table

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

UNCHANGED: Mapping[Any, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Commit:
    """The difference between two states of all tables."""

    changes: Mapping[str, Mapping[Any, tuple[Any, Any]]]
    """By table name, then key: (old, new). Only tables and rows that differ; use `changes_of` for typed access."""
    recomputed_of: Mapping[str, int]
    """By table name: how many cells ran."""
    failed: tuple[tuple[str, Hashable], ...]
    """Cells (table name, key) whose error appeared or changed. Each keeps its last good row."""
    healed: tuple[tuple[str, Hashable], ...]
    """Cells (table name, key) whose error went away, be it that the cell did."""

    @property
    def recomputed(self) -> int:
        """How many cells ran altogether."""
        return sum(self.recomputed_of.values())

    def changes_of(self, table: Table[K, V]) -> Mapping[K, tuple[V | None, V | None]]:
        """Return the rows of one table that differ, as (old, new); None stands for "no such row"."""
        return self.changes.get(table.name, UNCHANGED)
