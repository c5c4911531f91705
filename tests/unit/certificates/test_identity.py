"""Identities: one spelling per name, and each names one."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lateen.certificates.identity import OperatorIdentity, operator_identity, parse_identity, proxy_identity
from lateen.ir.proxy import ProxyId

_TEXT = st.text(min_size=1)
_SPIFFE = re.compile(r"spiffe://[a-z0-9._-]+(/[A-Za-z0-9._-]+)+")


def test_a_class_of_proxies_is_named_by_namespace_and_selector() -> None:
    uri = proxy_identity(ProxyId("shop", "istio=ingressgateway"), "cluster.local")
    assert uri == "spiffe://cluster.local/ns/shop/lateen-proxy/istio_3dingressgateway"


@given(namespace=_TEXT, name=_TEXT)
@example(namespace="a", name="app=x,team/role=a_b.c")
@example(namespace="a", name="..")
@example(namespace="a/lateen-proxy", name="b")
@example(namespace="a", name="%3d_3d")
def test_a_proxys_identity_names_it_and_is_a_spiffe_id(namespace: str, name: str) -> None:
    proxy = ProxyId(namespace, name)
    uri = proxy_identity(proxy, "cluster.local")
    assert parse_identity(uri, "cluster.local") == proxy
    assert _SPIFFE.fullmatch(uri)
    assert not {".", ".."} & set(uri.split("/"))


@given(namespace=_TEXT)
def test_an_operators_identity_names_it_and_is_a_spiffe_id(namespace: str) -> None:
    uri = operator_identity(namespace, "cluster.local")
    assert parse_identity(uri, "cluster.local") == OperatorIdentity(namespace)
    assert _SPIFFE.fullmatch(uri)


@given(uri=st.text() | st.from_regex(r"spiffe://cluster\.local/ns/[a-z_0-9%.]*/lateen-(proxy/[a-z_0-9%.]*|operator)"))
def test_no_identity_has_two_spellings(uri: str) -> None:
    match parse_identity(uri, "cluster.local"):
        case ProxyId() as proxy:
            assert proxy_identity(proxy, "cluster.local") == uri
        case OperatorIdentity(namespace):
            assert operator_identity(namespace, "cluster.local") == uri
        case None:
            pass


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "spiffe://cluster.local",
        "spiffe://other.example/ns/shop/lateen-proxy/all",
        "spiffe://cluster.local.evil/ns/shop/lateen-proxy/all",
        "spiffe://cluster.local/ns/shop/sa/default",
        "spiffe://cluster.local/ns/shop/lateen-proxy",
        "spiffe://cluster.local/ns/shop/lateen-proxy/all/more",
        "spiffe://cluster.local/ns/shop/lateen-proxy/istio%3Dingressgateway",
        "spiffe://cluster.local/ns/shop/lateen-proxy/istio_3Dingressgateway",
        "spiffe://cluster.local/ns/shop/lateen-operator/",
        "https://cluster.local/ns/shop/lateen-operator",
    ],
)
def test_other_uris_name_nobody(uri: str) -> None:
    assert parse_identity(uri, "cluster.local") is None
