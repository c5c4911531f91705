"""Ports of this process, reached by either family of addresses."""

import socket

import pytest

from lateen.errors import InputError
from lateen.sockets import EVERYWHERE, listen_on


def reached_by(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=5).close()
    except ConnectionRefusedError:
        return False
    return True


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
def test_everywhere_is_both_families() -> None:
    with listen_on(EVERYWHERE, 0) as listener:
        port = listener.getsockname()[1]
        assert (reached_by("127.0.0.1", port), reached_by("::1", port)) == (True, True)


def test_everywhere_is_ipv4_where_there_is_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "has_dualstack_ipv6", lambda: False)
    with listen_on(EVERYWHERE, 0) as listener:
        assert listener.family is socket.AF_INET
        assert reached_by("127.0.0.1", listener.getsockname()[1])


def test_an_address_is_that_address() -> None:
    with listen_on("127.0.0.1", 0) as listener:
        assert listener.getsockname()[0] == "127.0.0.1"


def test_a_port_that_is_taken_is_named() -> None:
    with listen_on("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(InputError, match=rf"127\.0\.0\.1:{port}: Address already in use"):
            listen_on("127.0.0.1", port)
