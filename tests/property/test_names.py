"""No two things share a name: clusters, hosts of chains, proxies."""

from hypothesis import example, given
from hypothesis import strategies as st

from lateen.envoy.names import cluster_name, scope_name, scoped_route_name
from lateen.ir.route import ClusterRef
from lateen.semantics.selectors import selector_name

labels = st.text("ab0", min_size=1, max_size=3)
hosts = st.text("abz09.-*", min_size=1, max_size=8)
clusters = st.builds(ClusterRef, hosts, st.integers(0, 65535), st.one_of(st.just(""), labels))
chains = st.one_of(
    st.builds("http.{}".format, st.integers(0, 65535)),
    st.builds("http.{}.{}".format, st.integers(0, 65535), st.sampled_from(["10.0.0.1", "::1", "unix:///a/b"])),
    st.builds("https.{}.{}.{}.{}".format, st.integers(1, 65535), labels, labels, labels),
    st.just("mesh"),
)
places = st.tuples(chains, st.one_of(hosts, st.builds("{}:{}".format, hosts, st.integers(1, 65535))))
selectors = st.dictionaries(st.text("ab,=%2C", min_size=1, max_size=4), st.text("ab,=%2C", max_size=4), max_size=3)


@given(clusters, clusters)
def test_different_clusters_have_different_names(one: ClusterRef, other: ClusterRef) -> None:
    assert (cluster_name(one) == cluster_name(other)) is (one == other)


@given(places, places)
def test_different_hosts_of_chains_have_different_names(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert (scope_name(*one) == scope_name(*other)) is (one == other)
    assert (scoped_route_name(*one) == scoped_route_name(*other)) is (one == other)


@given(places, chains)
def test_the_route_of_one_host_is_never_called_like_a_whole_chain(place: tuple[str, str], chain: str) -> None:
    assert scoped_route_name(*place) != chain


@given(selectors, selectors)
@example({"a": "1,b=2"}, {"a": "1", "b": "2"})
@example({"a,b": ""}, {"a%2Cb": ""})
def test_different_selectors_make_different_proxies(one: dict[str, str], other: dict[str, str]) -> None:
    assert (selector_name(one) == selector_name(other)) is (one == other)
