"""`lateen up DIR`: a real Envoy per Gateway selector, following the files."""

import asyncio
import importlib
import importlib.metadata
import os
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click
import structlog

from lateen.cli.journal_writer import JournalWriter, lines_for_people, lines_for_tools
from lateen.cli.logs import configure_logs
from lateen.errors import LateenError
from lateen.infra.authorities import find_authorities
from lateen.infra.base import OnEvent, OnState, ProxyRunner
from lateen.infra.binary import find_envoy
from lateen.infra.local import LocalProxyRunner, surroundings_of_this_machine
from lateen.infra.state import Instance as InstanceState
from lateen.infra.state import InstanceInfo, open_instance, state_root
from lateen.ir.finding import Finding
from lateen.runtime.app import build_intake, running
from lateen.runtime.instance import Instance
from lateen.runtime.journal import Started
from lateen.runtime.notices import Notice, notice_of_finding
from lateen.runtime.port_guard import PortProbe
from lateen.settings import ProxySettings, UpSettings
from lateen.sources.directory import DirectorySource

INTERRUPTED: Final = 130
"""Exit code after a second Ctrl-C, as shells know it."""

_FIRST: Final = 3.0
"""Seconds for which the control API leaves the machine to proxies that start."""

_log = structlog.get_logger(__name__)


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--mesh-port",
    type=click.IntRange(0, 65535),
    default=0,
    help="Port of a proxy for calls between services, which routes by Host.",
)
@click.option("--namespace", "-n", default="default", show_default=True, help="Namespace of objects that name none.")
@click.option("--bind", default="127.0.0.1", show_default=True, help="Address that Gateways listen on.")
@click.option(
    "--port-shift", type=click.IntRange(0, 60000), default=10_000, show_default=True, help="Added to ports under 1024."
)
@click.option(
    "--name",
    "--instance",
    default="default",
    show_default=True,
    help="Name of this instance, for status and dump.",
)
@click.option("--strict", is_flag=True, help="Refuse objects with unknown fields instead of warning.")
@click.option(
    "--envoy", "binary", type=click.Path(path_type=Path), help="The Envoy to run.  [default: the installed one]"
)
@click.option(
    "--concurrency", type=click.IntRange(1, 256), default=2, show_default=True, help="Worker threads of each Envoy."
)
@click.option(
    "--drain",
    "drain_seconds",
    type=click.FloatRange(0),
    default=5.0,
    show_default=True,
    help="Seconds that connections get to end on Ctrl-C.",
)
@click.option(
    "--output",
    "-o",
    "form",
    type=click.Choice(["human", "json"]),
    default="human",
    show_default=True,
    help="Lines for people, or a JSON object per event.",
)
def command(paths: tuple[Path, ...], form: str, **options: Any) -> None:
    """Run the Istio YAML in PATHS (directories or files) on this machine.

    Files are followed: what changes is applied, what breaks keeps its last good version.
    Ctrl-C drains; Ctrl-C again ends at once.
    """
    proxy = ProxySettings(**{name: options.pop(name) for name in ("binary", "concurrency", "drain_seconds")})
    settings = UpSettings(paths=paths, proxy=proxy, trust_file=find_authorities(), **options)
    configure_logs(_time_of_day)
    try:
        asyncio.run(up(settings, as_json=form == "json"))
    except LateenError as error:
        click.echo(f"lateen: {error}", err=True)
        sys.exit(1)
    except (asyncio.CancelledError, KeyboardInterrupt):
        sys.exit(INTERRUPTED)
    except Exception as error:
        if os.environ.get("LATEEN_TRACEBACK"):
            raise
        what = f"{type(error).__name__}: {error}"
        click.echo(f"lateen: a fault of Lateen: {what} (LATEEN_TRACEBACK=1 shows where)", err=True)
        sys.exit(1)


async def up(settings: UpSettings, *, as_json: bool) -> None:
    """Run until SIGINT, SIGTERM or SIGHUP, then drain.

    Raises:
        LateenError: it cannot run, or cannot go on.
        asyncio.CancelledError: it was asked twice to end.
    """
    stop = _stop_on_signals()
    intake = build_intake(settings)
    source = DirectorySource(settings.paths, intake.identify)

    def notice(finding: Finding) -> Notice:
        return notice_of_finding(finding, source.origin(finding.key), source.locate)

    colours = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    render = lines_for_tools(notice, _now) if as_json else lines_for_people(notice, _time_of_day, colours=colours)
    writer = JournalWriter(render, sys.stdout)
    writing = asyncio.create_task(writer.run(), name="journal")
    envoy = find_envoy(settings.proxy.binary, os.environ)
    try:
        with open_instance(state_root(os.environ, os.getuid()), settings.name) as state:
            paths = tuple(str(path) for path in settings.paths)
            info = InstanceInfo(settings.name, os.getpid(), str(state.control_socket), _now(), paths)
            version = _version()
            await asyncio.to_thread(state.announce, info)
            writer.put(Started(info.name, version, info.pid, paths))

            def build_runner(on_state: OnState, on_event: OnEvent) -> ProxyRunner:
                around = surroundings_of_this_machine(envoy, log_level=settings.proxy.log_level)
                return LocalProxyRunner(state.proxies, around, on_state, on_event)

            async with running(
                settings,
                source=source,
                intake=intake,
                build_runner=build_runner,
                xds_address=f"unix:{state.directory / 'xds.sock'}",
                journal=writer.put,
                ports=PortProbe(),
            ) as instance:
                answering = asyncio.create_task(_answer(instance, state, info, version, source))
                try:
                    await stop.wait()
                finally:
                    answering.cancel()
                    await asyncio.wait([answering])
    finally:
        writer.end()
        await writing


async def _answer(
    instance: Instance, state: InstanceState, info: InstanceInfo, version: str, source: DirectorySource
) -> None:
    """Let other commands ask, once the first proxies serve. Without it the instance serves all the same."""
    try:
        async with asyncio.timeout(_FIRST if instance.control.cache.proxies else 0):
            await instance.control.serving.wait()
    except TimeoutError:
        pass
    try:
        api = await asyncio.to_thread(importlib.import_module, "lateen.runtime.control_api")
        app = api.build_control_api(instance, info, version, source.locate, source.catch_up)
        async with api.serving(app, state.control_socket):
            await asyncio.Event().wait()
    except (LateenError, OSError) as error:
        _log.warning("`lateen status` and `lateen dump` cannot ask this instance", reason=str(error))


def _stop_on_signals() -> asyncio.Event:
    """Give the event that the first signal sets; the second one cancels the task that calls this."""
    stop = asyncio.Event()
    task = asyncio.current_task()

    def on_signal() -> None:
        if stop.is_set() and task is not None:
            task.cancel()
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, on_signal)
    return stop


def _version() -> str:
    try:
        return importlib.metadata.version("lateen")
    except importlib.metadata.PackageNotFoundError:
        return "(not installed)"


def _time_of_day() -> str:
    return time.strftime("%H:%M:%S")


def _now() -> str:
    """RFC 3339, in UTC."""
    return datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="milliseconds")
