"""A running instance, on a laptop or in a cluster: the parts that are always there, and the order of their lives.

    Source ──take──► Control ──publish──► ResourceCache ──► DiscoveryServer ──► Envoys
                        │  └──ensure──► ProxyRunner                               │
                        └──write──► StatusSink      ◄──observe── ACKs, NACKs ◄────┘

Start: compile everything there is, then admit proxies. Stop: the runner first, then the streams.
What differs between a laptop and a cluster is the `Outfit`: `app` makes the one, `operator` the other.
"""

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

from lateen.compile.compiler import Compiler
from lateen.compile.settings import CompileSettings
from lateen.errors import InputError, LateenError
from lateen.infra.base import OnState, ProxyPlan, ProxyRunner, ProxyState
from lateen.ir.proxy import ProxyId
from lateen.runtime.control import Control
from lateen.runtime.seams import Seams
from lateen.sources.base import Source
from lateen.validation.intake import Intake
from lateen.xds.cache import ResourceCache
from lateen.xds.events import Event, StreamObserver, ignore
from lateen.xds.server import DiscoveryServer


async def _at_once(_: Control) -> None:
    """Nothing has to happen."""


@dataclass(frozen=True, slots=True)
class Outfit:
    """What differs between one instance and another."""

    compile: CompileSettings
    intake: Intake
    """The door that the source's objects pass."""
    source: Source
    build_seams: Callable[[OnState], Seams]
    """Makes the outward side, and tells the given function of every change of a proxy."""
    build_server: Callable[[ResourceCache, StreamObserver], DiscoveryServer]
    bind: Callable[[DiscoveryServer], Awaitable[str]]
    """Lets the server listen, and returns the address that proxies are told."""
    plan: Callable[[Control, ProxyId, str], ProxyPlan]
    """How a proxy is to run; the last argument is that address."""
    observe: StreamObserver = ignore
    """Hears of everything that happens on the streams, after `Control`."""
    on_control: Callable[[Control], None] = lambda _: None
    """Given the control loop before anything runs, by those who have to reach it later."""
    before_serving: Callable[[Control], Awaitable[None]] = _at_once
    """What has to happen between the first compilation and the first proxy."""


@dataclass(frozen=True, slots=True)
class Instance:
    """The parts of a running instance."""

    control: Control
    server: DiscoveryServer
    runner: ProxyRunner
    started: float
    """By the instance's clock."""
    clock: Callable[[], float]


@asynccontextmanager
async def running(
    outfit: Outfit,
    *,
    clock: Callable[[], float] = time.monotonic,
    before_end: Callable[[Control], None] = lambda _: None,
) -> AsyncIterator[Instance]:
    """Run an instance while the context lasts: when it is entered, everything there was is compiled and served.

    Args:
        outfit: what it is made of.
        clock: monotonic seconds.
        before_end: called when the context is left without an error, before anything is stopped.

    Raises:
        InputError: the source cannot start, the address cannot be bound, or every port is taken.
        Exception: whatever a task broke by, while the context lasts.
    """
    look_rarely_for_garbage()
    cache = ResourceCache()
    started = clock()

    def observe(event: Event, /) -> None:
        control.observe(event)
        outfit.observe(event)

    def on_state(state: ProxyState) -> None:
        control.on_proxy(state)

    seams = outfit.build_seams(on_state)
    server = outfit.build_server(cache, observe)
    control: Control = Control(
        Compiler(outfit.compile, outfit.intake),
        cache,
        seams,
        plan=lambda proxy: outfit.plan(control, proxy, address),
        streams=server.streams_of,
        clock=clock,
    )
    outfit.on_control(control)
    address = await outfit.bind(server)
    try:
        async with asyncio.TaskGroup() as tasks:
            following = await _read_everything(tasks, outfit.source, control)
            await _require_ports(control)
            await outfit.before_serving(control)
            gc.freeze()
            server.admit()
            looping = tasks.create_task(control.run(), name="control")
            yield Instance(control, server, seams.runner, started, clock)
            before_end(control)
            for task in (following, looping):
                task.cancel()
    except BaseExceptionGroup as group:
        raise first_cause(group) from None
    finally:
        # The streams end last: a proxy that loses its stream while it drains would complain.
        try:
            await seams.runner.close()
        finally:
            await server.stop(grace=0)


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
