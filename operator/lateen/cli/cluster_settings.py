"""How the operator of a cluster compiles: from the settings that its pods are started with."""

from collections.abc import Mapping
from typing import Any, Final

import click

from lateen.cli.operator_settings import parse_operator_settings
from lateen.cli.target import Cluster
from lateen.compile.settings import CompileSettings
from lateen.errors import LateenError
from lateen.kube.client import KubeClient
from lateen.kube.operator_pods import find_operator
from lateen.kube.resources import RESOURCES, ApiResource
from lateen.model.keys import Kind
from lateen.runtime.assembly import compile_settings
from lateen.settings import OperatorSettings

_CONFIG_MAPS: Final = ApiResource("", "v1", "configmaps", "ConfigMap")
_FILE: Final = "config.yaml"


async def find_compile_settings(client: KubeClient, cluster: Cluster) -> CompileSettings:
    """Give the compiler's settings of the operator; where they cannot be known, say so, and give the defaults."""
    try:
        settings = await _read(client, cluster)
    except LateenError as error:
        click.echo(f"lateen: default settings are assumed: {error}", err=True)
        settings = OperatorSettings()
    return compile_settings(settings)


async def _read(client: KubeClient, cluster: Cluster) -> OperatorSettings:
    """Read the file of settings that the operator's pods mount.

    Raises:
        LateenError: there is no operator, or its settings cannot be read.
    """
    pod = (await find_operator(client, cluster.operator_namespace))[0]
    manifest = await client.get(RESOURCES[Kind.POD], pod.namespace, pod.name) or {}
    for name in _config_maps(manifest):
        found = await client.get(_CONFIG_MAPS, pod.namespace, name) or {}
        text = (found.get("data") or {}).get(_FILE)
        if text is not None:
            return parse_operator_settings(text, f"ConfigMap {pod.namespace}/{name}")
    raise LateenError(f"pod {pod.namespace}/{pod.name} mounts no {_FILE}")


def _config_maps(pod: Mapping[str, Any]) -> list[str]:
    volumes = (pod.get("spec") or {}).get("volumes") or ()
    return [each["configMap"]["name"] for each in volumes if "configMap" in each]
