"""Who read what: the recorded reads of a graph, told as plain names and keys.

This powers `explain`: `tree_of` answers "where does this row come from", `readers_of` "what depends on this row".
"""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from lateen.engine.index import Index
from lateen.engine.table import Cell, Derived, Table

K = TypeVar("K", bound=Hashable)

Source = Table[Any, Any] | Index[Any, Any, Any]
Name = tuple[str, Hashable]
"""A row (table name, key) or a bucket (index name, group)."""


@dataclass(frozen=True, slots=True)
class Node:
    """One row or bucket and what it was made from."""

    source: str
    """Name of the table or index."""
    key: Hashable
    """Key of the row, or group of the bucket."""
    exists: bool
    """Whether there is such a row, or a member in the bucket; an absent one can be read, too."""
    error: str | None = None
    """Why the cell could not be computed: its row is the last good one then."""
    repeated: bool = False
    """Shown with its parts earlier in the tree, so without them here."""
    parts: tuple["Node", ...] = ()
    """For a derived row, the row or bucket it stands for and what it read; for a bucket, its rows."""


def reads_of(table: Table[K, Any], key: K) -> tuple[Name, ...]:
    """Return what the cell read when it last ran, in order; nothing for an input or an unknown key."""
    return tuple((source.name, read) for source, read in _reads(table, key))


def readers_of(source: Table[K, Any] | Index[Any, Any, K], key: K) -> tuple[Name, ...]:
    """Return the cells that read this row, directly or within a bucket; for an index, those that read this bucket."""
    cells: dict[Cell, None] = dict.fromkeys(source.readers.get(key, ()))
    if isinstance(source, Table):
        for index in source.indexes:
            for group in index.groups(key, source.rows.get(key)):
                cells.update(dict.fromkeys(index.readers.get(group, ())))
    return tuple((cell.table.name, cell.key) for cell in cells)


def tree_of(source: Table[K, Any] | Index[Any, Any, K], key: K, *, depth: int | None = None) -> Node:
    """Return a row or bucket with everything it was made from, down to the inputs or to `depth` levels.

    What is used in several places is unfolded once: the tree is never larger than the graph.
    """
    return _node(source, key, depth, set())


def _node(source: Source, key: Hashable, depth: int | None, shown: set[Name]) -> Node:
    name = (source.name, key)
    repeated = name in shown
    shown.add(name)
    parts: tuple[Node, ...] = ()
    if not repeated and depth != 0:
        below = None if depth is None else depth - 1
        parts = tuple(_node(part, read, below, shown) for part, read in dict.fromkeys(_parts(source, key)))
    error = source.errors.get(key) if isinstance(source, Derived) else None
    return Node(
        source=source.name,
        key=key,
        exists=key in (source.buckets if isinstance(source, Index) else source.rows),
        error=None if error is None else f"{type(error).__name__}: {error}",
        repeated=repeated and any(True for _ in _parts(source, key)),
        parts=parts,
    )


def _parts(source: Source, key: Hashable) -> Iterator[tuple[Source, Hashable]]:
    if isinstance(source, Index):
        for member in source.buckets.get(key, ()):
            yield source.table, member
    elif isinstance(source, Derived) and key in source.cells:
        for origin in source.follows:
            if key in (origin.rows if isinstance(origin, Table) else origin.buckets):
                yield origin, key
        yield from _reads(source, key)


def _reads(table: Table[Any, Any], key: Hashable) -> Iterator[tuple[Source, Hashable]]:
    cell = table.cells.get(key) if isinstance(table, Derived) else None
    if cell is not None:
        yield from cell.reads
