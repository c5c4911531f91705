"""Directories of YAML as a source: each file on its own, watched, read again when it changes."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, TypeAlias

from lateen.model.keys import Key
from lateen.model.objects import FieldPath, Origin
from lateen.sources.base import FileProblem, FileReport, Identify, Sink, SourceEvent
from lateen.sources.file_tree import Listing, Signature, list_files, require_roots
from lateen.sources.ledger import Ledger
from lateen.sources.watch import watch_files
from lateen.sources.yaml_documents import Known, Locator, Reading, decode_text, read_documents

MAX_FILE_BYTES: Final = 64 * 1024 * 1024
"""A larger file is a problem instead of a process without memory."""

_SHARE_OF_TIME: Final = 0.02
"""Looking at all files without being told that one changed may take this share of the time."""

_SHORTEST_PAUSE: Final = 1.0
"""Seconds between two such looks, at least."""

_UNSETTLED: Final = 100_000_000
"""Nanoseconds after a file's modification in which it may change once more without a new time stamp."""

_BEING_WRITTEN: Final = 15_000_000
"""Nanoseconds after its modification in which a file may be in the middle of being written.

Less than `lateen.sources.watch.QUIET`: whoever saves a file in one step does not wait for this.
"""

_LOOK_AGAIN: Final = 0.03
"""Seconds until the next look at a file that is being written."""

_PATIENCE: Final = 20
"""Looks after which a file that is written without a pause is read as it is."""

Watch: TypeAlias = Callable[[Sequence[Path], asyncio.Event], AsyncGenerator[bool, None]]
"""Yields True for "something changed", False for "time to look by yourself"; ends when the event is set."""


