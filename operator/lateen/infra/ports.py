"""Who listens on a TCP port of this machine.

Envoy binds with `SO_REUSEPORT`, so a second proxy on the same port gets no error: half of the
connections go to the other one. Ports are therefore asked about before they are used.
The holder is looked up in `/proc` (Linux), as far as this user may see it; on a machine with
many processes that takes a while, so it belongs into a worker thread.
"""

import errno
import ipaddress
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

_LISTENING: Final = "0A"
_TABLES: Final = ("net/tcp", "net/tcp6")
_LONGEST_COMMAND: Final = 120


class PortHolder(NamedTuple):
    """A process that listens on a port."""

    pid: int
    """0 when the process belongs to somebody else and cannot be seen."""
    command: str
    """Its command line, shortened; empty when it cannot be seen."""

    def __str__(self) -> str:
        """Print `pid 123 (command line)`."""
        return f"pid {self.pid} ({self.command})" if self.pid else "another user's process"


def is_free(address: str, port: int) -> bool:
    """Whether this process could listen there alone."""
    return not _bind_error(address, port)


def describe_conflict(address: str, port: int) -> str:
    """Say in one line why nothing can listen at the address; empty when something can.

    `127.0.0.1:8080 is in use by pid 123 (envoy --config-path …)`
    """
    number = _bind_error(address, port)
    if not number:
        return ""
    place = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    if number == errno.EADDRINUSE:
        holders = find_holders(address, port)
        return f"{place} is in use" + (f" by {', '.join(map(str, holders))}" if holders else "")
    if number == errno.EACCES:
        return f"{place} may not be used by this user (ports below 1024 need a privilege)"
    return f"{place} cannot be used: {os.strerror(number)}"


def find_holders(address: str, port: int, proc: Path = Path("/proc")) -> tuple[PortHolder, ...]:
    """Find the processes that listen at the address, or at all addresses of the machine, on the port.

    Best effort: empty when nobody does or when there is no `/proc`.
    """
    inodes = {inode for table in _TABLES for inode in _listening_inodes(proc / table, address, port)}
    if not inodes:
        return ()
    found = tuple(sorted(set(_owners(proc, inodes))))
    return found or (PortHolder(0, ""),)


def _bind_error(address: str, port: int) -> int:
    """Try to bind, as a server would that does not share; gives the error's number or 0."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as attempt:
        # Connections that linger after their listener has gone are no obstacle.
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind((address, port))
            attempt.listen(1)
        except OSError as error:
            return error.errno or errno.EINVAL
    return 0


def _listening_inodes(table: Path, address: str, port: int) -> Iterator[str]:
    """Read a table of the kernel's sockets: local address in hexadecimal, state, inode."""
    try:
        lines = table.read_text().splitlines()[1:]
    except OSError:
        return
    wanted = ipaddress.ip_address(address)
    for line in lines:
        fields = line.split()
        host, _, held_port = fields[1].partition(":")
        if fields[3] == _LISTENING and int(held_port, 16) == port and _overlaps(_read_address(host), wanted):
            yield fields[9]


def _read_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Read an address as the kernel prints it: 32-bit words in the machine's byte order."""
    words = [text[at : at + 8] for at in range(0, len(text), 8)]
    raw = b"".join(int(word, 16).to_bytes(4, sys.byteorder) for word in words)
    address = ipaddress.ip_address(raw)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _overlaps(
    held: ipaddress.IPv4Address | ipaddress.IPv6Address, wanted: ipaddress.IPv4Address | ipaddress.IPv6Address
) -> bool:
    """Whether a listener at one address stands in the way of one at the other."""
    if held == wanted:
        return True
    if held.version == wanted.version:
        return held.is_unspecified or wanted.is_unspecified
    # A listener at [::] usually takes IPv4 connections as well.
    return any(each.is_unspecified and each.version == 6 for each in (held, wanted))


def _owners(proc: Path, inodes: set[str]) -> Iterator[PortHolder]:
    sockets = {f"socket:[{inode}]" for inode in inodes}
    for directory in proc.iterdir():
        if directory.name.isdigit() and _holds_any(directory / "fd", sockets):
            yield PortHolder(int(directory.name), _read_command(directory))


def _holds_any(descriptors: Path, sockets: set[str]) -> bool:
    try:
        with os.scandir(descriptors) as entries:
            return any(_read_link(entry.path) in sockets for entry in entries)
    except OSError:  # another user's process, or one that has just ended
        return False


def _read_link(path: str) -> str:
    try:
        return os.readlink(path)  # noqa: PTH115 - the target is no path: `socket:[123]`
    except OSError:
        return ""


def _read_command(directory: Path) -> str:
    try:
        words = (directory / "cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    except OSError:
        return ""
    command = " ".join(word.decode(errors="replace") for word in words)
    return command if len(command) <= _LONGEST_COMMAND else command[: _LONGEST_COMMAND - 1] + "…"
