"""The operator's client at an API server that knows the networking kinds."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.apiserver.client import ApiClient
from tests.apiserver.control_plane import ControlPlane

from lateen.crds.definitions import definitions
from lateen.kube.client import KubeClient


@pytest.fixture(scope="module")
def api(control_plane: ControlPlane) -> Iterator[ApiClient]:
    """What users do, once all definitions are established."""
    with control_plane.client() as http:
        client = ApiClient(http)
        client.install(definitions().values())
        yield client


@pytest.fixture
async def kube(control_plane: ControlPlane, tmp_path: Path) -> AsyncIterator[KubeClient]:
    """What the operator does."""
    client = await KubeClient.connect(kubeconfig=control_plane.kubeconfig(tmp_path))
    yield client
    await client.close()
