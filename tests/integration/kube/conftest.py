"""The operator's client at an API server that knows the networking kinds."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.apiserver.control_plane import ControlPlane

from lateen.kube.client import KubeClient


@pytest.fixture
async def kube(control_plane: ControlPlane, tmp_path: Path) -> AsyncIterator[KubeClient]:
    """What the operator does."""
    client = await KubeClient.connect(kubeconfig=control_plane.kubeconfig(tmp_path))
    yield client
    await client.close()
