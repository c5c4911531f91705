"""Keeps written status in step with what is the case: each object once, however often it changed meanwhile.

The newest news is written first, several objects at a time, no more than the budget allows. Two
things are believed after a while only. That proxies have not acknowledged a change yet: they do within
milliseconds, and each change would be written twice. And that another number of proxies has an object:
when a replica ends, its proxies go to another one, and all objects would be written twice. What
has lasted so long is written when there is no other news. An object whose status cannot be written
is tried again later and later, and holds up no other one; so is one whose status somebody else writes as well.
"""

import asyncio
import heapq
import math
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final

import structlog

from lateen.kube.budget import WriteBudget
from lateen.model.keys import Key
from lateen.runtime.leadership import Leadership
from lateen.status.base import ObjectStatus, StatusSink

FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 30.0
"""Seconds until an object is tried again whose status could not be written."""

SETTLING: Final = 15.0
"""Seconds that another number of proxies has to last before it is written. Those whose replica has ended are back
in less."""

TAKING_OVER: Final = 60.0
"""Seconds after an instance has begun to lead in which proxies come to it, or to others of its release: until then what
they have is compiled by another one, and is as good as before."""

RESERVE: Final = 20
"""Writes that are left to news, and to Events, by what is but another number of proxies."""

ARRIVING: Final = 0.5
"""Seconds that connected proxies get to acknowledge a change before it is written that they have not."""

CALM: Final = 60.0
"""Seconds after which somebody else's change of a status is taken for the first one again."""

_MOST_ALTERED: Final = 1_000
"""Objects that are remembered as altered before those that are calm are forgotten."""

_AT_A_TIME: Final = 50
"""Objects that are looked at before the loop turns."""

_log = structlog.get_logger(__name__)


