"""Checks of endpoint addresses: IP addresses, domain names, unix sockets (istio-semantics §1.5)."""

from typing import Final

from lateen.model.hosts import is_ip_address
from lateen.validation.syntax import Problems, check_fqdn, problem

UNIX: Final = "unix://"
"""What the address of a unix socket begins with."""


def check_unix_path(path: str) -> Problems:
    """The part after `unix://`: an absolute path of a file, or `@` and an abstract name."""
    if path.startswith("@") or (path.startswith("/") and not path.endswith("/")):
        return ()
    return problem(f"{path!r} is neither the absolute path of a file nor an abstract socket (@name)")


def check_ip_or_name(address: str) -> Problems:
    """An IP address or a domain name."""
    if is_ip_address(address) or not check_fqdn(address):
        return ()
    return problem(f"{address!r} is neither an IP address nor a domain name")
