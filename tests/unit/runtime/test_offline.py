"""Files compiled without a running instance."""

from pathlib import Path

import pytest
from tests.unit.runtime.stage import CART, GATEWAY, ROUTES, SETTINGS

from lateen.compile.settings import CompileSettings
from lateen.errors import InputError
from lateen.runtime.app import build_intake
from lateen.runtime.offline import Offline, compile_files

INTAKE = build_intake(SETTINGS)


def read(*paths: Path, stdin: bytes | None = None) -> Offline:
    return compile_files(paths, CompileSettings(), INTAKE, stdin)


def write(path: Path, *texts: str) -> Path:
    path.write_text("---".join(texts))
    return path


def said(files: Offline, directory: Path) -> list[str]:
    return [str(notice).replace(f"{directory}/", "") for notice in files.notices()]


def test_files_that_fit_together_leave_nothing_to_say(tmp_path: Path) -> None:
    write(tmp_path / "a.yaml", GATEWAY, ROUTES)
    write(tmp_path / "b.yaml", CART)
    files = read(tmp_path)
    assert files.notices() == []
    assert len(files.origins) == 3
    assert [str(proxy) for proxy in files.outcome.proxies] == ["shared/app=edge"]


def test_a_wrong_field_is_found_on_its_line(tmp_path: Path) -> None:
    write(tmp_path / "a.yaml", GATEWAY, ROUTES.replace("http:\n", "http:\n    - timeout: soon\n"), CART)
    (line,) = said(read(tmp_path), tmp_path)
    assert line.startswith("a.yaml:18: error VirtualService default/shop: spec.http[0].timeout: ")


def test_an_object_in_two_files_names_both(tmp_path: Path) -> None:
    write(tmp_path / "a.yaml", CART)
    write(tmp_path / "b.yaml", CART)
    (line,) = said(read(tmp_path / "a.yaml", tmp_path / "b.yaml"), tmp_path)
    assert line.startswith("b.yaml:2:1: error: ServiceEntry/default/cart is already defined in a.yaml:2")


def test_broken_yaml_has_a_line_and_a_column(tmp_path: Path) -> None:
    write(tmp_path / "a.yaml", CART, "\nfoo: [1,\n\nbar: 2\n")
    (line,) = said(read(tmp_path), tmp_path)
    assert line.startswith("a.yaml:15:1: error: ")
    assert line.endswith("while parsing a flow sequence that starts 3 lines above [LAT0100]")


def test_standard_input_is_a_file_like_any_other() -> None:
    files = read(stdin=ROUTES.encode())
    assert [notice.place for notice in files.notices()] == ["<stdin>:7", "<stdin>:10"]


def test_bytes_that_are_no_text_are_a_problem() -> None:
    (notice,) = read(stdin=b"a: \xff\n").notices()
    assert str(notice).startswith("<stdin>:1:4: error: not UTF-8")


def test_a_file_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").symlink_to(tmp_path)
    write(tmp_path / "b.yaml", CART)
    assert len(read(tmp_path).origins) == 1


def test_a_path_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        read(tmp_path / "none")
