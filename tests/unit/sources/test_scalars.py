"""Plain scalars mean what they mean to `kubectl`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lateen.sources.scalars import NotJsonError, Scalar, print_key, resolve_plain, resolve_tagged


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("yes", True),
        ("on", True),
        ("y", True),
        ("off", False),
        ("N", False),
        ("0", 0),
        ("8080", 8080),
        ("-3", -3),
        ("+3", 3),
        ("1_000", 1000),
        ("0x1F", 31),
        ("-0x10", -16),
        ("0o17", 15),
        ("017", 15),
        ("0b101", 5),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("08", 8.0),
        ("18446744073709551615", 18446744073709551615),
    ],
)
def test_a_plain_scalar_has_the_value_that_go_yaml_gives_it(text: str, value: Scalar) -> None:
    resolved = resolve_plain(text)
    assert resolved == value
    assert type(resolved) is type(value)


@pytest.mark.parametrize(
    "text",
    ["2024-01-01", "2024-01-01T10:00:00Z", "1:30", "190:20:30", "nO", "yEs", "1.2.3", "10.0.0.1", "5s", "-", ".", "0x",
     "1e999", "<<", "_1", "0b2", "-.5.5"],
)  # fmt: skip
def test_dates_times_and_near_numbers_stay_text(text: str) -> None:
    assert resolve_plain(text) == text


@pytest.mark.parametrize("text", [".inf", "-.INF", "+.Inf", ".nan", ".NaN"])
def test_numbers_that_json_cannot_hold_are_refused(text: str) -> None:
    with pytest.raises(NotJsonError, match="is not a number that an object can hold"):
        resolve_plain(text)


@given(st.text())
def test_every_text_has_a_value_or_a_refusal(text: str) -> None:
    try:
        resolved = resolve_plain(text)
    except NotJsonError:
        return
    assert isinstance(resolved, str | int | float | bool | None)


def test_a_long_row_of_digits_becomes_a_float_instead_of_an_endless_integer() -> None:
    assert resolve_plain("1" * 50) == pytest.approx(1.1111111111111111e49)


def test_tags_decide_over_the_looks_of_a_scalar() -> None:
    assert resolve_tagged("tag:yaml.org,2002:str", "8080") == "8080"
    assert resolve_tagged("!", "yes") == "yes"
    assert resolve_tagged("tag:yaml.org,2002:int", "8080") == 8080
    assert resolve_tagged("tag:yaml.org,2002:float", "1") == 1.0
    assert resolve_tagged("tag:yaml.org,2002:null", "") is None
    assert resolve_tagged("tag:yaml.org,2002:bool", "on") is True
    assert resolve_tagged("tag:yaml.org,2002:timestamp", "2024-01-01") == "2024-01-01"


@pytest.mark.parametrize(
    ("tag", "text", "message"),
    [
        ("!secret", "x", "the tag !secret is not supported"),
        ("tag:yaml.org,2002:binary", "eA==", "not supported"),
        ("tag:yaml.org,2002:int", "x", "'x' cannot be read as !!int"),
        ("tag:yaml.org,2002:int", "true", "cannot be read as !!int"),
    ],
)
def test_unknown_and_unfitting_tags_are_refused(tag: str, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        resolve_tagged(tag, text)


def test_keys_are_text_as_json_needs_it() -> None:
    assert [print_key(value) for value in ("a", 8080, True, False, 1.5, 2.0)] == [
        "a",
        "8080",
        "true",
        "false",
        "1.5",
        "2",
    ]
    with pytest.raises(ValueError, match="null cannot be a key"):
        print_key(None)
