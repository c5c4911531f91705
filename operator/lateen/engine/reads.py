"""What a compute function may see of the world: rows and buckets of earlier stages, each read recorded."""

from collections.abc import Hashable
from typing import Any, NoReturn, TypeVar

from lateen.engine.errors import EngineError
from lateen.engine.index import Index
from lateen.engine.table import Table

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
G = TypeVar("G", bound=Hashable)

CLOSED = -1
"""The stage of reads whose compute has returned: no table is earlier."""


class Reads:
    """The reads of one run of one cell.

    The cell runs again when anything that was read through here changes, so a compute must not look elsewhere.
    Each method raises EngineError for a table or index of the cell's own or a later stage, and after the compute
    has returned (a generator that outlived it).
    """

    __slots__ = ("log", "stage")

    def __init__(self, stage: int) -> None:
        """Start with nothing read, for a cell of this stage."""
        self.stage = stage
        self.log: dict[tuple[Any, Any], None] = {}
        """(source, key), each once, in the order of reading."""

    def get(self, table: Table[K, V], key: K) -> V | None:
        """Return one row, None if there is none. That it was absent is recorded just as well."""
        if table.stage >= self.stage:
            self._refuse(table)
        self.log[table, key] = None
        return table.rows.get(key)

    def bucket(self, index: Index[K, V, G], group: G) -> list[K]:
        """Return the keys of the rows in a group, sorted. A change of any of these rows counts, too."""
        if index.stage >= self.stage:
            self._refuse(index)
        self.log[index, group] = None
        return list(index.sorted_keys(group))

    def values(self, index: Index[K, V, G], group: G) -> list[tuple[K, V]]:
        """Return the rows in a group, sorted by key: one recorded dependency for all of them."""
        if index.stage >= self.stage:
            self._refuse(index)
        self.log[index, group] = None
        rows = index.table.rows
        return [(key, rows[key]) for key in index.sorted_keys(group)]

    def _refuse(self, source: Table[Any, Any] | Index[Any, Any, Any]) -> NoReturn:
        if self.stage == CLOSED:
            message = f"{source.name} was read after the compute had returned"
        else:
            message = f"a cell of stage {self.stage} cannot read {source.name} of stage {source.stage}"
        raise EngineError(message)
