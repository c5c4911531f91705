"""The directory source with the operating system's own notifications."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from lateen.model.keys import Key, Kind
from lateen.model.objects import Change, Origin, RawObject
from lateen.sources import watch
from lateen.sources.base import SourceEvent
from lateen.sources.directory import DirectorySource


def identify(raw: RawObject) -> Key:
    return Key(Kind.SERVICE, "default", raw["name"])


@contextlib.asynccontextmanager
async def following(directory: Path) -> AsyncIterator["asyncio.Queue[list[SourceEvent]]"]:
    batches: asyncio.Queue[list[SourceEvent]] = asyncio.Queue()

    def sink(events: Sequence[SourceEvent]) -> None:
        batches.put_nowait(list(events))

    synced = asyncio.Event()
    running = asyncio.create_task(DirectorySource([directory], identify).run(sink, synced))
    await synced.wait()
    await batches.get()
    yield batches
    running.cancel()
    await asyncio.wait([running])


async def test_a_written_a_replaced_and_a_deleted_file_are_noticed(tmp_path: Path) -> None:
    file = tmp_path / "sub" / "a.yaml"
    file.parent.mkdir()
    async with following(tmp_path) as batches:
        file.write_text("name: x\nport: 1\n")
        assert await batches.get() == [
            Change(Key(Kind.SERVICE, "default", "x"), {"name": "x", "port": 1}, Origin(str(file), 1, 0))
        ]
        (tmp_path / "sub" / "a.tmp").write_text("name: x\nport: 2\n")
        (tmp_path / "sub" / "a.tmp").rename(file)
        (event,) = await batches.get()
        assert isinstance(event, Change)
        assert event.raw == {"name": "x", "port": 2}
        file.unlink()
        (event,) = await batches.get()
        assert isinstance(event, Change)
        assert event.raw is None


async def test_a_change_behind_a_link_that_leads_elsewhere_is_noticed(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    (outside / "a.yaml").write_text("name: x\n")
    (inside / "a.yaml").symlink_to(outside / "a.yaml")
    async with following(inside) as batches:
        (outside / "a.yaml").write_text("name: z\n")
        events = await batches.get()
        assert [event.key.name for event in events if isinstance(event, Change)] == ["x", "z"]


async def test_where_watching_is_refused_the_files_are_looked_at_steadily(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "inotify watch limit reached")

    monkeypatch.setattr(watch, "awatch", refuse)
    monkeypatch.setattr(watch, "TICK", 0.01)
    async with following(tmp_path) as batches:
        (tmp_path / "a.yaml").write_text("name: x\n")
        (event,) = await batches.get()
        assert isinstance(event, Change)


@pytest.mark.slow
def test_twenty_thousand_objects_load_in_one_batch(tmp_path: Path) -> None:
    for number in range(200):
        documents = [f"name: s{number}-{each}\nspec: {{ports: [{{port: 80}}]}}\n" for each in range(100)]
        (tmp_path / f"{number}.yaml").write_text("---\n".join(documents))
    events = DirectorySource([tmp_path], identify).refresh()
    assert len(events) == 20_000
