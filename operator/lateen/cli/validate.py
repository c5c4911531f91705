"""`lateen validate FILES…`: everything that is wrong with files, without running anything."""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from lateen.cli.target import Cluster, cluster_options
from lateen.cli.terminal import COLOURS, count
from lateen.compile.codes import Code
from lateen.compile.settings import CompileSettings
from lateen.errors import LateenError
from lateen.model.keys import Key
from lateen.model.objects import Severity
from lateen.runtime.notices import Notice
from lateen.runtime.offline import Files, compile_files, read_files
from lateen.validation.intake import Intake

if TYPE_CHECKING:
    from lateen.runtime.overlay import Overlay

_ELSEWHERE: Final = frozenset(
    code.id
    for code in (
        Code.GATEWAY_NOT_FOUND,
        Code.SERVICE_NOT_FOUND,
        Code.SUBSET_NOT_FOUND,
        Code.DELEGATE_NOT_FOUND,
        Code.SECRET_NOT_FOUND,
        Code.RULE_WITHOUT_SERVICE,
    )
)
"""Findings that another file or the cluster may settle. A missing port is not among them: its Service was read."""


class References(StrEnum):
    """What to think of names that none of the files define."""

    ERROR = "error"
    WARNING = "warning"
    OFF = "off"


@click.command()
@click.argument("paths", metavar="[FILES...]", nargs=-1, type=click.Path(exists=True, allow_dash=True))
@click.option("--namespace", "-n", help="Namespace of objects that name none.  [default: the context's, or 'default']")
@click.option("--lenient", is_flag=True, help="Warn about unknown fields instead of refusing them.")
@click.option(
    "--references",
    type=click.Choice([each.value for each in References]),
    help=(
        "How bad it is to name a Gateway, host, subset, delegate or Secret that no given file defines."
        "  [default: warning; error where a cluster is asked, which has the rest]"
    ),
)
@click.option("--all", "everything", is_flag=True, help="Tell all findings of the cluster, whatever FILES change.")
@click.option(
    "--output", "-o", "form", type=click.Choice(["human", "json"]), default="human", show_default=True, help="Format."
)
@cluster_options
def command(
    paths: tuple[str, ...],
    cluster: Cluster | None,
    *,
    namespace: str | None,
    lenient: bool,
    references: str | None,
    everything: bool,
    form: str,
) -> None:
    """Check Istio YAML: files, directories, or - for standard input.

    With a cluster, FILES are laid over the objects that it has, as if they were applied; told is
    what concerns them or is new because of them. Without FILES all findings of the cluster are told.

    Exit code 0: no errors; 1: errors; 2: wrong usage.
    """
    if not paths and cluster is None:
        raise click.UsageError("name FILES, or a cluster by --cluster")
    if namespace is None:
        namespace = cluster.default_namespace() if cluster else "default"
    intake = Intake(default_namespace=namespace, unknown_fields=Severity.WARNING if lenient else Severity.ERROR)
    stdin = sys.stdin.buffer.read() if "-" in paths else None
    named = [Path(path) for path in paths if path != "-"]
    objects = 0
    try:
        if cluster is None:
            offline = compile_files(named, CompileSettings(), intake, stdin)
            found = offline.notices()
        else:
            files = read_files(named, intake, stdin)
            overlay, objects = asyncio.run(_over_cluster(cluster, files, intake))
            offline = overlay.offline
            found = overlay.notices(everything=everything or not paths)
    except LateenError as error:
        click.echo(f"lateen: {error}", err=True)
        sys.exit(2)
    strictness = References(references or (References.WARNING if cluster is None else References.ERROR))
    notices = [*judge(found, strictness)]
    show = show_json if form == "json" else show_lines
    show(notices, files=len(offline.texts), objects=len(offline.origins), cluster=objects)
    sys.exit(any(notice.severity is Severity.ERROR for notice in notices))


async def _over_cluster(cluster: Cluster, files: Files, intake: Intake) -> "tuple[Overlay, int]":
    """Lay files over a cluster's objects, and count those."""
    from lateen.cli.cluster_settings import find_compile_settings  # noqa: PLC0415 - takes most of a second
    from lateen.kube.listing import get_secrets, list_everything  # noqa: PLC0415 - as above
    from lateen.runtime.overlay import TwoDoors, lay_over  # noqa: PLC0415 - as above

    async with cluster.connect() as client:

        async def fetch(keys: Collection[Key]) -> Mapping[Key, Mapping[str, Any]]:
            found, failed = await get_secrets(client, keys)
            for key, reason in failed.items():
                click.echo(f"lateen: {key} is taken for absent, because it cannot be read: {reason}", err=True)
            return found

        settings = await find_compile_settings(client, cluster)
        manifests = await list_everything(client)
        doors = TwoDoors(Intake(), intake, {change.key for change in files.changes})
        return await lay_over(manifests, files, settings, doors, fetch), len(manifests)


def judge(notices: Iterable[Notice], references: References) -> Iterable[Notice]:
    """Make names that are defined elsewhere as bad as was asked for."""
    for notice in notices:
        if notice.code not in _ELSEWHERE or references is References.ERROR:
            yield notice
        elif references is References.WARNING:
            yield replace(notice, severity=Severity.WARNING)


def show_lines(notices: list[Notice], *, files: int, objects: int, cluster: int = 0) -> None:
    """Print a line for each notice, and the sum."""
    for notice in notices:
        click.secho(str(notice), fg=COLOURS[notice.severity])
    counts = Counter(notice.severity for notice in notices)
    found = [count(counts[each], each.value) for each in (Severity.ERROR, Severity.WARNING) if counts[each]]
    here = f"{count(objects, 'object')} in {count(files, 'file')}"
    there = f"{count(cluster, 'object')} of the cluster"
    what = f"{here}, over {there}" if objects and cluster else there if cluster else here
    click.echo(f"{what}: {', '.join(found) or 'no errors'}")


def show_json(notices: list[Notice], *, files: int, objects: int, cluster: int = 0) -> None:
    """Print one JSON object."""
    counts = Counter(notice.severity for notice in notices)
    out = {
        "files": files,
        "objects": objects,
        "cluster_objects": cluster,
        "errors": counts[Severity.ERROR],
        "warnings": counts[Severity.WARNING],
        "findings": [notice.fields() for notice in notices],
    }
    click.echo(json.dumps(out, indent=2, ensure_ascii=False))