class StatusKeeper:
    """Writes the status of objects that changed, while this instance leads."""

    def __init__(
        self,
        sink: StatusSink,
        leadership: Leadership,
        status: Callable[[Key], ObjectStatus],
        *,
        everything: Callable[[], Iterable[Key]] = tuple,
        budget: WriteBudget | None = None,
        parallel: int = 8,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Write nothing yet.

        Args:
            sink: where status goes.
            leadership: whether this instance may write.
            status: what is to be said of an object; asked at the moment of writing.
            everything: all objects; each is looked at whenever this instance begins to lead.
            budget: how much may be written; None: everything at once.
            parallel: writes under way at a time.
            clock: monotonic seconds, as the event loop counts them.
        """
        self.failures = 0
        """Writes that failed."""
        self._sink = sink
        self._leadership = leadership
        self._status = status
        self._everything = everything
        self._budget = budget or WriteBudget.unlimited()
        self._parallel = parallel
        self._clock = clock
        self._unwritten: dict[Key, None] = {}
        """Objects to be looked at, the newest last."""
        self._recounts: dict[Key, None] = {}
        """Objects of which another number of proxies is to be written, and nothing else; the oldest first."""
        self._writing: set[Key] = set()
        self._again: set[Key] = set()
        """Objects with news while their status is being written."""
        self._pauses: dict[Key, float] = {}
        """Objects that failed, with the length of their last pause."""
        self._paused: dict[Key, float] = {}
        """Objects that wait to be tried again, with the time when."""
        self._altered: dict[Key, tuple[float, float]] = {}
        """Objects whose status somebody else has changed: when they are put right, and the pause after that."""
        self._prune_at = _MOST_ALTERED
        self._settling: dict[Key, float] = {}
        """Objects with news that may pass by itself, with the time when it is to be believed."""
        self._due: list[tuple[float, Key]] = []
        self._leads = asyncio.Event()
        """Set once everything there is is to be looked at."""
        self._follows = False
        """Whether another instance leads: news are not kept, everything is looked at once this one does."""
        self._leading_since = 0.0
        self._wake = asyncio.Event()
        self._error = ""

    @property
    def waiting(self) -> int:
        """Objects that have not been looked at since their last news, or have to be: again, or once it has lasted."""
        return len({*self._unwritten, *self._recounts, *self._paused, *self._writing, *self._settling})

    def tell(self, keys: Iterable[Key]) -> None:
        """Note that there may be news of these objects; the last one is the newest."""
        if self._follows:
            return
        for key in keys:
            if key in self._writing:
                self._again.add(key)
            elif key not in self._paused:
                self._unwritten.pop(key, None)
                self._unwritten[key] = None
        self._wake.set()

    def put_right(self, key: Key) -> None:
        """Somebody else has changed the status of an object. Whoever does so again and again is answered ever later."""
        now = self._clock()
        due, pause = self._altered.get(key, (-math.inf, 0.0))
        if self._follows or due > now:  # it is looked at anyway
            return
        if now - due >= CALM:
            due, pause = now, FIRST_PAUSE
        else:
            due, pause = max(now, due + pause), min(2 * pause, LONGEST_PAUSE)
            if pause == LONGEST_PAUSE:
                _log.warning("somebody else keeps changing a status", object=str(key), seconds=round(due - now, 1))
        self._altered[key] = due, pause
        if due > now:
            heapq.heappush(self._due, (due, key))
            self._wake.set()
        else:
            self.tell([key])
        self._forget_the_calm(now)

    async def run(self) -> None:
        """Write until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._look_at_everything(), name="leadership")
            looked = 0
            while True:
                await self._leads.wait()
                await self._leadership.wait_until(leading=True)
                self._take_due()
                delay = self._delay()
                if delay != 0:
                    await self._rest(delay)
                    continue
                key, believed = self._next()
                if (status := self._news_of(key, believed=believed)) is not None:
                    self._budget.spend()
                    self._writing.add(key)
                    tasks.create_task(self._write(key, status), name=f"status of {key}")
                looked += 1
                if looked % _AT_A_TIME == 0:
                    await asyncio.sleep(0)

    async def _look_at_everything(self) -> None:
        """Whoever led before may have left anything behind."""
        while True:
            self._follows = not self._leadership.leading
            if self._follows:
                self._unwritten.clear()
            await self._leadership.wait_until(leading=True)
            self._follows = False
            self._leading_since = self._clock()
            self.tell(self._everything())
            self._leads.set()
            await self._leadership.wait_until(leading=False)
            self._leads.clear()
            self._settling.clear()
            self._recounts.clear()

    def _delay(self) -> float | None:
        """Seconds until the next object may be looked at; None: until something happens."""
        if len(self._writing) >= self._parallel:
            return None
        if self._unwritten:
            return self._budget.delay()
        due = max(0.001, self._due[0][0] - self._clock()) if self._due else math.inf
        if self._recounts:
            due = min(due, self._budget.delay(RESERVE))
        return due if due < math.inf else None

    async def _rest(self, seconds: float | None) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        self._wake.clear()

    def _take_due(self) -> None:
        now = self._clock()
        while self._due and self._due[0][0] <= now:
            _, key = heapq.heappop(self._due)
            self._paused.pop(key, None)
            self.tell([key])

    def _next(self) -> tuple[Key, bool]:
        """Choose an object; whether it is one of those of which only the number of proxies is to be written."""
        if self._unwritten:
            return self._unwritten.popitem()[0], False
        key = next(iter(self._recounts))
        del self._recounts[key]
        return key, True

    def _news_of(self, key: Key, *, believed: bool) -> ObjectStatus | None:
        """What has to be written of an object now; None: nothing.

        Args:
            key: the object.
            believed: whether another number of proxies has lasted, and may be written.
        """
        status = None
        try:
            status = self._status(key)
            if self._sink.is_written(key, status):
                self._forget(key)
                status = None
            elif not status.is_served:
                self._forget(key)
            elif self._sink.is_recount(key, status):
                if not believed:
                    self._note_recount(key)
                    status = None
            else:
                status = self._without_recount(key, status)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one object, others are written
            self._fail(key, error)
            return None
        if status is None:
            self._pauses.pop(key, None)
        return status

    def _note_recount(self, key: Key) -> None:
        """Believe another number of proxies in time, and let it wait for all other news then; it is not written now."""
        if key not in self._recounts:
            lead = self._leading_since + TAKING_OVER - self._clock()
            if self._is_settled(key, max(SETTLING, lead)):
                self._recounts[key] = None

    def _without_recount(self, key: Key, status: ObjectStatus) -> ObjectStatus | None:
        """Say news at once, but not what may pass by itself: that proxies have not acknowledged them yet."""
        held = self._sink.hold(key, status)
        if held != status:
            self._again.add(key)
        elif not self._is_settled(key, ARRIVING if status.is_arriving else 0.0):
            return None
        self._forget(key)
        return held

    def _forget(self, key: Key) -> None:
        """Nothing of an object is to be believed later."""
        self._settling.pop(key, None)
        self._recounts.pop(key, None)

    def _forget_the_calm(self, now: float) -> None:
        if len(self._altered) >= self._prune_at:
            self._altered = {key: (due, pause) for key, (due, pause) in self._altered.items() if now - due < CALM}
            self._prune_at = max(_MOST_ALTERED, 2 * len(self._altered))

    def _is_settled(self, key: Key, patience: float) -> bool:
        """Whether news of an object has lasted for so many seconds; if not, it is looked at again in time."""
        now = self._clock()
        due = min(self._settling.get(key, math.inf), now + patience)
        if due <= now:
            self._settling.pop(key, None)
            return True
        if self._settling.get(key) != due:
            self._settling[key] = due
            heapq.heappush(self._due, (due, key))
        return False

    async def _write(self, key: Key, status: ObjectStatus) -> None:
        try:
            if self._leadership.leading:
                await self._sink.write(key, status)
                self._pauses.pop(key, None)
                self._error = ""
            else:
                self._again.add(key)
        except Exception as error:  # noqa: BLE001 - whatever a sink does, proxies are served
            if self._leadership.leading:
                self._fail(key, error)
            else:  # it was cut off: the next leader looks at everything
                self._again.add(key)
        finally:
            self._writing.discard(key)
            self._wake.set()
            if key in self._again:
                self._again.discard(key)
                self.tell([key])

    def _fail(self, key: Key, error: Exception) -> None:
        self.failures += 1
        pause = min(2 * self._pauses.get(key, FIRST_PAUSE / 2), LONGEST_PAUSE)
        self._pauses[key] = pause
        self._paused[key] = self._clock() + pause
        heapq.heappush(self._due, (self._paused[key], key))
        self._again.discard(key)  # looked at after the pause anyway
        words = str(error) or type(error).__name__
        if words != self._error:  # an API server that is gone says the same of every object
            _log.warning("status cannot be written", object=str(key), error=words)
        self._error = words
