"""Hears what proxies tell of ejections and overflows, wherever they run: keeps what is current, tells what is new."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final

import structlog

from lateen.infra.proxy_events import HostEjected, HostReturned, PoolOverflowed, ProxyEvent
from lateen.ir.proxy import ProxyId
from lateen.ir.resource import ResourceKey, ResourceType
from lateen.kube.recorder import Recorder
from lateen.model.keys import Key
from lateen.runtime.control import Control
from lateen.runtime.ejections.announcer import Announcer
from lateen.runtime.ejections.book import EjectionBook
from lateen.runtime.ejections.facts import Facts, ProxyPod
from lateen.runtime.ejections.overflows import OverflowCounter
from lateen.status.base import EjectedHost

_TICK: Final = 1.0
"""Seconds between two looks at the clock, while anything depends on it."""

_log = structlog.get_logger(__name__)

_WATCHED: Final = (ResourceType.CLUSTER, ResourceType.ENDPOINTS)


class EjectionKeeper:
    """Knows who is ejected now."""

    def __init__(
        self,
        control: Control,
        recorder: Recorder,
        *,
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
        gathering: float = 0.0,
    ) -> None:
        """Start without proxies.

        Args:
            control: knows the clusters, and writes status.
            recorder: makes Events.
            clock: monotonic seconds.
            wall_clock: seconds since 1970.
            sleep: waits.
            gathering: seconds that an Event waits for other proxies to do the same.
        """
        self.ejected_total: Counter[ProxyId] = Counter()
        """Ejections that were heard of, by class of proxies."""
        self.overflowed_total: Counter[tuple[ProxyId, str]] = Counter()
        """Overflows that were heard of, by class of proxies and sort of limit (`connection`, `request`, `retry`)."""
        self._control = control
        self._wall_clock = wall_clock
        self._sleep = sleep
        facts = Facts(control)
        self._announcer = Announcer(recorder, clock, gathering)
        self._book = EjectionBook(facts, self._announcer, control.look_again)
        self._overflows = OverflowCounter(facts, recorder, clock)
        self._proxies: set[ProxyPod] = set()
        self._unsubscribe: dict[ProxyId, Callable[[], None]] = {}
        self._wake = asyncio.Event()

    def of(self, key: Key) -> tuple[EjectedHost, ...]:
        """Hosts that are ejected now because of a DestinationRule."""
        return self._book.of(key)

    def ejected_now(self) -> dict[ProxyId, int]:
        """Count the current ejections of each class that has a proxy."""
        return {proxy: self._book.count(proxy) for proxy in self._unsubscribe}

    def appear(self, pod: ProxyPod) -> None:
        """A proxy exists. Changes of its clusters are followed from now on."""
        self._proxies.add(pod)
        if pod.proxy not in self._unsubscribe:
            subscribed = self._control.cache.subscribe(pod.proxy, lambda keys: self._on_change(pod.proxy, keys))
            self._unsubscribe[pod.proxy] = subscribed

    def leave(self, pod: ProxyPod) -> None:
        """A proxy is gone, and its ejections with it."""
        self._proxies.discard(pod)
        self._book.forget_proxy(pod)
        if all(other.proxy != pod.proxy for other in self._proxies):
            self._unsubscribe.pop(pod.proxy, lambda: None)()

    def restart(self, pod: ProxyPod, at: float) -> None:
        """A proxy was started again, in seconds since 1970: what it had ejected before is forgotten."""
        self._book.forget_proxy(pod, before=at)

    def hear(self, pod: ProxyPod, event: ProxyEvent, *, tell: bool = True) -> None:
        """Take in what a proxy tells; `tell`: it is news, not history."""
        match event:
            case PoolOverflowed():
                if tell:
                    self.overflowed_total[pod.proxy, event.limit.value] += 1
                    self._overflows.add(pod, event)
            case HostEjected():
                self.ejected_total[pod.proxy] += tell
                self._book.eject(pod, event, tell=tell)
            case HostReturned():
                self._book.restore(pod, event, tell=tell)
        self._wake.set()

    def clear(self) -> None:
        """Forget what is current, without a word: somebody else keeps it now."""
        self._book.clear()
        self._announcer.clear()
        self._overflows.clear()

    async def run(self) -> None:
        """Do what time alone brings about, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._book.is_waiting or self._announcer.is_waiting or self._overflows.is_waiting:
                self._book.look(self._wall_clock())
                self._announcer.look()
                self._overflows.look()
                await self._sleep(_TICK)

    def _on_change(self, proxy: ProxyId, keys: Iterable[ResourceKey]) -> None:
        """Hear of resources that are being published, which nothing here may hold up."""
        if not len(self._book):
            return
        try:
            for key in keys:
                if key.type in _WATCHED:
                    self._book.look_at_cluster(proxy, key.name)
        except Exception:  # noqa: BLE001 - see above
            _log.exception("ejections may not be up to date", proxy=str(proxy))
