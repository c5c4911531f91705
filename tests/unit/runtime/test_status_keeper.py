"""Status goes out, whatever the sink does."""

import asyncio

from lateen.model.keys import Key, Kind
from lateen.runtime.leadership import AlwaysLeader
from lateen.runtime.status_keeper import StatusKeeper
from lateen.status.base import MemoryStatusSink, ObjectStatus
from lateen.status.conditions import Condition, ConditionType

CART = Key(Kind.VIRTUAL_SERVICE, "shop", "cart")
USER = Key(Kind.VIRTUAL_SERVICE, "shop", "user")
GOOD = ObjectStatus((Condition(ConditionType.ACCEPTED, "True", "Accepted"),))


class Sink(MemoryStatusSink):
    """Fails as often as it is told to."""

    def __init__(self, failures: int = 0) -> None:
        """Begin."""
        super().__init__()
        self.failures = failures
        self.writes: list[Key] = []

    async def write(self, key: Key, status: ObjectStatus) -> None:
        self.writes.append(key)
        if self.failures:
            self.failures -= 1
            raise ConnectionError("no route")
        await super().write(key, status)


async def written(sink: Sink, *keys: Key) -> list[float]:
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    keeper = StatusKeeper(sink, AlwaysLeader(), lambda _: GOOD, pause)
    task = asyncio.create_task(keeper.run())
    keeper.tell(keys)
    for _ in range(10):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    return pauses


async def test_every_object_is_written_once_however_often_it_changed() -> None:
    sink = Sink()
    await written(sink, CART, USER, CART)
    assert sink.writes == [CART, USER]
    assert sink.statuses == {CART: GOOD, USER: GOOD}


async def test_a_sink_that_fails_is_asked_again_later() -> None:
    sink = Sink(failures=2)
    pauses = await written(sink, CART)
    assert sink.statuses == {CART: GOOD}
    assert pauses == [0.5, 1.0]
