"""Which files are input."""

import os
from pathlib import Path

import pytest

from lateen.errors import InputError
from lateen.sources.file_tree import is_input, list_files, require_roots


def write(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.mark.parametrize("name", ["a.yaml", "a.yml", "a.json", "weird name.yaml"])
def test_objects_are_read_from_yaml_and_json(name: str) -> None:
    assert is_input(name)


@pytest.mark.parametrize(
    "name", [".a.yaml", "a.yaml~", "#a.yaml#", "#a.yaml", "~$a.yaml", ".a.yaml.swp", "a.txt", "yaml"]
)
def test_hidden_and_temporary_files_are_not_read(name: str) -> None:
    assert not is_input(name)


def test_directories_are_listed_recursively_in_order_without_hidden_ones(tmp_path: Path) -> None:
    for name in ("b.yaml", "a/z.yml", "a/deep/er.json", ".git/x.yaml", "a/.hidden/x.yaml", "a/readme.md"):
        write(tmp_path / name)
    names = [os.path.relpath(file, tmp_path) for file in list_files([tmp_path]).files]
    assert names == ["a/deep/er.json", "a/z.yml", "b.yaml"]


def test_a_mounted_config_map_is_read_once_through_its_links(tmp_path: Path) -> None:
    write(tmp_path / "..2024_01" / "a.yaml")
    (tmp_path / "..data").symlink_to("..2024_01")
    (tmp_path / "a.yaml").symlink_to("..data/a.yaml")
    assert list(list_files([tmp_path]).files) == [str(tmp_path / "a.yaml")]


def test_links_in_a_circle_and_links_to_nothing_are_harmless(tmp_path: Path) -> None:
    write(tmp_path / "sub" / "a.yaml")
    (tmp_path / "sub" / "up").symlink_to("..")
    (tmp_path / "gone.yaml").symlink_to("nowhere.yaml")
    assert list(list_files([tmp_path]).files) == [str(tmp_path / "sub" / "a.yaml")]


def test_overlapping_roots_list_a_directory_once(tmp_path: Path) -> None:
    write(tmp_path / "sub" / "a.yaml")
    assert len(list_files([tmp_path, tmp_path / "sub"]).files) == 1


def test_a_file_named_directly_is_read_whatever_its_name(tmp_path: Path) -> None:
    file = write(tmp_path / "objects.txt")
    assert list(list_files([file]).files) == [str(file)]


def test_a_directory_that_vanished_says_nothing_about_its_files(tmp_path: Path) -> None:
    listing = list_files([tmp_path / "gone"])
    assert listing.unlisted == {str(tmp_path / "gone"): "No such file or directory"}
    assert not listing.knows_about(str(tmp_path / "gone" / "a.yaml"))
    assert listing.knows_about(str(tmp_path / "gone2" / "a.yaml"))


def test_rewriting_a_file_changes_its_signature(tmp_path: Path) -> None:
    file = write(tmp_path / "a.yaml", "a")
    before = list_files([tmp_path]).files[str(file)]
    write(tmp_path / "new", "b").rename(file)
    assert list_files([tmp_path]).files[str(file)] != before


def test_paths_that_cannot_be_read_are_refused_with_their_reason(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="gone: No such file or directory"):
        require_roots([tmp_path / "gone"])
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="pipe: neither a directory nor a file"):
        require_roots([tmp_path / "pipe"])
    with pytest.raises(InputError, match="no directory to read objects from"):
        require_roots([])
