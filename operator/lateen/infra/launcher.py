"""Becomes Envoy, after asking the kernel to end it together with its parent.

Run as a program of its own, by path and with only the standard library, because the request
(`prctl(PR_SET_PDEATHSIG)`) must be made by the child itself between fork and exec, and
Python code must not run there in a process that has threads. The request survives `exec`.

The kernel sends the signal when the *thread* that started the child ends: start it from the
thread that runs the event loop, which lives as long as the program.

Usage: `python -I launcher.py PARENT_PID PROGRAM [ARGUMENT…]`
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Tie this process to its parent, then become the program."""
    parent = int(sys.argv[1])
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it ended before the request was made
            sys.exit(1)
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606 - no shell is wanted; the caller names the program


if __name__ == "__main__":
    main()
