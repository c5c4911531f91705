"""The directories in `examples/`."""

import re
from importlib.metadata import version
from pathlib import Path
from typing import Final

EXAMPLES: Final = Path(__file__).parents[2] / "examples"


def test_every_example_explains_itself() -> None:
    directories = sorted(path for path in EXAMPLES.iterdir() if path.is_dir())
    assert directories
    assert [path.name for path in directories if not (path / "README.md").exists()] == []
    index = (EXAMPLES / "README.md").read_text()
    assert [path.name for path in directories if f"]({path.name})" not in index] == []


def test_the_examples_for_clusters_run_the_image_that_is_built() -> None:
    services = (EXAMPLES / "kubernetes" / "services.yaml").read_text()
    assert set(re.findall(r"image: (.+)", services)) == {f"lateen:{version('lateen')}"}
