"""Calls of traffic cases are judged by each expectation they have, and by none that is not understood."""

from typing import Any

import pytest
from tests.parity.exchange import Answer, Exchange, differences_of, is_statistical, unjudged

ECHO = {"backend": "cart", "target": "/a", "protocol": "HTTP/1.1", "headers": {"host": "cart.test", "x-user": "ann"}}
ANSWER = Answer(200, {"x-added": "yes"}, ECHO)


def wrong(expect: dict[str, Any], *answers: Answer, **copies: int) -> list[str]:
    return differences_of(expect, Exchange(answers or (ANSWER,), copies))


@pytest.mark.parametrize(
    "expect",
    [
        {"error": False},
        {"status": 200},
        {"status_not": 503},
        {"any_of": [{"status": 503}, {"status": 200}]},
        {"response_headers": {"X-Added": "yes", "X-Removed": ""}},
        {"upstream_request_headers": {"X-User": "ann", "X-Removed": ""}},
        {"upstream_host": "cart.test", "upstream_url": "/a"},
        {"upstream_protocol": "HTTP/1.1", "upstream_service": "cart"},
    ],
)
def test_an_answer_that_is_as_expected_has_no_differences(expect: dict[str, Any]) -> None:
    assert wrong(expect) == []


@pytest.mark.parametrize(
    "expect",
    [
        {"error": True},
        {"status": 404},
        {"status_not": 200},
        {"any_of": [{"status": 503}, {"status": 404}]},
        {"response_headers": {"X-Added": ""}},
        {"response_headers": {"X-Added": "no"}},
        {"upstream_request_headers": {"X-User": "bob"}},
        {"upstream_host": "pay.test"},
        {"upstream_url": "/b"},
        {"upstream_protocol": "HTTP/2"},
        {"upstream_service": "pay"},
    ],
)
def test_an_answer_that_is_not_as_expected_has_one(expect: dict[str, Any]) -> None:
    assert len(wrong(expect)) == 1


def test_one_wrong_answer_among_many_is_found() -> None:
    assert wrong({"status": 200}, ANSWER, Answer(503, {}), ANSWER) == ["status 200 is expected, got 503"]


def test_a_connection_that_fails_is_an_error() -> None:
    failed = Answer(error="ConnectError: refused")
    assert wrong({"error": True}, failed) == []
    assert wrong({"status": 200}, failed) == ["status 200 is expected, got ConnectError: refused"]


def test_shares_hold_within_their_bounds() -> None:
    other = Answer(200, {}, {**ECHO, "backend": "pay"})
    expect = {"upstream_share": {"of_count": 10, "tolerance": 10, "by_hostname_prefix": {"cart": 80, "pay": 20}}}
    assert wrong(expect, *[ANSWER] * 7, *[other] * 3) == []
    assert len(wrong(expect, *[ANSWER] * 5, *[other] * 5)) == 2
    assert is_statistical(expect)


def test_one_backend_means_one() -> None:
    other = Answer(200, {}, {**ECHO, "backend": "pay"})
    assert wrong({"same_upstream_hostname": True}, ANSWER, ANSWER) == []
    assert len(wrong({"same_upstream_hostname": True}, ANSWER, other)) == 1


@pytest.mark.parametrize(("copies", "count"), [(2, 0), (1, 1), (0, 1)])
def test_copies_are_counted(copies: int, count: int) -> None:
    expect = {"mirrored_to": "pay", "mirrored_percent": 100.0, "mirrored_percent_tolerance": 0.0}
    assert len(wrong(expect, ANSWER, ANSWER, pay=copies)) == count


@pytest.mark.parametrize(
    ("call", "reasons"),
    [
        ({"scheme": "http", "expect": {"status": 200}}, []),
        ({"scheme": "tcp", "message": "hello", "expect": {}}, ["a call with scheme", "a call with message"]),
        ({"scheme": "http", "tls": {"sni": "a"}, "expect": {}}, ["a call with tls"]),
        ({"scheme": "http", "expect": {"grpc_status": 0}}, ["expectation grpc_status"]),
    ],
)
def test_what_is_not_understood_is_never_passed(call: dict[str, Any], reasons: list[str]) -> None:
    assert list(unjudged(call)) == reasons
