"""Follows the logs of all proxies that run as pods, while this instance leads.

The composition root makes one, gives it to `Control` (`control.ejections = watch.of`), tells it of the
proxies' pods, and lets it run:

    watch = EjectionWatch(control, recorder, leadership, pod_logs(client))
    watch.pod_appeared(ProxyPod("shop", "lateen-edge-5d4c", proxy))
    tasks.create_task(watch.run())
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any, Final, TypeAlias

import structlog

from lateen.infra.proxy_events import BEGINNING, HostEjected, HostReturned, PoolOverflowed, ProxyEvent, read_event
from lateen.ir.proxy import ProxyId
from lateen.ir.resource import ResourceKey, ResourceType
from lateen.kube.client import KubeClient
from lateen.kube.logs import ContainerRestarted, LogLine, PodLog
from lateen.model.keys import Key
from lateen.runtime.control import Control
from lateen.runtime.ejections.book import EjectionBook, Recorder
from lateen.runtime.ejections.facts import Facts, ProxyPod
from lateen.runtime.ejections.overflows import OverflowCounter
from lateen.runtime.leadership import Leadership
from lateen.status.base import EjectedHost

Follow: TypeAlias = Callable[[ProxyPod], AsyncIterator[LogLine | ContainerRestarted]]
"""Reads the log of a proxy's pod as it is written, from the recent past on; ends when the pod is gone."""

OVERLAP: Final = 30.0
"""Seconds before this instance began to lead whose events are told again: the leader before may have died with them."""

_TICK: Final = 1.0
"""Seconds between two looks at the clock, while anything depends on it."""

_PAUSE: Final = 10.0
"""Seconds before a log is followed again after a fault of ours."""

_WATCHED: Final = (ResourceType.CLUSTER, ResourceType.ENDPOINTS)

_log = structlog.get_logger(__name__)


def pod_logs(client: KubeClient, container: str = "envoy") -> Follow:
    """Follow logs through an API server.

    `client` is used for nothing else, and has no limit of connections (`KubeClient.connect(connections=0)`):
    each pod takes one for as long as it lives.
    """
    return lambda pod: PodLog(client, pod.namespace, pod.name, container, beginning=BEGINNING).follow()


class EjectionWatch:
    """Knows who is ejected now, and tells what happens."""

    def __init__(
        self,
        control: Control,
        recorder: Recorder,
        leadership: Leadership,
        follow: Follow,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:
        """Put the parts together; nothing is followed before `run`.

        Args:
            control: knows the clusters, and writes status.
            recorder: makes Events.
            leadership: whether this instance may write.
            follow: reads the logs.
            clock: monotonic seconds.
            wall_clock: seconds since 1970.
            sleep: waits.
        """
        self.ejected_total: Counter[ProxyId] = Counter()
        """Ejections that were heard of, by class of proxies."""
        self.overflowed_total: Counter[tuple[ProxyId, str]] = Counter()
        """Overflows that were heard of, by class of proxies and sort of limit (`connection`, `request`, `retry`)."""
        self._control = control
        self._leadership = leadership
        self._follow = follow
        self._wall_clock = wall_clock
        self._sleep = sleep
        facts = Facts(control)
        self._book = EjectionBook(facts, recorder, control.look_again)
        self._overflows = OverflowCounter(facts, recorder, clock)
        self._pods: dict[tuple[str, str], ProxyPod] = {}
        self._unsubscribe: dict[ProxyId, Callable[[], None]] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._following: dict[ProxyPod, asyncio.Task[None]] = {}
        self._news_since = 0.0
        self._wake = asyncio.Event()

    def of(self, key: Key) -> tuple[EjectedHost, ...]:
        """Hosts that are ejected now because of a DestinationRule; nothing while another instance leads."""
        return self._book.of(key)

    def ejected_now(self) -> dict[ProxyId, int]:
        """Count the current ejections of each class that has a pod."""
        return {proxy: self._book.count(proxy) for proxy in self._unsubscribe}

    def pod_appeared(self, pod: ProxyPod) -> None:
        """A proxy's pod exists. To hear of it again changes nothing."""
        name = (pod.namespace, pod.name)
        known = self._pods.get(name)
        if known == pod:
            return
        if known is not None:
            self.pod_gone(*name)
        self._pods[name] = pod
        if pod.proxy not in self._unsubscribe:
            subscribed = self._control.cache.subscribe(pod.proxy, lambda keys: self._on_change(pod.proxy, keys))
            self._unsubscribe[pod.proxy] = subscribed
        self._start(pod)

    def pod_gone(self, namespace: str, name: str) -> None:
        """A pod does not exist any more; those that are no proxy's are ignored."""
        pod = self._pods.pop((namespace, name), None)
        if pod is None:
            return
        task = self._following.pop(pod, None)
        if task is not None:
            task.cancel()
        self._book.forget_proxy(pod)
        if all(other.proxy != pod.proxy for other in self._pods.values()):
            self._unsubscribe.pop(pod.proxy)()

    async def run(self) -> None:
        """Follow logs whenever this instance leads, until cancelled."""
        while True:
            await self._leadership.wait_until(leading=True)
            leading = asyncio.create_task(self._lead(), name="ejections")
            losing = asyncio.create_task(self._leadership.wait_until(leading=False))
            try:
                await asyncio.wait({leading, losing}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                leading.cancel()
                losing.cancel()
                await asyncio.wait({leading, losing})
                self._following.clear()
                self._tasks = None
                self._book.clear()
                self._overflows.clear()
            if not leading.cancelled():
                leading.result()

    async def _lead(self) -> None:
        self._news_since = self._wall_clock() - OVERLAP
        async with asyncio.TaskGroup() as self._tasks:
            for pod in self._pods.values():
                self._start(pod)
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._book.is_waiting or self._overflows.is_waiting:
                    self._book.look(self._wall_clock())
                    self._overflows.look()
                    await self._sleep(_TICK)

    def _start(self, pod: ProxyPod) -> None:
        if self._tasks is not None and pod not in self._following:
            self._following[pod] = self._tasks.create_task(self._read(pod), name=f"log of {pod.namespace}/{pod.name}")

    async def _read(self, pod: ProxyPod) -> None:
        while True:
            try:
                async for line in self._follow(pod):
                    self._take(pod, line)
            except Exception:  # noqa: BLE001 - a fault here must not end what else runs
                _log.exception("the log of a proxy cannot be followed", pod=f"{pod.namespace}/{pod.name}")
                await self._sleep(_PAUSE)
            else:
                return

    def _take(self, pod: ProxyPod, line: LogLine | ContainerRestarted) -> None:
        if isinstance(line, ContainerRestarted):
            self._book.forget_proxy(pod, before=line.at)
            return
        event = read_event(line.text)
        if event is not None:
            self._hear(pod, event, tell=line.at >= self._news_since)
            self._wake.set()

    def _hear(self, pod: ProxyPod, event: ProxyEvent, *, tell: bool) -> None:
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

    def _on_change(self, proxy: ProxyId, keys: Iterable[ResourceKey]) -> None:
        if len(self._book):
            for key in keys:
                if key.type in _WATCHED:
                    self._book.look_at_cluster(proxy, key.name)
