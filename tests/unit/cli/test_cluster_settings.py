"""The compiler's settings of the operator in a cluster."""

from typing import Any

import pytest

from lateen.cli.cluster_settings import find_compile_settings
from lateen.cli.target import Cluster
from lateen.compile.settings import ProxyScope
from lateen.kube.resources import ApiResource

POD: dict[str, Any] = {
    "metadata": {"namespace": "lateen-system", "name": "lateen-0"},
    "spec": {"volumes": [{"emptyDir": {}}, {"configMap": {"name": "lateen"}}]},
    "status": {"conditions": [{"type": "Ready", "status": "True"}]},
}


class OperatorInCluster:
    """A cluster with one replica of an operator, and its settings."""

    def __init__(self, settings: str | None) -> None:
        """Keep the text of the settings; None: there are none."""
        self._settings = settings

    async def list(self, *_: Any, **__: str) -> tuple[list[dict[str, Any]], str]:
        return [POD], "1"

    async def get(self, resource: ApiResource, namespace: str, name: str) -> dict[str, Any] | None:
        if resource.plural == "pods":
            return POD
        assert (resource.plural, namespace, name) == ("configmaps", "lateen-system", "lateen")
        return None if self._settings is None else {"data": {"config.yaml": self._settings}}


async def test_they_are_read_from_what_the_operators_pods_mount(capsys: pytest.CaptureFixture[str]) -> None:
    client: Any = OperatorInCluster("clusterDomain: example.org\ngateways: {scope: cluster}\n")
    settings = await find_compile_settings(client, Cluster())
    assert (settings.domain, settings.proxy_scope) == ("example.org", ProxyScope.SHARED)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "pod lateen-system/lateen-0 mounts no config.yaml"),
        ("clusterDomain: 7\n", "ConfigMap lateen-system/lateen: clusterDomain: "),
    ],
)
async def test_defaults_are_assumed_aloud(text: str | None, why: str, capsys: pytest.CaptureFixture[str]) -> None:
    client: Any = OperatorInCluster(text)
    settings = await find_compile_settings(client, Cluster())
    assert settings.domain == "cluster.local"
    assert capsys.readouterr().err.startswith(f"lateen: default settings are assumed: {why}")
