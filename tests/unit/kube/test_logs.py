"""Times of log lines. Following logs needs a server, and is tested with one."""

import pytest

from lateen.kube.logs import read_time

SECOND = 1_795_890_685 * 1_000_000_000


@pytest.mark.parametrize(
    ("text", "nanos"),
    [
        (b"2026-11-28T18:31:25.477000123Z", SECOND + 477_000_123),
        (b"2026-11-28T19:31:25.477000123+01:00", SECOND + 477_000_123),
        (b"2026-11-28T18:31:25.4Z", SECOND + 400_000_000),
        (b"2026-11-28T18:31:25.4770001239Z", SECOND + 477_000_123),
        (b"2026-11-28T18:31:25Z", SECOND),
    ],
)
def test_times_are_read_to_the_nanosecond(text: bytes, nanos: int) -> None:
    assert read_time(text) == nanos


@pytest.mark.parametrize("text", [b"", b"failed", b"2026-11-28T18:31:25.4", b"2026-13-28T18:31:25.4Z", b"\xff.1Z"])
def test_other_words_are_no_times(text: bytes) -> None:
    assert read_time(text) is None
