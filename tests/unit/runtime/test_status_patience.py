"""What may pass by itself is written when it has lasted, and numbers of proxies after all other news."""

import asyncio
from dataclasses import replace

from tests import virtual_time
from tests.unit.runtime.election import Election
from tests.unit.runtime.status_scene import Sink, good, keeping, key
from tests.virtual_time import in_virtual_time

from lateen.model.keys import Key
from lateen.runtime.status_keeper import ARRIVING, RESERVE, TAKING_OVER
from lateen.status.base import ObjectStatus
from lateen.status.conditions import Condition, ConditionType


@in_virtual_time
async def test_another_number_of_proxies_is_written_once_it_has_lasted() -> None:
    sink = Sink()
    sink.statuses[key(1)] = sink.statuses[key(2)] = good(1)
    sink.recounts = {key(1), key(2)}
    said = {key(1): good(2), key(2): good(2)}
    async with keeping(sink, status=said.__getitem__) as keeper:
        await asyncio.sleep(TAKING_OVER)
        keeper.tell([key(1), key(2)])
        await asyncio.sleep(10)
        keeper.tell([key(1)])  # what is told again has lasted all the while
        said[key(2)] = good(1)  # and what is as before is no news
        await asyncio.sleep(4)
        assert sink.order == []
        await asyncio.sleep(2)
        assert sink.started == [(TAKING_OVER + 15.0, key(1))]
        sink.recounts.clear()
        said[key(2)] = good(3)
        keeper.tell([key(2)])
        await asyncio.sleep(0.1)
        assert sink.order == [key(1), key(2)]


@in_virtual_time
async def test_a_change_that_proxies_do_not_acknowledge_is_written_as_well_and_again_when_they_do() -> None:
    sink, said = Sink(), {key(1): replace(good(2), is_arriving=True)}
    async with keeping(sink, status=said.__getitem__) as keeper:
        keeper.tell([key(1)])
        await asyncio.sleep(ARRIVING / 2)
        keeper.tell([key(1)])  # however often it is told: from the first time
        await asyncio.sleep(5)
        assert sink.started == [(ARRIVING, key(1))]
        said[key(1)] = good(3)
        keeper.tell([key(1)])
        await asyncio.sleep(1)
    assert sink.order == [key(1), key(1)]


@in_virtual_time
async def test_a_change_does_not_wait_as_long_as_another_number_of_proxies() -> None:
    sink, said = Sink(), {key(1): good(2)}
    sink.recounts = {key(1)}
    async with keeping(sink, status=said.__getitem__) as keeper:
        keeper.tell([key(1)])
        await asyncio.sleep(1)
        sink.recounts.clear()
        said[key(1)] = replace(good(3), is_arriving=True)
        keeper.tell([key(1)])
        await asyncio.sleep(5)
    assert sink.started == [(1 + ARRIVING, key(1))]


@in_virtual_time
async def test_after_a_take_over_proxies_get_a_minute_to_have_what_the_new_leader_compiled() -> None:
    sink, election = Sink(), Election()
    sink.statuses[key(1)] = sink.statuses[key(2)] = sink.statuses[key(3)] = good(1)
    sink.recounts = {key(1), key(2)}
    said = {key(1): good(2), key(2): good(2), key(3): good(1)}
    async with keeping(sink, leadership=election, status=said.__getitem__, everything=lambda: said) as keeper:
        await asyncio.sleep(1000)
        election.set(leading=True)
        await asyncio.sleep(TAKING_OVER - 1)
        said[key(2)] = good(1)  # its proxies have come
        keeper.tell([key(2)])
        said[key(3)] = good(3)  # another matter: it was edited, or refused
        keeper.tell([key(3)])
        await asyncio.sleep(0.1)
        assert sink.order == [key(3)]
        await asyncio.sleep(1)
        assert sink.order == [key(3), key(1)]
        election.set(leading=False)
        said[key(1)] = good(4)
        keeper.tell([key(1)])
        await asyncio.sleep(1000)
        election.set(leading=True)
        await asyncio.sleep(TAKING_OVER - 1)
        assert sink.order == [key(3), key(1)], "each take-over begins anew"


