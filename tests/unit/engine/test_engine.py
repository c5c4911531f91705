"""The rules of the engine, one by one."""

from collections.abc import Callable, Iterator

import pytest

from lateen.engine import Derived, Engine, EngineError, Index, Reads, Table


class Shop:
    """Orders (customer, amount) with a price list: totals per customer, and customers by size."""

    def __init__(self) -> None:
        """Make the empty graph."""
        self.engine = Engine()
        self.orders: Table[int, tuple[str, str, int]] = self.engine.input("orders")
        self.prices: Table[str, int] = self.engine.input("prices")
        self.amounts: Derived[int, tuple[str, int]] = self.engine.derive("amounts", 1, self.amount, each=self.orders)
        self.by_customer: Index[int, tuple[str, int], str] = self.engine.index(
            "by_customer", self.amounts, lambda _, row: [row[0]]
        )
        self.totals: Derived[str, int] = self.engine.derive("totals", 2, self.total, group=self.by_customer)
        self.by_size: Index[str, int, bool] = self.engine.index("by_size", self.totals, lambda _, total: [total > 9])
        self.sizes: Derived[bool, tuple[str, ...]] = self.engine.derive("sizes", 3, self.size, group=self.by_size)

    def amount(self, reads: Reads, key: int) -> tuple[str, int] | None:
        order = reads.get(self.orders, key)
        assert order is not None
        customer, article, count = order
        price = reads.get(self.prices, article)
        return None if price is None else (customer, count * price)

    def total(self, reads: Reads, customer: str) -> int:
        total = sum(row[1] for _, row in reads.values(self.by_customer, customer))
        if total < 0:
            message = f"{customer} owes {-total}"
            raise ValueError(message)
        return total

    def size(self, reads: Reads, large: bool) -> tuple[str, ...]:  # noqa: FBT001 - the key of the table
        return tuple(reads.bucket(self.by_size, large))


@pytest.fixture
def shop() -> Shop:
    shop = Shop()
    shop.engine.set(shop.prices, "nut", 1)
    shop.engine.set(shop.prices, "bolt", 5)
    shop.engine.set(shop.orders, 1, ("ann", "nut", 3))
    shop.engine.set(shop.orders, 2, ("ann", "bolt", 2))
    shop.engine.set(shop.orders, 3, ("bob", "nut", 4))
    shop.engine.commit()
    return shop


def test_derived_tables_are_filled_through_all_stages(shop: Shop) -> None:
    assert shop.amounts.values == {1: ("ann", 3), 2: ("ann", 10), 3: ("bob", 4)}
    assert shop.totals.values == {"ann": 13, "bob": 4}
    assert shop.sizes.values == {True: ("ann",), False: ("bob",)}


def test_a_change_runs_only_the_cells_that_read_it(shop: Shop) -> None:
    shop.engine.set(shop.orders, 3, ("bob", "nut", 5))
    commit = shop.engine.commit()
    assert commit.changes_of(shop.totals) == {"bob": (4, 5)}
    assert commit.recomputed_of == {"amounts": 1, "totals": 1, "sizes": 1}
    assert commit.recomputed == 3
    assert commit.changes_of(shop.sizes) == {}


def test_an_equal_value_stops_the_change(shop: Shop) -> None:
    shop.engine.set(shop.orders, 2, ("ann", "nut", 10))
    commit = shop.engine.commit()
    assert commit.recomputed_of == {"amounts": 1}
    assert set(commit.changes) == {"orders"}


def test_setting_an_equal_value_does_nothing(shop: Shop) -> None:
    shop.engine.set(shop.orders, 3, ("bob", "nut", 4))
    commit = shop.engine.commit()
    assert (commit.recomputed, commit.changes, commit.failed, commit.healed) == (0, {}, (), ())


def test_a_value_set_and_set_back_is_no_change(shop: Shop) -> None:
    shop.engine.set(shop.orders, 3, ("bob", "nut", 7))
    shop.engine.set(shop.orders, 3, ("bob", "nut", int("4")))  # equal, not the same
    commit = shop.engine.commit()
    assert commit.changes_of(shop.orders) == {}
    assert commit.changes == {}


def test_several_sets_of_one_key_show_the_first_old_and_the_last_new_value(shop: Shop) -> None:
    shop.engine.set(shop.prices, "nut", 2)
    shop.engine.set(shop.prices, "nut", 3)
    assert shop.engine.commit().changes_of(shop.prices) == {"nut": (1, 3)}


