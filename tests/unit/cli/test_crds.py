"""`lateen crds` as people and `make crds` meet it."""

from pathlib import Path

import yaml
from click.testing import CliRunner

from lateen.cli.crds import HEADER
from lateen.cli.main import cli
from lateen.crds.definitions import definitions


def test_all_definitions_are_printed_as_one_stream() -> None:
    result = CliRunner().invoke(cli, ["crds"])
    assert result.exit_code == 0
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    documents = list(yaml.load_all(result.output, loader))
    assert documents == list(definitions().values())


def test_each_definition_gets_a_file_of_its_own(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["crds", str(tmp_path / "crds")])
    assert (result.exit_code, result.output) == (0, "")
    files = sorted((tmp_path / "crds").iterdir())
    assert [file.name for file in files] == sorted(definitions())
    assert all(file.read_text().startswith(f"{HEADER}apiVersion: apiextensions.k8s.io/v1\n") for file in files)
