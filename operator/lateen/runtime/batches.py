"""Batches of changes: how one is given away, how long each took, and of which objects it may be news."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from lateen.model.keys import Key
from lateen.model.objects import Change

HISTORY: Final = 100
"""Batches that `lateen status` can tell about."""
_OPEN: Final = 1_000
"""Batches that may be under way; the ledger follows no more either. A replica without proxies hears of none."""


@dataclass(slots=True)
class BatchRecord:
    """What is remembered of one batch; times in seconds."""

    number: int
    objects: int
    at: float
    """When it was taken, by the instance's clock."""
    compiled: float
    live: float | None = None
    rejected: int = 0


class BatchBook:
    """The last batches, and the objects that those under way are about."""

    def __init__(self) -> None:
        """Start empty."""
        self.records: deque[BatchRecord] = deque(maxlen=HISTORY)
        """The newest last."""
        self._touched: dict[int, tuple[Key, ...]] = {}

    def add(self, record: BatchRecord, touched: Iterable[Key]) -> None:
        """Note a batch that was compiled, and the objects of which there is news once it is live."""
        self.records.append(record)
        self._touched[record.number] = tuple(touched)
        if len(self._touched) > _OPEN:
            del self._touched[next(iter(self._touched))]

    def touched(self, number: int) -> tuple[Key, ...]:
        """The objects of a batch that is under way."""
        return self._touched.get(number, ())

    def live(self, number: int, seconds: float, rejected: int) -> tuple[Key, ...]:
        """Note that a batch is live everywhere; its objects are given once."""
        for record in self.records:
            if record.number == number:
                record.live, record.rejected = seconds, rejected
        return self._touched.pop(number, ())


def one_by_one(changes: deque[Change]) -> Iterator[Change]:
    """Give each change away: what was read of thirty thousand objects is not kept until the last one is compiled.

    One that breaks whoever takes it is still there.
    """
    while changes:
        yield changes[0]
        changes.popleft()
