"""The engine: derived tables that recompute exactly the cells whose reads have changed.

Position: the lowest layer. It knows keys and values, nothing of what they mean, and does no input or output.

How it works: `set` writes input rows and marks the cells that read them; `commit` runs the marked cells, lowest stage
first. A cell that yields an equal value marks nobody, so a change travels only as far as it matters. Since a cell reads
earlier stages only, each cell runs at most once per commit and never sees a half-updated world.

Limits: one thread; one commit at a time; compute functions must be pure, with every read going through `Reads`.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping
from traceback import clear_frames
from types import MappingProxyType
from typing import Any, TypeVar

from lateen.engine.commit import Commit
from lateen.engine.errors import EngineError, words_of
from lateen.engine.index import Index
from lateen.engine.members import with_item, without_item
from lateen.engine.reads import CLOSED, Reads
from lateen.engine.table import Agenda, Cell, Derived, Table

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
G = TypeVar("G", bound=Hashable)

WIDE = 1000
"""A cell with more reads than this costs as much as the whole world: see `Engine.wide_cells`."""


class Engine:
    """A graph of tables and indexes, and the means to change its inputs and bring the rest up to date."""

    __slots__ = ("_agenda", "_committing", "_errors_before", "_recomputed", "_sources", "_tables", "_wide")

    def __init__(self) -> None:
        """Start without tables."""
        self._agenda = Agenda()
        self._sources: dict[str, Table[Any, Any] | Index[Any, Any, Any]] = {}
        self._tables: dict[str, Table[Any, Any]] = {}
        self._committing = False
        self._recomputed: dict[str, int] = {}
        self._errors_before: dict[tuple[Derived[Any, Any], Hashable], Exception | None] = {}
        self._wide = 0

    @property
    def tables(self) -> Mapping[str, Table[Any, Any]]:
        """All tables by name, in the order of making."""
        return MappingProxyType(self._tables)

    @property
    def wide_cells(self) -> int:
        """How many cells have recorded more than a thousand reads: each should have a reason to."""
        return self._wide

    def input(self, name: str) -> Table[K, V]:
        """Make a table that `set` fills.

        Raises:
            EngineError: the name is taken.
        """
        table: Table[K, V] = Table(name, 0, self._agenda)
        self._register(table)
        self._tables[name] = table
        return table

    def derive(
        self,
        name: str,
        stage: int,
        compute: Callable[[Reads, K], V | None],
        *,
        each: Table[K, Any] | None = None,
        group: Index[Any, Any, K] | tuple[Index[Any, Any, K], ...] | None = None,
    ) -> Derived[K, V]:
        """Make a table with one cell per row of `each`, or per non-empty bucket of `group`; give exactly one.

        Of several indexes a cell lasts as long as its bucket is non-empty in at least one of them.

        `compute` returns the row of a key, None for no row. If it raises, the cell keeps its last row and the error
        appears in `errors`. It runs again only when something it read has changed: to see the row or bucket that the
        cell stands for, it has to read that, too.

        Raises:
            EngineError: the name is taken, not exactly one origin is given, or its stage is not earlier than `stage`.
        """
        sources: tuple[Table[K, Any] | Index[Any, Any, K], ...] = () if each is None else (each,)
        if group is not None:
            sources += group if isinstance(group, tuple) else (group,)
        if not sources or (each is not None and group is not None):
            raise EngineError(f"{name}: give exactly one of each and group")
        for source in sources:
            if source.stage >= stage:
                raise EngineError(f"{name} of stage {stage} cannot follow {source.name} of stage {source.stage}")
        table = Derived(name, stage, self._agenda, compute, sources)
        self._register(table)
        self._tables[name] = table
        for source in sources:
            source.followers.append(table)
        self._agenda.mark([table.cell(key) for key in table.origin])
        return table

    def index(self, name: str, table: Table[K, V], groups_of: Callable[[K, V], Iterable[G]]) -> Index[K, V, G]:
        """Gather the rows of a table by the groups that `groups_of(key, value)` names; it must be pure.

        If `groups_of` raises for a new value, the write fails as a whole: `set` raises, a derived cell records it.

        Raises:
            EngineError: the name is taken.
        """
        index = Index(name, table, groups_of)
        self._register(index)
        table.indexes.append(index)
        return index

    def set(self, table: Table[K, V], key: K, value: V | None) -> None:
        """Store an input row, or remove it (None). Derived tables follow with the next `commit`.

        Raises:
            EngineError: the table is not an input of this engine, or a commit is running.
        """
        self._refuse_while_committing()
        if isinstance(table, Derived) or self._tables.get(table.name) is not table:
            raise EngineError(f"{table.name} is not an input of this engine")
        table.write(key, value)

    def settle(self) -> None:
        """Bring all derived tables up to date. What changes by that is told by the next `commit`."""
        self._refuse_while_committing()
        waiting = self._agenda.cells
        self._committing = True
        try:
            while waiting:
                self._run_stage(min(waiting))
        finally:
            self._committing = False

    def failing(self) -> list[tuple[Derived[Any, Any], Hashable]]:
        """Return the cells whose error appeared or changed since the last commit."""
        return [(table, key) for (table, key), old in self._errors_before.items() if _is_news(table, key, old)]

    def commit(self) -> Commit:
        """Bring all derived tables up to date and return what has changed since the last commit."""
        self.settle()
        touched, self._agenda.touched = self._agenda.touched, {}
        changes = {table.name: difference for table in touched if (difference := table.take_changes())}
        failed, healed = self._take_errors()
        recomputed, self._recomputed = self._recomputed, {}
        return Commit(changes, recomputed, failed, healed)

    def _register(self, source: Table[Any, Any] | Index[Any, Any, Any]) -> None:
        self._refuse_while_committing()
        if source.name in self._sources:
            raise EngineError(f"there is a table or index named {source.name} already")
        self._sources[source.name] = source

    def _refuse_while_committing(self) -> None:
        if self._committing:
            raise EngineError("a compute can only read: nothing can be set, made or committed during a commit")

    def _run_stage(self, stage: int) -> None:
        """Run what is marked in this stage. Running marks later stages only."""
        cells = list(self._agenda.cells.pop(stage))
        done = 0
        try:
            for cell in cells:
                if cell.key in cell.table.origin:
                    self._run(cell)
                else:
                    self._end(cell)
                done += 1
        finally:
            if done < len(cells):  # an interrupt: lose nothing
                self._agenda.cells[stage] = dict.fromkeys(cells[done:])

    def _run(self, cell: Cell) -> None:
        table, key = cell.table, cell.key
        reads = Reads(table.stage)
        try:
            table.write(key, table.compute(reads, key))
        except Exception as error:  # noqa: BLE001 - whatever a compute raises concerns its own cell alone
            self._fail(table, key, error)
        else:
            if table.failures:
                self._heal(table, key)
        finally:
            reads.stage = CLOSED
        self._recomputed[table.name] = self._recomputed.get(table.name, 0) + 1
        if tuple(reads.log) != cell.reads:
            self._subscribe(cell, reads.log)

    def _end(self, cell: Cell) -> None:
        """Remove a cell that lost its row or bucket of origin, with all it has."""
        self._subscribe(cell, {})
        del cell.table.cells[cell.key]
        self._heal(cell.table, cell.key)
        cell.table.write(cell.key, None)

    def _fail(self, table: Derived[Any, Any], key: Hashable, error: Exception) -> None:
        clear_frames(error.__traceback__)  # the lines stay readable, the values are not kept alive
        self._errors_before.setdefault((table, key), table.failures.get(key))
        table.failures[key] = error

    def _heal(self, table: Derived[Any, Any], key: Hashable) -> None:
        error = table.failures.pop(key, None)
        if error is not None:
            self._errors_before.setdefault((table, key), error)

    def _take_errors(self) -> tuple[tuple[tuple[str, Hashable], ...], tuple[tuple[str, Hashable], ...]]:
        """Return the cells that failed and those that healed since the last commit, and start afresh."""
        failed: list[tuple[str, Hashable]] = []
        healed: list[tuple[str, Hashable]] = []
        for (table, key), old in self._errors_before.items():
            new = table.failures.get(key)
            if new is None and old is not None:
                healed.append((table.name, key))
            elif _is_news(table, key, old):
                failed.append((table.name, key))
        self._errors_before = {}
        return tuple(failed), tuple(healed)

    def _subscribe(self, cell: Cell, new: Mapping[tuple[Any, Any], None]) -> None:
        """Make the cell a reader of exactly what it has read this time."""
        old = dict.fromkeys(cell.reads)
        for pair in old:
            if pair not in new:
                source, key = pair
                readers = without_item(source.readers[key], cell)
                if readers:
                    source.readers[key] = readers
                else:
                    del source.readers[key]
        for pair in new:
            if pair not in old:
                source, key = pair
                readers = source.readers.get(key)
                source.readers[key] = (cell,) if readers is None else with_item(readers, cell)
        cell.reads = tuple(new)
        self._wide += (len(new) > WIDE) - (len(old) > WIDE)


def _is_news(table: Derived[Any, Any], key: Hashable, old: Exception | None) -> bool:
    """Whether a cell has an error, and another one than before."""
    new = table.failures.get(key)
    return new is not None and (old is None or type(new) is not type(old) or words_of(new) != words_of(old))
