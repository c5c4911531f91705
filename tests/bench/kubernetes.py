"""`python -m tests.bench.kubernetes HOSTS REPEATS`: an operator at a real API server, with a real Envoy.

A VirtualService, a Service and an EndpointSlice for each host. CPU is that of processes, from
`/proc`; wall times contain the API server and etcd, which share the machine.
"""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Final

from tests.bench.figures import Figure, hand_on, of_many
from tests.bench.kubernetes_cluster import PAUSE, Cluster, running
from tests.bench.machine import cpu_of, memory_of
from tests.bench.world import Raw, endpoint_slice, host
from tests.operator.pod import Pod
from tests.operator.process import OperatorProcess
from tests.operator.world import own_address

_STRIDE: Final = 7919
_WARM_UP: Final = 20
_PACED: Final = 100
"""Changes of which CPU is counted, without a client that asks."""

_PAUSE: Final = 0.1
"""Seconds between two of them."""

_SETTLED: Final = 600.0
"""Seconds for all statuses to be written once, as fast as they can be."""

_LARGE: Final = 10_000
_IDLE: Final = 30.0
_RESTART_IDLE: Final = 15.0
"""Seconds after a start in which writes are counted: status is written 10 s after it at the latest."""

_FAST: Final = {"writesPerSecond": 5000, "burst": 5000}


@dataclass(slots=True)
class _Started:
    """What a start took, in seconds and MB."""

    ready: float
    cpu: float
    memory: float


@dataclass(slots=True)
class _Changes:
    """Seconds from sending a change."""

    answered: list[float] = field(default_factory=list)
    to_server: list[float] = field(default_factory=list)
    """Until the API server has answered."""


async def measure(hosts: int, repeats: int) -> list[Figure]:
    """Measure everything with so many hosts."""
    with TemporaryDirectory(prefix="lateen-bench-") as folder:
        async with running(hosts, Path(folder)) as cluster:
            return await _measure(cluster, f"{hosts:,} hosts", repeats)


async def _measure(cluster: Cluster, name: str, repeats: int) -> list[Figure]:
    figures = []
    operator = cluster.operator(status=_FAST)
    try:
        started = await _start(operator)
        figures += _of_start(f"{name}: first start", started)
        envoy = cluster.envoy(operator, "pod-0")
        try:
            figures += await _first_requests(cluster, f"{name}: an empty Envoy", operator, envoy)
            await cluster.until_status(_SETTLED)
            figures += await _changes(cluster, name, operator, envoy, repeats)
            figures += await _endpoint_changes(cluster, name, repeats)
            operator.end()
            figures += await _restart(cluster, name, operator)
            envoy.stop()
            operator.end()
            figures += await _from_nothing(cluster, name, operator)
        finally:
            envoy.stop()
    finally:
        operator.kill()
    return figures


async def _start(operator: OperatorProcess) -> _Started:
    begun = monotonic()
    operator.begin()
    await asyncio.to_thread(operator.wait_until_ready)
    return _Started(monotonic() - begun, cpu_of(operator.pid), memory_of(operator.pid))


def _of_start(name: str, started: _Started) -> list[Figure]:
    return [
        Figure(f"{name} to ready", started.ready, "s", target=20.0, how="process start to /readyz"),
        Figure(f"{name}: CPU until then", started.cpu, "s"),
        Figure(f"{name}: RSS then", started.memory, "MB", target=500.0),
    ]


async def _first_requests(cluster: Cluster, name: str, operator: OperatorProcess, envoy: Pod) -> list[Figure]:
    """Start an Envoy beside a running operator, and ask for one host until it is answered."""
    before, begun = cpu_of(operator.pid), monotonic()
    envoy.begin()
    when, _ = await cluster.peer.watch(cluster.world.port, host(0), "")
    return [
        Figure(f"{name} to first answer", when - begun, "s", how="Envoy started beside a running operator"),
        Figure(f"{name}: CPU of the operator until then", cpu_of(operator.pid) - before, "s"),
        Figure(f"{name}: CPU of Envoy until then", cpu_of(envoy.pid), "s"),
    ]


async def _changes(cluster: Cluster, name: str, operator: OperatorProcess, envoy: Pod, repeats: int) -> list[Figure]:
    """Change one VirtualService after the other: first with a client that asks, then for CPU without one."""

    def route(number: int) -> tuple[int, str, Raw]:
        target = number * _STRIDE % cluster.world.hosts
        return target, f"m{number}", cluster.world.virtual_service(target, headers={"x-mark": f"m{number}"})

    changes = await _watch_changes(cluster, repeats, route)
    numbers = range(repeats + _WARM_UP, repeats + _WARM_UP + _PACED)
    await asyncio.sleep(3)  # statuses of those before
    idle = await _cpu(operator, envoy, _pause)
    before = cluster.status_writes()
    paced = await _cpu(operator, envoy, lambda: _pace(cluster, [route(number)[2] for number in numbers]))
    await asyncio.sleep(1)
    written = (cluster.status_writes() - before) / _PACED
    spent = [(used - rest) / _PACED * 1000 for used, rest in zip(paced, idle, strict=True)]
    how = f"{_PACED} changes, {1 / _PAUSE:.0f} a second, nobody asks; status included, idling not"
    return [
        of_many(
            f"{name}: VirtualService patched to new answer",
            changes.answered,
            "ms",
            scale=1000,
            target=30.0,
            how=f"from sending the patch; one kept connection asks, {PAUSE * 1000:.0f} ms after each answer",
        ),
        of_many(f"{name}: of that, the API server", changes.to_server, "ms", scale=1000, how="patch sent to answered"),
        Figure(f"{name}: CPU of the operator a change", spent[0], "ms", _PACED, target=8.0, how=how),
        Figure(f"{name}: CPU of Envoy a change", spent[1], "ms", _PACED, target=3.0, how=how),
        Figure(f"{name}: statuses written a change", written, "writes", _PACED),
        Figure(f"{name}: RSS of the operator", memory_of(operator.pid), "MB", target=500.0),
        Figure(f"{name}: RSS of Envoy", memory_of(envoy.pid), "MB"),
    ]


