"""Change one route of many through a real Envoy: from handing the change over to the first request answered anew."""

import asyncio
import os
import sys
from collections import deque
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, process_time
from unittest import mock

from tests.bench.figures import Figure, hand_on, of_many
from tests.bench.machine import cpu_of, memory_of, peak_memory
from tests.bench.peer import Peer
from tests.bench.world import World, change, host
from tests.ports import free_port

from lateen.infra.binary import find_envoy
from lateen.infra.local import LocalProxyRunner, surroundings_of_this_machine
from lateen.ir.listener import RouteLayout
from lateen.runtime.app import build_intake, running
from lateen.runtime.journal import Compiled, Entry, WentLive
from lateen.settings import ProxySettings, UpSettings
from lateen.sources.memory import MemorySource

_WARM_UP = 20
"""Changes that are not counted, at most."""

_STRIDE = 7919


@dataclass(slots=True)
class _Run:
    """What is measured, each in seconds."""

    answered: list[float] = field(default_factory=list)
    compiled: list[float] = field(default_factory=list)
    live: list[float] = field(default_factory=list)
    control_cpu: float = 0.0
    envoy_cpu: float = 0.0
    envoy_memory: float = 0.0
    first: float = 0.0
    """From the start of everything to the first answer."""
    first_control_cpu: float = 0.0
    first_envoy_cpu: float = 0.0


class _Journal:
    """Keeps what the instance says about the newest batch."""

    def __init__(self) -> None:
        self.compiled: deque[float] = deque(maxlen=1)
        self.live: asyncio.Queue[float] = asyncio.Queue()

    def __call__(self, entry: Entry) -> None:
        if isinstance(entry, Compiled):
            self.compiled.append(entry.seconds)
        elif isinstance(entry, WentLive):
            self.live.put_nowait(entry.seconds)


async def _measure(hosts: int, repeats: int, directory: Path) -> _Run:
    run, journal = _Run(), _Journal()
    started = monotonic()
    async with Peer() as peer:
        world = World(hosts, port=free_port(), addresses=[("127.0.0.1", peer.backend_ports[0])])
        settings = UpSettings(paths=(), proxy=ProxySettings(concurrency=1, drain_seconds=0.0))
        intake = build_intake(settings)
        source = MemorySource([change(raw, intake) for raw in world.objects()])
        surroundings = surroundings_of_this_machine(find_envoy(None, os.environ), log_level="error")
        async with running(
            settings,
            source=source,
            intake=intake,
            build_runner=lambda *told: LocalProxyRunner(directory, surroundings, *told),
            xds_address=f"unix:{directory / 'xds.sock'}",
            journal=journal,
        ) as instance:
            await journal.live.get()

            async def once(number: int) -> None:
                target = number * _STRIDE % hosts
                new = change(world.virtual_service(target, headers={"x-mark": str(number)}), intake)
                watching = asyncio.create_task(peer.watch(world.port, host(target), str(number)))
                await asyncio.sleep(0.01)  # the client is asking by then
                put = monotonic()
                source.put(new)
                run.live.append(await journal.live.get())
                when, _ = await watching
                run.answered.append(when - put)
                run.compiled.append(journal.compiled[0])

            await once(0)
            (state,) = instance.runner.states.values()
            run.first = monotonic() - started
            run.first_control_cpu, run.first_envoy_cpu = process_time(), cpu_of(state.pid)
            warm = min(_WARM_UP, repeats)
            for number in range(1, warm):
                await once(number)
            for measured in (run.answered, run.compiled, run.live):
                measured.clear()
            run.control_cpu, run.envoy_cpu = process_time(), cpu_of(state.pid)
            for number in range(warm, warm + repeats):
                await once(number)
            run.control_cpu, run.envoy_cpu = process_time() - run.control_cpu, cpu_of(state.pid) - run.envoy_cpu
            run.envoy_memory = memory_of(state.pid)
    return run


def measure(hosts: int, repeats: int, layout: str) -> list[Figure]:
    """Measure with `hosts` hosts, in the layout that Lateen chooses, or with one RouteConfiguration for all."""
    with TemporaryDirectory(prefix="lateen-bench-") as directory, ExitStack() as stack:
        if layout == "single":
            choice = "lateen.semantics.servers.choose_layout"
            stack.enter_context(mock.patch(choice, return_value=RouteLayout.SINGLE))
        run = asyncio.run(_measure(hosts, repeats, Path(directory)))
    name = f"{hosts:,} hosts, {'a RouteConfiguration for each' if layout == 'scoped' else 'one RouteConfiguration'}"
    target = 15.0 if layout == "scoped" and hosts == 100 else None
    return [
        of_many(
            f"{name}: change to new answer",
            run.answered,
            "ms",
            scale=1000,
            target=target,
            how="one kept connection asks without pause",
        ),
        of_many(f"{name}: change to published", run.compiled, "ms", scale=1000, how="in the control plane"),
        of_many(f"{name}: change to acknowledged", run.live, "ms", scale=1000, how="after it was published"),
        Figure(f"{name}: CPU of the control plane a change", run.control_cpu / repeats * 1000, "ms", repeats),
        Figure(
            f"{name}: CPU of Envoy a change",
            run.envoy_cpu / repeats * 1000,
            "ms",
            repeats,
            how="/proc/PID/stat; with the requests of the client",
        ),
        Figure(f"{name}: start to first answer", run.first, "s", how="compiling, starting Envoy, loading"),
        Figure(f"{name}: CPU of the control plane until then", run.first_control_cpu, "s"),
        Figure(f"{name}: CPU of Envoy until then", run.first_envoy_cpu, "s"),
        Figure(f"{name}: RSS of Envoy", run.envoy_memory, "MB"),
        Figure(f"{name}: peak RSS of the control plane", peak_memory(), "MB"),
    ]


if __name__ == "__main__":
    hand_on(measure(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
