"""Status goes out, whatever the sink does: newest first, not too much at once, and only from the leader."""

import asyncio
import itertools
from dataclasses import replace

import pytest
from tests import virtual_time
from tests.unit.runtime.election import Election
from tests.unit.runtime.status_scene import Sink, good, keeping, key
from tests.virtual_time import in_virtual_time

from lateen.model.keys import Key
from lateen.runtime.status_keeper import ARRIVING
from lateen.status.base import ObjectStatus


@in_virtual_time
async def test_every_object_is_written_once_however_often_it_changed() -> None:
    sink = Sink()
    async with keeping(sink) as keeper:
        keeper.tell([key(1), key(2), key(1)])
        keeper.tell([key(2)])
        await asyncio.sleep(1)
    assert sorted(sink.order) == [key(1), key(2)]
    assert sink.statuses == {key(1): good(), key(2): good()}
    assert keeper.waiting == 0


@in_virtual_time
async def test_what_is_written_already_is_not_written_again() -> None:
    sink = Sink()
    async with keeping(sink) as keeper:
        keeper.tell([key(1)])
        await asyncio.sleep(1)
        keeper.tell([key(1)])
        await asyncio.sleep(1)
    assert sink.order == [key(1)]


@in_virtual_time
async def test_a_change_that_proxies_acknowledge_at_once_is_written_once() -> None:
    sink, said = Sink(), {key(1): replace(good(2), is_arriving=True)}
    async with keeping(sink, status=said.__getitem__) as keeper:
        keeper.tell([key(1)])
        await asyncio.sleep(ARRIVING / 2)
        assert sink.order == []
        said[key(1)] = good(3)
        keeper.tell([key(1)])
        await asyncio.sleep(1)
    assert sink.started == [(ARRIVING / 2, key(1))]
    assert sink.statuses[key(1)] == good(3)


@in_virtual_time
async def test_a_thousand_updates_are_written_at_no_more_than_twenty_a_second_newest_first() -> None:
    sink = Sink(seconds=0.01)
    async with keeping(sink, limited=True) as keeper:
        keeper.tell(key(number) for number in range(1000))
        await asyncio.sleep(60)
    assert sink.order == [key(number) for number in reversed(range(1000))]
    times = [time for time, _ in sink.started]
    for second in range(60):
        burst = 50 if second == 0 else 0
        assert sum(second <= time < second + 1 for time in times) <= 20 + burst
    assert 47 < times[-1] < 48


@in_virtual_time
async def test_news_overtakes_what_waits_for_its_turn() -> None:
    sink = Sink()
    async with keeping(sink, limited=True) as keeper:
        keeper.tell(key(number) for number in range(1000))
        await asyncio.sleep(10)
        keeper.tell([key(7)])
        told = virtual_time.now()
        await asyncio.sleep(0.1)
    assert next(time for time, each in sink.started if each == key(7)) - told <= 0.05


@in_virtual_time
async def test_status_is_what_is_the_case_at_the_moment_of_writing() -> None:
    sink, generation = Sink(), 1
    async with keeping(sink, status=lambda _: good(generation), limited=True) as keeper:
        keeper.tell(key(number) for number in range(100))
        await asyncio.sleep(1)
        generation = 2
        await asyncio.sleep(10)
    assert sink.statuses[key(0)].generation == 2
    assert len(sink.started) == 100


@in_virtual_time
async def test_a_slow_object_holds_up_no_other_one() -> None:
    sink = Sink()
    sink.seconds[key(9)] = 30
    async with keeping(sink) as keeper:
        keeper.tell(key(number) for number in range(10))
        await asyncio.sleep(1)
        assert len(sink.statuses) == 9
        await asyncio.sleep(30)
    assert len(sink.statuses) == 10


@in_virtual_time
async def test_no_more_than_eight_writes_are_under_way() -> None:
    sink = Sink(seconds=1)
    async with keeping(sink) as keeper:
        keeper.tell(key(number) for number in range(100))
        await asyncio.sleep(20)
    assert (sink.most, len(sink.statuses)) == (8, 100)


