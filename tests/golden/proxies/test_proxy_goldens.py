"""What runs the proxies of a class is what is written down; `make golden` writes it anew, to be read as a diff."""

import pytest
from tests.golden.proxies.proxy_golden import FOLDER, INPUT, files, names


@pytest.mark.parametrize("name", names())
def test_a_class_is_run_by_the_objects_that_are_written_down(name: str, *, rewrite_goldens: bool) -> None:
    for path, text in files(name):
        if rewrite_goldens:
            path.write_text(text)
        assert path.read_text().splitlines() == text.splitlines(), f"{path} differs; see `make golden`"


def test_every_folder_has_an_input_and_nothing_that_is_not_compared(*, rewrite_goldens: bool) -> None:
    if rewrite_goldens:  # a new one has its input only, until its own test has run
        return
    known = {INPUT, "manifests.yaml", "findings.txt"}
    for name in names():
        assert {path.name for path in (FOLDER / name).iterdir()} == known, name
