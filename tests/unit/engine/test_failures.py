"""A cell that fails keeps its last good row, is reported once, and heals."""

import pytest
from tests.unit.engine.shop import Shop

from lateen.engine import Derived, Engine, EngineError, Reads, Table


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


class InterruptError(BaseException):
    """Ends a commit from outside, as Ctrl-C does."""


def test_a_cell_that_breaks_a_rule_of_the_graph_fails_alone() -> None:
    engine = Engine()
    rows: Table[str, int] = engine.input("rows")
    table: Derived[str, int] = engine.derive(
        "table", 1, lambda reads, key: reads.get(table if reads.get(rows, key) == 0 else rows, key), each=rows
    )
    for key in "abc":
        engine.set(rows, key, 1)
    engine.commit()
    for key, value in (("a", 2), ("b", 0), ("c", 2)):
        engine.set(rows, key, value)
    commit = engine.commit()
    assert commit.failed == (("table", "b"),)
    assert isinstance(table.errors["b"], EngineError)
    assert table.values == {"a": 2, "b": 1, "c": 2}
    engine.set(rows, "b", 3)
    assert engine.commit().healed == (("table", "b"),)
    assert table.values == {"a": 2, "b": 3, "c": 2}


def test_after_an_interrupt_nothing_is_lost_and_the_engine_still_works() -> None:
    engine = Engine()
    rows: Table[str, int] = engine.input("rows")
    broken = True

    def compute(reads: Reads, key: str) -> int | None:
        if broken and key == "b":
            raise InterruptError
        return reads.get(rows, key)

    table: Derived[str, int] = engine.derive("table", 1, compute, each=rows)
    for key in "abc":
        engine.set(rows, key, 1)
    with pytest.raises(InterruptError):
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
        value = reads.get(rows, key)
        if key == "z" and value == 0:
            raise InterruptError
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
    with pytest.raises(InterruptError):
        engine.commit()
    assert set(table.errors) == {"good", "bad"}
    put(good=3, bad=-1, breaking=3)
    commit = engine.commit()
    assert (commit.failed, commit.healed) == ((), ())
    assert commit.changes_of(table) == {"good": (1, 3), "z": (1, 3)}


def test_what_is_tried_before_a_commit_is_told_by_it_as_a_whole() -> None:
    engine = Engine()
    rows: Table[str, int] = engine.input("rows")

    def compute(reads: Reads, key: str) -> int:
        return 10 // (reads.get(rows, key) or 0)

    table: Derived[str, int] = engine.derive("table", 1, compute, each=rows)
    engine.set(rows, "a", 1)
    engine.set(rows, "b", 1)
    engine.commit()
    engine.set(rows, "a", 0)
    engine.set(rows, "b", 2)
    engine.settle()
    assert [(failed.name, key) for failed, key in engine.failing()] == [("table", "a")]
    engine.set(rows, "a", 5)
    engine.settle()
    assert engine.failing() == []
    commit = engine.commit()
    assert commit.changes_of(table) == {"a": (10, 2), "b": (10, 5)}
    assert (commit.failed, commit.healed) == ((), ())


def test_an_error_without_words_is_an_error_as_well() -> None:
    class SpeechlessError(Exception):
        def __str__(self) -> str:
            raise ValueError("no words")

    engine = Engine()
    rows: Table[str, int] = engine.input("rows")

    def compute(_: Reads, _key: str) -> int:
        raise SpeechlessError

    engine.derive("table", 1, compute, each=rows)
    engine.set(rows, "a", 1)
    assert engine.commit().failed == (("table", "a"),)
    engine.set(rows, "a", 2)
    assert engine.commit().failed == ()
