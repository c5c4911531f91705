"""What objects of a class are called."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lateen.infra.naming import LONGEST, labels_of, object_name, secret_name
from lateen.ir.proxy import ProxyId
from lateen.semantics.selectors import selector_name

LABEL = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")


def name_of(selector: str) -> str:
    return object_name(ProxyId("shop", selector))


@pytest.mark.parametrize(
    ("selector", "name"),
    [
        ("istio=ingressgateway", "lateen-ingressgateway"),
        ("istio=edge-2", "lateen-edge-2"),
        ("istio=" + "a" * 43, "lateen-" + "a" * 43),
        ("app=edge", "lateen-app-edge-5372ac16"),
        ("app=edge,istio=ingressgateway", "lateen-app-edge-istio-ingressgateway-c323370d"),
        ("istio=xds", "lateen-istio-xds-0efa4631"),
        ("istio=Edge", "lateen-istio-edge-f818fcb2"),
        ("all", "lateen-all-5ef5ef03"),
        ("istio=", "lateen-istio-39888302"),
    ],
)
def test_names_tell_the_selector(selector: str, name: str) -> None:
    assert name_of(selector) == name


def test_a_name_with_a_hash_is_no_selectors_plain_name() -> None:
    hashed = name_of("app=edge")
    assert name_of("istio=" + hashed.removeprefix("lateen-")) != hashed
    assert name_of("istio=0123abcd") != "lateen-0123abcd"


@given(st.one_of(st.text(), st.from_regex(r"istio=[a-zA-Z0-9.-]{0,60}", fullmatch=True)))
def test_every_name_is_a_label_with_room_for_endings(selector: str) -> None:
    name = name_of(selector)
    assert LABEL.fullmatch(name)
    assert len(name) <= LONGEST
    assert secret_name(ProxyId("shop", selector)) == f"{name}-xds"


SELECTORS = st.dictionaries(st.sampled_from(["istio", "app", "a-b", "a"]), st.text("ab-=,%A.", max_size=6), max_size=3)


@given(SELECTORS, SELECTORS)
def test_different_selectors_have_different_names(one: dict[str, str], other: dict[str, str]) -> None:
    same = name_of(selector_name(one)) == name_of(selector_name(other))
    assert same == (one == other)


def test_objects_are_found_by_operator_and_class() -> None:
    assert labels_of(ProxyId("shop", "istio=ingressgateway"), "lateen-system") == {
        "app.kubernetes.io/managed-by": "lateen",
        "lateen.io/instance": "lateen-system",
        "lateen.io/proxy": "lateen-ingressgateway",
    }
