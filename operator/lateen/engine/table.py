"""Tables of rows, cells that compute rows, and the agenda of cells to run.

A table knows who must run again when one of its rows changes; it does not run anything: that is `engine.py`.
All attributes may be read from anywhere; only the engine writes them.
"""

from collections import ChainMap
from collections.abc import Callable, Hashable, Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from lateen.engine.members import Members

if TYPE_CHECKING:
    from lateen.engine.index import Index
    from lateen.engine.reads import Reads

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Cell:
    """One key of a derived table: what it read last time. Compared by identity."""

    __slots__ = ("key", "reads", "table")

    def __init__(self, table: "Derived[Any, Any]", key: Hashable) -> None:
        """Start with nothing read."""
        self.table = table
        self.key = key
        self.reads: tuple[tuple[Any, Any], ...] = ()
        """(source, key), each once, in the order of reading."""


class Agenda:
    """What the next commit has to run, and which tables it has changed so far."""

    __slots__ = ("cells", "touched")

    def __init__(self) -> None:
        """Start with nothing to do."""
        self.cells: dict[int, dict[Cell, None]] = {}
        """By stage, in the order of marking."""
        self.touched: dict[Table[Any, Any], None] = {}

    def mark(self, cells: Iterable[Cell]) -> None:
        """Let these cells run in the next commit, or later in this one."""
        for cell in cells:
            stage = cell.table.stage
            waiting = self.cells.get(stage)
            if waiting is None:
                self.cells[stage] = {cell: None}
            else:
                waiting[cell] = None


class Table(Generic[K, V]):
    """Rows by key. Made by `Engine.input` and filled by `Engine.set`; see `Derived` for the computed kind.

    Values must be immutable and compare by value. None is never a value: it means "no such row".
    """

    __slots__ = ("agenda", "before", "followers", "indexes", "name", "readers", "rows", "stage", "values")

    def __init__(self, name: str, stage: int, agenda: Agenda) -> None:
        """Make an empty table; `Engine` does this."""
        self.name = name
        self.stage = stage
        """0 for inputs. A cell reads earlier stages only."""
        self.agenda = agenda
        self.rows: dict[K, V] = {}
        self.values: Mapping[K, V] = MappingProxyType(self.rows)
        """All rows; for a derived table, the last value that could be computed."""
        self.readers: dict[K, Members[Cell]] = {}
        self.followers: list[Derived[K, Any]] = []
        self.indexes: list[Index[K, V, Any]] = []
        self.before: dict[K, V | None] = {}
        """The value at the last commit of each row written since."""

    def write(self, key: K, new: V | None) -> None:
        """Store or remove (None) a row and mark what depends on it. Nothing happens if the value is equal.

        Raises:
            Exception: whatever `groups_of` of an index or the comparison raises; the table is unchanged then.
        """
        rows = self.rows
        old = rows.get(key)
        if old is new or (old is not None and new is not None and old == new):
            return
        moves = [(index, index.groups(key, old), index.groups(key, new)) for index in self.indexes]
        # Nothing below can fail: a row and its indexes change together or not at all.
        if new is None:
            del rows[key]
        else:
            rows[key] = new
        self.before.setdefault(key, old)
        self.agenda.touched[self] = None
        readers = self.readers.get(key)
        if readers is not None:
            self.agenda.mark(readers)
        if self.followers and (old is None or new is None):
            self.agenda.mark([follower.cell(key) for follower in self.followers])
        for index, left, joined in moves:
            index.move(key, left, joined)

    def take_changes(self) -> dict[K, tuple[V | None, V | None]]:
        """Return what differs from the last commit as (old, new), and start counting afresh."""
        rows = self.rows
        changes = {
            key: (old, new) for key, old in self.before.items() if (new := rows.get(key)) is not old and new != old
        }
        self.before = {}
        return changes


class Derived(Table[K, V]):
    """Rows that are computed from other rows. Made by `Engine.derive`."""

    __slots__ = ("cells", "compute", "errors", "failures", "follows", "origin")

    def __init__(
        self,
        name: str,
        stage: int,
        agenda: Agenda,
        compute: "Callable[[Reads, K], V | None]",
        follows: "tuple[Table[K, Any] | Index[Any, Any, K], ...]",
    ) -> None:
        """Make a table with a cell for each row or bucket of `follows`, at least one; `Engine` does this."""
        super().__init__(name, stage, agenda)
        self.compute = compute
        self.follows = follows
        origins = [source.rows if isinstance(source, Table) else source.buckets for source in follows]
        self.origin: Mapping[K, Any] = origins[0] if len(origins) == 1 else ChainMap(*origins)
        """A cell exists as long as its key is in here."""
        self.cells: dict[K, Cell] = {}
        self.failures: dict[K, Exception] = {}
        self.errors: Mapping[K, Exception] = MappingProxyType(self.failures)
        """Why a cell could not be computed. Its row, if it ever had one, is the last good one."""

    def cell(self, key: K) -> Cell:
        """Return the cell of this key, a new one if there is none."""
        cell = self.cells.get(key)
        if cell is None:
            cell = self.cells[key] = Cell(self, key)
        return cell
