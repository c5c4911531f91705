"""Server names are given once, to the oldest chain of a listener that asks for them."""

from dataclasses import replace

from lateen.ir.listener import DownstreamTls, FilterChain, HttpChain, SecretKind, SecretRef, TcpChain
from lateen.ir.route import ClusterRef, Target
from lateen.model.keys import Key, Kind
from lateen.semantics.chains import arrange

TLS = DownstreamTls((SecretRef("kubernetes://cert", SecretKind.CERTIFICATE),))


def terminating(name: str, *server_names: str) -> FilterChain:
    return FilterChain(
        name, http=HttpChain(name, "edge"), server_names=server_names, tls=TLS, only_tls=not server_names
    )


def passthrough(name: str, *server_names: str) -> FilterChain:
    chain = TcpChain((Target(ClusterRef(name, 443)),), name)
    return FilterChain(name, tcp=chain, server_names=server_names, only_tls=not server_names)


PLAIN = FilterChain("plain", http=HttpChain("http.80", "edge"))


def test_chains_with_different_names_all_stay() -> None:
    chains = (terminating("one", "a.com"), passthrough("two", "b.com"), terminating("rest"))
    arranged = arrange(chains)
    assert [(chain.name, chain.server_names) for chain in arranged.chains] == [
        ("one", ("a.com",)),
        ("two", ("b.com",)),
        ("rest", ()),
    ]
    assert arranged.lost == ()


def test_a_chain_that_ends_tls_keeps_the_names_that_are_left() -> None:
    old, young = passthrough("old", "a.com"), terminating("young", "a.com", "b.com")
    arranged = arrange((old, young))
    assert [(chain.name, chain.server_names) for chain in arranged.chains] == [
        ("old", ("a.com",)),
        ("young", ("b.com",)),
    ]
    (lost,) = arranged.lost
    assert (lost.chain, lost.names, lost.holder) == (young, ("a.com",), old)


def test_a_chain_that_ends_tls_goes_when_no_name_is_left() -> None:
    arranged = arrange((passthrough("old", "a.com"), terminating("young", "a.com")))
    assert [chain.name for chain in arranged.chains] == ["old"]


def test_a_pass_through_chain_goes_as_a_whole_and_takes_no_name_with_it() -> None:
    chains = (passthrough("old", "a.com"), passthrough("younger", "a.com", "b.com"), passthrough("youngest", "b.com"))
    arranged = arrange(chains)
    assert [chain.name for chain in arranged.chains] == ["old", "youngest"]
    assert [(lost.chain.name, lost.names) for lost in arranged.lost] == [("younger", ("a.com",))]


def test_only_one_chain_takes_connections_of_any_name() -> None:
    arranged = arrange((terminating("old"), passthrough("young")))
    assert [chain.name for chain in arranged.chains] == ["old"]
    assert [lost.names for lost in arranged.lost] == [("*",)]


def test_any_name_means_tls_only_where_plaintext_has_a_chain() -> None:
    assert [chain.only_tls for chain in arrange((terminating("all"),)).chains] == [False]
    assert [chain.only_tls for chain in arrange((terminating("all"), PLAIN)).chains] == [True, False]
    assert [chain.only_tls for chain in arrange((terminating("one", "a.com"), PLAIN)).chains] == [False, False]


def test_a_loss_says_who_has_the_name() -> None:
    key = Key(Kind.VIRTUAL_SERVICE, "shop", "old")
    (lost,) = arrange((replace(passthrough("old", "a.com"), origins=(key,)), passthrough("young", "a.com"))).lost
    assert str(lost) == "a.com already belongs to VirtualService/shop/old"
    (lost,) = arrange((replace(passthrough("old"), origins=(key,)), passthrough("young"))).lost
    assert str(lost) == "every server name already belongs to VirtualService/shop/old"
