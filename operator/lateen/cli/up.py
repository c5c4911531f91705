"""`lateen up DIR`: a real Envoy per Gateway selector, following the files."""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import click

from lateen.cli.narrator import Narrator
from lateen.errors import LateenError
from lateen.infra.binary import find_envoy
from lateen.infra.local import LocalProxyRunner, surroundings_of_this_machine
from lateen.infra.state import open_instance, state_root
from lateen.runtime.app import build_intake, running
from lateen.runtime.journal import ProxyChanged
from lateen.settings import ProxySettings, UpSettings
from lateen.sources.directory import DirectorySource


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
@click.option("--name", default="default", show_default=True, help="Name of this instance, for status and dump.")
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
def command(paths: tuple[Path, ...], **options: Any) -> None:
    """Run the Istio YAML in PATHS (directories or files) on this machine.

    Files are followed: what changes is applied, what breaks keeps its last good version.
    """
    proxy = ProxySettings(**{name: options.pop(name) for name in ("binary", "concurrency", "drain_seconds")})
    settings = UpSettings(paths=paths, proxy=proxy, **options)
    try:
        asyncio.run(up(settings))
    except LateenError as error:
        click.echo(f"lateen: {error}", err=True)
        sys.exit(1)


async def up(settings: UpSettings) -> None:
    """Run until SIGINT or SIGTERM, then drain."""
    intake = build_intake(settings)
    source = DirectorySource(settings.paths, intake.identify)
    narrator = Narrator(settings, source.locate, source.origin)
    envoy = find_envoy(settings.proxy.binary, os.environ)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    with open_instance(state_root(os.environ, os.getuid()), settings.name) as state:
        runner = LocalProxyRunner(
            state.proxies,
            surroundings_of_this_machine(envoy, log_level=settings.proxy.log_level),
            lambda changed: narrator(ProxyChanged(changed)),
        )
        async with running(
            settings,
            source=source,
            intake=intake,
            runner=runner,
            xds_address=f"unix:{state.directory / 'xds.sock'}",
            journal=narrator,
        ):
            await stop.wait()
            narrator.say("draining")
