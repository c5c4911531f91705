"""A directory of files becomes events, driven here by a hand-made watch."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from lateen.errors import InputError
from lateen.model.keys import Key, Kind
from lateen.model.objects import Change, Origin, Problem, RawObject
from lateen.sources.base import FileReport, Move, SourceEvent
from lateen.sources.directory import MAX_FILE_BYTES, DirectorySource


def identify(raw: RawObject) -> Key | Problem:
    return Key(Kind.SERVICE, "default", raw["name"]) if "name" in raw else Problem((), "no name")


def key(name: str) -> Key:
    return Key(Kind.SERVICE, "default", name)


CHANGED, TICK = True, False
"""What a watch yields."""


class Counted(DirectorySource):
    """Counts how often it looks."""

    looks = 0

    def refresh(self) -> list[SourceEvent]:
        self.looks += 1
        return super().refresh()


class Clock:
    """Time that stands still until it is moved."""

    def __init__(self) -> None:
        """Begin at any time but zero."""
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


class Driven:
    """A running source whose watch is the test's own."""

    def __init__(self, directory: Path) -> None:
        """Prepare a source of `directory`; `driven` runs it."""
        self.hints: asyncio.Queue[bool] = asyncio.Queue()
        self.batches: asyncio.Queue[list[SourceEvent]] = asyncio.Queue()
        self.synced = asyncio.Event()
        self.stopped = asyncio.Event()
        self.clock = Clock()
        # Far in the future of every file: all modification times count as settled.
        self.source = Counted([directory], identify, watch=self._watch, clock=self.clock, wall_clock=lambda: 2**63)

    async def _watch(self, paths: Sequence[Path], stop: asyncio.Event) -> AsyncGenerator[bool, None]:
        assert paths
        assert not stop.is_set()
        try:
            while True:
                yield await self.hints.get()
        finally:
            self.stopped.set()

    def sink(self, events: Sequence[SourceEvent]) -> None:
        self.batches.put_nowait(list(events))

    async def after_change(self) -> list[SourceEvent]:
        """Tell the source that something changed, and wait for what it makes of it."""
        self.hints.put_nowait(CHANGED)
        return await self.batches.get()


@asynccontextmanager
async def driven(directory: Path) -> AsyncIterator[Driven]:
    driver = Driven(directory)
    running = asyncio.create_task(driver.source.run(driver.sink, driver.synced))
    try:
        yield driver
    finally:
        running.cancel()
        await asyncio.wait([running])


