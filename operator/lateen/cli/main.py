"""`lateen`: the entry point and its subcommands."""

import gc
import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import click

_COMMANDS: Final = {
    "up": "Run a directory of Istio YAML on this machine, with real Envoys.",
    "validate": "Check files and say what is wrong, with file, line and field.",
    "dump": "Print what proxies are given: listeners, routes, clusters, endpoints.",
    "status": "Show a running instance: proxies, versions, acknowledgements, findings.",
    "wait": "Wait until objects are live, here or in a cluster.",
    "operator": "Run in a cluster: watch, compile, serve proxies, write status.",
    "cleanup": "Remove from a cluster what the operator has made there.",
    "crds": "Print the CustomResourceDefinitions of the kinds that Lateen reads.",
}


@contextmanager
def _in_haste() -> Iterator[None]:
    """Import without looking for garbage (a sixth of the time), and without looking for plugins of pydantic."""
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")  # its notes about connections are not lines of our log
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


class _Commands(click.Group):
    """Subcommands that are imported when they are used: `--help` stays quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which people meet them."""
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a subcommand from its module `lateen.cli.<name>`."""
        del ctx
        if cmd_name not in _COMMANDS:
            return None
        with _in_haste():
            command: click.Command = importlib.import_module(f"lateen.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the subcommands without importing any."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="lateen", prog_name="lateen")
def cli() -> None:
    """Turn Istio's Gateway, VirtualService and DestinationRule into running Envoy proxies."""


def main(**options: Any) -> None:
    """Run the command line; `options` go to click, for tests."""
    cli.main(prog_name="lateen", **options)
