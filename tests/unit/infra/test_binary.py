"""Which Envoy is found."""

from importlib import metadata
from pathlib import Path

import pytest

from lateen.errors import ProxyError
from lateen.infra.binary import find_envoy


def make_program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


class File:
    """One file of a distribution."""

    def __init__(self, path: Path) -> None:
        """Stand for an installed file."""
        self._path = path
        self.name = path.name
        self.parent = path.parent

    def locate(self) -> Path:
        return self._path


def test_the_path_that_was_given_comes_first(tmp_path: Path) -> None:
    given, other = make_program(tmp_path / "a"), make_program(tmp_path / "b")
    assert find_envoy(given, {"LATEEN_ENVOY": str(other)}) == given


def test_the_variable_comes_before_what_is_installed(tmp_path: Path) -> None:
    other = make_program(tmp_path / "b")
    assert find_envoy(None, {"LATEEN_ENVOY": str(other)}) == other


def test_the_package_gives_its_binary_and_not_its_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script, program = make_program(tmp_path / "bin" / "envoy"), make_program(tmp_path / "_bin" / "envoy")
    monkeypatch.setattr(metadata, "files", lambda _: [File(script), File(program)])
    assert find_envoy(None, {"PATH": str(script.parent)}) == program


def test_the_path_is_searched_when_there_is_no_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "files", missing)
    program = make_program(tmp_path / "envoy")
    assert find_envoy(None, {"PATH": str(tmp_path)}) == program
    with pytest.raises(ProxyError, match=r"pip install lateen\[envoy\]"):
        find_envoy(None, {"PATH": str(tmp_path / "nowhere")})


def test_an_envoy_asked_for_that_cannot_be_run_is_not_replaced_by_another(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("not a program")
    with pytest.raises(ProxyError, match="--envoy"):
        find_envoy(tmp_path / "text", {})
    with pytest.raises(ProxyError, match=r"\$LATEEN_ENVOY"):
        find_envoy(None, {"LATEEN_ENVOY": str(tmp_path / "gone")})
