"""Helm, run as a user runs it, and what it makes of the chart."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

CHART: Final = Path(__file__).parents[2] / "charts" / "lateen"
RELEASE: Final = "lateen"
NAMESPACE: Final = "lateen-system"

_HELM: Final = shutil.which("helm")

needs_helm = pytest.mark.skipif(_HELM is None, reason="there is no helm on the PATH")


class HelmError(Exception):
    """Helm refused; the message is what it said."""


def run_helm(
    *arguments: str, values: Mapping[str, Any] | None = None, environment: Mapping[str, str] | None = None
) -> str:
    """Run Helm, and return what it prints.

    Raises:
        HelmError: it ended with an error.
    """
    assert _HELM is not None
    given = ("--values", "-") if values is not None else ()
    ended = subprocess.run(  # noqa: S603 - no input of others
        [_HELM, *arguments, *given],
        input=json.dumps(values or {}),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **(environment or {})},
    )
    if ended.returncode:
        raise HelmError(ended.stderr.strip())
    return ended.stdout


def render(values: Mapping[str, Any], *arguments: str) -> str:
    """Render the chart without a cluster.

    Raises:
        HelmError: the values are refused.
    """
    return run_helm("template", RELEASE, str(CHART), "--namespace", NAMESPACE, *arguments, values=values)


def objects(text: str) -> list[dict[str, Any]]:
    """The objects of a rendered chart."""
    return [each for each in yaml.load_all(text, Loader=_Loader) if each]


def find(found: Sequence[Mapping[str, Any]], kind: str, name: str = RELEASE) -> dict[str, Any]:
    """The one object of this kind and name."""
    [only] = [each for each in found if each["kind"] == kind and each["metadata"]["name"] == name]
    return dict(only)


_Loader: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
