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
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

from lateen.compile.compiler import Compiler
from lateen.compile.settings import CompileSettings, ProxyScope
from lateen.envoy.bootstrap import bootstrap_text, build_bootstrap
from lateen.envoy.tls import SYSTEM_TRUST_FILE
from lateen.errors import InputError, LateenError
from lateen.infra.base import OnState, ProxyPlan, ProxyRunner, ProxyState
from lateen.ir.proxy import ProxyId
from lateen.model.objects import Severity
from lateen.runtime.control import Control
from lateen.runtime.journal import Draining, Journal, Stopped
from lateen.runtime.leadership import AlwaysLeader
from lateen.runtime.port_guard import PortProbe
from lateen.runtime.seams import Seams
from lateen.semantics.servers import PortRules
from lateen.settings import ProxySettings, UpSettings
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
        system_trust_file=settings.trust_file or SYSTEM_TRUST_FILE,
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
    build_runner: Callable[[OnState], ProxyRunner],
    xds_address: str,
    journal: Journal,
    ports: PortProbe | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> AsyncIterator[Instance]:
    """Run an instance while the context lasts: when it is entered, everything there was is compiled and served.

    Args:
        settings: what to run.
        source: where objects come from.
        intake: the door that the source's objects pass.
        build_runner: makes what runs proxies, and tells the given function of every change of theirs.
        xds_address: where proxies find their configuration.
        journal: hears what happens.
        ports: tells which ports are free; None: all are.
        clock: monotonic seconds.

    Raises:
        InputError: the source cannot start, the address cannot be bound, or every port is taken.
        Exception: whatever a task broke by, while the context lasts.
    """
    look_rarely_for_garbage()
    cache = ResourceCache()
    status = MemoryStatusSink()
    started = clock()

    def observe(event: Event, /) -> None:
        control.observe(event)

    def on_state(state: ProxyState) -> None:
        control.on_proxy(state)

    runner = build_runner(on_state)
    server = DiscoveryServer(cache, observer=observe, clock=clock)
    control: Control = Control(
        Compiler(compile_settings(settings), intake),
        cache,
        Seams(runner, status, AlwaysLeader(), journal, ports),
        plan=lambda proxy: plan_proxy(proxy, settings.proxy, address),
        streams=server.streams_of,
        clock=clock,
    )
    address = await server.start(xds_address)
    try:
        async with asyncio.TaskGroup() as tasks:
            following = await _read_everything(tasks, source, control)
            await _require_ports(control)
            gc.freeze()
            server.admit()
            looping = tasks.create_task(control.run(), name="control")
            yield Instance(settings, control, server, runner, status, started, clock)
            control.tell(Draining(settings.proxy.drain_seconds))
            for task in (following, looping):
                task.cancel()
    except BaseExceptionGroup as group:
        raise first_cause(group) from None
    finally:
        # The streams end last: a proxy that loses its stream while it drains would complain.
        try:
            await runner.close()
        finally:
            await server.stop(grace=0)
    control.tell(Stopped())


def plan_proxy(proxy: ProxyId, settings: ProxySettings, xds_address: str) -> ProxyPlan:
    """How one Envoy of this machine is to run."""
    bootstrap = build_bootstrap(node_id=str(proxy), node_cluster="lateen", xds_address=xds_address)
    return ProxyPlan(
        proxy,
        bootstrap_text(bootstrap),
        concurrency=settings.concurrency,
        drain_seconds=settings.drain_seconds,
    )


async def _read_everything(tasks: asyncio.TaskGroup, source: Source, control: Control) -> asyncio.Task[None]:
    """Start to follow the source, and compile what there is."""
    synced = asyncio.Event()
    following = tasks.create_task(source.run(control.take, synced), name="source")
    first = asyncio.ensure_future(synced.wait())
    try:
        await asyncio.wait({following, first}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        first.cancel()
    if following.done():
        await following
    with without_looking_for_garbage():
        control.flush()
    return following


async def _require_ports(control: Control) -> None:
    """Refuse to run where nothing at all could be served.

    Raises:
        InputError: every port is taken.
    """
    if not control.guard.held:
        return
    await control.guard.look()
    held = control.guard.held
    if held and not control.guard.passed:
        raise InputError("nothing can be served: " + "; ".join(each.reason for each in held.values()))


def first_cause(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Find what to tell of errors that came together: one that is meant for users, else the first."""
    leaves: list[BaseException] = []
    groups: list[BaseException] = [group]
    for each in groups:
        if isinstance(each, BaseExceptionGroup):
            groups.extend(each.exceptions)
        else:
            leaves.append(each)
    return next((leaf for leaf in leaves if isinstance(leaf, LateenError)), leaves[0])


def look_rarely_for_garbage() -> None:
    """What is compiled is kept for long: looking for garbage in it costs more than compiling."""
    gc.set_threshold(100_000, 50, 1000)


@contextmanager
def without_looking_for_garbage() -> Iterator[None]:
    """Look for none while the first batch is compiled: all of it stays, and the search takes a tenth of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
