"""`lateen operator`: one replica of the operator, until it is told to end."""

import asyncio
import importlib.metadata
import os
import signal
import socket
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import click
import structlog

from lateen.cli.logs import configure_service_logs
from lateen.cli.operator_settings import read_operator_settings
from lateen.errors import LateenError
from lateen.kube.client import KubeClient
from lateen.kube.cluster import Cluster
from lateen.runtime.operator import Replica, operating
from lateen.settings import OperatorSettings

_log = structlog.get_logger(__name__)


@click.command()
@click.option(
    "--config",
    "file",
    type=click.Path(path_type=Path),
    required=True,
    help="File of settings, as the chart writes it.",
)
@click.option(
    "--kubeconfig", type=click.Path(path_type=Path), help="The cluster.  [default: the one that this runs in]"
)
@click.option("--context", help="Context in the kubeconfig.")
def command(file: Path, kubeconfig: Path | None, context: str | None) -> None:
    """Run the operator: watch a cluster, compile, serve proxies, write status.

    This is what the chart starts. It ends at SIGTERM; its proxies go on, with another replica or as they are.
    """
    try:
        settings = read_operator_settings(file)
        configure_service_logs(settings.log)
        asyncio.run(run(settings, kubeconfig, context))
    except LateenError as error:
        for line in str(error).splitlines():
            click.echo(f"lateen: {line}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


async def run(settings: OperatorSettings, kubeconfig: Path | None, context: str | None) -> None:
    """Run until SIGINT or SIGTERM, also while it starts: whoever waits for an API server is not to be killed.

    Raises:
        LateenError: it cannot run.
    """
    stop, ready = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    running = asyncio.create_task(_operate(settings, kubeconfig, context, stop=stop, ready=ready), name="operator")
    stopping = asyncio.create_task(stop.wait(), name="signal")
    await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not ready.is_set() and not running.done():
        _log.info("operator ends before it was ready")
        running.cancel()
        await asyncio.wait([running])
        if running.cancelled():
            return
    await running


async def _operate(
    settings: OperatorSettings,
    kubeconfig: Path | None,
    context: str | None,
    *,
    stop: asyncio.Event,
    ready: asyncio.Event,
) -> None:
    """Start, say so by `ready`, and end in good order at `stop`."""
    replica = Replica(
        pod=os.environ.get("POD_NAME") or socket.gethostname(),
        addresses=tuple(filter(None, os.environ.get("POD_IPS", "").split(","))),
        version=importlib.metadata.version("lateen"),
        started=datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="milliseconds"),
        pid=os.getpid(),
    )
    client = await KubeClient.connect(kubeconfig, context, connections=0)  # each Secret and each log holds one
    try:
        began = time.monotonic()
        _log.info("operator starts", pod=replica.pod, version=replica.version, namespace=settings.namespace)
        async with operating(settings, replica, Cluster(client, kubeconfig, context)) as operator:
            ready.set()
            objects = len(operator.instance.control.origins)
            _log.info("operator is ready", seconds=round(time.monotonic() - began, 2), objects=objects)
            await stop.wait()
            _log.info("operator ends")
    finally:
        await client.close()
