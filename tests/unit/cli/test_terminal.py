"""Numbers and tables for people."""

import pytest

from lateen.cli.terminal import ago, count, milliseconds, table


@pytest.mark.parametrize(
    ("number", "noun", "expected"), [(1, "file", "1 file"), (0, "file", "0 files"), (2, "proxy", "2 proxies")]
)
def test_nouns_follow_their_numbers(number: int, noun: str, expected: str) -> None:
    assert count(number, noun) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0.00042, "0.4 ms"), (0.0123, "12 ms"), (0.999, "999 ms"), (1.5, "1.50 s")]
)
def test_short_times_are_in_milliseconds(seconds: float, expected: str) -> None:
    assert milliseconds(seconds) == expected


@pytest.mark.parametrize(("seconds", "expected"), [(4.2, "4 s"), (90.0, "2 min"), (7300.0, "2 h")])
def test_long_times_have_one_unit(seconds: float, expected: str) -> None:
    assert ago(seconds) == expected


def test_columns_are_aligned() -> None:
    assert table([("a", "bb", "c"), ("aaa", "b", "")], " ") == [" a    bb  c", " aaa  b"]
    assert table([]) == []
