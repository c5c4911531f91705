"""The state directory of one running instance: private, locked, and known to other commands.

The lock decides whether an instance runs. A process that ends in any way gives it up, so
what an instance left behind is recognised as stale without looking at process numbers.
"""

import fcntl
import json
import os
import re
import shutil
import stat
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

from lateen.errors import InputError

_LOCK: Final = "lock"
_INFO: Final = "instance.json"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_LONGEST_SOCKET: Final = 100
"""Bytes; the kernel takes 107 for the path of a Unix socket."""


@dataclass(frozen=True, slots=True)
class InstanceInfo:
    """What other commands may know of a running instance."""

    name: str
    pid: int
    control: str
    """Where it can be asked: the path of a Unix socket, or `host:port`."""
    started: str
    """RFC 3339."""
    directories: tuple[str, ...] = ()
    """What it reads."""


def state_root(environ: Mapping[str, str], user: int) -> Path:
    """Give the directory of all instances of a user.

    `$XDG_RUNTIME_DIR/lateen`, or `$XDG_STATE_HOME/lateen`, or `/tmp/lateen-<uid>`.
    """
    for variable in ("XDG_RUNTIME_DIR", "XDG_STATE_HOME"):
        base = environ.get(variable, "")
        if base.startswith("/") and Path(base).is_dir():
            return Path(base) / "lateen"
    return Path(f"/tmp/lateen-{user}")  # noqa: S108 - checked by `_make_private` before it is used


class Instance:
    """The state directory, held by this process until `close`."""

    def __init__(self, name: str, directory: Path, lock: IO[str]) -> None:
        """Hold a directory whose lock is taken; use `open_instance`."""
        self.name = name
        self.directory = directory
        self._lock = lock

    @property
    def control_socket(self) -> Path:
        """Where the instance listens for other commands."""
        return self.directory / "control.sock"

    @property
    def proxies(self) -> Path:
        """The directory of its proxies."""
        return self.directory / "proxies"

    def announce(self, info: InstanceInfo) -> None:
        """Tell other commands about this instance."""
        file = self.directory / _INFO
        written = file.with_suffix(".new")
        written.write_text(json.dumps(asdict(info), indent=2) + "\n")
        written.replace(file)

    def close(self) -> None:
        """Let go of the directory. Logs stay; nobody takes the instance for running any more."""
        (self.directory / _INFO).unlink(missing_ok=True)
        self.control_socket.unlink(missing_ok=True)
        self._lock.close()

    def __enter__(self) -> Self:
        """Enter; the lock is already held."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()


def open_instance(root: Path, name: str) -> Instance:
    """Take the state directory of the instance `name`, and clear what an earlier one left behind.

    Raises:
        InputError: the name cannot be used, the directory cannot be made or is not private,
            or an instance of this name runs (the message names its pid).
    """
    if _NAME.fullmatch(name) is None:
        raise InputError(f"{name!r} cannot name an instance: letters, digits, '.', '-', '_', at most 63")
    directory = root / name
    if len(os.fsencode(directory / "control.sock")) > _LONGEST_SOCKET:
        raise InputError(f"{directory}: too long for the path of a socket; choose a shorter state directory")
    try:
        _make_private(root)
        _make_private(directory)
        lock = (directory / _LOCK).open("a+")
    except OSError as error:
        raise InputError(f"{error.filename or directory}: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        info = _read_info(directory)
        who = f" (pid {info.pid})" if info else ""
        raise InputError(f"an instance named {name!r} is already running{who}; choose another name") from error
    _clear(directory)
    return Instance(name, directory, lock)


def read_instance(root: Path, name: str) -> InstanceInfo | None:
    """Say what is known of a running instance; None when none of that name runs."""
    directory = root / name
    return _read_info(directory) if _is_running(directory) else None


def list_instances(root: Path) -> tuple[InstanceInfo, ...]:
    """Give all running instances of this user, by name."""
    try:
        names = sorted(entry.name for entry in root.iterdir() if entry.is_dir())
    except OSError:
        return ()
    found = (read_instance(root, name) for name in names)
    return tuple(info for info in found if info is not None)


def _is_running(directory: Path) -> bool:
    """Whether somebody holds the lock."""
    try:
        with (directory / _LOCK).open("r") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _read_info(directory: Path) -> InstanceInfo | None:
    try:
        fields = json.loads((directory / _INFO).read_text())
        return InstanceInfo(
            str(fields["name"]),
            int(fields["pid"]),
            str(fields["control"]),
            str(fields["started"]),
            tuple(map(str, fields["directories"])),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _make_private(directory: Path) -> None:
    """Make a directory that only this user can enter, or check that it is one.

    Below /tmp anybody could have made it before us, or a link in its place.

    Raises:
        InputError: it is not a directory, or not this user's alone.
        OSError: it cannot be made.
    """
    try:
        directory.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        status = directory.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
            raise InputError(f"{directory} is not a directory of this user") from None
        if status.st_mode & 0o077:
            raise InputError(f"{directory} can be entered by others; run `chmod 700 {directory}`") from None


def _clear(directory: Path) -> None:
    """Remove what an instance that ended badly left behind; logs of proxies go with it."""
    for entry in directory.iterdir():
        if entry.name == _LOCK:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)
