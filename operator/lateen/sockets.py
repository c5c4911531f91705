"""TCP ports that this process listens on."""

import socket
from typing import Final

from lateen.errors import InputError

EVERYWHERE: Final = "::"
"""All addresses: of IPv4 and IPv6, or of IPv4 alone where this machine has no other."""


def listen_on(host: str, port: int) -> socket.socket:
    """Listen on an address, or `EVERYWHERE`; port 0 takes a free one.

    Raises:
        InputError: the port cannot be had.
    """
    try:
        if host != EVERYWHERE:
            return socket.create_server((host, port))
        if not socket.has_dualstack_ipv6():
            return socket.create_server(("", port))
        return socket.create_server((host, port), family=socket.AF_INET6, dualstack_ipv6=True)
    except OSError as error:
        raise InputError(f"{host}:{port}: {error.strerror}") from error
