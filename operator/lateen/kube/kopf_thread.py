"""One life of kopf, in a thread and on a loop of its own.

kopf shares a loop with nobody: it cancels every task born after it. And it is not left to end
by itself: when one of its watchers fails, the others may wait for a lock for ever (1.45).
"""

import asyncio
import logging
import threading
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

import kopf
import structlog
from kopf._core.engines.peering import Identity

from lateen.kube.crossing import Crossing
from lateen.kube.handlers import Login, build_registry, watch_settings
from lateen.kube.sighting import Contact, Report
from lateen.kube.storages import NoMemories
from lateen.kube.watching import WatchSettings

_GRACE: Final = 0.5
"""Seconds for tasks to end after they were cancelled, before they are cancelled again."""

_ROUNDS: Final = 4

_WATCHER: Final = "watcher for "
"""How kopf names the tasks that watch one kind each."""

_log = structlog.get_logger(__name__)


class KopfThread:
    """Reports through a crossing, until kopf ends or is stopped."""

    def __init__(
        self, crossing: Crossing[Report], settings: WatchSettings, kubeconfig: Path | None, context: str | None
    ) -> None:
        """Prepare; nothing happens before `run`."""
        self._crossing = crossing
        self._settings = settings
        self._login = Login(self._put, kubeconfig, context)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._is_stopped = False

    async def run(self) -> str:
        """Run kopf to its end and say why it ended; when cancelled, end it. Then the thread is over as well."""
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[str] = loop.create_future()

        def work() -> None:
            try:
                problem = self._work()
            except BaseException as error:  # noqa: BLE001 - who waits for the end would wait for ever
                problem = str(error) or type(error).__name__
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
        """Ask kopf to end, and take no report from it any more; from any thread."""
        self._is_stopped = True
        if self._loop is not None and self._stop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stop.set)

    def _put(self, report: Report) -> None:
        if self._is_stopped:
            return
        if isinstance(report, Contact) and not report.problem:
            self._login.confirm()
        self._crossing.put(report)

    def _work(self) -> str:
        logging.getLogger("kopf").setLevel(logging.CRITICAL)  # what matters of it is in `WatchHealth`
        loop = asyncio.new_event_loop()
        loop.set_exception_handler(_note_leftover)
        try:
            return loop.run_until_complete(self._operate())
        except Exception as error:  # noqa: BLE001 - whatever ends it, it is started again
            return str(error) or type(error).__name__
        finally:
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.run_until_complete(loop.shutdown_default_executor())
            loop.close()

    async def _operate(self) -> str:
        """Run kopf until something of it ends, or it is stopped."""
        self._stop = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        if self._is_stopped:  # before there was anything to set
            return ""
        parts: Collection[asyncio.Task[Any]] = ()
        try:
            parts = await kopf.spawn_tasks(
                registry=build_registry(self._login.open),
                settings=watch_settings(self._settings),
                memories=NoMemories(),
                identity=Identity("lateen"),
                standalone=True,
                clusterwide=True,
            )
            stopping = asyncio.create_task(self._stop.wait(), name="stop")
            await asyncio.wait({*parts, stopping}, return_when=asyncio.FIRST_COMPLETED)
            return _why(parts)
        finally:
            await self._end_all(parts)

    async def _end_all(self, parts: Collection[asyncio.Task[Any]]) -> None:
        """End every other task of the loop: first in kopf's order, then whatever is left, until it makes no sense."""
        # Of a part that failed, the watchers go on; each ends its own workers when it is cancelled.
        watchers = (task for task in asyncio.all_tasks() if task.get_name().startswith(_WATCHER))
        tasks = {*parts, *watchers}
        for _ in range(_ROUNDS):
            for task in tasks:
                task.cancel()
            await self._login.close()  # before they come to it: so connections are cut, and wait for no farewell
            if tasks:
                await asyncio.wait(tasks, timeout=_GRACE)
            tasks = asyncio.all_tasks() - {asyncio.current_task()}


def _why(parts: Collection[asyncio.Task[Any]]) -> str:
    """Say by what the parts that have ended failed."""
    errors = [part.exception() for part in parts if part.done() and not part.cancelled()]
    return next((str(error) or type(error).__name__ for error in errors if error is not None), "")


def _note_leftover(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Note tasks of kopf that failed beside the one whose error is told."""
    _log.debug("kopf left something behind", what=context.get("message"), error=repr(context.get("exception")))
