"""`lateen validate` as people and tools meet it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.unit.runtime.stage import CART, GATEWAY, ROUTES

from lateen.cli.main import cli


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty directory, so that messages hold short names."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def validate(*arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(cli, ["validate", *arguments], input=stdin)


def test_good_files_give_zero(files: Path) -> None:
    (files / "shop.yaml").write_text(f"{GATEWAY}---{ROUTES}---{CART}")
    result = validate("shop.yaml")
    assert (result.exit_code, result.output) == (0, "3 objects in 1 file: no errors\n")


def test_an_unknown_field_is_an_error_unless_asked_otherwise(files: Path) -> None:
    (files / "shop.yaml").write_text(CART.replace("location:", "locatoin:"))
    result = validate("shop.yaml")
    assert result.exit_code == 1
    assert result.output.splitlines() == [
        (
            "shop.yaml:9: error ServiceEntry default/cart: spec.locatoin:"
            " unknown field 'locatoin'; did you mean 'location'? [LAT0101]"
        ),
        "1 object in 1 file: 1 error",
    ]
    assert validate("--lenient", "shop.yaml").exit_code == 0


@pytest.mark.parametrize(("references", "code", "words"), [("error", 1, "error"), ("warning", 0, "warning")])
def test_a_name_that_no_file_defines_is_as_bad_as_asked(files: Path, references: str, code: int, words: str) -> None:
    (files / "shop.yaml").write_text(ROUTES)
    result = validate("--references", references, "shop.yaml")
    assert result.exit_code == code
    assert f"shop.yaml:7: {words} VirtualService default/shop: spec.gateways" in result.output


def test_names_that_no_file_defines_can_be_left_out(files: Path) -> None:
    (files / "shop.yaml").write_text(ROUTES)
    assert validate("--references", "off", "shop.yaml").output == "1 object in 1 file: no errors\n"


def test_a_port_that_the_service_lacks_is_an_error_however_references_are_judged(files: Path) -> None:
    (files / "shop.yaml").write_text("---".join((GATEWAY, ROUTES.replace("8080", "8081"), CART)))
    result = validate("--references", "off", "shop.yaml")
    assert result.exit_code == 1
    assert "[LAT0304]" in result.output


def test_standard_input_is_read_for_a_dash(files: Path) -> None:
    result = validate("-", stdin="a: [1,\n\nb: 2\n")
    assert result.exit_code == 1
    assert result.output.startswith("<stdin>:4:1: error: ")


def test_tools_get_json_of_a_fixed_shape(files: Path) -> None:
    (files / "shop.yaml").write_text(ROUTES)
    (files / "broken.yaml").write_text("a: [1,\n\nb: 2\n")
    result = validate("-o", "json", "-n", "shop", "broken.yaml", "shop.yaml")
    report = json.loads(result.output)
    assert result.exit_code == 1
    assert {name: report[name] for name in ("files", "objects", "errors", "warnings")} == {
        "files": 2,
        "objects": 1,
        "errors": 1,
        "warnings": 2,
    }
    assert [list(finding) for finding in report["findings"]] == [
        ["file", "line", "column", "kind", "namespace", "name", "path", "code", "severity", "message"]
    ] * 3
    broken, gateway, _ = report["findings"]
    assert (broken["file"], broken["line"], broken["column"], broken["kind"]) == ("broken.yaml", 4, 1, "")
    assert (gateway["namespace"], gateway["path"], gateway["code"]) == ("shop", "spec.gateways", "LAT0301")


@pytest.mark.parametrize("arguments", [(), ("none.yaml",), ("--references", "maybe", "."), ("--bad", ".")])
def test_wrong_usage_gives_two(files: Path, arguments: tuple[str, ...]) -> None:
    assert validate(*arguments).exit_code == 2
