"""Times as people type them."""

import click
import pytest

from lateen.cli.durations import Duration


@pytest.mark.parametrize(
    ("text", "seconds"), [("60s", 60), ("5", 5), ("0", 0), ("1.5s", 1.5), ("2m", 120), ("1h30m", 5400)]
)
def test_times_are_read(text: str, seconds: float) -> None:
    assert Duration().convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-1s", "5d", "1s2m"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is not a time"):
        Duration().convert(text, None, None)
