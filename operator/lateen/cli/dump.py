"""`lateen dump`: what proxies are given, from files or from a running instance."""

import asyncio
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lateen.cli.target import Cluster, cluster_options
from lateen.errors import LateenError

if TYPE_CHECKING:
    from lateen.runtime.resource_listing import ResourceFields

# The names of `ResourceGroup`, written out so that `--help` need not import the compiler.
_GROUPS = ("listeners", "routes", "scopes", "clusters", "endpoints", "secrets", "all")


@click.command()
@click.argument("what", type=click.Choice(_GROUPS))
@click.argument("paths", metavar="[FILES...]", nargs=-1, type=click.Path(exists=True, allow_dash=True))
@click.option(
    "--output", "-o", "form", type=click.Choice(["yaml", "json"]), default="yaml", show_default=True, help="Format."
)
@click.option("--proxy", default="*", help="Only of proxies like this, for example 'istio=ingress*'.  [default: all]")
@click.option("--name", default="*", help="Only resources with names like this, for example '*|8080|*'.")
@click.option("--instance", default="default", show_default=True, help="The running instance to ask, without FILES.")
@click.option("--namespace", "-n", default="default", show_default=True, help="Namespace of objects that name none.")
@click.option("--bind", default="127.0.0.1", show_default=True, help="Address of Gateways, when compiling FILES.")
@click.option(
    "--port-shift", type=click.IntRange(0, 60000), default=10_000, show_default=True, help="As for `lateen up`."
)
@click.option("--mesh-port", type=click.IntRange(0, 65535), default=0, help="As for `lateen up`.")
@cluster_options
def command(
    what: str,
    paths: tuple[str, ...],
    form: str,
    proxy: str,
    name: str,
    cluster: Cluster | None,
    **options: str | int,
) -> None:
    """Print listeners, routes, clusters and so on in Envoy's own format.

    With FILES (- is standard input) they are compiled as `lateen up` would; without, a running
    instance is asked, or the operator of a cluster. Private keys are never shown.
    """
    instance = str(options.pop("instance"))
    if paths and cluster:
        raise click.UsageError("either FILES are compiled, or a cluster is asked")
    try:
        if paths:
            found = _from_files(paths, what, proxy, name, options)
        else:
            found = asyncio.run(_from_running(cluster or instance, {"what": what, "proxy": proxy, "name": name}))
    except LateenError as error:
        click.echo(f"lateen: {error}", err=True)
        sys.exit(1)
    click.echo(json.dumps(found, indent=2, ensure_ascii=False) if form == "json" else _yaml(found))


def _from_files(
    paths: tuple[str, ...], what: str, proxy: str, name: str, options: dict[str, str | int]
) -> "list[ResourceFields]":
    from lateen.cli.terminal import count  # noqa: PLC0415 - `--help` stays quick
    from lateen.infra.authorities import find_authorities  # noqa: PLC0415 - the same
    from lateen.model.objects import Severity  # noqa: PLC0415 - the same
    from lateen.runtime.app import build_intake, compile_settings  # noqa: PLC0415 - the same
    from lateen.runtime.offline import compile_files  # noqa: PLC0415 - the same
    from lateen.runtime.resource_listing import ResourceGroup, list_resources  # noqa: PLC0415 - the same
    from lateen.settings import UpSettings  # noqa: PLC0415 - the same

    files = tuple(Path(path) for path in paths if path != "-")
    settings = UpSettings(files, trust_file=find_authorities(), **options)  # type: ignore[arg-type]  # click has checked the types
    stdin = sys.stdin.buffer.read() if "-" in paths else None
    offline = compile_files(files, compile_settings(settings), build_intake(settings), stdin)
    errors = [notice for notice in offline.notices() if notice.severity is Severity.ERROR]
    if errors:
        more = f" ({count(len(errors) - 1, 'more error')})" if errors[1:] else ""
        click.echo(f"lateen: {errors[0]}{more}", err=True)
    compiler = offline.compiler
    owners = [owner for owner, wanted in offline.outcome.proxies.items() if wanted is not None]
    resources = {owner: compiler.resources(owner).values() for owner in owners}
    return list_resources(resources, ResourceGroup(what), proxy=proxy, name=name)


async def _from_running(asked: Cluster | str, question: dict[str, str]) -> "list[ResourceFields]":
    from lateen.cli.client import ask, ask_operator  # noqa: PLC0415 - files need no client
    from lateen.runtime.replica_reports import merge_resources  # noqa: PLC0415 - the same

    if isinstance(asked, Cluster):
        return merge_resources(await ask_operator(asked, "/v1/resources", question))
    found: list[ResourceFields] = await ask(asked, "/v1/resources", question)
    return found


def _yaml(found: "Iterable[ResourceFields]") -> str:
    """One document for each resource, below a comment that says whose it is."""
    from lateen.cli.yaml_text import to_yaml  # noqa: PLC0415 - not needed for JSON

    return "---\n".join(f"{_comment(each)}{to_yaml(each['resource'])}" for each in found).rstrip()


def _comment(each: "ResourceFields") -> str:
    version = f"version {each['version']}{', ' + each['state'] if each['state'] else ''}"
    lines = [f"# {each['type']} of proxy {each['proxy']}, {version}"]
    if each["origins"]:
        lines.append(f"# from {', '.join(each['origins'])}")
    return "".join(line + "\n" for line in lines)
