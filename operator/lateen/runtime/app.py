"""The composition root of a laptop's instance: settings → parts. What runs, on one page.

    DirectorySource → Control → ResourceCache → DiscoveryServer on a Unix socket → Envoys of a LocalProxyRunner
    ControlApi answers `lateen status` and `lateen dump` on a socket in the state directory.

How the parts live together: `instance`.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

from lateen.certificates.certificate import find_fault_in_pair
from lateen.compile.settings import CompileSettings, ProxyScope
from lateen.envoy.bootstrap import BootstrapOptions, bootstrap_text, build_bootstrap
from lateen.envoy.tls import SYSTEM_TRUST_FILE
from lateen.infra.base import OnEvent, OnState, ProxyPlan, ProxyRunner, ProxyState
from lateen.ir.proxy import ProxyId
from lateen.model.objects import Severity
from lateen.runtime import instance
from lateen.runtime.ejections.local import EVENT_LOG, LocalEjections
from lateen.runtime.instance import Instance, Outfit
from lateen.runtime.journal import Draining, Journal, Stopped
from lateen.runtime.leadership import AlwaysLeader
from lateen.runtime.port_guard import PortProbe
from lateen.runtime.seams import Seams
from lateen.semantics.servers import PortRules
from lateen.settings import ProxySettings, UpSettings
from lateen.sources.base import Source
from lateen.status.base import MemoryStatusSink
from lateen.validation.intake import Intake
from lateen.xds.server import DiscoveryServer


def compile_settings(settings: UpSettings) -> CompileSettings:
    """What the compiler has to know of a laptop: one machine, no privileged ports."""
    return CompileSettings(
        proxy_scope=ProxyScope.SHARED,
        ports=PortRules(bind=settings.bind, shift=settings.port_shift),
        one_host=True,
        check_pair=find_fault_in_pair,
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
    build_runner: Callable[[OnState, OnEvent], ProxyRunner],
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
        build_runner: makes what runs proxies, and tells the given functions of every change, and of what they eject.
        xds_address: where proxies find their configuration.
        journal: hears what happens.
        ports: tells which ports are free; None: all are.
        clock: monotonic seconds.

    Raises:
        InputError: the source cannot start, the address cannot be bound, or every port is taken.
        Exception: whatever a task broke by, while the context lasts.
    """
    ejections = LocalEjections(clock, time.time)

    def build_seams(on_state: OnState) -> Seams:
        def on_proxy(state: ProxyState) -> None:
            on_state(state)
            ejections.on_proxy(state)

        runner = build_runner(on_proxy, ejections.on_event)
        return Seams(runner, MemoryStatusSink(), AlwaysLeader(), journal, ports)

    outfit = Outfit(
        compile=replace(compile_settings(settings), event_log=EVENT_LOG),
        intake=intake,
        source=source,
        build_seams=build_seams,
        build_server=lambda cache, observe: DiscoveryServer(cache, observer=observe, clock=clock),
        bind=lambda server: server.start(xds_address),
        plan=lambda _, proxy, address: plan_proxy(proxy, settings.proxy, address),
        on_control=ejections.join,
    )
    draining = Draining(settings.proxy.drain_seconds)
    async with instance.running(outfit, clock=clock, before_end=lambda control: control.tell(draining)) as running:
        keeping = asyncio.create_task(ejections.run(), name="ejections")
        try:
            yield running
        finally:
            keeping.cancel()
            await asyncio.wait([keeping])
    running.control.tell(Stopped())


def plan_proxy(proxy: ProxyId, settings: ProxySettings, xds_address: str) -> ProxyPlan:
    """How one Envoy of this machine is to run."""
    options = BootstrapOptions(xds_address, node_cluster="lateen", node_id=str(proxy), event_log=EVENT_LOG)
    return ProxyPlan(
        proxy,
        bootstrap_text(build_bootstrap(options)),
        concurrency=settings.concurrency,
        drain_seconds=settings.drain_seconds,
    )
