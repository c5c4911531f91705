"""Names of resources are injective and can be read back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lateen.envoy.names import (
    cluster_name,
    parse_cluster_name,
    parse_scope_name,
    parse_scoped_route_name,
    scope_name,
    scoped_route_name,
)
from lateen.ir.route import ClusterRef

HOSTS = st.from_regex(r"(\*\.)?[a-z0-9-]{1,9}(\.[a-z0-9-]{1,9}){0,3}(:[0-9]{1,5})?", fullmatch=True)
CHAINS = st.from_regex(r"[a-z0-9./_-]{1,20}", fullmatch=True)
SUBSETS = st.from_regex(r"[a-z0-9-]{0,9}", fullmatch=True)


def test_a_cluster_is_named_as_users_know_it() -> None:
    assert cluster_name(ClusterRef("web.shop.svc.cluster.local", 8080, "v1")) == (
        "outbound|8080|v1|web.shop.svc.cluster.local"
    )
    assert cluster_name(ClusterRef("web.shop.svc.cluster.local", 80)) == "outbound|80||web.shop.svc.cluster.local"


@given(HOSTS, st.integers(0, 65535), SUBSETS)
def test_every_cluster_name_reads_back(host: str, port: int, subset: str) -> None:
    ref = ClusterRef(host, port, subset)
    assert parse_cluster_name(cluster_name(ref)) == ref


@pytest.mark.parametrize(
    "text", ["", "web", "inbound|80||web", "outbound|http||web", "outbound|80||", "outbound|80|web"]
)
def test_other_text_is_no_cluster_name(text: str) -> None:
    with pytest.raises(ValueError, match="not of the form"):
        parse_cluster_name(text)


@given(CHAINS, HOSTS)
def test_names_of_scopes_and_their_routes_read_back(chain: str, host: str) -> None:
    assert parse_scope_name(scope_name(chain, host)) == (chain, host)
    assert parse_scoped_route_name(scoped_route_name(chain, host)) == (chain, host)


@pytest.mark.parametrize("text", ["", "http.80", "http.80/", "/host", "http.80|", "|host"])
def test_other_text_is_no_scope_and_no_scoped_route(text: str) -> None:
    with pytest.raises(ValueError, match="not of the form"):
        parse_scope_name(text)
    with pytest.raises(ValueError, match="not of the form"):
        parse_scoped_route_name(text)
