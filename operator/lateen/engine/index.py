"""Indexes: rows of a table gathered into buckets.

Reading a bucket is one dependency, however many rows are in it: its readers run again when a row joins, leaves or
changes. A derived table that is grouped by an index has a cell for each bucket that is not empty.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, Generic, TypeVar

from lateen.engine.members import Members, with_item, without_item
from lateen.engine.table import Cell, Derived, Table

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
G = TypeVar("G", bound=Hashable)


class Index(Generic[K, V, G]):
    """Group → keys of the rows in it. Made by `Engine.index`; kept up to date by its table."""

    __slots__ = ("buckets", "followers", "groups_of", "name", "ordered", "readers", "stage", "table")

    def __init__(self, name: str, table: Table[K, V], groups_of: Callable[[K, V], Iterable[G]]) -> None:
        """Gather the rows that the table has now; `Engine` does this."""
        self.name = name
        self.table = table
        self.stage = table.stage
        self.groups_of = groups_of
        self.buckets: dict[G, Members[K]] = {}
        """Never holds an empty bucket."""
        self.ordered: dict[G, list[Any]] = {}
        """Large buckets in the order of their keys, once somebody has read them: sorted once, then kept in order."""
        self.readers: dict[G, Members[Cell]] = {}
        self.followers: list[Derived[G, Any]] = []
        for key, value in table.rows.items():
            for group in self.groups(key, value):
                self._join(group, key)

    def groups(self, key: K, value: V | None) -> dict[G, None]:
        """Return the groups of a row without repetition; no row, no groups."""
        return {} if value is None else dict.fromkeys(self.groups_of(key, value))

    def sorted_keys(self, group: G) -> Sequence[K]:
        """Return the keys in a bucket, sorted. The caller must not change the sequence.

        Raises:
            TypeError: the keys of this bucket cannot be compared with each other.
        """
        ordered = self.ordered.get(group)
        if ordered is not None:
            return ordered
        bucket: Any = self.buckets.get(group, ())  # that keys can be sorted is known at run time only
        if isinstance(bucket, tuple):
            return bucket if len(bucket) < 2 else sorted(bucket)
        ordered = self.ordered[group] = sorted(bucket)
        return ordered

    def move(self, key: K, left: dict[G, None], joined: dict[G, None]) -> None:
        """Take a row from its old groups to its new ones; it may be the same groups with another value."""
        if left != joined:
            for group in left:
                if group not in joined:
                    self._leave(group, key)
            for group in joined:
                if group not in left:
                    self._join(group, key)
        if self.readers:
            self._mark_readers(left | joined)

    def _mark_readers(self, groups: Iterable[G]) -> None:
        for group in groups:
            readers = self.readers.get(group)
            if readers is not None:
                self.table.agenda.mark(readers)

    def _join(self, group: G, key: K) -> None:
        bucket = self.buckets.get(group)
        self.buckets[group] = with_item(bucket, key)
        if bucket is None:
            self._mark_followers(group)
        elif (ordered := self.ordered.get(group)) is not None:
            try:
                insort(ordered, key)
            except TypeError:
                del self.ordered[group]  # whoever reads the bucket next fails, alone

    def _leave(self, group: G, key: K) -> None:
        bucket = without_item(self.buckets[group], key)
        if not bucket:
            del self.buckets[group]
            self._mark_followers(group)
            return
        self.buckets[group] = bucket
        ordered = self.ordered.get(group)
        if ordered is None:
            return
        position = bisect_left(ordered, key)
        if isinstance(bucket, dict) and ordered[position : position + 1] == [key]:
            del ordered[position]
        else:
            del self.ordered[group]  # small again, or keys without a total order

    def _mark_followers(self, group: G) -> None:
        if self.followers:
            self.table.agenda.mark([follower.cell(group) for follower in self.followers])
