"""Retries: the default, what switches them off, and how conditions and codes are told apart."""

from typing import Any

import pytest
from tests.unit.semantics.objects import decode

from lateen.ir.route import Retry
from lateen.model.routeaction import RetriesSpec
from lateen.semantics.retry import DEFAULT_CONDITIONS, lower_retries, split_conditions


def lower(*, sticky: bool = False, **fields: Any) -> Retry | None:
    return lower_retries(decode(RetriesSpec, fields), sticky=sticky)


def test_without_a_block_there_are_two_retries_on_connection_failures() -> None:
    assert lower_retries(None, sticky=False) == Retry(2, DEFAULT_CONDITIONS)
    assert not {"5xx", "gateway-error"} & set(DEFAULT_CONDITIONS)


@pytest.mark.parametrize("attempts", [0, -1])
def test_no_attempts_are_no_retries(attempts: int) -> None:
    assert lower(attempts=attempts) is None
    assert lower() is None


def test_attempts_alone_keep_the_default_conditions() -> None:
    assert lower(attempts=3) == Retry(3, DEFAULT_CONDITIONS)


def test_every_field_is_taken_over() -> None:
    assert lower(attempts=3, retryOn="5xx", perTryTimeout="1s", backoff="20ms", retryRemoteLocalities=True) == Retry(
        3, ("5xx",), per_try_timeout=1.0, backoff=0.02, other_localities=True
    )


@pytest.mark.parametrize(
    ("text", "conditions", "codes"),
    [
        ("5xx,reset", ("5xx", "reset"), ()),
        ("503,gateway-error", ("gateway-error", "retriable-status-codes"), (503,)),
        ("503,504", ("retriable-status-codes",), (503, 504)),
        ("retriable-status-codes,503", ("retriable-status-codes",), (503,)),
        ("retriable-status-codes", ("retriable-status-codes",), ()),
    ],
)
def test_status_codes_are_told_apart(text: str, conditions: tuple[str, ...], codes: tuple[int, ...]) -> None:
    assert split_conditions(text) == (conditions, codes)


@pytest.mark.parametrize(
    ("wanted", "sticky", "avoids"),
    [(None, False, True), (None, True, False), (True, True, True), (False, False, False), (True, False, True)],
)
def test_another_host_is_tried_unless_a_hash_or_the_user_says_otherwise(
    *, wanted: bool | None, sticky: bool, avoids: bool
) -> None:
    fields = {} if wanted is None else {"retryIgnorePreviousHosts": wanted}
    retry = lower(sticky=sticky, attempts=1, **fields)
    assert retry is not None
    assert retry.avoid_previous_hosts is avoids
    default = lower_retries(None, sticky=sticky)
    assert default is not None
    assert default.avoid_previous_hosts is not sticky
