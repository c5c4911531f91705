"""Checks of hosts that a namespace may precede: `[namespace/]host` (istio-semantics §1.1.1, §1.6)."""

from collections.abc import Iterator

from lateen.model.hosts import MATCH_ALL, is_ip_address
from lateen.model.objects import Problem
from lateen.validation.syntax import Problems, check_wildcard_domain, is_dns_label, problem


def check_whole_wildcard(host: str) -> Problems:
    """A `*` that is neither alone nor the whole first label: suffixes of labels cannot be matched by SNI."""
    if "*" in host and host != MATCH_ALL and not host.startswith("*."):
        return problem(f"{host!r}: a wildcard is the whole first label (*.example.com) or everything (*)")
    return ()


def check_exposed_host(host: str, *, addresses: bool = True) -> Iterator[Problem]:
    """A host without namespace: `*`, or a name with at least one dot, or an IP address if `addresses`."""
    if host != MATCH_ALL and "." not in host:
        yield from problem(f"{host!r} is a short name: write the host with its domain")
    elif not (addresses and is_ip_address(host)):
        yield from check_wildcard_domain(host)
    yield from check_whole_wildcard(host)


def check_scoped_host(host: str, *, nobody: bool = False) -> Iterator[Problem]:
    """A Gateway's host: a namespace (`*`: any, `.`: own) and a slash may precede it.

    Args:
        host: as written.
        nobody: whether the namespace may be `~`, as in objects that a control plane generates.
    """
    namespace, slash, name = host.partition("/")
    if not slash:
        yield from check_exposed_host(host)
        return
    if not namespace or not name:
        yield from problem(f"{host!r}: neither the namespace nor the host may be empty")
        return
    if namespace not in ("*", ".") and not (nobody and namespace == "~") and not is_dns_label(namespace):
        yield from problem(f"{namespace!r} is not a namespace; write a name, '.' for the Gateway's own or '*' for any")
    yield from check_exposed_host(name)
