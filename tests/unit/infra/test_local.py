"""Names of the proxies' directories."""

from hypothesis import given
from hypothesis import strategies as st

from lateen.infra.local import directory_name
from lateen.ir.proxy import ProxyId

texts = st.text(alphabet="ab=_/,.-Ä", max_size=6) | st.text(max_size=300)


def test_a_plain_proxy_has_a_readable_directory() -> None:
    assert directory_name(ProxyId("default", "istio=ingressgateway")) == "default_istio=ingressgateway"


@given(st.lists(st.tuples(texts, texts), unique=True, max_size=4))
def test_directories_are_safe_and_never_shared(names: list[tuple[str, str]]) -> None:
    proxies = {ProxyId(namespace, name) for namespace, name in names}
    directories = {directory_name(proxy) for proxy in proxies}
    assert len(directories) == len({str(proxy) for proxy in proxies})
    for directory in directories:
        assert "/" not in directory
        assert directory not in {"", ".", ".."}
        assert len(directory.encode()) <= 120
