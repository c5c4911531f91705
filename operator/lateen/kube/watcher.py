"""Keeps kopf running: it ends when the API server fails for longer than its backoffs, or breaks a watch by an error."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

import structlog

from lateen.kube.crossing import Crossing
from lateen.kube.kopf_thread import KopfThread
from lateen.kube.sighting import Contact, Page, Report
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
        self._thread: KopfThread | None = None
        self._is_asked = False

    async def run(self) -> None:
        """Watch until cancelled; returns when the thread has ended."""
        loop = asyncio.get_running_loop()
        pause = self._settings.restart_first
        while True:
            started = self._clock()
            crossing = Crossing(loop, self._hear)
            self._thread = KopfThread(crossing, self._settings, self._kubeconfig, self._context)
            problem = await self._thread.run()
            self._thread = None
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
        if self._thread is not None:  # else it is about to start anyway
            self._is_asked = True
            self._thread.stop()

    def _hear(self, report: Report) -> None:
        if isinstance(report, Contact):
            self._note_contact(report)
        else:
            self._health.last_event = self._clock()
            if isinstance(report, Page) and report.is_last:
                self._health.listed.add(report.kind)
        self._report(report)

    def _note_contact(self, contact: Contact) -> None:
        health = self._health
        if contact.problem:
            if not health.failing:  # the first of many, mostly
                _log.warning("the API server cannot be followed", kind=str(contact.kind), problem=contact.problem)
            health.failing[contact.kind] = contact.problem
        else:
            health.failing.pop(contact.kind, None)
        health.connected = not health.failing
        health.problem = next((f"{kind}: {problem}" for kind, problem in health.failing.items()), "")

    def _note_end(self, problem: str) -> None:
        health = self._health
        health.connected = False
        health.restarts += 1
        health.failing.clear()
        health.listed.clear()
        health.problem = problem
        if not self._is_asked:
            _log.warning("the watch of the API server broke off and is started again", problem=problem)
