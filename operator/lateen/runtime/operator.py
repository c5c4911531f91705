"""The composition root of an operator in a cluster: settings → parts. What runs, on one page.

    every replica   KubeSource → Control → ResourceCache → DiscoveryServer, over mutual TLS → Envoys
                    Replicas: what the proxies of the other replicas have acknowledged
                    /livez, /readyz, /metrics; the control API on loopback
    the leader      KubeProxyRunner, KubeStatusSink, Events, ejections, the proxies' certificates

How the parts live together: `instance`. Who leads is decided by a Lease, once everything is
compiled; serving proxies never asks. How a batch reaches the other parts: `Assembly.hear`.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

from lateen.infra.state import InstanceInfo
from lateen.kube.cluster import Cluster
from lateen.model.objects import Origin
from lateen.runtime import instance
from lateen.runtime.assembly import Assembly
from lateen.runtime.control_api import build_control_api, serving_on
from lateen.runtime.health import build_health
from lateen.runtime.instance import Instance
from lateen.runtime.metrics import Reading
from lateen.runtime.readings import read_assembly, read_instance
from lateen.settings import OperatorSettings
from lateen.sockets import EVERYWHERE

_LOOPBACK: Final = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Replica:
    """This process among its like."""

    pod: str
    addresses: tuple[str, ...]
    """Its IP addresses."""
    version: str
    """Lateen's own."""
    started: str
    """RFC 3339."""
    pid: int


@dataclass(frozen=True, slots=True)
class Operator:
    """A running replica."""

    instance: Instance
    assembly: Assembly


@asynccontextmanager
async def operating(
    settings: OperatorSettings, replica: Replica, cluster: Cluster, *, clock: Callable[[], float] = time.monotonic
) -> AsyncIterator[Operator]:
    """Run one replica while the context lasts: when it is entered, everything there was is compiled and served.

    Raises:
        InputError: the authority's Secret cannot be used, or a port cannot be bound.
        Exception: whatever a task broke by, while the context lasts.
    """
    assembly = Assembly(settings, replica.pod, cluster, clock=clock)
    # What is served everywhere is guarded by certificates, or no secret.
    async with serving_on(build_health(assembly.health, assembly.metrics), EVERYWHERE, settings.health_port):
        await assembly.certificates.start()
        try:
            async with asyncio.TaskGroup() as tasks:
                certifying = tasks.create_task(assembly.certificates.run(), name="certificates")
                outfit = assembly.outfit(replica.addresses, f"[{EVERYWHERE}]:{settings.xds_port}")
                async with instance.running(outfit, clock=clock) as running:
                    assembly.metrics.watch(partial(_read, running, assembly, clock))
                    leading = [tasks.create_task(run(), name=name) for name, run in assembly.tasks().items()]
                    info = InstanceInfo(replica.pod, replica.pid, "", replica.started)
                    api = build_control_api(running, info, replica.version, _no_line)
                    async with serving_on(api, _LOOPBACK, settings.control_port):
                        assembly.health.ready = True
                        yield Operator(running, assembly)
                        assembly.health.ready = False
                    # Who leads lets go first, so that another one takes over while this one still ends.
                    for task in reversed(leading):
                        task.cancel()
                        await asyncio.wait([task])
                certifying.cancel()
        except BaseExceptionGroup as group:
            raise instance.first_cause(group) from None


def _read(running: Instance, assembly: Assembly, clock: Callable[[], float]) -> Iterator[Reading]:
    yield from read_instance(running)
    yield from read_assembly(assembly, clock())


def _no_line(_origin: Origin, _path: tuple[str | int, ...]) -> int:
    """Objects of an API server are on no line of any file."""
    return 0
