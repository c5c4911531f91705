"""Status goes out, whatever the sink does: newest first, not too much at once, and only from the leader."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from tests import virtual_time
from tests.virtual_time import in_virtual_time

from lateen.kube.budget import WriteBudget
from lateen.model.keys import Key, Kind
from lateen.runtime.leadership import AlwaysLeader, Leadership
from lateen.runtime.status_keeper import ARRIVING, RESERVE, TAKING_OVER, StatusKeeper
from lateen.status.base import MemoryStatusSink, ObjectStatus
from lateen.status.conditions import Condition, ConditionType


def key(number: int) -> Key:
    return Key(Kind.VIRTUAL_SERVICE, "shop", f"vs-{number}")


def good(generation: int = 0) -> ObjectStatus:
    return ObjectStatus((Condition(ConditionType.ACCEPTED, "True", "Accepted"),), generation)


class Sink(MemoryStatusSink):
    """Takes its time, and fails as often as it is told to."""

    def __init__(self, *, seconds: float = 0.0) -> None:
        """Begin."""
        super().__init__()
        self.failures: dict[Key, int] = {}
        self.seconds: dict[Key, float] = {}
        self.started: list[tuple[float, Key]] = []
        self.under_way: list[Key] = []
        self.most = 0
        self.recounts: set[Key] = set()
        self._seconds = seconds

    def is_recount(self, key: Key, status: ObjectStatus) -> bool:
        return key in self.recounts and not self.is_written(key, status)

    @property
    def order(self) -> list[Key]:
        return [key for _, key in self.started]

    async def write(self, key: Key, status: ObjectStatus) -> None:
        self.started.append((virtual_time.now(), key))
        assert key not in self.under_way
        self.under_way.append(key)
        self.most = max(self.most, len(self.under_way))
        try:
            await asyncio.sleep(self.seconds.get(key, self._seconds))
            if self.failures.get(key):
                self.failures[key] -= 1
                raise ConnectionError(f"no route to {key}")
            await super().write(key, status)
        finally:
            self.under_way.remove(key)


class Election:
    """Leads when a test says so."""

    def __init__(self) -> None:
        """Follow."""
        self.leading = False
        self._changed = asyncio.Event()

    def set(self, *, leading: bool) -> None:
        self.leading = leading
        self._changed.set()
        self._changed = asyncio.Event()

    async def wait_until(self, *, leading: bool) -> None:
        while self.leading is not leading:
            await self._changed.wait()


@asynccontextmanager
async def keeping(
    sink: Sink,
    *,
    leadership: Leadership | None = None,
    status: Callable[[Key], ObjectStatus] = lambda _: good(),
    everything: Callable[[], Iterable[Key]] = tuple,
    limited: bool = False,
) -> AsyncIterator[StatusKeeper]:
    keeper = StatusKeeper(
        sink,
        leadership or AlwaysLeader(),
        status,
        everything=everything,
        budget=WriteBudget(clock=virtual_time.now) if limited else None,
        clock=virtual_time.now,
    )
    task = asyncio.create_task(keeper.run())
    yield keeper
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


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
    async with keeping(sink, leadership=election) as keeper:
        keeper.tell([key(1)])
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
    async with keeping(sink, leadership=election, limited=True) as keeper:
        keeper.tell(key(number) for number in range(1000))
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
    async with keeping(sink, leadership=election) as keeper:
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