async def test_the_initial_state_is_one_batch_and_then_the_source_is_synced(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("name: x\n---\nname: w\n")
    (tmp_path / "b.json").write_text('{"name": "z"}')
    async with driven(tmp_path) as source:
        await source.synced.wait()
        assert source.batches.qsize() == 1
        assert source.batches.get_nowait() == [
            Change(key("x"), {"name": "x"}, Origin(str(tmp_path / "a.yaml"), 1, 0)),
            Change(key("w"), {"name": "w"}, Origin(str(tmp_path / "a.yaml"), 3, 1)),
            Change(key("z"), {"name": "z"}, Origin(str(tmp_path / "b.json"), 1, 0)),
        ]


async def test_an_empty_directory_syncs_with_an_empty_batch(tmp_path: Path) -> None:
    async with driven(tmp_path) as source:
        assert await source.batches.get() == []
        await source.synced.wait()


async def test_edits_additions_renames_and_deletions_are_followed(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("name: x\n")
    async with driven(tmp_path) as source:
        await source.batches.get()
        (tmp_path / "b.yaml").write_text("name: w\n")
        (tmp_path / "a.yaml").write_text("name: x\nport: 1\n")
        assert await source.after_change() == [
            Change(key("x"), {"name": "x", "port": 1}, Origin(str(tmp_path / "a.yaml"), 1, 0)),
            Change(key("w"), {"name": "w"}, Origin(str(tmp_path / "b.yaml"), 1, 0)),
        ]
        (tmp_path / "b.yaml").rename(tmp_path / "c.yaml")
        assert await source.after_change() == [Move(key("w"), Origin(str(tmp_path / "c.yaml"), 1, 0))]
        (tmp_path / "c.yaml").unlink()
        assert await source.after_change() == [Change(key("w"), None, Origin(str(tmp_path / "c.yaml"), 1, 0))]


async def test_a_file_that_breaks_is_reported_and_healed(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("name: x\n")
    async with driven(tmp_path) as source:
        await source.batches.get()
        file.write_text("name: [\n")
        (report,) = await source.after_change()
        assert isinstance(report, FileReport)
        assert str(report.problems[0]).startswith(f"{file}:2:1: did not find")
        file.write_bytes(b"name: \xff\n")
        (report,) = await source.after_change()
        assert isinstance(report, FileReport)
        assert str(report.problems[0]) == f"{file}:1:7: not UTF-8 text (byte 0xff)"
        file.write_text("name: x\n")
        assert await source.after_change() == [FileReport(str(file))]


async def test_a_file_that_cannot_be_read_keeps_its_objects(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("name: x\n")
    async with driven(tmp_path) as source:
        await source.batches.get()
        file.unlink()
        file.symlink_to("/proc/self/mem")  # opens, and fails to read
        (report,) = await source.after_change()
        assert isinstance(report, FileReport)
        assert str(report.problems[0]) == f"{file}: cannot be read: Input/output error"
        file.unlink()
        with file.open("wb") as stream:
            stream.truncate(MAX_FILE_BYTES + 1)
        (report,) = await source.after_change()
        assert isinstance(report, FileReport)
        assert str(report.problems[0]) == f"{file}: larger than 64 MiB"


async def test_a_directory_that_disappears_keeps_its_objects_until_it_is_back(tmp_path: Path) -> None:
    directory = tmp_path / "objects"
    directory.mkdir()
    (directory / "a.yaml").write_text("name: x\n")
    async with driven(directory) as source:
        await source.batches.get()
        directory.rename(tmp_path / "aside")
        (report,) = await source.after_change()
        assert isinstance(report, FileReport)
        assert str(report.problems[0]) == f"{directory}: cannot be listed: No such file or directory"
        (tmp_path / "aside").rename(directory)
        assert await source.after_change() == [FileReport(str(directory))]


async def test_a_swapped_config_map_is_a_change_of_its_objects(tmp_path: Path) -> None:
    for version, port in (("..1", 1), ("..2", 2)):
        (tmp_path / version).mkdir()
        (tmp_path / version / "a.yaml").write_text(f"name: x\nport: {port}\n")
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "a.yaml").symlink_to("..data/a.yaml")
    async with driven(tmp_path) as source:
        await source.batches.get()
        (tmp_path / "..data_tmp").symlink_to("..2")
        (tmp_path / "..data_tmp").rename(tmp_path / "..data")
        assert await source.after_change() == [
            Change(key("x"), {"name": "x", "port": 2}, Origin(str(tmp_path / "a.yaml"), 1, 0))
        ]


async def test_without_a_notification_the_files_are_looked_at_once_a_second(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("name: x\n")
    async with driven(tmp_path) as source:
        await source.batches.get()
        (tmp_path / "b.yaml").write_text("name: w\n")
        source.hints.put_nowait(TICK)
        assert len(await source.batches.get()) == 1
        (tmp_path / "c.yaml").write_text("name: z\n")
        for hint in (TICK, TICK, CHANGED):
            source.hints.put_nowait(hint)
        await source.batches.get()
        assert source.source.looks == 3, "the two ticks came too early"
        source.clock.seconds += 1.0
        (tmp_path / "c.yaml").unlink()
        source.hints.put_nowait(TICK)
        assert len(await source.batches.get()) == 1


async def test_a_cancelled_source_ends_its_watch(tmp_path: Path) -> None:
    async with driven(tmp_path) as source:
        await source.synced.wait()
    assert source.stopped.is_set()


async def test_a_directory_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    source = DirectorySource([tmp_path / "nowhere"], identify)
    with pytest.raises(InputError, match="nowhere: No such file or directory"):
        await source.run(lambda _: None, asyncio.Event())


def test_a_file_changed_within_the_grain_of_its_time_stamp_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("name: x\n")
    source = DirectorySource([tmp_path], identify, wall_clock=lambda: file.stat().st_mtime_ns + 1)
    assert len(source.refresh()) == 1
    signature = source._seen[str(file)][0]
    assert signature is None
    assert source.refresh() == []


def test_fields_are_located_while_the_file_holds_what_is_in_use(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("name: x\n---\nname: w\nspec:\n  port: 1\n")
    source = DirectorySource([tmp_path], identify)
    source.refresh()
    origin = source.origin(key("w"))
    assert origin is not None
    assert source.locate(origin, ("spec", "port")) == 5
    assert source.locate(origin, ("spec", "gone")) == 4
    file.write_text("\n\n\nname: [\n")
    assert source.locate(origin, ("spec", "port")) == 3
    file.unlink()
    assert source.locate(origin, ("spec", "port")) == 3


class Written:
    """A source whose wall clock stands a given time after the last modification of one file."""

    def __init__(self, file: Path) -> None:
        """Read the directory of `file` once, long after its modification."""
        self.file = file
        self.age = 10**9
        self.source = DirectorySource([file.parent], identify, wall_clock=lambda: file.stat().st_mtime_ns + self.age)
        self.source.refresh()

    def changes(self, text: str, age_ms: int) -> list[Change]:
        """Write the file, and look at it after some milliseconds."""
        self.file.write_text(text)
        self.age = age_ms * 1_000_000
        return [event for event in self.source.refresh() if isinstance(event, Change)]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    file = tmp_path / "a.yaml"
    file.write_text("name: x\nrules: [a, b]\n")
    return Written(file)


@pytest.mark.parametrize("half", ["", "name: x", "name: x\nrules: [a]"])
def test_a_file_that_was_written_just_now_and_has_no_last_line_end_is_left_alone(written: Written, half: str) -> None:
    assert written.changes(half, age_ms=50) == []


def test_a_file_that_is_changing_at_this_moment_is_left_alone(written: Written) -> None:
    assert written.changes("name: x\n", age_ms=10) == []


def test_what_was_left_alone_is_read_once_it_is_complete(written: Written) -> None:
    written.changes("name: x\n", age_ms=10)
    (change,) = written.changes("name: x\nrules: [c]\n", age_ms=20)
    assert change.raw == {"name": "x", "rules": ["c"]}


@pytest.mark.parametrize("text", ["", "name: y"])
def test_a_file_without_a_last_line_end_is_read_when_it_stays_so(written: Written, text: str) -> None:
    assert written.changes(text, age_ms=100)


def test_a_file_that_never_rests_is_read_in_the_end(written: Written) -> None:
    looks = [bool(written.changes(f"name: x\nnumber: {number}\n", age_ms=1)) for number in range(21)]
    assert looks == [False] * 20 + [True]


async def test_a_half_written_file_is_looked_at_again_without_another_notification(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("name: x\n")
    ages = iter([10**9, 0])
    async with driven(tmp_path) as source:
        await source.batches.get()
        source.source._wall_clock = lambda: file.stat().st_mtime_ns + next(ages, 10**9)
        next(ages)
        file.write_text("name: y\n")
        assert [type(event) for event in await source.after_change()] == [Change, Change]


async def test_who_wants_to_catch_up_waits_for_no_hint(tmp_path: Path) -> None:
    async with driven(tmp_path) as source:
        await source.batches.get()
        (tmp_path / "a.yaml").write_text("name: x\n")
        await source.source.catch_up()
        assert [event.key for event in source.batches.get_nowait() if isinstance(event, Change)] == [key("x")]
        await source.source.catch_up()
        assert source.batches.empty(), "nothing is new"


async def test_who_catches_up_waits_for_a_file_that_is_being_written(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    async with driven(tmp_path) as source:
        await source.batches.get()
        file.write_text("name: x")  # no end of the line
        times = iter([file.stat().st_mtime_ns])
        source.source._wall_clock = lambda: next(times, 2**63)
        looks = source.source.looks
        await source.source.catch_up()
        assert source.source.looks == looks + 2
        assert [event.key for event in source.batches.get_nowait() if isinstance(event, Change)] == [key("x")]


async def test_nobody_waits_for_a_source_that_has_ended(tmp_path: Path) -> None:
    async with driven(tmp_path) as source:
        await source.batches.get()
        waiting = asyncio.create_task(source.source.catch_up())
        await asyncio.sleep(0)
    await waiting
