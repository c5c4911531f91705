"""The composition root of a laptop's instance: settings → parts → tasks. What runs where, on one page.

    DirectorySource ──take──► Control ──publish──► ResourceCache ──► DiscoveryServer ──► Envoys
                                 │  └──ensure──► LocalProxyRunner ──processes──►           │
                                 └──write──► StatusSink      ◄──observe── ACKs, NACKs ◄────┘
    ControlApi answers `lateen status` and `lateen dump` on a socket in the state directory.

Start: compile everything there is, then admit proxies. Stop: drain proxies, then end the streams.
"""

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from lateen.compile.compiler import Compiler
from lateen.compile.settings import CompileSettings, ProxyScope
from lateen.envoy.bootstrap import bootstrap_text, build_bootstrap
from lateen.infra.base import ProxyPlan, ProxyRunner
from lateen.ir.proxy import ProxyId
from lateen.model.objects import Severity
from lateen.runtime.control import Control
from lateen.runtime.journal import Journal
from lateen.runtime.leadership import AlwaysLeader
from lateen.runtime.seams import Seams
from lateen.semantics.servers import PortRules
from lateen.settings import UpSettings
from lateen.sources.base import Source
from lateen.status.base import MemoryStatusSink
from lateen.validation.intake import Intake
from lateen.xds.cache import ResourceCache
from lateen.xds.events import Event
from lateen.xds.server import DiscoveryServer


@dataclass(frozen=True, slots=True)
class Instance:
    """The parts of a running instance."""

    settings: UpSettings
    control: Control
    server: DiscoveryServer
    runner: ProxyRunner
    status: MemoryStatusSink
    started: float
    """By the instance's clock."""
    clock: Callable[[], float]


def compile_settings(settings: UpSettings) -> CompileSettings:
    """What the compiler has to know of a laptop: one machine, no privileged ports."""
    return CompileSettings(
        proxy_scope=ProxyScope.SHARED,
        ports=PortRules(bind=settings.bind, shift=settings.port_shift),
        one_host=True,
        mesh_port=settings.mesh_port,
        mesh_namespace=settings.namespace,
    )


def build_intake(settings: UpSettings) -> Intake:
    """The door, as strict as the settings say."""
    severity = Severity.ERROR if settings.strict else Severity.WARNING
    return Intake(default_namespace=settings.namespace, unknown_fields=severity)


@asynccontextmanager
async def running(
    settings: UpSettings,
    *,
    source: Source,
    intake: Intake,
    runner: ProxyRunner,
    xds_address: str,
    journal: Journal,
    clock: Callable[[], float] = time.monotonic,
) -> AsyncIterator[Instance]:
    """Run an instance while the context lasts: when it is entered, everything there was is compiled and served.

    Raises:
        InputError: the source cannot start, or the address cannot be bound.
    """
    look_rarely_for_garbage()
    cache = ResourceCache()
    status = MemoryStatusSink()
    address = ""

    def plan(proxy: ProxyId) -> ProxyPlan:
        bootstrap = build_bootstrap(node_id=str(proxy), node_cluster="lateen", xds_address=address)
        return ProxyPlan(
            proxy,
            bootstrap_text(bootstrap),
            concurrency=settings.proxy.concurrency,
            drain_seconds=settings.proxy.drain_seconds,
        )

    def observe(event: Event, /) -> None:
        control.observe(event)

    server = DiscoveryServer(cache, observer=observe, clock=clock)
    control: Control = Control(
        Compiler(compile_settings(settings), intake),
        cache,
        Seams(runner, status, AlwaysLeader(), journal),
        plan=plan,
        streams=server.streams_of,
        clock=clock,
    )
    started = clock()
    address = await server.start(xds_address)
    synced = asyncio.Event()
    try:
        async with asyncio.TaskGroup() as tasks:
            following = tasks.create_task(source.run(control.take, synced))
            first_batch = tasks.create_task(synced.wait())
            await asyncio.wait({following, first_batch}, return_when=asyncio.FIRST_COMPLETED)
            if following.done():
                await following
            control.flush()
            gc.freeze()
            server.admit()
            looping = tasks.create_task(control.run())
            yield Instance(settings, control, server, runner, status, started, clock)
            for task in (following, looping):
                task.cancel()
    finally:
        await runner.close()
        await server.stop()


def look_rarely_for_garbage() -> None:
    """What is compiled is kept for long: looking for garbage in it costs more than compiling."""
    gc.set_threshold(100_000, 50, 1000)
