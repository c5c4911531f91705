"""Proxies as Envoy processes of this machine."""

import asyncio
import random
import re
import time
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Final

from lateen.errors import ProxyError
from lateen.infra.base import OnEvent, OnState, ProxyPlan, ProxyState
from lateen.infra.supervisor import Supervisor, Surroundings
from lateen.ir.proxy import ProxyId

_LONGEST_NAME: Final = 100
"""Bytes of a directory's name, well below every file system's limit."""


class LocalProxyRunner:
    """Runs one Envoy per proxy, each with a private directory for its bootstrap and logs.

    Envoys end with this process, however it ends (on Linux; elsewhere only when it is
    closed properly). Must be used from the thread that runs the event loop.
    """

    def __init__(
        self,
        directory: Path,
        surroundings: Surroundings,
        on_state: OnState | None = None,
        on_event: OnEvent | None = None,
    ) -> None:
        """Prepare to run proxies below `directory`, which belongs to this runner alone.

        Args:
            directory: created when the first proxy is ensured, readable for its owner only.
            surroundings: program, clock and chance; see `surroundings_of_this_machine`.
            on_state: told of every change of a proxy's state, on the event loop.
            on_event: told of ejections and overflows, likewise.
        """
        self._directory = directory
        self._around = surroundings
        self._on_state = on_state or _tell_nobody
        self._on_event = on_event or _tell_nobody
        self._supervisors: dict[ProxyId, Supervisor] = {}
        self._steps: dict[ProxyId, asyncio.Lock] = {}
        self._closed = False

    @property
    def states(self) -> Mapping[ProxyId, ProxyState]:
        """What is known about every proxy that ought to run."""
        return {proxy: supervisor.state for proxy, supervisor in self._supervisors.items()}

    async def ensure(self, plan: ProxyPlan) -> ProxyState:
        """Run the proxy as planned; another plan than before drains and ends the old process first.

        Raises:
            ProxyError: the runner was closed, or the proxy's directory cannot be made.
        """
        async with self._step(plan.proxy):
            if self._closed:
                raise ProxyError("the proxy runner was closed")
            running = self._supervisors.get(plan.proxy)
            if running is not None:
                if running.plan == plan:
                    return running.state
                await running.stop()
                del self._supervisors[plan.proxy]
            try:
                directory = await asyncio.to_thread(_make_directory, self._directory, plan.proxy)
            except OSError as error:
                raise ProxyError(f"{self._directory}: {error.strerror}") from error
            supervisor = Supervisor(plan, directory, self._around, self._on_state, self._on_event)
            self._supervisors[plan.proxy] = supervisor
            self._on_state(supervisor.state)
            supervisor.start()
            return supervisor.state

    async def wait_ready(self, proxy: ProxyId) -> None:
        """Wait until the proxy is ready.

        Raises:
            ProxyError: there is no such proxy.
        """
        supervisor = self._supervisors.get(proxy)
        if supervisor is None:
            raise ProxyError(f"no proxy {proxy}")
        await supervisor.wait_ready()

    async def remove(self, proxy: ProxyId) -> None:
        """Drain and stop the proxy; returns when it is gone."""
        async with self._step(proxy):
            supervisor = self._supervisors.get(proxy)
            if supervisor is not None:
                await supervisor.stop()
                del self._supervisors[proxy]

    async def close(self) -> None:
        """Drain and stop all proxies, all at the same time."""
        self._closed = True
        await asyncio.gather(*(self.remove(proxy) for proxy in list(self._supervisors)))

    def _step(self, proxy: ProxyId) -> asyncio.Lock:
        """One thing at a time for each proxy."""
        return self._steps.setdefault(proxy, asyncio.Lock())


def surroundings_of_this_machine(binary: Path, *, log_level: str = "warning") -> Surroundings:
    """Give the real clock and real chance."""
    return Surroundings(binary, time.monotonic, random.random, log_level=log_level)


def directory_name(proxy: ProxyId) -> str:
    """Name a proxy's directory: readable, safe on every file system, and never the same for two proxies."""
    text = str(proxy)
    readable = re.sub(r"[^A-Za-z0-9=.-]", "_", text)
    if readable == text.replace("/", "_", 1) and "_" not in text and len(readable) <= _LONGEST_NAME:
        return readable
    return f"{readable[:_LONGEST_NAME]}-{blake2b(text.encode(), digest_size=4).hexdigest()}"


def _make_directory(parent: Path, proxy: ProxyId) -> Path:
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory = parent / directory_name(proxy)
    directory.mkdir(mode=0o700, exist_ok=True)
    return directory


def _tell_nobody(*_: object) -> None:
    """Nobody asked."""