def test_removing_what_is_not_there_does_nothing(shop: Shop) -> None:
    shop.engine.set(shop.prices, "screw", None)
    assert shop.engine.commit().changes == {}


def test_a_read_of_an_absent_row_is_recorded(shop: Shop) -> None:
    shop.engine.set(shop.orders, 4, ("bob", "screw", 2))
    assert shop.engine.commit().changes_of(shop.amounts) == {}
    shop.engine.set(shop.prices, "screw", 3)
    assert shop.engine.commit().changes_of(shop.amounts) == {4: (None, ("bob", 6))}


def test_none_from_a_compute_means_no_row(shop: Shop) -> None:
    shop.engine.set(shop.prices, "bolt", None)
    commit = shop.engine.commit()
    assert commit.changes_of(shop.amounts) == {2: (("ann", 10), None)}
    assert 2 in shop.amounts.cells
    assert commit.changes_of(shop.totals) == {"ann": (13, 3)}


def test_a_row_goes_with_the_row_it_stands_for(shop: Shop) -> None:
    shop.engine.set(shop.orders, 2, None)
    commit = shop.engine.commit()
    assert commit.changes_of(shop.amounts) == {2: (("ann", 10), None)}
    assert set(shop.amounts.cells) == {1, 3}
    assert set(shop.orders.readers) == {1, 3}
    assert set(shop.prices.readers) == {"nut"}
    assert commit.recomputed_of == {"totals": 1, "sizes": 1}


def test_a_group_cell_comes_and_goes_with_its_bucket(shop: Shop) -> None:
    shop.engine.set(shop.orders, 3, None)
    assert shop.engine.commit().changes_of(shop.totals) == {"bob": (4, None)}
    assert "bob" not in shop.by_customer.readers
    shop.engine.set(shop.orders, 4, ("bob", "nut", 1))
    assert shop.engine.commit().changes_of(shop.totals) == {"bob": (None, 1)}


def test_a_row_that_moves_between_buckets_updates_both(shop: Shop) -> None:
    shop.engine.set(shop.orders, 1, ("bob", "nut", 3))
    commit = shop.engine.commit()
    assert commit.changes_of(shop.totals) == {"ann": (13, 10), "bob": (4, 7)}
    assert commit.recomputed_of["totals"] == 2


def test_a_row_removed_and_set_again_before_the_commit_is_an_ordinary_change(shop: Shop) -> None:
    shop.engine.set(shop.orders, 3, None)
    shop.engine.set(shop.orders, 3, ("bob", "nut", 6))
    commit = shop.engine.commit()
    assert commit.changes_of(shop.amounts) == {3: (("bob", 4), ("bob", 6))}
    assert commit.recomputed_of["amounts"] == 1


def test_a_row_set_and_removed_before_the_commit_leaves_no_trace(shop: Shop) -> None:
    shop.engine.set(shop.orders, 9, ("cyd", "nut", 1))
    shop.engine.set(shop.orders, 9, None)
    assert shop.engine.commit().changes == {}
    assert 9 not in shop.amounts.cells


def test_a_failing_cell_keeps_its_last_good_row_and_stops_nobody(shop: Shop) -> None:
    shop.engine.set(shop.orders, 3, ("bob", "nut", -1))
    shop.engine.set(shop.orders, 1, ("ann", "nut", 4))
    commit = shop.engine.commit()
    assert shop.totals.values == {"ann": 14, "bob": 4}
    assert str(shop.totals.errors["bob"]) == "bob owes 1"
    assert commit.failed == (("totals", "bob"),)
    assert commit.changes_of(shop.totals) == {"ann": (13, 14)}


def test_a_cell_that_fails_from_the_start_has_no_row(shop: Shop) -> None:
    shop.engine.set(shop.orders, 4, ("cyd", "nut", -1))
    shop.engine.commit()
    assert "cyd" not in shop.totals.values
    assert set(shop.totals.errors) == {"cyd"}


def test_an_error_is_reported_when_it_appears_or_changes_and_not_again(shop: Shop) -> None:
    shop.engine.set(shop.orders, 3, ("bob", "nut", -1))
    assert shop.engine.commit().failed == (("totals", "bob"),)
    shop.engine.set(shop.orders, 4, ("bob", "nut", 0))
    commit = shop.engine.commit()
    assert commit.recomputed_of["totals"] == 1
    assert commit.failed == ()
    shop.engine.set(shop.orders, 3, ("bob", "nut", -2))
    assert shop.engine.commit().failed == (("totals", "bob"),)


