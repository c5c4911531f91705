"""Header changes, and the Host header among them."""

from typing import Any

import pytest
from tests.unit.semantics.objects import decode

from lateen.ir.route import NO_OPS, HeaderOps
from lateen.model.routeaction import HeadersSpec
from lateen.semantics.headers import authority_of, header_ops


def headers(**fields: Any) -> HeadersSpec:
    return decode(HeadersSpec, fields)


def test_no_block_changes_nothing() -> None:
    assert header_ops(None) is NO_OPS
    assert header_ops(headers()) == NO_OPS
    assert authority_of(None) == ""


def test_changes_are_sorted_by_name_and_removals_stay_in_order() -> None:
    changes = {"set": {"b": "1", "a": "2", "B": "3"}, "add": {"d": "4", "c": "5"}, "remove": ["z", "y"]}
    assert header_ops(headers(request=changes, response=changes)) == HeaderOps(
        request_set=(("B", "3"), ("a", "2"), ("b", "1")),
        request_add=(("c", "5"), ("d", "4")),
        request_remove=("z", "y"),
        response_set=(("B", "3"), ("a", "2"), ("b", "1")),
        response_add=(("c", "5"), ("d", "4")),
        response_remove=("z", "y"),
    )


def test_host_and_pseudo_headers_are_not_changed_as_headers() -> None:
    special = {"Host": "b.com", ":authority": "c.com", ":path": "/x", "x": "1"}
    ops = header_ops(headers(request={"set": special, "remove": ["HOST", ":path", "y"]}))
    assert (ops.request_set, ops.request_remove) == ((("x", "1"),), ("y",))


@pytest.mark.parametrize(
    ("fields", "host"),
    [
        ({"request": {"set": {"Host": "a"}}}, "a"),
        ({"request": {"add": {"hOST": "a"}}}, "a"),
        ({"request": {"set": {":Authority": "a"}}}, "a"),
        ({"request": {"set": {"host": "set"}, "add": {"host": "add"}}}, "set"),
        ({"request": {"set": {"x": "1"}}}, ""),
        ({"response": {"set": {"host": "a"}}}, ""),
        ({}, ""),
    ],
)
def test_the_host_is_asked_for_by_set_before_add(fields: dict[str, Any], host: str) -> None:
    assert authority_of(headers(**fields)) == host
