"""Who holds a port."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from lateen.infra.ports import PortHolder, describe_conflict, find_holders, is_free


def listen(address: str, *, shared: bool = False) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    holder = socket.socket(family, socket.SOCK_STREAM)
    if shared:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    holder.bind((address, 0))
    holder.listen()
    return holder


@pytest.fixture
def held() -> Iterator[int]:
    with listen("127.0.0.1") as holder:
        yield holder.getsockname()[1]


def test_a_held_port_names_its_process(held: int) -> None:
    (holder,) = find_holders("127.0.0.1", held)
    assert holder.pid == os.getpid()
    assert "py" in holder.command
    assert not is_free("127.0.0.1", held)
    assert describe_conflict("127.0.0.1", held) == f"127.0.0.1:{held} is in use by pid {os.getpid()} ({holder.command})"


def test_a_listener_at_one_address_stands_in_the_way_of_all(held: int) -> None:
    assert find_holders("0.0.0.0", held)
    assert not find_holders("127.0.0.2", held)
    assert is_free("127.0.0.2", held)


def test_a_port_that_its_holder_would_share_is_not_free() -> None:
    with listen("127.0.0.1", shared=True) as holder:
        assert not is_free("127.0.0.1", holder.getsockname()[1])


def test_a_listener_of_ipv6_is_found() -> None:
    with listen("::1") as holder:
        port = holder.getsockname()[1]
        assert find_holders("::1", port)
        assert describe_conflict("::1", port).startswith(f"[::1]:{port} is in use by pid {os.getpid()}")
        assert not find_holders("127.0.0.1", port)


def test_a_free_port_has_no_conflict() -> None:
    with listen("127.0.0.1") as holder:
        port = holder.getsockname()[1]
    assert is_free("127.0.0.1", port)
    assert describe_conflict("127.0.0.1", port) == ""
    assert find_holders("127.0.0.1", port) == ()


def test_an_address_of_another_machine_says_why() -> None:
    assert describe_conflict("192.0.2.1", 8080) == "192.0.2.1:8080 cannot be used: Cannot assign requested address"


def test_a_holder_that_cannot_be_seen_is_somebody_elses(tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    line = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1\n"
    (tmp_path / "net" / "tcp").write_text("header\n" + line)
    (tmp_path / "42").mkdir()
    assert find_holders("127.0.0.1", 8080, tmp_path) == (PortHolder(0, ""),)
    assert str(PortHolder(0, "")) == "another user's process"


def test_a_long_command_line_is_shortened(tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    line = "   0: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1\n"
    (tmp_path / "net" / "tcp").write_text("header\n" + line)
    (tmp_path / "42" / "fd").mkdir(parents=True)
    (tmp_path / "42" / "fd" / "5").symlink_to("socket:[4711]")
    (tmp_path / "42" / "cmdline").write_bytes(b"envoy\0--x\0" + b"y" * 200 + b"\0")
    (holder,) = find_holders("127.0.0.1", 8080, tmp_path)
    assert holder.pid == 42
    assert holder.command.startswith("envoy --x yyy")
    assert holder.command.endswith("y…")
    assert len(holder.command) == 120


def test_without_proc_nobody_is_named(tmp_path: Path) -> None:
    assert find_holders("127.0.0.1", 8080, tmp_path / "nowhere") == ()