def test_a_failed_cell_heals_when_what_it_read_changes(shop: Shop) -> None:
    shop.engine.set(shop.orders, 3, ("bob", "nut", -1))
    shop.engine.commit()
    shop.engine.set(shop.orders, 3, ("bob", "nut", 4))
    commit = shop.engine.commit()
    assert commit.healed == (("totals", "bob"),)
    assert shop.totals.errors == {}
    assert commit.changes_of(shop.totals) == {}
    assert shop.engine.commit().healed == ()


def test_other_cells_of_a_table_with_an_error_heal_nothing(shop: Shop) -> None:
    shop.engine.set(shop.orders, 3, ("bob", "nut", -1))
    shop.engine.commit()
    shop.engine.set(shop.orders, 1, ("ann", "nut", 4))
    assert shop.engine.commit().healed == ()
    assert set(shop.totals.errors) == {"bob"}


def test_an_error_goes_with_its_cell(shop: Shop) -> None:
    shop.engine.set(shop.orders, 3, ("bob", "nut", -1))
    shop.engine.commit()
    shop.engine.set(shop.orders, 3, None)
    commit = shop.engine.commit()
    assert commit.healed == (("totals", "bob"),)
    assert commit.changes_of(shop.totals) == {"bob": (4, None)}
    assert shop.totals.errors == {}


def test_an_error_does_not_keep_the_values_of_its_compute_alive(shop: Shop) -> None:
    shop.engine.set(shop.orders, 3, ("bob", "nut", -1))
    shop.engine.commit()
    traceback = shop.totals.errors["bob"].__traceback__
    assert traceback is not None
    assert traceback.tb_next is not None
    assert traceback.tb_next.tb_frame.f_code.co_name == "total"
    assert traceback.tb_next.tb_frame.f_locals == {}


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


def test_a_cell_runs_once_however_many_stages_a_change_reaches_it_through() -> None:
    engine = Engine()
    rows: Table[str, int] = engine.input("rows")
    first: Derived[str, int] = engine.derive("first", 1, lambda reads, key: reads.get(rows, key), each=rows)
    second: Derived[str, int] = engine.derive("second", 2, lambda reads, key: reads.get(first, key), each=rows)
    pairs: list[tuple[int | None, ...]] = []

    def compare(reads: Reads, key: str) -> None:
        pairs.append((reads.get(rows, key), reads.get(first, key), reads.get(second, key)))

    engine.derive("third", 3, compare, each=rows)
    for value in (1, 2):
        engine.set(rows, "a", value)
        engine.commit()
    assert pairs == [(1, 1, 1), (2, 2, 2)]


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
        assert doubled.cells["a"].reads == (rows, "a")
        assert rows.readers == {"a": (doubled.cells["a"],)}


@pytest.mark.parametrize("stage", [1, 2])
def test_a_cell_cannot_read_a_table_of_its_own_or_a_later_stage(stage: int) -> None:
    engine = Engine()
    rows: Table[str, int] = engine.input("rows")
    late: Derived[str, int] = engine.derive("late", stage, lambda _reads, _key: 1, each=rows)
    engine.derive("early", 1, lambda reads, key: reads.get(late, key), each=rows)
    engine.set(rows, "a", 1)
    with pytest.raises(EngineError, match=f"a cell of stage 1 cannot read late of stage {stage}"):
        engine.commit()


@pytest.mark.parametrize("read", [Reads.bucket, Reads.values])
def test_a_cell_cannot_read_an_index_of_its_own_stage(
    read: Callable[[Reads, Index[str, int, int], int], list[object]],
) -> None:
    engine = Engine()
    rows: Table[str, int] = engine.input("rows")
    same: Derived[str, int] = engine.derive("same", 1, lambda _reads, _key: 1, each=rows)
    by_value = engine.index("by_value", same, lambda _, value: [value])
    engine.derive("reader", 1, lambda reads, _: read(reads, by_value, 1), each=rows)
    engine.set(rows, "a", 1)
    with pytest.raises(EngineError, match="cannot read by_value of stage 1"):
        engine.commit()


def test_after_a_broken_rule_nothing_is_lost_and_the_engine_still_works() -> None:
    engine = Engine()
    rows: Table[str, int] = engine.input("rows")
    broken = True

    def compute(reads: Reads, key: str) -> int | None:
        return reads.get(table if broken and key == "b" else rows, key)

    table: Derived[str, int] = engine.derive("table", 1, compute, each=rows)
    for key in "abc":
        engine.set(rows, key, 1)
    with pytest.raises(EngineError):
        engine.commit()
    assert table.values == {"a": 1}
    broken = False
    commit = engine.commit()
    assert commit.changes_of(table) == dict.fromkeys("abc", (None, 1))
    assert commit.recomputed == 3