@in_virtual_time
async def test_all_other_news_are_written_before_another_number_of_proxies() -> None:
    sink = Sink()
    crowd = [key(number) for number in range(1000)]
    sink.recounts = {*crowd}
    for each in crowd:
        sink.statuses[each] = good(1)
    said = dict.fromkeys(crowd, good(2))
    async with keeping(sink, status=lambda about: said.get(about, good(7)), limited=True) as keeper:
        await asyncio.sleep(TAKING_OVER)
        keeper.tell(crowd)
        await asyncio.sleep(30)
        written = len(sink.order)
        assert 200 < written < 400
        news = [key(2000 + number) for number in range(RESERVE)]
        keeper.tell([*news, crowd[-1]])
        keeper.tell(crowd)  # told again, after the news
        told = virtual_time.now()
        await asyncio.sleep(0.5)
        first = sink.started[written : written + len(news)]
        assert [each for _, each in first] == [*reversed(news)]
        assert first[-1][0] - told < 0.1, "there is room for a few"
        sink.recounts.discard(crowd[-2])
        keeper.tell([crowd[-2]])  # a recount that became news
        await asyncio.sleep(0.5)
        assert crowd[-2] in sink.order
        await asyncio.sleep(60)
    assert sorted(sink.order) == sorted({*crowd, *news})


@in_virtual_time
async def test_what_waits_as_a_recount_and_is_none_any_more_is_not_written() -> None:
    sink = Sink()
    crowd = [key(number) for number in range(200)]
    sink.recounts = {*crowd}
    for each in crowd:
        sink.statuses[each] = good(1)
    said = dict.fromkeys(crowd, good(2))
    async with keeping(sink, status=said.__getitem__, limited=True) as keeper:
        await asyncio.sleep(TAKING_OVER)
        keeper.tell(crowd)
        await asyncio.sleep(16)
        said |= dict.fromkeys(crowd, good(1))
        await asyncio.sleep(60)
        assert keeper.waiting == 0
    assert len(sink.order) < 60


@in_virtual_time
async def test_news_are_said_at_once_and_that_proxies_lag_behind_them_when_it_has_lasted() -> None:
    class HoldingSink(Sink):
        def is_recount(self, key: Key, status: ObjectStatus) -> bool:
            return not self.is_written(key, status) and self.is_written(key, self.hold(key, status))

        def hold(self, key: Key, status: ObjectStatus) -> ObjectStatus:
            del key
            return replace(status, conditions=status.conditions[:1])

    def saying(accepted: str, *more: Condition) -> ObjectStatus:
        return ObjectStatus((Condition(ConditionType.ACCEPTED, accepted, accepted), *more))

    sink = HoldingSink()
    pending = Condition(ConditionType.PROGRAMMED, "False", "Pending")
    said = {key(1): saying("True", pending)}
    async with keeping(sink, status=said.__getitem__) as keeper:
        await asyncio.sleep(TAKING_OVER)
        said[key(1)] = replace(saying("False", pending), is_arriving=True)
        keeper.tell([key(1)])
        await asyncio.sleep(0.1)
        assert sink.statuses == {key(1): saying("False")}
        await asyncio.sleep(20)
        assert sink.statuses == {key(1): saying("False", pending)}
    assert [time - TAKING_OVER for time, _ in sink.started] == [0.0, 15.0]


@in_virtual_time
async def test_that_no_proxy_is_there_at_all_is_written_at_once() -> None:
    sink = Sink()
    sink.statuses[key(1)] = good(1)
    sink.recounts = {key(1)}
    async with keeping(sink, status=lambda _: replace(good(2), is_served=False)) as keeper:
        keeper.tell([key(1)])
        await asyncio.sleep(1)
    assert sink.order == [key(1)]
