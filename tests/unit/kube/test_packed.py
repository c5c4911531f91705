"""Packed objects read like the objects they were made of."""

import json
from typing import Any

from lateen.kube.packed import Packed, pack

CART: dict[str, Any] = {"metadata": {"name": "cart", "labels": None}, "spec": {"ports": [80, True, 1.5, "ü"]}}


def test_a_packed_object_is_a_mapping_equal_to_the_object() -> None:
    packed = Packed(pack(CART))
    assert packed == CART
    assert {**packed} == CART
    assert (len(packed), "spec" in packed, packed.get("status")) == (2, True, None)


def test_equal_objects_are_packed_equally_whatever_they_share() -> None:
    shared = json.loads('{"name": "cart"}')
    assert pack([shared["name"], shared["name"]]) == pack(json.loads('["cart", "cart"]'))


def test_an_object_is_decoded_once() -> None:
    packed = Packed(pack(CART))
    assert packed["spec"] is packed["spec"]
