"""Keeps the runner in step with the proxies that are wanted: the newest wish counts, each proxy on its own.

A proxy that drains, or cannot be started, holds up no other one. In a cluster a proxy that is not
wanted any more stays for a while: whoever deletes a Gateway and makes it again keeps the address
of its load balancer.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import structlog

from lateen.errors import LateenError
from lateen.infra.base import Phase, ProxyPlan, ProxyRunner, ProxyState
from lateen.ir.proxy import ProxyId
from lateen.runtime.alarm import Alarm
from lateen.runtime.leadership import Leadership

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
"""Seconds between two tries to start a proxy that the runner cannot start."""

_log = structlog.get_logger(__name__)


class _Wish(NamedTuple):
    """What is wanted of one proxy. A wish that comes again is another one: the plan may have changed."""

    wanted: bool
    number: int


class ProxyKeeper:
    """Turns wishes into `ensure` and `remove`."""

    def __init__(
        self,
        runner: ProxyRunner,
        leadership: Leadership,
        plan: Callable[[ProxyId], ProxyPlan],
        *,
        on_failure: Callable[[ProxyState], None],
        on_gone: Callable[[ProxyId], None],
        removal_delay: float = 0.0,
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:
        """Start without wishes.

        Args:
            runner: makes proxies run.
            leadership: whether this instance may.
            plan: how a proxy is to be run.
            on_failure: told when the runner cannot do what it is asked for; it is asked again.
            on_gone: told when a proxy that is not wanted any more is gone.
            removal_delay: seconds that it stays, in case that it is wanted again.
            sleep: waits.
        """
        self._runner = runner
        self._leadership = leadership
        self._plan = plan
        self._on_failure = on_failure
        self._on_gone = on_gone
        self._removal_delay = removal_delay
        self._sleep = sleep
        self._wishes: dict[ProxyId, _Wish] = {}
        self._leaving: dict[ProxyId, Alarm] = {}
        """What wakes those who wait for a removal to be due."""
        self._standing_by: dict[ProxyId, Alarm] = {}
        """What wakes those who wait to lead."""
        self._numbers = 0
        self._followed: set[ProxyId] = set()
        self._news: asyncio.Queue[ProxyId] = asyncio.Queue()

    def want(self, proxy: ProxyId, *, wanted: bool) -> None:
        """Make a wish; one that is made again is fulfilled by the plan of that moment."""
        self._numbers += 1
        self._wishes[proxy] = _Wish(wanted, self._numbers)
        self._news.put_nowait(proxy)
        for waiting in (self._leaving, self._standing_by):
            if proxy in waiting:
                waiting[proxy].ring()

    def stir(self, proxy: ProxyId) -> None:
        """Look at a proxy again if somebody else leads: it may have ended for good."""
        if proxy in self._standing_by:
            self._standing_by[proxy].ring()

    def let_go(self, proxy: ProxyId) -> None:
        """Do not want a proxy that was found running, unless there is a wish about it already."""
        if proxy not in self._wishes:
            self.want(proxy, wanted=False)

    def is_leaving(self, proxy: ProxyId) -> bool:
        """Whether a proxy is not wanted any more, and not gone yet."""
        wish = self._wishes.get(proxy)
        return wish is not None and not wish.wanted

    async def run(self) -> None:
        """Fulfil wishes until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                proxy = await self._news.get()
                if proxy not in self._followed and proxy in self._wishes:
                    self._followed.add(proxy)
                    tasks.create_task(self._follow(proxy), name=f"keep proxy {proxy}")

    async def _follow(self, proxy: ProxyId) -> None:
        """Do what is wished for one proxy, until the last wish is fulfilled."""
        pause = FIRST_PAUSE
        fulfilled: _Wish | None = None
        due: _Wish | None = None
        try:
            while (wish := self._wishes[proxy]) != fulfilled:
                if not self._leadership.leading:
                    if not wish.wanted and proxy not in self._runner.states:
                        break  # the leader has removed it
                    await self._wait(self._standing_by, proxy, lambda _: self._leadership.wait_until(leading=True))
                    continue  # what is wanted may have changed
                if not wish.wanted and due != wish:
                    await self._wait(self._leaving, proxy, self._sleep)
                    due = wish
                    continue  # who leads, and what is wanted, may have changed
                try:
                    await self._fulfil(proxy, wanted=wish.wanted)
                    fulfilled = wish
                except Exception as error:  # noqa: BLE001 - whatever is wrong with one proxy, others run
                    if not self._leadership.leading:
                        continue  # it was cut off
                    self._on_failure(ProxyState(proxy, Phase.FAILING, error=_words_of(error, proxy)))
                    await self._sleep(pause)
                    pause = min(2 * pause, LONGEST_PAUSE)
            if not wish.wanted:
                del self._wishes[proxy]
                self._on_gone(proxy)
        finally:
            self._followed.discard(proxy)

    async def _wait(
        self, alarms: dict[ProxyId, Alarm], proxy: ProxyId, until: Callable[[float], Awaitable[Any]]
    ) -> None:
        """Wait until something else is wished; or `until`, which is given the delay of removals."""
        alarm = alarms[proxy] = Alarm(until)
        try:
            await alarm.pause(self._removal_delay)
        finally:
            del alarms[proxy]

    async def _fulfil(self, proxy: ProxyId, *, wanted: bool) -> None:
        if wanted:
            await self._runner.ensure(self._plan(proxy))
        else:
            await self._runner.remove(proxy)


def _words_of(error: Exception, proxy: ProxyId) -> str:
    if isinstance(error, LateenError):
        return str(error)
    _log.error("a proxy cannot be kept", proxy=str(proxy), exc_info=error)
    return f"{type(error).__name__}: {error}; a fault of Lateen, please report it"
