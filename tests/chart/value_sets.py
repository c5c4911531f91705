"""Values that the chart is looked at with, one file each in `goldens/`."""

from pathlib import Path
from typing import Any, Final

import yaml

GOLDENS: Final = Path(__file__).parent / "goldens"
BARE: Final[dict[str, Any]] = {"crds": {"install": False}}
"""Without the definitions, which are most of the chart and looked at apart."""


def names() -> list[str]:
    """Name every set."""
    return sorted(path.name.removesuffix(".values.yaml") for path in GOLDENS.glob("*.values.yaml"))


def read(name: str) -> dict[str, Any]:
    """The values of one set."""
    return {**(yaml.safe_load((GOLDENS / f"{name}.values.yaml").read_text()) or {}), **BARE}
