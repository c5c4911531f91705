"""However a list is cut, all of it is there."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from lateen.kube.lists import decode_list


def custom(name: str, **parts: Any) -> dict[str, Any]:
    metadata = {"name": name}
    return {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": metadata, **parts}


def builtin(name: str, **parts: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, **parts}


def write(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def join(pieces: list[Mapping[str, Any]]) -> dict[str, Any]:
    assert ["metadata" in piece for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    return {**pieces[-1], "items": [item for piece in pieces for item in piece["items"]]}


CUSTOM = {
    "apiVersion": "networking.istio.io/v1",
    "items": [custom(f"cart-{number}", spec={"hosts": ["ü"]}) for number in range(9)],
    "kind": "VirtualServiceList",
    "metadata": {"resourceVersion": "7"},
}
BUILTIN = {
    "kind": "ServiceList",
    "apiVersion": "v1",
    "metadata": {"resourceVersion": "7"},
    "items": [builtin(f"cart-{number}") for number in range(9)],
}


@pytest.mark.parametrize("listed", [CUSTOM, BUILTIN])
@pytest.mark.parametrize("piece", [1, 50, 100, 10_000])
def test_a_list_is_the_sum_of_its_pieces(listed: dict[str, Any], piece: int) -> None:
    pieces = list(decode_list(write(listed), piece))
    assert join(pieces) == listed
    assert (len(pieces) > 1) == (piece < 1000)


@pytest.mark.parametrize("items", [[], [builtin("cart")], None])
def test_short_lists_are_one_piece(items: list[Any] | None) -> None:
    listed: dict[str, Any] = {"kind": "PodList", "metadata": {}, "items": items}
    assert list(decode_list(write(listed), 1)) == [listed]


def test_what_looks_like_the_next_object_inside_of_one_is_no_place_to_cut() -> None:
    inner = [builtin("a"), builtin("b"), builtin("c")]
    listed = {"metadata": {}, "items": [builtin("cart", templates=inner), builtin("basket", templates=inner)]}
    assert join(list(decode_list(write(listed), 1))) == listed


def test_objects_in_another_order_of_fields_are_one_piece() -> None:
    listed: dict[str, Any] = {"metadata": {}, "items": [{"spec": {}, "metadata": {"name": name}} for name in "abc"]}
    assert list(decode_list(write(listed), 1)) == [listed]


def test_text_with_the_beginning_of_an_object_is_no_place_to_cut() -> None:
    trap = '},{"metadata":{"name":"'
    listed = {"metadata": {}, "items": [builtin(name, data={trap: trap}) for name in "abcd"]}
    assert join(list(decode_list(write(listed), 1))) == listed


@pytest.mark.parametrize("body", [b"", b"gateway timeout", write(CUSTOM)[:-30]])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        list(decode_list(body, 100))
