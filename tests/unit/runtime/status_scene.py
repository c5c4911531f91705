"""A keeper of status, with a sink and an election that do as they are told."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

from tests import virtual_time

from lateen.kube.budget import WriteBudget
from lateen.model.keys import Key, Kind
from lateen.runtime.leadership import AlwaysLeader, Leadership
from lateen.runtime.status_keeper import StatusKeeper
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
