"""Indexes: buckets, their order, and who hears of a change in them."""

import pytest

from lateen.engine import Derived, Engine, Index, Reads, Table
from lateen.engine.trace import tree_of

Key = int | str


class Words:
    """Words with labels; each label's words as a row that reads its bucket."""

    def __init__(self) -> None:
        """Make the empty graph."""
        self.engine = Engine()
        self.words: Table[Key, str] = self.engine.input("words")
        self.by_label: Index[Key, str, str] = self.engine.index("by_label", self.words, self.labels)
        self.lists: Derived[str, list[Key]] = self.engine.derive(
            "lists", 1, lambda reads, label: reads.bucket(self.by_label, label), group=self.by_label
        )

    @staticmethod
    def labels(_key: Key, value: str) -> list[str]:
        if value == "bad":
            raise ValueError(value)
        return value.split()

    def put(self, *keys: Key, value: str | None) -> None:
        for key in keys:
            self.engine.set(self.words, key, value)
        self.engine.commit()


@pytest.fixture
def words() -> Words:
    return Words()


def test_a_bucket_is_sorted_by_key(words: Words) -> None:
    words.put(3, 1, 2, value="x")
    assert words.lists.values == {"x": [1, 2, 3]}


def test_values_are_sorted_by_key_and_are_one_dependency() -> None:
    engine = Engine()
    rows: Table[int, str] = engine.input("rows")
    everything = engine.index("everything", rows, lambda _key, _value: [()])
    table: Derived[tuple[()], list[tuple[int, str]]] = engine.derive(
        "table", 1, lambda reads, group: reads.values(everything, group), group=everything
    )
    for key in (2, 1, 3):
        engine.set(rows, key, str(key))
    engine.commit()
    assert table.values == {(): [(1, "1"), (2, "2"), (3, "3")]}
    assert table.cells[()].reads == ((everything, ()),)


def test_a_row_may_be_in_several_groups_or_none_and_a_repeated_group_counts_once(words: Words) -> None:
    words.put(1, value="x y x")
    words.put(2, value=" ")
    assert words.by_label.buckets == {"x": (1,), "y": (1,)}
    words.put(1, value="y z")
    assert words.lists.values == {"y": [1], "z": [1]}


def test_a_changed_member_runs_the_readers_of_its_buckets_only() -> None:
    engine = Engine()
    rows: Table[str, tuple[str, int]] = engine.input("rows")
    by_color = engine.index("by_color", rows, lambda _, row: [row[0]])
    sums: Derived[str, int] = engine.derive(
        "sums", 1, lambda reads, color: sum(row[1] for _, row in reads.values(by_color, color)), group=by_color
    )
    engine.set(rows, "a", ("red", 1))
    engine.set(rows, "b", ("red", 2))
    engine.set(rows, "c", ("blue", 3))
    engine.commit()
    engine.set(rows, "a", ("red", 5))
    commit = engine.commit()
    assert commit.changes_of(sums) == {"red": (3, 7)}
    assert commit.recomputed == 1


def test_an_empty_bucket_can_be_read_and_waited_for(words: Words) -> None:
    watch: Table[str, bool] = words.engine.input("watch")
    seen: Derived[str, tuple[list[Key], list[tuple[Key, str]]]] = words.engine.derive(
        "seen",
        1,
        lambda reads, label: (reads.bucket(words.by_label, label), reads.values(words.by_label, label)),
        each=watch,
    )
    words.engine.set(watch, "x", value=True)
    words.engine.commit()
    assert seen.values == {"x": ([], [])}
    words.put(1, value="x")
    assert seen.values == {"x": ([1], [(1, "x")])}


def test_a_list_that_was_read_is_the_readers_own() -> None:
    engine = Engine()
    rows: Table[int, int] = engine.input("rows")
    everything = engine.index("everything", rows, lambda _key, _value: [()])

    def compute(reads: Reads, group: tuple[()]) -> int:
        keys = reads.bucket(everything, group)
        keys.clear()
        return len(reads.bucket(everything, group))

    table: Derived[tuple[()], int] = engine.derive("table", 1, compute, group=everything)
    for key in range(20):
        engine.set(rows, key, 1)
    engine.commit()
    assert table.values == {(): 20}


@pytest.mark.parametrize("size", [1, 2, 8, 9, 40])
def test_buckets_of_every_size_grow_and_shrink_in_order(words: Words, size: int) -> None:
    keys = [(17 * number) % 41 for number in range(size)]
    for count, key in enumerate(keys, 1):
        words.put(key, value="x")
        assert words.lists.values == {"x": sorted(keys[:count])}
    for count, key in enumerate(keys, 1):
        words.put(key, value=None)
        rest = sorted(keys[count:])
        assert words.lists.values == ({"x": rest} if rest else {})
    assert (words.by_label.buckets, words.by_label.ordered, words.by_label.readers) == ({}, {}, {})


