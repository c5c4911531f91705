"""Field types that several kinds share."""

from enum import StrEnum
from typing import Annotated, Any

import pytest
from pydantic import BeforeValidator, TypeAdapter, ValidationError

from lateen.model.schema import parse_duration
from lateen.model.values import (
    Flag,
    Int32,
    Number,
    Percent,
    PortSelector,
    StringMatch,
    UInt32,
    UInt64,
    enumeration,
)


class Color(StrEnum):
    RED = "RED"
    GREEN = "GREEN"


class Sparse(StrEnum):
    LOW = "LOW"
    HIGH = "HIGH"

    @staticmethod
    def numbers() -> dict[int, "Sparse"]:
        return {0: Sparse.LOW, 7: Sparse.HIGH}


def read(field: Any, value: object) -> Any:
    return TypeAdapter(field).validate_python(value)


@pytest.mark.parametrize(("value", "expected"), [(80, 80), ("80", 80), (80.0, 80), ("0", 0), (-3, -3), ("-3", -3)])
def test_a_whole_number_may_be_quoted(value: object, expected: int) -> None:
    assert read(Int32, value) == expected


@pytest.mark.parametrize("value", [True, 1.5, "1.0", "0x10", " 1", "007", "", None, [], 2**31, "-2147483649"])
def test_what_is_no_whole_number_of_32_bits_is_refused(value: object) -> None:
    with pytest.raises(ValidationError):
        read(Int32, value)


def test_numbers_without_sign_keep_to_their_size() -> None:
    assert read(UInt32, 2**32 - 1) == 2**32 - 1
    assert read(UInt64, str(2**64 - 1)) == 2**64 - 1
    too_big: list[tuple[Any, object]] = [(UInt32, -1), (UInt32, 2**32), (UInt64, 2**64)]
    for field, value in too_big:
        with pytest.raises(ValidationError):
            read(field, value)


@pytest.mark.parametrize(("value", "expected"), [(0.5, 0.5), (1, 1.0), ("2.5", 2.5), ("1e2", 100.0)])
def test_a_number_may_be_quoted(value: object, expected: float) -> None:
    assert read(Number, value) == expected


@pytest.mark.parametrize("value", ["NaN", "inf", float("nan"), float("inf"), "1e999", True, None, "one"])
def test_a_number_is_finite(value: object) -> None:
    with pytest.raises(ValidationError):
        read(Number, value)


@pytest.mark.parametrize("value", ["true", 1, 0, "yes", None])
def test_a_flag_is_neither_text_nor_number(value: object) -> None:
    with pytest.raises(ValidationError):
        read(Flag, value)


def test_an_enumeration_is_read_by_exact_name_or_number() -> None:
    color = Annotated[Color, BeforeValidator(enumeration(Color))]
    assert read(color, "GREEN") is Color.GREEN
    assert read(color, 1) is Color.GREEN
    wrong: list[object] = ["green", 2, -1, "1", True, None, [], {}]
    for value in wrong:
        with pytest.raises(ValidationError, match="one of RED, GREEN is expected"):
            read(color, value)


def test_an_enumeration_with_gaps_says_its_numbers() -> None:
    sparse = Annotated[Sparse, BeforeValidator(enumeration(Sparse))]
    assert read(sparse, 7) is Sparse.HIGH
    with pytest.raises(ValidationError):
        read(sparse, 1)


def test_a_string_match_compares_in_one_way_or_asks_for_presence() -> None:
    assert read(StringMatch, {}) == StringMatch()
    assert read(StringMatch, {"regex": "a.*"}) == StringMatch(regex="a.*")
    with pytest.raises(ValidationError, match="only one of exact, prefix and regex"):
        read(StringMatch, {"exact": "a", "prefix": "b"})


def test_zero_is_the_value_of_an_empty_port_or_percentage() -> None:
    assert read(PortSelector, {}).number == 0
    assert read(Percent, {}).value == 0.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("5s", 5.0), ("1h30m", 5400.0), ("100ms", 0.1), ("1.5s", 1.5), ("0", 0.0), ("-1s", -1.0), (".5s", 0.5)],
)
def test_a_duration_is_written_as_in_go(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("value", [5, 5.0, "5", "s", "", "-", "+-5s", "5 s", "1d", "5s ", None, "9999999999999h"])
def test_what_is_no_duration_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration(value)
