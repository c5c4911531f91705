"""The rules of the engine, one by one; those about reads and failures stand apart."""

import pytest
from tests.unit.engine.shop import Shop

from lateen.engine import Derived, Engine, EngineError, Reads, Table


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