@in_virtual_time
async def test_news_during_a_write_is_written_after_it() -> None:
    sink, numbers = Sink(seconds=1), itertools.count()
    async with keeping(sink, status=lambda _: good(next(numbers))) as keeper:
        keeper.tell([key(1)])
        await asyncio.sleep(0.5)
        keeper.tell([key(1)])
        await asyncio.sleep(10)
    assert [time for time, _ in sink.started] == [0, 1]
    assert sink.statuses[key(1)].generation == 1


@in_virtual_time
async def test_an_object_that_fails_is_tried_again_later_and_later_and_alone() -> None:
    sink = Sink()
    sink.failures[key(1)] = 8
    async with keeping(sink) as keeper:
        keeper.tell([key(1)])
        for number in range(2, 100):
            keeper.tell([key(number), key(1)])
            await asyncio.sleep(1)
        await asyncio.sleep(60)
        assert keeper.waiting == 0
    times = [time for time, each in sink.started if each == key(1)]
    pauses = [later - time for time, later in itertools.pairwise(times)]
    assert pauses == pytest.approx([0.5, 1, 2, 4, 8, 16, 30, 30], abs=0.01)
    assert keeper.failures == 8


@in_virtual_time
async def test_a_status_that_cannot_be_told_stops_nothing() -> None:
    sink = Sink()

    def status(about: Key) -> ObjectStatus:
        if about == key(1) and virtual_time.now() < 1:
            raise LookupError("a fault")
        return good()

    async with keeping(sink, status=status) as keeper:
        keeper.tell([key(1), key(2)])
        await asyncio.sleep(10)
    assert sink.order == [key(2), key(1)]


@in_virtual_time
async def test_only_a_leader_writes() -> None:
    sink, election = Sink(), Election()
    async with keeping(sink, leadership=election, everything=lambda: [key(1)]) as keeper:
        await asyncio.sleep(10)
        assert sink.order == []
        election.set(leading=True)
        await asyncio.sleep(1)
        assert sink.order == [key(1)]
        election.set(leading=False)
        keeper.tell([key(2)])
        await asyncio.sleep(10)
    assert sink.order == [key(1)]


@in_virtual_time
async def test_a_leader_that_is_deposed_stops_in_the_middle() -> None:
    sink, election = Sink(), Election()
    everything = [key(number) for number in range(1000)]
    async with keeping(sink, leadership=election, everything=lambda: everything, limited=True):
        election.set(leading=True)
        await asyncio.sleep(5)
        election.set(leading=False)
        written = len(sink.order)
        await asyncio.sleep(60)
        assert len(sink.order) == written
        election.set(leading=True)
        await asyncio.sleep(60)
    assert len(sink.order) == 1000


@in_virtual_time
async def test_a_write_that_was_cut_off_with_the_leadership_is_no_failure() -> None:
    sink, election = Sink(seconds=1), Election()
    sink.failures[key(1)] = 1
    election.set(leading=True)
    async with keeping(sink, leadership=election, everything=lambda: [key(1)]) as keeper:
        keeper.tell([key(1)])
        await asyncio.sleep(0.5)
        election.set(leading=False)
        await asyncio.sleep(10)
        assert keeper.failures == 0
        election.set(leading=True)
        await asyncio.sleep(1.1)
    assert sink.statuses.keys() == {key(1)}


@in_virtual_time
async def test_a_new_leader_looks_at_everything_and_writes_what_differs() -> None:
    sink, election, looked = Sink(), Election(), set()
    for number in range(95):
        sink.statuses[key(number)] = good()

    def status(about: Key) -> ObjectStatus:
        looked.add(about)
        return good()

    everything = [key(number) for number in range(100)]
    async with keeping(sink, leadership=election, status=status, everything=lambda: everything):
        election.set(leading=True)
        await asyncio.sleep(1)
        assert (len(looked), len(sink.order)) == (100, 5)
        election.set(leading=False)
        sink.statuses.pop(key(3))
        await asyncio.sleep(1)
        election.set(leading=True)
        await asyncio.sleep(1)
    assert sink.order[5:] == [key(3)]
