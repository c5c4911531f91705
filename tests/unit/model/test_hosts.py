"""The algebra of host names."""

import pytest

from lateen.model.hosts import (
    fqdn,
    is_ip_address,
    is_wildcard,
    matches,
    more_specific,
    most_specific_match,
    subset_of,
)


@pytest.mark.parametrize(
    ("short", "expected"),
    [
        ("cart", "cart.shop.svc.cluster.local"),
        ("cart.shop", "cart.shop"),
        ("cart.shop.svc.cluster.local", "cart.shop.svc.cluster.local"),
        ("*", "*"),
        ("*.example.com", "*.example.com"),
        ("10.0.0.1", "10.0.0.1"),
        ("::1", "::1"),
        ("*cart", "*cart.shop.svc.cluster.local"),
        ("", ""),
    ],
)
def test_a_short_name_is_expanded_and_everything_else_is_complete(short: str, expected: str) -> None:
    assert fqdn(short, "shop") == expected


def test_pieces_of_an_expanded_name_that_are_not_known_are_left_out() -> None:
    assert fqdn("cart", "", "example.org") == "cart.svc.example.org"
    assert fqdn("cart", "shop", "") == "cart.shop"


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("a.com", "a.com", True),
        ("a.com", "A.com", False),
        ("*", "a.com", True),
        ("*", "*.a.com", True),
        ("*.a.com", "b.a.com", True),
        ("*.a.com", "c.b.a.com", True),
        ("*.a.com", "a.com", False),
        ("*.a.com", "*.b.a.com", True),
        ("*.a.com", "*.b.com", False),
        ("*-x.a.com", "w-x.a.com", True),
        ("*-x.a.com", "*.a.com", True),
        ("b.*.com", "b.a.com", False),
    ],
)
def test_hosts_match_if_they_share_a_name_in_either_order(one: str, other: str, expected: bool) -> None:  # noqa: FBT001 - a table
    assert matches(one, other) is expected
    assert matches(other, one) is expected


@pytest.mark.parametrize(
    ("inner", "outer", "expected"),
    [
        ("a.com", "a.com", True),
        ("a.com", "b.com", False),
        ("b.a.com", "*.a.com", True),
        ("a.com", "*.a.com", False),
        ("*.b.a.com", "*.a.com", True),
        ("*.a.com", "*.b.a.com", False),
        ("*.a.com", "*.a.com", True),
        ("*.a.com", "b.a.com", False),
        ("*", "*.a.com", False),
        ("a.com", "*", True),
    ],
)
def test_a_host_is_within_another_if_all_its_names_are(inner: str, outer: str, expected: bool) -> None:  # noqa: FBT001 - a table
    assert subset_of(inner, outer) is expected


def test_specific_hosts_come_first_plain_then_long_then_by_alphabet() -> None:
    hosts = ["*", "*.com", "b.com", "*.a.com", "a.com", "long.a.com"]
    assert sorted(hosts, key=more_specific) == ["long.a.com", "a.com", "b.com", "*.a.com", "*.com", "*"]


@pytest.mark.parametrize(
    ("needle", "expected"),
    [
        ("x.a.com", "x.a.com"),
        ("y.a.com", "*.a.com"),
        ("y.com", "*.com"),
        ("y.org", None),
        ("*.a.com", "*.a.com"),
        ("*.b.a.com", "*.a.com"),
        ("*.org", None),
    ],
)
def test_the_longest_covering_host_describes_a_name_best(needle: str, expected: str | None) -> None:
    assert most_specific_match(needle, {"x.a.com", "*.a.com", "*.com"}) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.0.0.1", True),
        ("::1", True),
        ("::", True),
        ("::ffff:1.2.3.4", True),
        ("10.0.0.256", False),
        ("010.0.0.1", False),
        ("10.0.0.0/8", False),
        ("fe80::1%eth0", False),
        ("[::1]", False),
        ("example.com", False),
        ("", False),
    ],
)
def test_an_ip_address_is_the_address_alone(text: str, expected: bool) -> None:  # noqa: FBT001 - a table
    assert is_ip_address(text) is expected


def test_only_a_leading_star_makes_a_wildcard() -> None:
    assert is_wildcard("*.a.com")
    assert is_wildcard("*")
    assert not is_wildcard("a.*.com")
    assert not is_wildcard("")
