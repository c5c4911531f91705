"""Who an Envoy says it is."""

from types import SimpleNamespace

import pytest

from lateen.ir.proxy import ProxyId
from lateen.xds.identity import UnidentifiedNodeError, identify


def node(cluster: str, node_id: str = "envoy-1") -> SimpleNamespace:
    return SimpleNamespace(cluster=cluster, id=node_id)


def test_the_class_is_in_node_cluster() -> None:
    assert identify(node("edge/istio=ingressgateway")) == ProxyId("edge", "istio=ingressgateway")


def test_a_selector_may_contain_slashes() -> None:
    assert identify(node("edge/app.kubernetes.io/name=gw")) == ProxyId("edge", "app.kubernetes.io/name=gw")


def test_the_class_is_in_node_id_when_node_cluster_is_something_else() -> None:
    assert identify(node("lateen", "edge/all")) == ProxyId("edge", "all")


@pytest.mark.parametrize("text", ["", "edge", "edge/", "/all"])
def test_any_other_form_is_refused_with_what_was_said(text: str) -> None:
    with pytest.raises(UnidentifiedNodeError, match=f"node.cluster is {text!r}, node.id is 'envoy-1'"):
        identify(node(text))
