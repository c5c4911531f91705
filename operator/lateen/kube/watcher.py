"""Runs kopf in a thread and a loop of its own, and starts it again whenever it ends.

kopf shares a loop with nobody: when it ends it cancels every task born after it. It ends by
itself when the API server fails for longer than its backoffs, or breaks a watch with an error.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final

import kopf
import structlog
from kopf._core.engines.peering import Identity

from lateen.kube.crossing import Crossing
from lateen.kube.handlers import Login, build_registry, watch_settings
from lateen.kube.sighting import Contact, Page, Report
from lateen.kube.storages import NoMemories
from lateen.kube.watching import WatchHealth, WatchSettings

_HEALTHY: Final = 60.0
"""Seconds of life after which an end counts as the first one again."""

_log = structlog.get_logger(__name__)


class Watcher:
    """Reports all objects of all watched kinds, and everything that happens to them."""

    def __init__(
        self,
        report: Callable[[Report], None],
        health: WatchHealth,
        settings: WatchSettings,
        *,
        kubeconfig: Path | None = None,
        context: str | None = None,
        clock: Callable[[], float],
    ) -> None:
        """Prepare; nothing happens before `run`.

        Args:
            report: called on the loop that calls `run`.
            health: kept up to date.
            settings: how closely to watch.
            kubeconfig: as for `KubeClient.connect`.
            context: as for `KubeClient.connect`.
            clock: monotonic seconds.
        """
        self._report = report
        self._health = health
        self._settings = settings
        self._kubeconfig = kubeconfig
        self._context = context
        self._clock = clock
        self._attempt: _Attempt | None = None
        self._is_asked = False

    async def run(self) -> None:
        """Watch until cancelled; returns when the thread has ended."""
        loop = asyncio.get_running_loop()
        pause = self._settings.restart_first
        while True:
            started = self._clock()
            crossing = Crossing(loop, self._hear)
            self._attempt = _Attempt(crossing, self._settings, self._kubeconfig, self._context)
            problem = await self._attempt.run()
            self._attempt = None
            self._note_end(problem)
            if self._is_asked:
                self._is_asked = False
                continue
            if self._clock() - started >= _HEALTHY:
                pause = self._settings.restart_first
            await asyncio.sleep(pause)
            pause = min(pause * 2, self._settings.restart_longest)

    def restart(self) -> None:
        """End what runs now, and list and watch everything anew at once."""
        if self._attempt is not None:  # else it is about to start anyway
            self._is_asked = True
            self._attempt.stop()

    def _hear(self, report: Report) -> None:
        health = self._health
        if isinstance(report, Contact):
            if report.problem:
                health.failing[report.kind] = report.problem
            else:
                health.failing.pop(report.kind, None)
            health.connected = not health.failing
            health.problem = next((f"{kind}: {problem}" for kind, problem in health.failing.items()), "")
        else:
            health.last_event = self._clock()
            if isinstance(report, Page) and report.is_last:
                health.listed.add(report.kind)
        self._report(report)

    def _note_end(self, problem: str) -> None:
        health = self._health
        health.connected = False
        health.restarts += 1
        health.failing.clear()
        health.listed.clear()
        health.problem = problem
        if not self._is_asked:
            _log.warning("the watch of the API server broke off and is started again", problem=problem)


class _Attempt:
    """One life of kopf."""

    def __init__(
        self, crossing: Crossing[Report], settings: WatchSettings, kubeconfig: Path | None, context: str | None
    ) -> None:
        self._crossing = crossing
        self._settings = settings
        self._login = Login(self._put, kubeconfig, context)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._is_stopped = False

    async def run(self) -> str:
        """Run kopf to its end and say why it ended; when cancelled, end it."""
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[str] = loop.create_future()

        def work() -> None:
            problem = _outcome(self._operate)
            loop.call_soon_threadsafe(ended.set_result, problem)

        thread = threading.Thread(target=work, name="kopf")
        thread.start()
        try:
            return await asyncio.shield(ended)
        finally:
            self.stop()
            await ended
            while thread.is_alive():  # noqa: ASYNC110 - a thread can set no event after its last line
                await asyncio.sleep(0)

    def stop(self) -> None:
        """Ask kopf to end; from any thread."""
        self._is_stopped = True
        if self._loop is not None and self._stop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stop.set)

    def _put(self, report: Report) -> None:
        if self._is_stopped:
            return
        if isinstance(report, Contact) and not report.problem:
            self._login.confirm()
        self._crossing.put(report)

    async def _operate(self) -> None:
        self._stop = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(_note_leftover)
        if self._is_stopped:
            return
        await kopf.operator(
            registry=build_registry(self._put, self._login.open),
            settings=watch_settings(self._settings),
            memories=NoMemories(),
            identity=Identity("lateen"),
            standalone=True,
            clusterwide=True,
            stop_flag=self._stop,
        )


def _note_leftover(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """When kopf ends by an error it leaves tasks behind that have failed as well; the error is told by `_outcome`."""
    _log.debug("kopf left something behind", what=context.get("message"), error=repr(context.get("exception")))


def _outcome(operate: Callable[[], Coroutine[Any, Any, None]]) -> str:
    """Run kopf on a loop of its own, and put into words how it ended."""
    logging.getLogger("kopf").setLevel(logging.ERROR)  # what matters of it is in `WatchHealth`
    try:
        asyncio.run(operate())
    except Exception as error:  # noqa: BLE001 - whatever ends it, it is started again
        return str(error) or type(error).__name__
    return "it ended without a reason"
