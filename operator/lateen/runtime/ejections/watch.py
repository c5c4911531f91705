"""Follows the logs of all proxies that run as pods, while this instance leads.

The composition root makes one, gives it to `Control`, tells it of the proxies' pods, and lets it run:

    watch = EjectionWatch(control, recorder, leadership, pod_logs(client))
    control.ejections = watch.keeper.of
    watch.pod_appeared(ProxyPod("shop", "lateen-edge-5d4c", proxy))
    tasks.create_task(watch.run())
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final, TypeAlias

import structlog

from lateen.infra.proxy_events import BEGINNING, read_event
from lateen.kube.client import KubeClient
from lateen.kube.logs import ContainerRestarted, LogLine, PodLog
from lateen.kube.recorder import Recorder
from lateen.runtime.control import Control
from lateen.runtime.ejections.facts import ProxyPod
from lateen.runtime.ejections.keeper import EjectionKeeper
from lateen.runtime.leadership import Leadership

Follow: TypeAlias = Callable[[ProxyPod], AsyncIterator[LogLine | ContainerRestarted]]
"""Reads the log of a proxy's pod as it is written, from the recent past on; ends when the pod is gone."""

OVERLAP: Final = 30.0
"""Seconds before this instance began to lead whose events are told again: the leader before may have died with them."""

GATHERING: Final = 1.0
"""Seconds that an Event waits for other proxies to do the same."""

_PAUSE: Final = 10.0
"""Seconds before a log is followed again after a fault of ours."""

_log = structlog.get_logger(__name__)


def pod_logs(client: KubeClient, container: str = "envoy") -> Follow:
    """Follow logs through an API server.

    Each pod takes a connection for as long as it lives, so `client` has no limit (`KubeClient.connect(connections=0)`).
    """
    return lambda pod: PodLog(client, pod.namespace, pod.name, container, beginning=BEGINNING).follow()


class EjectionWatch:
    """Knows who is ejected now, and tells what happens; nothing while another instance leads."""

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
        self.keeper = EjectionKeeper(
            control, recorder, clock=clock, wall_clock=wall_clock, sleep=sleep, gathering=GATHERING
        )
        self._leadership = leadership
        self._follow = follow
        self._wall_clock = wall_clock
        self._sleep = sleep
        self._pods: dict[tuple[str, str], ProxyPod] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._following: dict[ProxyPod, asyncio.Task[None]] = {}
        self._news_since = 0.0

    def pod_appeared(self, pod: ProxyPod) -> None:
        """A proxy's pod exists. To hear of it again changes nothing."""
        name = (pod.namespace, pod.name)
        if self._pods.get(name) == pod:
            return
        self.pod_gone(*name)
        self._pods[name] = pod
        self.keeper.appear(pod)
        self._start(pod)

    def pod_gone(self, namespace: str, name: str) -> None:
        """A pod does not exist any more; those that are no proxy's are ignored."""
        pod = self._pods.pop((namespace, name), None)
        if pod is None:
            return
        task = self._following.pop(pod, None)
        if task is not None:
            task.cancel()
        self.keeper.leave(pod)

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
                self.keeper.clear()
            if not leading.cancelled() and (error := leading.exception()) is not None:
                _log.error("ejections are followed anew after a fault", exc_info=error)
                await self._sleep(_PAUSE)

    async def _lead(self) -> None:
        self._news_since = self._wall_clock() - OVERLAP
        async with asyncio.TaskGroup() as self._tasks:
            for pod in self._pods.values():
                self._start(pod)
            await self.keeper.run()

    def _start(self, pod: ProxyPod) -> None:
        if self._tasks is not None and pod not in self._following:
            self._following[pod] = self._tasks.create_task(self._read(pod), name=f"log of {pod.namespace}/{pod.name}")

    async def _read(self, pod: ProxyPod) -> None:
        news = newest = self._news_since
        while True:
            try:
                async for line in self._follow(pod):
                    newest = max(newest, line.at)
                    self._take(pod, line, tell=line.at >= news)
            except Exception:  # noqa: BLE001 - a fault here must not end what else runs
                _log.exception("the log of a proxy cannot be followed", pod=f"{pod.namespace}/{pod.name}")
                news = newest  # from here on it is read again
                await self._sleep(_PAUSE)
            else:
                return

    def _take(self, pod: ProxyPod, line: LogLine | ContainerRestarted, *, tell: bool) -> None:
        if isinstance(line, ContainerRestarted):
            self.keeper.restart(pod, line.at)
            return
        event = read_event(line.text)
        if event is not None:
            self.keeper.hear(pod, event, tell=tell)
