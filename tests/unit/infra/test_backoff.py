"""Pauses grow, have a limit, and forget after a healthy life."""

import pytest

from lateen.infra.backoff import FIRST, HEALTHY, LONGEST, Backoff


def test_pauses_double_up_to_the_limit() -> None:
    backoff = Backoff(lambda: 0.0)
    assert [backoff.pause(0.0) for _ in range(8)] == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2, 6.4, LONGEST, LONGEST])


def test_a_healthy_life_begins_anew() -> None:
    backoff = Backoff(lambda: 0.0)
    for _ in range(5):
        backoff.pause(0.0)
    assert backoff.pause(HEALTHY) == FIRST


def test_chance_shortens_a_pause_by_a_fifth_at_most() -> None:
    assert Backoff(lambda: 1.0).pause(0.0) == pytest.approx(FIRST * 0.8)
