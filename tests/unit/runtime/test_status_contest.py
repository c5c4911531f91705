"""Somebody else who writes the same statuses, and who does not lead."""

import asyncio
from itertools import pairwise

from tests import virtual_time
from tests.unit.runtime.election import Election
from tests.unit.runtime.status_scene import Sink, keeping, key
from tests.virtual_time import in_virtual_time

from lateen.model.keys import Key
from lateen.runtime.status_keeper import CALM, LONGEST_PAUSE, StatusKeeper
from lateen.status.base import ObjectStatus


class Contested(Sink):
    """Whatever is written of one object, somebody else writes something else at once."""

    def __init__(self) -> None:
        """Begin."""
        super().__init__(seconds=0.01)
        self.keeper: StatusKeeper | None = None
        self.contested = key(1)

    async def write(self, key: Key, status: ObjectStatus) -> None:
        await super().write(key, status)
        if key == self.contested and self.keeper is not None:
            del self.statuses[key]
            asyncio.get_running_loop().call_later(0.01, self.keeper.put_right, key)


@in_virtual_time
async def test_who_writes_against_somebody_else_does_so_ever_more_rarely() -> None:
    sink = Contested()
    async with keeping(sink) as keeper:
        sink.keeper = keeper
        keeper.tell([key(1)])
        await asyncio.sleep(600)
        times = [at for at, _ in sink.started]
        pauses = [round(later - earlier, 1) for earlier, later in pairwise(times)]
    assert pauses[:8] == [0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0]
    assert set(pauses[8:]) == {LONGEST_PAUSE}


@in_virtual_time
async def test_news_of_a_contested_object_is_written_at_once() -> None:
    sink = Contested()
    async with keeping(sink) as keeper:
        sink.keeper = keeper
        keeper.tell([key(1)])
        await asyncio.sleep(100)
        keeper.tell([key(1)])
        told = virtual_time.now()
        await asyncio.sleep(0.1)
        assert sink.started[-1] == (told, key(1))


@in_virtual_time
async def test_after_a_calm_time_a_status_is_put_right_at_once_again() -> None:
    sink = Sink()
    async with keeping(sink) as keeper:
        for _ in range(2):
            for _ in range(3):
                sink.statuses.pop(key(1), None)
                keeper.put_right(key(1))
                await asyncio.sleep(5)
            await asyncio.sleep(CALM)
            assert key(1) in sink.statuses
        sink.statuses.pop(key(1))
        keeper.put_right(key(1))
        altered = virtual_time.now()
        await asyncio.sleep(0.1)
        assert sink.started[-1] == (altered, key(1))


@in_virtual_time
async def test_who_follows_keeps_no_news() -> None:
    sink, election = Sink(), Election()
    async with keeping(sink, leadership=election, everything=lambda: [key(1)]) as keeper:
        await asyncio.sleep(1)
        keeper.tell(key(number) for number in range(100))
        assert keeper.waiting == 0
        election.set(leading=True)
        await asyncio.sleep(1)
        assert sink.order == [key(1)]
        election.set(leading=False)
        await asyncio.sleep(1)
        keeper.put_right(key(1))
        keeper.tell([key(2)])
        assert keeper.waiting == 0
