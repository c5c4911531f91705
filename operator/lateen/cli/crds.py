"""`lateen crds`: the CustomResourceDefinitions, for `kubectl apply` or into files."""

from pathlib import Path
from typing import Any

import click

from lateen.cli.yaml_text import to_yaml
from lateen.crds.definitions import definitions

HEADER = "# Generated from operator/lateen/model by `make crds`. Change the models and generate again.\n"


@click.command()
@click.argument("folder", required=False, type=click.Path(path_type=Path, file_okay=False))
def command(folder: Path | None) -> None:
    """Print the CustomResourceDefinitions, or write each into a file of FOLDER.

    `lateen crds | kubectl apply -f -` makes a cluster know the kinds.
    """
    found = definitions()
    if folder is None:
        click.echo("---\n".join(map(to_yaml, found.values())), nl=False)
        return
    folder.mkdir(parents=True, exist_ok=True)
    for name, definition in found.items():
        (folder / name).write_text(file_text(definition), encoding="utf-8")


def file_text(definition: dict[str, Any]) -> str:
    """Give the whole text of a definition's file."""
    return HEADER + to_yaml(definition)