class DirectorySource:
    """Reads `*.yaml`, `*.yml` and `*.json` below the given paths and follows their changes.

    What a broken, unreadable, renamed or deleted file means is `lateen.sources.ledger`'s
    business. State is bounded by the number of files and objects; their content is not kept.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        identify: Identify,
        *,
        watch: Watch = watch_files,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], int] = time.time_ns,
    ) -> None:
        """Prepare to read; nothing is touched before `run`.

        Args:
            paths: directories (recursively) and single files.
            identify: names a document, with the default namespace already in it.
            watch: when to look again.
            clock: seconds, monotonic.
            wall_clock: nanoseconds, comparable with the modification times of files.
        """
        self._paths = tuple(paths)
        self._watch = watch
        self._clock = clock
        self._wall_clock = wall_clock
        self._ledger = Ledger(identify)
        self._seen: dict[str, tuple[Signature | None, bytes]] = {}
        self._unlisted: dict[str, str] = {}
        self._half_written: dict[str, int] = {}
        self._synced = False
        self._located: tuple[str, bytes, Locator] | None = None
        self._asked = asyncio.Event()
        self._waiting: list[asyncio.Future[None]] = []

    async def run(self, sink: Sink, synced: asyncio.Event) -> None:
        """Produce events until cancelled; the initial state is one batch.

        Files are read in a worker thread; `sink` is called on the event loop.

        Raises:
            InputError: a path does not exist or cannot be read.
        """
        await asyncio.to_thread(require_roots, self._paths)
        stop = asyncio.Event()
        changes = self._watch(self._paths, stop)
        # Watching begins before the first look, so that no change falls between the two.
        hint = asyncio.ensure_future(anext(changes, None))
        try:
            await asyncio.sleep(0)
            sink(await asyncio.to_thread(self.refresh))
            synced.set()
            look_at = self._clock()
            while True:
                changed: bool | None = True
                if await self._hear(hint):
                    changed = hint.result()
                    if changed is None:
                        return
                    hint = asyncio.ensure_future(anext(changes, None))
                started = self._clock()
                waiting = tuple(self._waiting)
                if not changed and not waiting and started < look_at:
                    continue
                events = await asyncio.to_thread(self.refresh)
                ended = self._clock()
                look_at = ended + max(_SHORTEST_PAUSE, (ended - started) / _SHARE_OF_TIME)
                if events:
                    sink(events)
                if not self._half_written:
                    self._release(waiting)
        finally:
            self._release(self._waiting)
            stop.set()
            hint.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await hint
            await changes.aclose()

    async def catch_up(self) -> None:
        """Return once the sink has been given everything that files say at this moment, or the source has ended."""
        caught = asyncio.get_running_loop().create_future()
        self._waiting.append(caught)
        self._asked.set()
        await caught

    async def _hear(self, hint: asyncio.Future[bool | None]) -> bool:
        """Wait until it is time to look: whether because of the hint."""
        asked: asyncio.Future[Any] = asyncio.ensure_future(self._asked.wait())
        timeout = _LOOK_AGAIN if self._half_written else None
        await asyncio.wait((hint, asked), timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        self._asked.clear()
        return hint.done()

    def _release(self, waiting: Sequence[asyncio.Future[None]]) -> None:
        """Let those go on who wait to catch up."""
        self._waiting = [each for each in self._waiting if each not in waiting]
        for each in waiting:
            if not each.done():
                each.set_result(None)

    def refresh(self) -> list[SourceEvent]:
        """Look at all files, read those that changed, and say what that means. Blocks; not to be called twice at once.

        The first call gives everything there is. Later ones leave out files that look half-written.
        """
        listing = list_files(self._paths)
        updates: dict[str, Reading | None] = {}
        for file, signature in listing.files.items():
            seen = self._seen.get(file)
            if seen is not None and seen[0] == signature:
                continue
            age = self._wall_clock() - signature.modified
            data = _read_bytes(file)
            if self._synced and self._is_half_written(file, data, age):
                self._seen[file] = (None, seen[1] if seen is not None else b"")
                continue
            reading, digest = _decode(data, file, self._ledger.known(file))
            if seen is None or digest != seen[1]:
                updates[file] = reading
            settled = not 0 <= age < _UNSETTLED
            self._seen[file] = (signature if settled else None, digest)
        for file in [each for each in self._seen if each not in listing.files and listing.knows_about(each)]:
            del self._seen[file]
            updates[file] = None
            self._half_written.pop(file, None)
        self._synced = True
        return [*self._ledger.update(updates), *self._report_directories(listing)]

    def origin(self, key: Key) -> Origin | None:
        """Say where an object is written now; None when no file has it."""
        return self._ledger.origin(key)

    def locate(self, origin: Origin, path: FieldPath) -> int:
        """Give the 1-based line of an object's field. Reads the file, so it blocks.

        When the file no longer holds what is in use (it broke, or has just been changed),
        the object's own line is all that can be said.
        """
        data = _read_bytes(origin.file)
        seen = self._seen.get(origin.file)
        if isinstance(data, FileProblem) or seen is None or _digest(data) != seen[1]:
            return origin.line
        if self._located is None or self._located[:2] != (origin.file, seen[1]):
            text = decode_text(data, origin.file)
            if isinstance(text, FileProblem):
                return origin.line
            self._located = (origin.file, seen[1], Locator(text))
        try:
            return self._located[2].line_from(origin.line, path)
        except LookupError:
            return origin.line

    def _is_half_written(self, file: str, data: bytes | FileProblem, age: int) -> bool:
        """Tell whether a file should be left alone for a moment: what it holds now may be half of what it will.

        Half of a document can be another document without a fault: rules without routes, a
        name cut short. Writers begin with an empty file, and end with the end of a line.
        """
        cut = isinstance(data, bytes) and not data.endswith(b"\n")
        looks = self._half_written.pop(file, 0) + 1
        if looks > _PATIENCE or not 0 <= age < (_UNSETTLED if cut else _BEING_WRITTEN):
            return False
        self._half_written[file] = looks
        return True

    def _report_directories(self, listing: Listing) -> list[FileReport]:
        """Report the directories that cannot be listed; objects read from them before stay in use."""
        reports = [
            FileReport(path, (FileProblem(path, 0, 0, f"cannot be listed: {why}"),))
            for path, why in listing.unlisted.items()
            if self._unlisted.get(path) != why
        ]
        reports += [FileReport(path) for path in self._unlisted if path not in listing.unlisted]
        self._unlisted = listing.unlisted
        return reports


def _decode(data: bytes | FileProblem, file: str, known: Known) -> tuple[Reading, bytes]:
    """Decode what was read of a file; the bytes identify its content, or why it cannot be read."""
    if isinstance(data, FileProblem):
        return Reading((), (data,)), data.message.encode()
    text = decode_text(data, file)
    if isinstance(text, FileProblem):
        return Reading((), (text,)), _digest(data)
    return read_documents(text, file, known), _digest(data)


def _read_bytes(file: str) -> bytes | FileProblem:
    try:
        with Path(file).open("rb") as stream:
            data = stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        return FileProblem(file, 0, 0, f"cannot be read: {error.strerror}")
    if len(data) > MAX_FILE_BYTES:
        return FileProblem(file, 0, 0, f"larger than {MAX_FILE_BYTES >> 20} MiB")
    return data


def _digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=16).digest()
