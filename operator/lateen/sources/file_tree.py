"""Which files of a directory are input, and whether they changed: names and `stat`, nothing read."""

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from lateen.errors import InputError

SUFFIXES: Final = (".yaml", ".yml", ".json")


class Signature(NamedTuple):
    """What changes whenever a file is written or replaced."""

    modified: int
    changed: int
    size: int
    inode: int


@dataclass(slots=True)
class Listing:
    """The input files at one moment."""

    files: dict[str, Signature] = field(default_factory=dict)
    unlisted: dict[str, str] = field(default_factory=dict)
    """Directories that could not be listed, and why; nothing is known about the files below them."""

    def knows_about(self, file: str) -> bool:
        """Whether the absence of `file` from the listing means that it is gone."""
        return not any(file == top or file.startswith(top + os.sep) for top in self.unlisted)


def is_input(name: str) -> bool:
    """Whether a file of this name is read: by suffix, and neither hidden nor an editor's temporary file."""
    return name.endswith(SUFFIXES) and name[0] not in ".#~"


def require_roots(roots: Sequence[Path]) -> None:
    """Check what the user gave.

    Raises:
        InputError: a path does not exist, or is neither a directory nor a file, or may not be listed.
    """
    if not roots:
        raise InputError("no directory to read objects from")
    for root in roots:
        try:
            mode = root.stat().st_mode
        except OSError as error:
            raise InputError(f"{root}: {error.strerror}") from error
        if not stat.S_ISDIR(mode) and not stat.S_ISREG(mode):
            raise InputError(f"{root}: neither a directory nor a file")
        needed = os.R_OK | os.X_OK if stat.S_ISDIR(mode) else os.R_OK
        if not os.access(root, needed):
            raise InputError(f"{root}: Permission denied")


def list_files(roots: Sequence[Path]) -> Listing:
    """List the input files below `roots`, directories recursively, symbolic links followed.

    A root that is a file is input whatever its name is. A directory reached twice (by a
    link, or because roots overlap) is listed once.
    """
    listing = Listing()
    seen: set[tuple[int, int]] = set()
    for root in roots:
        path = os.path.normpath(root)
        try:
            status = os.stat(path)  # noqa: PTH116 - the whole walk is on plain strings, for speed
        except OSError as error:
            listing.unlisted[path] = error.strerror or str(error)
            continue
        if stat.S_ISDIR(status.st_mode):
            _list_directory(path, status, listing, seen)
        else:
            listing.files[path] = _sign(status)
    listing.files = dict(sorted(listing.files.items()))
    return listing


def _list_directory(path: str, status: os.stat_result, listing: Listing, seen: set[tuple[int, int]]) -> None:
    if (status.st_dev, status.st_ino) in seen:
        return
    seen.add((status.st_dev, status.st_ino))
    try:
        entries = list(_entries(path))
    except FileNotFoundError:  # gone since its parent was listed
        return
    except OSError as error:
        listing.unlisted[path] = error.strerror or str(error)
        return
    for name, entry_path, entry_status in entries:
        if stat.S_ISDIR(entry_status.st_mode):
            _list_directory(entry_path, entry_status, listing, seen)
        elif is_input(name) and stat.S_ISREG(entry_status.st_mode):
            listing.files[entry_path] = _sign(entry_status)


def _entries(path: str) -> Iterator[tuple[str, str, os.stat_result]]:
    with os.scandir(path) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            try:
                yield entry.name, entry.path, entry.stat()
            except OSError:  # gone since, or a link to nothing: in both cases there is no file
                continue


def _sign(status: os.stat_result) -> Signature:
    return Signature(status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)
