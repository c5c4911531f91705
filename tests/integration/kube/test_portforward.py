"""What a real API server says to forwarding that leads nowhere: it has no nodes."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest
from tests.apiserver.client import ApiClient

from lateen.kube.client import ApiError, KubeClient
from lateen.kube.portforward import forwarding

pytestmark = [pytest.mark.apiserver, pytest.mark.timeout(240)]

POD: Final[dict[str, Any]] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "forwarded"},
    "spec": {"containers": [{"name": "operator", "image": "none"}]},
}


@pytest.fixture
async def pod(api: ApiClient) -> AsyncIterator[str]:
    await asyncio.to_thread(api.apply, POD)
    yield "forwarded"
    await asyncio.to_thread(api.delete, POD)


async def problem(kube: KubeClient, directory: Path, pod: str) -> ApiError:
    """Say why a port of a pod cannot be reached."""
    async with forwarding(kube, "default", pod, 15100, directory / "s.sock") as forward:
        reader, writer = await asyncio.open_unix_connection(directory / "s.sock")
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
    assert isinstance(forward.problem, ApiError)
    return forward.problem


async def test_a_pod_that_is_on_no_node_cannot_be_reached(kube: KubeClient, pod: str, tmp_path: Path) -> None:
    error = await problem(kube, tmp_path, pod)
    assert (error.code, str(error)) == (400, "pod forwarded does not have a host assigned")


async def test_a_pod_that_does_not_exist_is_named(kube: KubeClient, tmp_path: Path) -> None:
    error = await problem(kube, tmp_path, "none")
    assert (error.is_missing, str(error)) == (True, 'pods "none" not found')
