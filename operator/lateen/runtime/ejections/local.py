"""Ejections and overflows of proxies that run on this machine: told in the journal."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from lateen.infra.base import Phase, ProxyState
from lateen.infra.proxy_events import ProxyEvent
from lateen.ir.proxy import ProxyId
from lateen.model.keys import Key
from lateen.runtime.control import Control
from lateen.runtime.ejections.facts import ProxyPod
from lateen.runtime.ejections.keeper import EjectionKeeper
from lateen.runtime.journal import Happened

EVENT_LOG: Final = "/dev/stdout"
"""Where an Envoy of this machine writes: to the pipe of who started it."""

_ENDED: Final = (Phase.RESTARTING, Phase.FAILING, Phase.STOPPED)


class LocalEjections:
    """Hears the proxies of one instance."""

    def __init__(
        self,
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:
        """Hear nothing before `join`.

        Args:
            clock: monotonic seconds.
            wall_clock: seconds since 1970.
            sleep: waits.
        """
        self.keeper: EjectionKeeper
        """What is current; from `join` on."""
        self._control: Control
        self._clock = clock
        self._wall_clock = wall_clock
        self._sleep = sleep

    def join(self, control: Control) -> None:
        """Let an instance know who is ejected."""
        self._control = control
        self.keeper = EjectionKeeper(control, self, clock=self._clock, wall_clock=self._wall_clock, sleep=self._sleep)
        control.ejections = self.keeper.of

    def record(self, key: Key, type_: str, reason: str, message: str) -> None:
        """Tell what happened to an object."""
        self._control.tell(Happened(key, reason, message, is_warning=type_ == "Warning"))

    def on_event(self, proxy: ProxyId, event: ProxyEvent) -> None:
        """Hear what a proxy tells."""
        pod = _pod(proxy)
        self.keeper.appear(pod)
        self.keeper.hear(pod, event)

    def on_proxy(self, state: ProxyState) -> None:
        """Hear what happens to a proxy's process. What it had ejected is forgotten with it."""
        if state.phase in _ENDED:
            self.keeper.leave(_pod(state.proxy))

    async def run(self) -> None:
        """Do what time alone brings about, until cancelled."""
        await self.keeper.run()


def _pod(proxy: ProxyId) -> ProxyPod:
    return ProxyPod(proxy.namespace, str(proxy), proxy)