async def _endpoint_changes(cluster: Cluster, name: str, repeats: int) -> list[Figure]:
    """Move the endpoint of one Service after the other to the other backend."""
    address = own_address()

    def move(number: int) -> tuple[int, str, Raw]:
        # A host whose VirtualService marks nothing yet, so that the backend's own mark is seen.
        target = (number * _STRIDE + 1) % cluster.world.hosts
        port = cluster.peer.backend_ports[(number // cluster.world.hosts + 1) % 2]  # hosts come round again
        return target, str(port), endpoint_slice(target, (address, port))

    for number in range(_WARM_UP + repeats):
        await cluster.patch(cluster.world.virtual_service(move(number)[0]))
    await asyncio.sleep(3)
    changes = await _watch_changes(cluster, repeats, move)
    after = [answered - told for answered, told in zip(changes.answered, changes.to_server, strict=True)]
    return [
        of_many(
            f"{name}: endpoint moved to answer of the new one",
            after,
            "ms",
            scale=1000,
            target=50.0,
            how="from the API server's answer to the patch",
        )
    ]


async def _watch_changes(cluster: Cluster, repeats: int, change: Callable[[int], tuple[int, str, Raw]]) -> _Changes:
    changes = _Changes()
    for number in range(_WARM_UP + repeats):
        target, mark, raw = change(number)
        watching = asyncio.create_task(cluster.peer.watch(cluster.world.port, host(target), mark))
        await asyncio.sleep(0.02)  # the client is asking by then
        put = monotonic()
        await cluster.patch(raw)
        told = monotonic()
        when, _ = await watching
        if number >= _WARM_UP:
            changes.answered.append(when - put)
            changes.to_server.append(told - put)
    return changes


async def _pause() -> None:
    await asyncio.sleep(_PACED * _PAUSE)


async def _pace(cluster: Cluster, raws: list[Raw]) -> None:
    for raw in raws:
        due = asyncio.create_task(asyncio.sleep(_PAUSE))
        await cluster.patch(raw)
        await due


async def _cpu(operator: OperatorProcess, envoy: Pod, act: Callable[[], Awaitable[None]]) -> tuple[float, float]:
    before = cpu_of(operator.pid), cpu_of(envoy.pid)
    await act()
    return cpu_of(operator.pid) - before[0], cpu_of(envoy.pid) - before[1]


async def _restart(cluster: Cluster, name: str, operator: OperatorProcess) -> list[Figure]:
    """Start the operator again: every status is right."""
    await asyncio.sleep(1)
    before = cluster.status_writes()
    started = await _start(operator)
    await asyncio.sleep(_RESTART_IDLE)
    written = cluster.status_writes() - before
    figures = [
        *_of_start(f"{name}: start with statuses", started),
        Figure(f"{name}: statuses written after it", written, "writes", target=0.0, how="all are right"),
    ]
    if cluster.world.hosts >= _LARGE:
        used = cpu_of(operator.pid)
        await asyncio.sleep(_IDLE)
        share = (cpu_of(operator.pid) - used) / _IDLE * 100
        figures.append(Figure(f"{name}: CPU of the idle operator", share, "%", target=1.0, how=f"over {_IDLE:.0f} s"))
    return figures


async def _from_nothing(cluster: Cluster, name: str, operator: OperatorProcess) -> list[Figure]:
    """Start operator and Envoy at the same time."""
    begun = monotonic()
    operator.begin()
    with cluster.envoy(operator, "pod-1").begin() as envoy:
        when, _ = await cluster.peer.watch(cluster.world.port, host(0), "")
        return [
            Figure(f"{name}: operator and Envoy to first answer", when - begun, "s", how="both started together"),
            Figure(f"{name}: CPU of the operator until then", cpu_of(operator.pid), "s"),
            Figure(f"{name}: CPU of Envoy until then", cpu_of(envoy.pid), "s"),
        ]


if __name__ == "__main__":
    found = asyncio.run(measure(int(sys.argv[1]), int(sys.argv[2])))
    load = os.getloadavg()[0]
    hand_on([*found, Figure("load of the machine afterwards", load, "processes")])
