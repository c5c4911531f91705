"""What a cell may read, and what its reads make it depend on."""

from collections.abc import Callable, Iterator

import pytest
from tests.unit.engine.shop import Shop

from lateen.engine import Derived, Engine, EngineError, Index, Reads, Table


def test_a_read_of_an_absent_row_is_recorded(shop: Shop) -> None:
    shop.engine.set(shop.orders, 4, ("bob", "screw", 2))
    assert shop.engine.commit().changes_of(shop.amounts) == {}
    shop.engine.set(shop.prices, "screw", 3)
    assert shop.engine.commit().changes_of(shop.amounts) == {4: (None, ("bob", 6))}


def test_a_cell_that_reads_nothing_runs_once() -> None:
    engine = Engine()
    rows: Table[str, int] = engine.input("rows")
    names: Derived[str, str] = engine.derive("names", 1, lambda _, key: key.upper(), each=rows)
    engine.set(rows, "a", 1)
    assert engine.commit().changes_of(names) == {"a": (None, "A")}
    engine.set(rows, "a", 2)
    assert engine.commit().recomputed == 0


def test_a_group_cell_that_reads_nothing_still_goes_with_its_bucket(shop: Shop) -> None:
    names: Derived[str, str] = shop.engine.derive("names", 2, lambda _, key: key.upper(), group=shop.by_customer)
    assert shop.engine.commit().changes_of(names) == {"ann": (None, "ANN"), "bob": (None, "BOB")}
    shop.engine.set(shop.orders, 3, None)
    assert shop.engine.commit().changes_of(names) == {"bob": ("BOB", None)}


def test_reads_that_are_no_longer_made_no_longer_matter(shop: Shop) -> None:
    shop.engine.set(shop.orders, 3, ("bob", "bolt", 4))
    shop.engine.commit()
    assert [cell.key for cell in shop.prices.readers["nut"]] == [1]
    shop.engine.set(shop.prices, "nut", 2)
    assert shop.engine.commit().changes_of(shop.amounts) == {1: (("ann", 3), ("ann", 6))}


def test_a_repeated_read_is_recorded_once() -> None:
    engine = Engine()
    rows: Table[str, int] = engine.input("rows")

    def twice(reads: Reads, key: str) -> int:
        return (reads.get(rows, key) or 0) + (reads.get(rows, key) or 0)

    doubled: Derived[str, int] = engine.derive("doubled", 1, twice, each=rows)
    for value in (1, 2):
        engine.set(rows, "a", value)
        engine.commit()
        assert doubled.values == {"a": 2 * value}
        assert doubled.cells["a"].reads == ((rows, "a"),)
        assert rows.readers == {"a": (doubled.cells["a"],)}


@pytest.mark.parametrize("stage", [1, 2])
def test_a_cell_cannot_read_a_table_of_its_own_or_a_later_stage(stage: int) -> None:
    engine = Engine()
    rows: Table[str, int] = engine.input("rows")
    late: Derived[str, int] = engine.derive("late", stage, lambda _reads, _key: 1, each=rows)
    early = engine.derive("early", 1, lambda reads, key: reads.get(late, key), each=rows)
    engine.set(rows, "a", 1)
    engine.commit()
    with pytest.raises(EngineError, match=f"a cell of stage 1 cannot read late of stage {stage}"):
        raise early.errors["a"]


@pytest.mark.parametrize("read", [Reads.bucket, Reads.values])
def test_a_cell_cannot_read_an_index_of_its_own_stage(
    read: Callable[[Reads, Index[str, int, int], int], list[object]],
) -> None:
    engine = Engine()
    rows: Table[str, int] = engine.input("rows")
    same: Derived[str, int] = engine.derive("same", 1, lambda _reads, _key: 1, each=rows)
    by_value = engine.index("by_value", same, lambda _, value: [value])
    reader = engine.derive("reader", 1, lambda reads, _: read(reads, by_value, 1), each=rows)
    engine.set(rows, "a", 1)
    engine.commit()
    with pytest.raises(EngineError, match="cannot read by_value of stage 1"):
        raise reader.errors["a"]


def test_reads_are_closed_when_the_compute_has_returned() -> None:
    engine = Engine()
    rows: Table[str, int] = engine.input("rows")
    kept: list[Iterator[int | None]] = []

    def compute(reads: Reads, key: str) -> int:
        kept.append(reads.get(rows, key) for _ in range(1))
        return 1

    engine.derive("table", 1, compute, each=rows)
    engine.set(rows, "a", 1)
    engine.commit()
    with pytest.raises(EngineError, match="rows was read after the compute had returned"):
        next(kept[0])


def test_a_compute_can_change_nothing() -> None:
    engine = Engine()
    rows: Table[str, int] = engine.input("rows")
    table: Derived[str, int] = engine.derive("table", 1, lambda _, key: engine.set(rows, key, 2), each=rows)
    engine.set(rows, "a", 1)
    engine.commit()
    with pytest.raises(EngineError, match="a compute can only read"):
        raise table.errors["a"]
    assert rows.values == {"a": 1}


def test_cells_with_more_than_a_thousand_reads_are_counted() -> None:
    engine = Engine()
    counts: Table[str, int] = engine.input("counts")
    rows: Table[int, int] = engine.input("rows")

    def compute(reads: Reads, key: str) -> int:
        count: int = reads.get(counts, key) or 0
        return sum(1 for number in range(count) if reads.get(rows, number) is not None)

    engine.derive("sums", 1, compute, each=counts)
    for count, wide in ((999, 0), (1000, 1), (1001, 1), (5, 0), (2000, 1), (None, 0)):
        engine.set(counts, "a", count)
        engine.commit()
        assert engine.wide_cells == wide
    assert rows.readers == {}