def test_a_commit_after_a_broken_one_reports_errors_as_seen_from_outside() -> None:
    engine = Engine()
    rows: Table[str, int] = engine.input("rows")

    def compute(reads: Reads, key: str) -> int | None:
        value = reads.get(table if key == "z" and reads.get(rows, key) == 0 else rows, key)
        if value is not None and value < 0:
            raise ValueError(value)
        return value

    table: Derived[str, int] = engine.derive("table", 1, compute, each=rows)

    def put(good: int, bad: int, breaking: int) -> None:
        for key, value in (("good", good), ("bad", bad), ("z", breaking)):
            engine.set(rows, key, value)

    put(good=1, bad=-1, breaking=1)
    assert engine.commit().failed == (("table", "bad"),)
    put(good=-2, bad=-2, breaking=0)
    with pytest.raises(EngineError):
        engine.commit()
    assert set(table.errors) == {"good", "bad"}
    put(good=3, bad=-1, breaking=3)
    commit = engine.commit()
    assert (commit.failed, commit.healed) == ((), ())
    assert commit.changes_of(table) == {"good": (1, 3), "z": (1, 3)}


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
    engine.derive("table", 1, lambda _, key: engine.set(rows, key, 2), each=rows)
    engine.set(rows, "a", 1)
    with pytest.raises(EngineError, match="a compute can only read"):
        engine.commit()
    assert rows.values == {"a": 1}


def test_only_inputs_of_this_engine_can_be_set(shop: Shop) -> None:
    foreign: Table[str, int] = Engine().input("prices")
    for table in (shop.totals, foreign):
        with pytest.raises(EngineError, match="is not an input of this engine"):
            shop.engine.set(table, "ann", 1)


def test_names_are_unique_among_tables_and_indexes(shop: Shop) -> None:
    with pytest.raises(EngineError, match="named orders already"):
        shop.engine.input("orders")
    with pytest.raises(EngineError, match="named by_size already"):
        shop.engine.derive("by_size", 1, lambda _reads, _key: None, each=shop.orders)
    with pytest.raises(EngineError, match="named totals already"):
        shop.engine.index("totals", shop.orders, lambda _key, _value: ())
    assert shop.orders.indexes == []


def test_a_derived_table_follows_exactly_one_origin_of_an_earlier_stage(shop: Shop) -> None:
    with pytest.raises(EngineError, match="give exactly one of each and group"):
        shop.engine.derive("none", 1, lambda _reads, _key: None)
    with pytest.raises(EngineError, match="give exactly one of each and group"):
        shop.engine.derive("both", 4, lambda _reads, _key: None, each=shop.totals, group=shop.by_customer)
    with pytest.raises(EngineError, match="of stage 0 cannot follow orders of stage 0"):
        shop.engine.derive("early", 0, lambda _reads, _key: None, each=shop.orders)
    with pytest.raises(EngineError, match="of stage 1 cannot follow by_customer of stage 1"):
        shop.engine.derive("early", 1, lambda _reads, _key: None, group=shop.by_customer)


def test_tables_and_indexes_can_be_added_to_a_filled_graph(shop: Shop) -> None:
    by_article = shop.engine.index("by_article", shop.orders, lambda _, order: [order[1]])
    sold: Derived[str, int] = shop.engine.derive(
        "sold",
        1,
        lambda reads, article: sum(order[2] for _, order in reads.values(by_article, article)),
        group=by_article,
    )
    commit = shop.engine.commit()
    assert commit.changes_of(sold) == {"nut": (None, 7), "bolt": (None, 2)}
    assert list(shop.engine.tables) == ["orders", "prices", "amounts", "totals", "sizes", "sold"]


def test_cells_run_in_the_order_of_marking() -> None:
    engine = Engine()
    rows: Table[int, int] = engine.input("rows")
    ran: list[int] = []

    def compute(reads: Reads, key: int) -> int | None:
        ran.append(key)
        return reads.get(rows, key)

    engine.derive("table", 1, compute, each=rows)
    keys = [(7 * number) % 31 for number in range(31)]
    for key in keys:
        engine.set(rows, key, 1)
    engine.commit()
    assert ran == keys


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
