"""The command line itself."""

import importlib
import re

import click
import pytest
from click.testing import CliRunner

from lateen.cli.main import cli

COMMANDS = ("up", "validate", "dump", "status", "crds")


def test_help_lists_every_command() -> None:
    result = CliRunner().invoke(cli, ["--help"])
    assert result.exit_code == 0
    listed = re.findall(r"^  (\w+)  ", result.output.partition("Commands:\n")[2], re.MULTILINE)
    assert set(COMMANDS) <= set(listed)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    result = CliRunner().invoke(cli, [name, "--help"])
    assert result.exit_code == 0
    assert result.output.startswith(f"Usage: cli {name} ")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_explains_itself(name: str) -> None:
    command: click.Command = importlib.import_module(f"lateen.cli.{name}").command
    options = [each for each in command.params if isinstance(each, click.Option)]
    assert [each.name for each in options if not each.help] == []


def test_an_unknown_command_is_wrong_usage() -> None:
    assert CliRunner().invoke(cli, ["upp"]).exit_code == 2
