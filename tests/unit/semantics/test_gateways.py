"""What the name of a Gateway means elsewhere, and where hosts meet."""

import pytest

from lateen.semantics.gateways import (
    hosts_open_to,
    intersect,
    resolve_gateway_name,
    sanitize_hosts,
    strip_namespace,
)


@pytest.mark.parametrize(
    ("written", "means"),
    [
        ("mesh", "mesh"),
        ("public", "shop/public"),
        ("edge/public", "edge/public"),
        ("./public", "shop/public"),
        ("public.edge", "edge/public"),
        ("public.edge.svc.cluster.local", "edge/public"),
    ],
)
def test_a_gateway_is_named_from_the_namespace_of_the_virtual_service(written: str, means: str) -> None:
    assert resolve_gateway_name(written, "shop") == means
    assert resolve_gateway_name(means, "elsewhere") == means


@pytest.mark.parametrize(
    ("written", "sanitized"),
    [
        (["a.com", "b.com"], ("a.com", "b.com")),
        (["./a.com"], ("infra/a.com",)),
        (["*/a.com"], ("a.com",)),
        (["team/a.com"], ("team/a.com",)),
        (["./*"], ("infra/*",)),
        (["a.com", "*/*", "b.com"], ("*",)),
    ],
)
def test_namespace_prefixes_are_made_explicit(written: list[str], sanitized: tuple[str, ...]) -> None:
    assert sanitize_hosts(written, "infra") == sanitized


def test_a_host_without_its_namespace() -> None:
    assert [strip_namespace(host) for host in ("team/a.com", "a.com", "team/*")] == ["a.com", "a.com", "*"]


def test_a_prefix_opens_a_host_to_one_namespace_only() -> None:
    hosts = ("a.com", "team/b.com", "infra/c.com", "*/d.com")
    assert hosts_open_to(hosts, "team") == ("a.com", "b.com", "d.com")
    assert hosts_open_to(hosts, "infra") == ("a.com", "c.com", "d.com")


@pytest.mark.parametrize(
    ("server", "rule", "meet"),
    [
        ("a.foo.com", "a.foo.com", "a.foo.com"),
        ("*.foo.com", "foo.com", None),
        ("*.foo.com", "a.b.foo.com", "a.b.foo.com"),
        ("a.foo.com", "*.foo.com", "a.foo.com"),
        ("*", "*.foo.com", "*.foo.com"),
        ("*-x.foo.com", "*.foo.com", "*-x.foo.com"),
        ("*.foo.com", "*-x.foo.com", "*-x.foo.com"),
        ("*-x.foo.com", "a-x.foo.com", "a-x.foo.com"),
        ("*-x.foo.com", "*-y.foo.com", None),
        ("*.foo.com", "*.foo.com", "*.foo.com"),
        ("a.foo.com", "A.Foo.com", None),
        ("*", "A.Foo.com", "A.Foo.com"),
    ],
)
def test_where_two_hosts_overlap_the_more_specific_one_is_served(server: str, rule: str, meet: str | None) -> None:
    assert intersect([server], [rule]) == (() if meet is None else (meet,))


def test_hosts_meet_in_the_order_of_the_server_and_once_each() -> None:
    server = ("b.foo.com", "*.foo.com", "*.bar.com")
    rule = ("a.foo.com", "*.foo.com", "b.foo.com", "bar.com")
    assert intersect(server, rule) == ("b.foo.com", "a.foo.com", "*.foo.com")
