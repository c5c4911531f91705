"""The engine against a plain rebuild: random graphs, random edits, the same state after every commit.

The rebuild computes every cell anew at each commit. Its only memory is what the engine promises to remember: the last
good row of a cell that fails.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from lateen.engine import Commit, Derived, Engine, Index, Table

KEYS = 14
"""Keys are 0…13, so that buckets and readers are sometimes few and sometimes many."""
INPUTS = 2
UNGROUPABLE = 13

PROFILE = settings(derandomize=True, database=None, deadline=None, max_examples=100)


def by_remainder(_key: int, value: int) -> list[int]:
    return [value % 3]


def together(_key: int, _value: int) -> list[int]:
    return [0]


def by_two_remainders(_key: int, value: int) -> Iterator[int]:
    yield value % 3
    yield value % 4


def by_key_if_even(key: int, value: int) -> Sequence[int]:
    if value == UNGROUPABLE:
        raise ValueError(value)
    return () if value % 2 else (key % 2,)


@dataclass(frozen=True)
class Read:
    """One read that a rule makes; `how` is the name of the method of Reads."""

    how: str
    source: int
    offset: int
    shared: bool = False
    """All cells read the same key or group, not one next to their own."""


@dataclass(frozen=True)
class Rule:
    """How a table is derived: its origins and its reads, numbers meaning earlier tables or their indexes.

    A cell per row of one table, or per bucket of one or two indexes.
    """

    grouped: bool
    origins: tuple[int, ...]
    reads: tuple[Read, ...]

    def compute(self, reads: Any, tables: Sequence[Any], indexes: Sequence[Any], key: int) -> int | None:
        """Add up what is read. What is read first decides whether the rest is; some sums fail, some are no row."""
        total = key
        for read in self.reads:
            at = read.offset if read.shared else (key + read.offset) % KEYS
            if read.how == "get":
                total += reads.get(tables[read.source], at) or 0
            elif read.how == "bucket":
                total += sum(reads.bucket(indexes[read.source], at % 4))
            else:
                total += sum((key + 1) * value for key, value in reads.values(indexes[read.source], at % 4))
            if total % 4 == 3:
                break
        if total % 11 == 10:
            raise ValueError(total)
        return None if total % 7 == 6 else total % 50


Groups = Callable[[int, int], Any]
Edit = tuple[int, int, int | None]
"""Number of the input, key, value."""


@dataclass(frozen=True)
class Plan:
    """A graph: inputs first, then a table per rule. Each table has one index."""

    groups: tuple[Groups, ...]
    rules: tuple[Rule, ...]

    @property
    def stages(self) -> list[int]:
        """The earliest stage possible for each table."""
        stages = [0] * INPUTS
        for rule in self.rules:
            stages.append(1 + max(stages[source] for source in (*rule.origins, *(read.source for read in rule.reads))))
        return stages


class Incremental:
    """The plan as a graph of the engine."""

    def __init__(self, plan: Plan) -> None:
        """Make the empty graph."""
        self.engine = Engine()
        self.tables: list[Table[int, int]] = []
        self.indexes: list[Index[int, int, int]] = []
        for number, (groups, stage) in enumerate(zip(plan.groups, plan.stages, strict=True)):
            name = f"table{number}"
            table = (
                self.engine.input(name) if number < INPUTS else self.derive(plan.rules[number - INPUTS], name, stage)
            )
            self.tables.append(table)
            self.indexes.append(self.engine.index(f"index{number}", table, groups))

    def derive(self, rule: Rule, name: str, stage: int) -> Table[int, int]:
        """Make the table of one rule."""

        def compute(reads: Any, key: int) -> int | None:
            return rule.compute(reads, self.tables, self.indexes, key)

        if rule.grouped:
            return self.engine.derive(
                name, stage, compute, group=tuple(self.indexes[origin] for origin in rule.origins)
            )
        return self.engine.derive(name, stage, compute, each=self.tables[rule.origins[0]])

    @property
    def sources(self) -> list[Table[int, int] | Index[int, int, int]]:
        """All tables and indexes."""
        return [*self.tables, *self.indexes]

    @property
    def derived(self) -> list[Derived[int, int]]:
        """The derived tables."""
        return [table for table in self.tables if isinstance(table, Derived)]

    def rows(self) -> list[dict[int, int]]:
        """A copy of all rows."""
        return [dict(table.values) for table in self.tables]

    def errors(self) -> list[dict[int, str]]:
        """All errors as text, in the order of the derived tables."""
        return [{key: str(error) for key, error in table.errors.items()} for table in self.derived]


@dataclass
class Rebuild:
    """The same plan, computed wholly each time. A handle of a table is its rows, of an index (rows, groups)."""

    plan: Plan
    rows: list[dict[int, int]] = field(default_factory=list)
    errors: list[dict[int, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Start without rows."""
        self.rows = [{} for _ in self.plan.groups]

    @staticmethod
    def get(rows: dict[int, int], key: int) -> int | None:
        return rows.get(key)

    @staticmethod
    def bucket(index: tuple[dict[int, int], Groups], group: int) -> list[int]:
        rows, groups = index
        return sorted(key for key, value in rows.items() if group in list(groups(key, value)))

    def values(self, index: tuple[dict[int, int], Groups], group: int) -> list[tuple[int, int]]:
        return [(key, index[0][key]) for key in self.bucket(index, group)]

    def commit(self) -> None:
        """Compute all derived tables."""
        last, self.errors = self.rows, []
        self.rows = [dict(rows) for rows in last[:INPUTS]]
        for rule in self.plan.rules:
            self.rows.append({})
            self.errors.append({})
            indexes = list(zip(self.rows, self.plan.groups, strict=False))
            groups = self.plan.groups[len(self.rows) - 1]
            for key in self.origin(rule):
                try:
                    value = rule.compute(self, self.rows, indexes, key)
                    if value is not None:
                        list(groups(key, value))
                except ValueError as error:
                    self.errors[-1][key] = str(error)
                    value = last[len(self.rows) - 1].get(key)
                if value is not None:
                    self.rows[-1][key] = value

    def origin(self, rule: Rule) -> list[int]:
        """The keys of the cells that the rule asks for."""
        if not rule.grouped:
            return list(self.rows[rule.origins[0]])
        return list(
            {
                group: None
                for origin in rule.origins
                for key, value in self.rows[origin].items()
                for group in self.plan.groups[origin](key, value)
            }
        )


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Draw a graph of two inputs and up to five derived tables."""
    rules = []
    for earlier in range(INPUTS, INPUTS + draw(st.integers(1, 5))):
        sources = st.integers(0, earlier - 1)
        grouped = draw(st.booleans())
        origins = tuple(draw(st.lists(sources, min_size=1, max_size=2 if grouped else 1, unique=True)))
        hows = st.sampled_from(["get", "bucket", "values"])
        reads = draw(st.lists(st.builds(Read, hows, sources, st.integers(0, 2), st.booleans()), max_size=3))
        rules.append(Rule(grouped, origins, (Read("get", origins[0], 0), *reads)))
    kinds = st.sampled_from([by_remainder, by_two_remainders, by_key_if_even, together])
    return Plan(tuple(draw(kinds) for _ in range(INPUTS + len(rules))), tuple(rules))


VALUES = st.integers(0, 20)
EDITS = st.tuples(st.integers(0, INPUTS - 1), st.integers(0, KEYS - 1), st.none() | VALUES | VALUES)


@st.composite
def scripts(draw: st.DrawFn) -> list[list[Edit]]:
    """Draw what to set before each commit: most rows first, then a few edits at a time."""
    filled = draw(st.lists(VALUES, min_size=INPUTS * KEYS // 2, max_size=INPUTS * KEYS))
    steps = draw(st.lists(st.lists(EDITS, max_size=8), min_size=1, max_size=10))
    return [[(place % INPUTS, place // INPUTS, value) for place, value in enumerate(filled)], *steps]


def apply(incremental: Incremental, rebuild: Rebuild, edits: list[Edit]) -> None:
    """Make the same edits in both; what an index of the input refuses must leave no trace."""
    for number, key, value in edits:
        refused = value == UNGROUPABLE and rebuild.plan.groups[number] is by_key_if_even
        try:
            incremental.engine.set(incremental.tables[number], key, value)
        except ValueError:
            assert refused
            continue
        assert not refused or incremental.tables[number].values.get(key) == value
        rebuild.rows[number].pop(key, None)
        if value is not None:
            rebuild.rows[number][key] = value


def assert_sound(incremental: Incremental) -> None:
    """Subscriptions are exactly the reads of the cells there are, buckets exactly the groups of the rows there are."""
    read_by: dict[tuple[str, int], set[tuple[str, int]]] = {}
    for table in incremental.derived:
        assert set(table.cells) == set(table.origin)
        assert set(table.errors) <= set(table.cells)
        assert set(table.values) <= set(table.cells)
        for key, cell in table.cells.items():
            for source, at in cell.reads:
                readers = read_by.setdefault((source.name, at), set())
                assert (table.name, key) not in readers
                readers.add((table.name, key))
    subscribed = {
        (source.name, at): {(cell.table.name, cell.key) for cell in cells}
        for source in incremental.sources
        for at, cells in source.readers.items()
    }
    assert subscribed == read_by
    for index in incremental.indexes:
        buckets: dict[int, set[int]] = {}
        for key, value in index.table.values.items():
            for group in index.groups(key, value):
                buckets.setdefault(group, set()).add(key)
        assert {group: set(bucket) for group, bucket in index.buckets.items()} == buckets
        assert all(ordered == sorted(buckets[group]) for group, ordered in index.ordered.items())


def assert_told(
    commit: Commit,
    incremental: Incremental,
    rows: list[dict[int, int]],
    errors: list[dict[int, str]],
) -> None:
    """The commit tells exactly the differences to the rows and errors before it."""
    for table, old in zip(incremental.tables, rows, strict=True):
        new = table.values
        differences = {key: (old.get(key), new.get(key)) for key in old | dict(new) if old.get(key) != new.get(key)}
        assert commit.changes_of(table) == differences
    failed, healed = set(), set()
    for table, before, after in zip(incremental.derived, errors, incremental.errors(), strict=True):
        failed |= {(table.name, key) for key, text in after.items() if before.get(key) != text}
        healed |= {(table.name, key) for key in before.keys() - after.keys()}
    assert set(commit.failed) == failed
    assert set(commit.healed) == healed


@PROFILE
@given(plan=plans(), script=scripts())
def test_after_every_commit_the_state_is_that_of_a_full_rebuild(plan: Plan, script: list[list[Edit]]) -> None:
    incremental, rebuild = Incremental(plan), Rebuild(plan)
    for edits in script:
        rows, errors = incremental.rows(), incremental.errors()
        apply(incremental, rebuild, edits)
        commit = incremental.engine.commit()
        rebuild.commit()
        assert incremental.rows() == rebuild.rows
        assert incremental.errors() == rebuild.errors
        assert_sound(incremental)
        assert_told(commit, incremental, rows, errors)
        assert commit.recomputed <= sum(len(table.cells) for table in incremental.derived)


@PROFILE
@given(plan=plans(), script=scripts())
def test_without_errors_history_leaves_no_trace(plan: Plan, script: list[list[Edit]]) -> None:
    incremental = Incremental(plan)
    for edits in script:
        apply(incremental, Rebuild(plan), edits)
        incremental.engine.commit()
    fresh = Incremental(plan)
    for number in range(INPUTS):
        for key, value in incremental.tables[number].values.items():
            fresh.engine.set(fresh.tables[number], key, value)
    fresh.engine.commit()
    if not any(incremental.errors()):
        assert incremental.rows() == fresh.rows()
        assert not any(fresh.errors())
    again = incremental.engine.commit()
    assert (again.recomputed, again.changes, again.failed, again.healed) == (0, {}, (), ())


@PROFILE
@given(plan=plans(), script=scripts())
def test_removing_every_input_leaves_nothing_behind(plan: Plan, script: list[list[Edit]]) -> None:
    incremental = Incremental(plan)
    for edits in script:
        apply(incremental, Rebuild(plan), edits)
        incremental.engine.commit()
    for table in incremental.tables[:INPUTS]:
        for key in list(table.values):
            incremental.engine.set(table, key, None)
    incremental.engine.commit()
    for source in incremental.sources:
        assert source.readers == {}
    assert [index.buckets for index in incremental.indexes] == [{}] * len(incremental.indexes)
    assert [index.ordered for index in incremental.indexes] == [{}] * len(incremental.indexes)
    assert not any((table.rows, table.cells, table.errors) != ({}, {}, {}) for table in incremental.derived)
