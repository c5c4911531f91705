"""The life of one proxy on this machine: started, watched, started again, drained."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import structlog

from lateen.envoy.overflow import PROMPTLY
from lateen.errors import ProxyError
from lateen.infra.admin import AdminClient
from lateen.infra.backoff import Backoff
from lateen.infra.base import OnEvent, OnState, Phase, ProxyPlan, ProxyState
from lateen.infra.process import EnvoyProcess
from lateen.infra.process_log import FORMAT, ProcessLog, Record
from lateen.infra.proxy_events import read_event

_READY_POLL: Final = 0.02
_SLOW_POLL: Final = 0.25
_FAST_POLLS: Final = 100
"""Looks at a starting proxy in the fast rhythm (2 s) before the slow one begins."""

_LONG_WAIT: Final = _FAST_POLLS + 40
"""Looks (12 s) after which a proxy that is still not ready is worth a word."""

_DRAIN_POLL: Final = 0.05
_SAME_ENDS: Final = 3
"""Ends in the same words, without having been ready, that make a proxy count as failing."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a supervisor needs of the world; tests give their own."""

    binary: Path
    clock: Callable[[], float]
    """Seconds, monotonic."""
    random: Callable[[], float]
    """A number from 0 to 1."""
    sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep
    patience: float = 5.0
    """Seconds between asking a process to end and forcing it."""
    log_level: str = "warning"
    """Envoy's own log level."""


