"""The compact ordered set."""

import pytest

from lateen.engine.members import FEW, SHRINK_AT, Members, with_item, without_item


def filled(count: int) -> Members[int]:
    members: Members[int] | None = None
    for item in range(count):
        members = with_item(members, item)
    assert members is not None
    return members


@pytest.mark.parametrize("count", [1, 2, FEW, FEW + 1, 50])
def test_items_come_in_the_order_of_adding(count: int) -> None:
    assert list(filled(count)) == list(range(count))


def test_few_items_are_a_tuple_and_more_a_dict() -> None:
    assert isinstance(filled(FEW), tuple)
    assert isinstance(filled(FEW + 1), dict)


@pytest.mark.parametrize("count", [1, 2, FEW, FEW + 1, 50])
def test_taking_items_away_keeps_the_order_of_the_others(count: int) -> None:
    members = filled(count)
    for item in range(count):
        members = without_item(members, item)
        assert list(members) == list(range(item + 1, count))
    assert members == ()


def test_a_dict_becomes_a_tuple_only_when_it_is_well_below_the_limit() -> None:
    members = filled(FEW + 1)
    shapes = []
    for item in range(FEW + 1):
        members = without_item(members, item)
        shapes.append(type(members))
    assert shapes == [dict] * (FEW - SHRINK_AT) + [tuple] * (SHRINK_AT + 1)
