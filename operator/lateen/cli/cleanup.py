"""`lateen cleanup`: what an uninstallation runs first."""

import asyncio
import sys
from pathlib import Path
from typing import Final

import click

from lateen.cli.logs import configure_service_logs
from lateen.cli.operator_settings import read_operator_settings
from lateen.errors import LateenError
from lateen.infra.cleanup import clean_up
from lateen.kube.client import KubeClient
from lateen.settings import AUTHORITY_SECRET, LEASE, OperatorSettings

_PODS: Final = "app.kubernetes.io/name=lateen,app.kubernetes.io/component=operator"


@click.command()
@click.option(
    "--config",
    "file",
    type=click.Path(path_type=Path),
    required=True,
    help="The operator's file of settings.",
)
@click.option(
    "--kubeconfig", type=click.Path(path_type=Path), help="The cluster.  [default: the one that this runs in]"
)
@click.option("--context", help="Context in the kubeconfig.")
def command(file: Path, kubeconfig: Path | None, context: str | None) -> None:
    """Stop the operator, and remove the proxies and Secrets that it has made.

    Gateways, VirtualServices and all other objects of users stay as they are.
    """
    try:
        settings = read_operator_settings(file)
        configure_service_logs(settings.log)
        removed = asyncio.run(_clean_up(settings, kubeconfig, context))
    except LateenError as error:
        click.echo(f"lateen: {error}", err=True)
        sys.exit(1)
    click.echo(f"{removed} objects removed")


async def _clean_up(settings: OperatorSettings, kubeconfig: Path | None, context: str | None) -> int:
    client = await KubeClient.connect(kubeconfig, context)
    try:
        return await clean_up(
            client,
            namespace=settings.namespace,
            deployment=settings.deployment,
            pods=_PODS,
            authority=AUTHORITY_SECRET,
            lease=LEASE,
            everywhere=settings.gateways.scope == "namespace",
        )
    finally:
        await client.close()
