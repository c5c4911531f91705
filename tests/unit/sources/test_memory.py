"""The memory source replays what it is given."""

import asyncio

from lateen.model.keys import Key, Kind
from lateen.model.objects import Change
from lateen.sources.base import SourceEvent
from lateen.sources.memory import MemorySource


def change(name: str) -> Change:
    return Change(Key(Kind.SERVICE, "default", name), {"kind": "Service"})


async def test_the_initial_state_is_one_batch_and_later_ones_follow() -> None:
    batches: asyncio.Queue[list[SourceEvent]] = asyncio.Queue()
    synced = asyncio.Event()
    source = MemorySource([change("a"), change("b")])
    source.put(change("c"))
    running = asyncio.create_task(source.run(lambda events: batches.put_nowait(list(events)), synced))
    await synced.wait()
    source.put(change("d"), change("e"))
    assert [await batches.get() for _ in range(3)] == [
        [change("a"), change("b")],
        [change("c")],
        [change("d"), change("e")],
    ]
    running.cancel()
    await asyncio.wait([running])
    assert running.cancelled()
