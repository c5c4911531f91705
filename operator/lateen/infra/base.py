"""The seam where proxies are run: what is asked for, and what is known about it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeAlias

from lateen.infra.proxy_events import ProxyEvent
from lateen.ir.deployment import ProxyDeployment
from lateen.ir.proxy import ProxyId


@dataclass(frozen=True, slots=True)
class ProxyPlan:
    """One proxy that ought to run. A plan that differs from the one before restarts the proxy."""

    proxy: ProxyId
    bootstrap: str
    """Envoy's bootstrap as JSON or YAML text, with admin pages on a free loopback port."""
    concurrency: int = 2
    """Worker threads; 0 leaves it to Envoy, which takes one per processor."""
    drain_seconds: float = 5.0
    """How long a proxy that is stopped waits for its connections to end."""
    listener_drain_seconds: int = 60
    """How long connections live on after their listener was changed or removed."""
    deployment: ProxyDeployment | None = None
    """Where and how it runs in a cluster; None on a laptop."""


class Phase(StrEnum):
    """Where a proxy is in its life."""

    STARTING = "starting"
    """The process runs, and has not said that it is ready."""

    READY = "ready"
    """It serves."""

    RESTARTING = "restarting"
    """It ended by itself, and is started again after a pause."""

    FAILING = "failing"
    """It cannot start: it ended several times in the same way before it was ready. Still tried again."""

    DRAINING = "draining"
    """It is being stopped, and finishes what it has."""

    STOPPED = "stopped"
    """It was stopped on purpose."""


@dataclass(frozen=True, slots=True)
class ProxyState:
    """What is known about one proxy."""

    proxy: ProxyId
    phase: Phase
    pid: int = 0
    """0 while no process runs."""
    admin: str = ""
    """`address:port` of the admin pages, once they are known."""
    restarts: int = 0
    """How often it was started again."""
    error: str = ""
    """Why it ended last, in its own words; kept until it is ready again."""
    pods: int = 0
    """How many proxies the class ought to have in a cluster."""
    ready_pods: int = 0
    """How many of them are ready."""
    is_unready: bool = False
    """Whether there are to be proxies in a cluster, and none has been ready for long enough that requests reach it."""


OnState: TypeAlias = Callable[[ProxyState], None]
"""Told of every change; called on the event loop, and must not block."""


OnEvent: TypeAlias = Callable[[ProxyId, ProxyEvent], None]
"""Told of ejections and overflows; called on the event loop, and must not block."""


class ProxyRunner(Protocol):
    """Makes proxies run."""

    @property
    def states(self) -> Mapping[ProxyId, ProxyState]:
        """What is known about every proxy that ought to run."""
        ...

    async def ensure(self, plan: ProxyPlan) -> ProxyState:
        """Make the proxy run as planned; returns as soon as that is under way, not when it is ready.

        Doing it twice with the same plan changes nothing.
        """
        ...

    async def remove(self, proxy: ProxyId) -> None:
        """Drain and stop the proxy; returns when it is gone. Unknown proxies are no error."""
        ...

    async def close(self) -> None:
        """Drain and stop all proxies; nothing can be ensured afterwards."""
        ...
