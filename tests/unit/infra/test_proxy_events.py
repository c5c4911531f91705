"""Lines of a proxy's event log. Those here are Envoy's own (1.40), with other names."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lateen.infra.proxy_events import (
    Cause,
    HostEjected,
    HostReturned,
    Limit,
    PoolOverflowed,
    read_event,
)

EJECTED = (
    b'{"type":"CONSECUTIVE_5XX","timestamp":"2026-11-28T18:31:25.477Z","cluster_name":"outbound|80|v1|bad.test",'
    b'"upstream_url":"127.0.0.1:19912","action":"EJECT","num_ejections":1,"enforced":true,"eject_consecutive_event":{}}'
)
RETURNED = (
    b'{"type":"CONSECUTIVE_5XX","timestamp":"2026-11-28T18:31:27Z","secs_since_last_action":"2",'
    b'"cluster_name":"outbound|80|v1|bad.test","upstream_url":"[::1]:19912","action":"UNEJECT","num_ejections":1,'
    b'"enforced":false}'
)
CLUSTER = "outbound|80|v1|bad.test"


def changed(line: bytes, **fields: object) -> bytes:
    return json.dumps({**json.loads(line), **fields}).encode()


def overflow(details: str | None) -> bytes:
    return json.dumps({"cluster": CLUSTER, "details": details, "lateen": "overflow"}, separators=(",", ":")).encode()


def test_an_ejection_is_read() -> None:
    assert read_event(EJECTED) == HostEjected(1795890685.477, CLUSTER, "127.0.0.1:19912", Cause.CONSECUTIVE_5XX)


def test_an_ejection_tells_how_often_and_after_which_rest() -> None:
    event = read_event(changed(EJECTED, num_ejections=3, secs_since_last_action="41"))
    assert isinstance(event, HostEjected)
    assert (event.number, event.rested) == (3, 41)


def test_a_return_is_read() -> None:
    assert read_event(RETURNED) == HostReturned(1795890687.0, CLUSTER, "[::1]:19912")


def test_an_ejection_that_is_not_enforced_is_none() -> None:
    assert read_event(changed(EJECTED, enforced=False)) is None


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("CONSECUTIVE_GATEWAY_FAILURE", Cause.CONSECUTIVE_GATEWAY_FAILURE),
        ("CONSECUTIVE_LOCAL_ORIGIN_FAILURE", Cause.CONSECUTIVE_LOCAL_ORIGIN_FAILURE),
        ("SUCCESS_RATE", Cause.OTHER),
        (None, Cause.OTHER),
    ],
)
def test_causes_are_told_apart(name: str | None, cause: Cause) -> None:
    event = read_event(changed(EJECTED, type=name))
    assert isinstance(event, HostEjected)
    assert event.cause is cause


@pytest.mark.parametrize(
    ("details", "limit"),
    [
        ("upstream_reset_before_response_started{overflow}", Limit.REQUEST),
        ("via_upstream", Limit.RETRY),
        (None, Limit.CONNECTION),
    ],
)
def test_overflows_are_read_with_the_sort_of_limit(details: str | None, limit: Limit) -> None:
    assert read_event(overflow(details)) == PoolOverflowed(CLUSTER, limit)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[2026-11-28 18:31:31.488][1][warning][main] something",
        b"{",
        b"{}",
        b'{"lateen":"overflow"}',
        b'{"lateen":"overflow","cluster":1}',
        b'{"cluster":"a","is":{"lateen":"overflow"}}',
        b'{"message":"by somebody else","action":"EJECT"}',
        EJECTED[:-5],
        changed(EJECTED, timestamp="yesterday"),
        changed(EJECTED, timestamp=None),
        changed(EJECTED, upstream_url=None),
        changed(EJECTED, action="SWAP"),
        b'{"a":' * 100_000,
    ],
)
def test_everything_else_is_nobodys_event(line: bytes) -> None:
    assert read_event(line) is None


@given(
    st.dictionaries(
        st.sampled_from([*json.loads(EJECTED), "secs_since_last_action", "lateen", "cluster", "details"]),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text()),
    )
)
def test_nothing_that_is_written_raises(fields: dict[str, object]) -> None:
    read_event(json.dumps({**json.loads(EJECTED), **fields}).encode())
    read_event(json.dumps(fields).encode())