def test_a_large_bucket_is_sorted_once(words: Words) -> None:
    words.put(*range(50), value="x")
    ordered = words.by_label.ordered["x"]
    words.put(77, 60, value="x")
    words.put(7, value=None)
    assert words.by_label.ordered["x"] is ordered
    assert words.lists.values["x"] == [number for number in range(50) if number != 7] + [60, 77]


def test_a_large_bucket_that_nobody_reads_is_not_sorted() -> None:
    engine = Engine()
    rows: Table[int, int] = engine.input("rows")
    index = engine.index("everything", rows, lambda _key, _value: [()])
    for key in range(20):
        engine.set(rows, key, 1)
    engine.set(rows, 3, None)
    assert index.ordered == {}
    assert len(index.buckets[()]) == 19


def test_keys_that_cannot_be_compared_fail_the_reader_of_their_bucket_alone(words: Words) -> None:
    words.put("one", "two", value="x")
    words.put(*range(20), value="y")
    words.put("one", value="x y")
    assert words.lists.values == {"x": ["one", "two"], "y": list(range(20))}
    assert {label: type(error) for label, error in words.lists.errors.items()} == {"y": TypeError}
    words.put("one", value=None)
    assert words.lists.values == {"x": ["two"], "y": list(range(20))}
    assert words.lists.errors == {}


def test_keys_without_a_total_order_are_taken_out_safely() -> None:
    engine = Engine()
    rows: Table[frozenset[int], int] = engine.input("rows")
    index = engine.index("everything", rows, lambda _key, _value: [()])
    table: Derived[tuple[()], frozenset[frozenset[int]]] = engine.derive(
        "table", 1, lambda reads, group: frozenset(reads.bucket(index, group)), group=index
    )
    keys = [frozenset({number}) for number in range(20)]
    for key in keys:
        engine.set(rows, key, 1)
    engine.commit()
    for count, key in enumerate(keys, 1):
        engine.set(rows, key, None)
        engine.commit()
        assert table.values.get((), frozenset()) == frozenset(keys[count:])


def test_a_row_whose_groups_cannot_be_told_is_not_set(words: Words) -> None:
    words.put(1, value="x")
    with pytest.raises(ValueError, match="bad"):
        words.engine.set(words.words, 1, "bad")
    assert words.engine.commit().changes == {}
    assert words.words.values == {1: "x"}
    assert words.by_label.buckets == {"x": (1,)}


def test_a_derived_row_whose_groups_cannot_be_told_is_an_error_of_its_cell(words: Words) -> None:
    copies: Derived[str, str] = words.engine.derive(
        "copies",
        2,
        lambda reads, label: "bad" if len(reads.bucket(words.by_label, label)) > 1 else "ok",
        group=words.by_label,
    )
    by_state = words.engine.index("by_state", copies, words.labels)
    words.put(1, value="x")
    words.put(2, value="x")
    assert copies.values == {"x": "ok"}
    assert isinstance(copies.errors["x"], ValueError)
    assert by_state.buckets == {"ok": ("x",)}
    words.put(2, value=None)
    assert copies.errors == {}


def test_a_row_that_is_read_by_many_has_all_of_them_run() -> None:
    engine = Engine()
    shared: Table[str, int] = engine.input("shared")
    rows: Table[int, int] = engine.input("rows")
    table: Derived[int, int] = engine.derive("table", 1, lambda reads, _: reads.get(shared, "it"), each=rows)
    engine.set(shared, "it", 1)
    for key in range(30):
        engine.set(rows, key, 1)
    engine.commit()
    engine.set(shared, "it", 2)
    commit = engine.commit()
    assert commit.recomputed == 30
    assert table.values == dict.fromkeys(range(30), 2)
    for key in range(30):
        engine.set(rows, key, None)
    engine.commit()
    assert shared.readers == {}


def test_a_cell_of_two_indexes_lasts_until_both_of_its_buckets_are_empty() -> None:
    engine = Engine()
    routes: Table[int, str] = engine.input("routes")
    chains: Table[int, str] = engine.input("chains")
    by_route = engine.index("by_route", routes, lambda _, name: [name])
    by_chain = engine.index("by_chain", chains, lambda _, name: [name])
    clusters: Derived[str, str] = engine.derive("clusters", 1, lambda _, name: name.upper(), group=(by_route, by_chain))
    engine.set(routes, 1, "a")
    engine.set(chains, 1, "a")
    engine.set(chains, 2, "b")
    engine.commit()
    assert clusters.values == {"a": "A", "b": "B"}
    assert [part.source for part in tree_of(clusters, "b").parts] == ["by_chain"]
    engine.set(routes, 1, None)
    engine.commit()
    assert clusters.values == {"a": "A", "b": "B"}
    engine.set(chains, 1, None)
    engine.commit()
    assert clusters.values == {"b": "B"}