class Supervisor:
    """Keeps one proxy running until `stop`."""

    def __init__(
        self, plan: ProxyPlan, directory: Path, around: Surroundings, on_state: OnState, on_event: OnEvent
    ) -> None:
        """Prepare; `start` begins.

        Args:
            plan: what to run.
            directory: the proxy's own, for its bootstrap and logs; exists and is private.
            around: clock, chance and program.
            on_state: told of every change.
            on_event: told of ejections and overflows, if the plan's bootstrap has them written to standard output.
        """
        self.plan = plan
        self.state = ProxyState(plan.proxy, Phase.STARTING)
        self._directory = directory
        self._around = around
        self._on_state = on_state
        self._on_event = on_event
        self._stopping = asyncio.Event()
        self._ready = asyncio.Event()
        self._same_ends = 0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to run the proxy in a task of its own."""
        self._task = asyncio.create_task(self._run(), name=f"supervise {self.plan.proxy}")

    async def stop(self) -> None:
        """Drain the proxy, end it, and return when it is gone."""
        self._stopping.set()
        if self._task is not None:
            await asyncio.wait([self._task])
            if not self._task.cancelled() and (error := self._task.exception()) is not None:
                _log.error("the supervision of a proxy broke", proxy=str(self.plan.proxy), exc_info=error)
            self._tell(phase=Phase.STOPPED, pid=0, admin="")

    async def wait_ready(self) -> None:
        """Wait until the proxy is ready; returns at once while it is."""
        await self._ready.wait()

    async def _run(self) -> None:
        backoff = Backoff(self._around.random)
        while not self._stopping.is_set():
            started = self._around.clock()
            error = await self._live()
            if self._stopping.is_set():
                return
            pause = backoff.pause(self._around.clock() - started)
            self._after_end(error, pause)
            await self._until_stopping(self._around.sleep(pause))
            self._tell(restarts=self.state.restarts + 1)

    async def _live(self) -> str:
        """Run one process to its end; gives the reason of the end."""
        address_file = self._directory / "admin-address"
        log = ProcessLog(self._directory / "envoy.log", self._hand_on)
        try:
            await asyncio.to_thread(self._prepare_files, address_file)
            process = await EnvoyProcess.start(self._command(address_file), self._directory, log, self._hear)
        except OSError as error:
            return f"cannot be started: {error}"
        ended = asyncio.create_task(process.wait())
        try:
            self._tell(phase=Phase.STARTING, pid=process.pid, admin="")
            await self._serve(process, ended, address_file)
            return process.why_ended(ended.result()) if ended.done() else ""
        finally:
            self._ready.clear()
            if not ended.done():
                process.kill()
            await ended

    async def _serve(self, process: EnvoyProcess, ended: "asyncio.Task[int]", address_file: Path) -> None:
        """See the process through: until it ends by itself, or is stopped."""
        becoming = asyncio.create_task(self._become_ready(address_file))
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait([ended, stopping], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (becoming, stopping):
                task.cancel()
            await asyncio.wait([becoming, stopping])
        if not becoming.cancelled() and (error := becoming.exception()) is not None:
            _log.error("cannot learn whether Envoy is ready", proxy=str(self.plan.proxy), exc_info=error)
        if not ended.done():
            if self.state.phase is Phase.READY:
                await self._drain(ended)
            await process.end(self._around.patience)
            await ended

    async def _become_ready(self, address_file: Path) -> None:
        """Find the admin pages and ask them until the proxy is ready."""
        address = ""
        looks = 0
        while not address:
            address = await asyncio.to_thread(_read_address, address_file)
            looks += 1
            if not address:
                await self._pause_between_looks(looks)
        self._tell(admin=address)
        async with AdminClient(address) as admin:
            while not await admin.is_ready():
                looks += 1
                if looks == _LONG_WAIT:
                    _log.warning("Envoy waits for its first configuration", proxy=str(self.plan.proxy), admin=address)
                await self._pause_between_looks(looks)
        self._same_ends = 0
        self._tell(phase=Phase.READY, error="")
        self._ready.set()

    async def _pause_between_looks(self, looks: int) -> None:
        await asyncio.sleep(_READY_POLL if looks < _FAST_POLLS else _SLOW_POLL)

    async def _drain(self, ended: "asyncio.Task[int]") -> None:
        """Let connections end, at most for the plan's drain time."""
        self._tell(phase=Phase.DRAINING)
        with contextlib.suppress(TimeoutError, ProxyError):
            async with asyncio.timeout(self.plan.drain_seconds), AdminClient(self.state.admin) as admin:
                await admin.fail_health_check()
                await admin.drain_listeners(graceful=True)
                # Envoy tells nobody when its last connection ends; it has to be asked.
                while not ended.done() and await admin.active_connections():  # noqa: ASYNC110 - see above
                    await asyncio.sleep(_DRAIN_POLL)

    def _after_end(self, error: str, pause: float) -> None:
        """Note that the process ended by itself."""
        was_ready = self.state.phase is Phase.READY
        self._same_ends = 0 if was_ready else self._same_ends + 1 if error == self.state.error else 1
        phase = Phase.FAILING if self._same_ends >= _SAME_ENDS else Phase.RESTARTING
        # Not a warning: the new state says it to whoever listens.
        _log.info(
            "Envoy ended", proxy=str(self.plan.proxy), reason=error, again_in=round(pause, 1), failing=self._same_ends
        )
        self._tell(phase=phase, pid=0, admin="", error=error)

    async def _until_stopping(self, pause: Awaitable[Any]) -> None:
        """Wait for the pause to pass, or for `stop`."""
        tasks: list[asyncio.Future[Any]] = [asyncio.ensure_future(pause), asyncio.ensure_future(self._stopping.wait())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    def _command(self, address_file: Path) -> list[str]:
        """Give Envoy's command line.

        Hot restart is off: it needs shared memory, and its ids are shared with other people's Envoys.
        """
        command = [
            str(self._around.binary),
            *("--config-path", str(self._bootstrap_file)),
            *("--admin-address-path", str(address_file)),
            *("--log-level", self._around.log_level),
            *("--log-format", FORMAT),
            "--log-format-escaped",
            "--disable-hot-restart",
            *PROMPTLY,
            *("--drain-time-s", str(self.plan.listener_drain_seconds)),
        ]
        if self.plan.concurrency:
            command += ["--concurrency", str(self.plan.concurrency)]
        return command

    @property
    def _bootstrap_file(self) -> Path:
        # Envoy tells the formats apart by suffix; JSON is YAML, so this one reads both.
        return self._directory / "bootstrap.yaml"

    def _prepare_files(self, address_file: Path) -> None:
        address_file.unlink(missing_ok=True)
        self._bootstrap_file.touch(mode=0o600)
        self._bootstrap_file.write_text(self.plan.bootstrap)

    def _hand_on(self, record: Record) -> None:
        """Put what Envoy warns of into our own log.

        Not while it is being stopped, as it misses what we took away; and no backtrace: the
        new state says why it ended, and its log file has the rest.
        """
        if self._stopping.is_set() or record.component == "backtrace":
            return
        log = _log.warning if record.level == "warning" else _log.error
        log("Envoy says", proxy=str(self.plan.proxy), component=record.component, message=record.message)

    def _hear(self, line: bytes) -> None:
        event = read_event(line)
        if event is not None:
            self._on_event(self.plan.proxy, event)

    def _tell(self, **changes: Any) -> None:
        state = replace(self.state, **changes)
        if state != self.state:
            self.state = state
            self._on_state(state)


def _read_address(file: Path) -> str:
    """Read the admin address; empty until Envoy has written it."""
    try:
        return file.read_text().strip()
    except FileNotFoundError:
        return ""
