"""`lateen validate FILES…`: everything that is wrong with files, without running anything."""

import json
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Final

import click

from lateen.cli.terminal import COLOURS, count
from lateen.compile.codes import Code
from lateen.compile.settings import CompileSettings
from lateen.errors import LateenError
from lateen.model.objects import Severity
from lateen.runtime.notices import Notice
from lateen.runtime.offline import compile_files
from lateen.validation.intake import Intake

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
@click.argument("paths", metavar="FILES...", nargs=-1, required=True, type=click.Path(exists=True, allow_dash=True))
@click.option("--namespace", "-n", default="default", show_default=True, help="Namespace of objects that name none.")
@click.option("--lenient", is_flag=True, help="Warn about unknown fields instead of refusing them.")
@click.option(
    "--references",
    type=click.Choice([each.value for each in References]),
    default=References.WARNING.value,
    show_default=True,
    help="How bad it is to name a Gateway, host, subset, delegate or Secret that no given file defines.",
)
@click.option(
    "--output", "-o", "form", type=click.Choice(["human", "json"]), default="human", show_default=True, help="Format."
)
def command(paths: tuple[str, ...], namespace: str, *, lenient: bool, references: str, form: str) -> None:
    """Check Istio YAML: files, directories, or - for standard input.

    Exit code 0: no errors; 1: errors; 2: wrong usage.
    """
    intake = Intake(default_namespace=namespace, unknown_fields=Severity.WARNING if lenient else Severity.ERROR)
    stdin = sys.stdin.buffer.read() if "-" in paths else None
    try:
        files = compile_files([Path(path) for path in paths if path != "-"], CompileSettings(), intake, stdin)
    except LateenError as error:
        click.echo(f"lateen: {error}", err=True)
        sys.exit(2)
    notices = [*judge(files.notices(), References(references))]
    show = show_json if form == "json" else show_lines
    show(notices, files=len(files.texts), objects=len(files.origins))
    sys.exit(any(notice.severity is Severity.ERROR for notice in notices))


def judge(notices: Iterable[Notice], references: References) -> Iterable[Notice]:
    """Make names that are defined elsewhere as bad as was asked for."""
    for notice in notices:
        if notice.code not in _ELSEWHERE or references is References.ERROR:
            yield notice
        elif references is References.WARNING:
            yield replace(notice, severity=Severity.WARNING)


def show_lines(notices: list[Notice], *, files: int, objects: int) -> None:
    """Print a line for each notice, and the sum."""
    for notice in notices:
        click.secho(str(notice), fg=COLOURS[notice.severity])
    counts = Counter(notice.severity for notice in notices)
    found = [count(counts[each], each.value) for each in (Severity.ERROR, Severity.WARNING) if counts[each]]
    click.echo(f"{count(objects, 'object')} in {count(files, 'file')}: {', '.join(found) or 'no errors'}")


def show_json(notices: list[Notice], *, files: int, objects: int) -> None:
    """Print one JSON object."""
    counts = Counter(notice.severity for notice in notices)
    out = {
        "files": files,
        "objects": objects,
        "errors": counts[Severity.ERROR],
        "warnings": counts[Severity.WARNING],
        "findings": [notice.fields() for notice in notices],
    }
    click.echo(json.dumps(out, indent=2, ensure_ascii=False))
