"""A cluster that knows the networking kinds, a namespace of each test's own, and sources that follow it."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest
from tests.apiserver.client import ApiClient
from tests.apiserver.control_plane import ControlPlane
from tests.apiserver.fault_proxy import FaultProxy
from tests.apiserver.following import Following

from lateen.kube.client import KubeClient
from lateen.kube.watching import WatchSettings
from lateen.sources.kube import KubeSource

QUICK: Final = WatchSettings(backoffs=(0.05, 0.1), restart_first=0.1, restart_longest=0.5)
"""For tests in which requests fail."""

_numbers: Final = itertools.count(1)


class Namespace:
    """One namespace of a cluster, as its user sees it."""

    def __init__(self, api: ApiClient, name: str) -> None:
        """Speak through `api`."""
        self.api = api
        self.name = name

    def apply(self, kind: str, name: str, **parts: Any) -> dict[str, Any]:
        """Create or change an object."""
        return self.api.apply(_manifest(kind, name, **parts), namespace=self.name)

    def delete(self, kind: str, name: str) -> None:
        """Delete an object."""
        self.api.delete(_manifest(kind, name), namespace=self.name)

    def route(self, name: str, host: str = "cart") -> dict[str, Any]:
        """Create or change a VirtualService."""
        http = [{"route": [{"destination": {"host": host}}]}]
        return self.apply("VirtualService", name, spec={"hosts": [name], "http": http})

    def patch_status(self, kind: str, name: str, status: dict[str, Any]) -> None:
        """Write a status."""
        self.api.patch_status(_manifest(kind, name), status, namespace=self.name)


_VERSIONS: Final = {"Service": "v1", "Secret": "v1", "Pod": "v1", "EndpointSlice": "discovery.k8s.io/v1"}


def _manifest(kind: str, name: str, **parts: Any) -> dict[str, Any]:
    metadata = {"name": name, **parts.pop("metadata", {})}
    version = _VERSIONS.get(kind, "networking.istio.io/v1")
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **parts}


@dataclass
class Followed:
    """A running source and what it has told."""

    source: KubeSource
    world: Following


Follow: TypeAlias = Callable[..., AbstractAsyncContextManager[Followed]]


@pytest.fixture
def namespace(api: ApiClient) -> Namespace:
    """A namespace of the test's own."""
    name = f"source-{next(_numbers)}"
    api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    return Namespace(api, name)


@pytest.fixture
async def proxy(control_plane: ControlPlane) -> AsyncIterator[FaultProxy]:
    """A way to the API server on which things go wrong when told to."""
    async with FaultProxy.running(control_plane) as running:
        yield running


@pytest.fixture
def follow(control_plane: ControlPlane, namespace: Namespace, tmp_path: Path) -> Follow:
    """Runs a source, through the proxy if one is given; entered when it has read all there is."""

    @asynccontextmanager
    async def run(
        proxy: FaultProxy | None = None, settings: WatchSettings = QUICK, *, is_synced: bool = True
    ) -> AsyncIterator[Followed]:
        server = proxy.url if proxy is not None else ""
        file = await asyncio.to_thread(control_plane.kubeconfig, tmp_path, server=server)
        client = await KubeClient.connect(file, connections=0)
        world = Following(namespace.name)
        source = KubeSource(client, kubeconfig=file, on_status=world.on_status, settings=settings)
        try:
            async with world.running(source):
                if is_synced:
                    await world.synced.wait()
                yield Followed(source, world)
        finally:
            await client.close()

    return run
