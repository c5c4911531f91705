"""The algebra of host names: which names a host covers, and which of two is more specific.

A host is a plain name (`shop.example.com`) or a wildcard: a first character `*` stands for
any beginning, so `*.example.com` covers `a.example.com` and `a.b.example.com` but
not `example.com`. A `*` anywhere else is an ordinary character. Comparison is case-sensitive.
Rules: istio-semantics §2.1.
"""

import ipaddress
from collections.abc import Collection

MATCH_ALL = "*"
"""The host that covers every name."""


def is_wildcard(host: str) -> bool:
    """Whether the host begins with `*`."""
    return host.startswith("*")


def is_ip_address(text: str) -> bool:
    """Whether the text is an IPv4 or IPv6 address, without port, brackets or prefix length."""
    if not text or (text[-1] not in "0123456789abcdefABCDEF:."):
        return False
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text


def fqdn(short: str, namespace: str, domain: str = "cluster.local") -> str:
    """Expand a service's short name: `cart` in namespace `shop` is `cart.shop.svc.cluster.local`.

    A name that contains a dot or is `*` counts as complete and comes back unchanged, and so
    does an IP address (an IPv6 address has no dot). An empty namespace or domain is left out.
    """
    if "." in short or short == MATCH_ALL or not short or (":" in short and is_ip_address(short)):
        return short
    name = f"{short}.{namespace}" if namespace else short
    return f"{name}.svc.{domain}" if domain else name


def matches(one: str, other: str) -> bool:
    """Whether there can be a name that both hosts cover. Symmetric."""
    if is_wildcard(one):
        if is_wildcard(other):
            return one.endswith(other[1:]) if len(one) >= len(other) else other.endswith(one[1:])
        return other.endswith(one[1:])
    if is_wildcard(other):
        return one.endswith(other[1:])
    return one == other


def subset_of(inner: str, outer: str) -> bool:
    """Whether every name that `inner` covers is covered by `outer` as well."""
    if not is_wildcard(outer):
        return inner == outer
    if is_wildcard(inner):
        return len(inner) >= len(outer) and inner.endswith(outer[1:])
    return inner.endswith(outer[1:])


def more_specific(host: str) -> tuple[bool, int, str]:
    """Sort key, most specific host first: plain names before wildcards, long before short, then by alphabet."""
    return (is_wildcard(host), -len(host), host)


def most_specific_match(needle: str, hosts: Collection[str]) -> str | None:
    """The host that describes `needle` best: itself if listed, else the longest wildcard that covers it.

    A wildcard needle is covered by wildcards only. None: nothing covers it.
    """
    if needle in hosts:
        return needle
    covering = [host for host in hosts if is_wildcard(host) and subset_of(needle, host)]
    return min(covering, key=more_specific) if covering else None
