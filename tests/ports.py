"""Ports for tests to listen on.

Whoever connects somewhere gets a port of the kernel's own range, so one that was free a moment ago may be taken
before a test listens there. Tests choose theirs from below that range, and from below the node ports of Kubernetes.
"""

import random
import socket
from contextlib import ExitStack
from typing import Final

_OURS: Final = range(10_240, 30_000)


def free_ports(count: int) -> list[int]:
    """Find different ports on which nobody listens, of all addresses of this machine.

    Raises:
        OSError: there are none.
    """
    candidates = random.SystemRandom().sample(_OURS, len(_OURS))
    found: list[int] = []
    with ExitStack() as held:
        while len(found) < count:
            if not candidates:
                raise OSError("every port is taken")
            attempt = held.enter_context(socket.socket())
            try:
                attempt.bind(("", candidates.pop()))
            except OSError:
                continue
            found.append(int(attempt.getsockname()[1]))
    return found


def free_port() -> int:
    """Find one port."""
    (port,) = free_ports(1)
    return port
