"""A cluster of any size on this machine: a real API server with a `World` in it, an operator, an Envoy, a client."""

import asyncio
import json
import os
import ssl
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Any, Final

import aiohttp
from tests.apiserver.client import ApiClient
from tests.apiserver.control_plane import ControlPlane
from tests.bench.peer import Peer
from tests.bench.world import NAMESPACE, Raw, World
from tests.operator.counts import status_writes
from tests.operator.pod import Pod
from tests.operator.process import OperatorProcess
from tests.operator.world import own_address
from tests.ports import free_ports

from lateen.crds.definitions import definitions
from lateen.kube.client import KubeClient
from lateen.kube.resources import RESOURCES
from lateen.model.keys import Kind

SYSTEM: Final = "lateen-system"
BACKENDS: Final = 2
PAUSE: Final = 0.002
"""Seconds between two requests of the client: one that never pauses takes one of two cores from the API server."""

_AT_ONCE: Final = 16
"""Connections while objects are loaded."""

_MERGE: Final = {"Content-Type": "application/merge-patch+json"}
_KINDS: Final = {
    "Gateway": Kind.GATEWAY,
    "VirtualService": Kind.VIRTUAL_SERVICE,
    "Service": Kind.SERVICE,
    "EndpointSlice": Kind.ENDPOINT_SLICE,
}
_STEP: Final = 5000


class Cluster:
    """An API server with a world of hosts."""

    def __init__(self, plane: ControlPlane, api: ApiClient, peer: Peer, world: World, folder: Path) -> None:
        """Put it together; `running` does."""
        self.world = world
        self.peer = peer
        self.api = api
        self._folder = folder
        self._kubeconfig = plane.kubeconfig(folder)
        # Not by httpx: it takes several milliseconds a request, which would be counted as the API server's.
        self._http = aiohttp.ClientSession(
            plane.url, headers=dict(api.http.headers), connector=aiohttp.TCPConnector(ssl=_trust(plane))
        )
        self._operators = 0

    @property
    def objects(self) -> int:
        """Objects with a status: the Gateway and the VirtualServices."""
        return self.world.hosts + 1

    def operator(self, **settings: Any) -> OperatorProcess:
        """Prepare one replica."""
        self._operators += 1
        return OperatorProcess(self._kubeconfig, self._folder, f"operator-{self._operators}", **settings)

    def envoy(self, operator: OperatorProcess, name: str) -> Pod:
        """Prepare an Envoy of the Gateway."""
        return Pod(self.api, NAMESPACE, self._folder, operator.xds_port, name=name)

    def status_writes(self) -> float:
        """Statuses written so far."""
        return status_writes(self.api)

    async def until_status(self, patience: float) -> None:
        """Wait until every VirtualService says that it is programmed."""
        end, done = monotonic() + patience, 0
        items: list[dict[str, Any]] = [{}]
        resource = RESOURCES[Kind.VIRTUAL_SERVICE]
        client = await KubeClient.connect(self._kubeconfig)
        try:
            while monotonic() < end:
                await asyncio.sleep(1)
                items, _ = await client.list(resource)
                done = sum(_is_programmed(each) for each in items)
                if done == len(items):
                    return
        finally:
            await client.close()
        raise TimeoutError(f"{done} of {len(items)} are programmed")

    async def load(self) -> None:
        """Create everything, several objects at a time."""
        client = await KubeClient.connect(self._kubeconfig, connections=_AT_ONCE)
        objects = iter(self.world.objects())
        done, started = 0, monotonic()

        async def work() -> None:
            nonlocal done
            for raw in objects:
                await client.create(RESOURCES[_KINDS[raw["kind"]]], raw)
                done += 1
                if done % _STEP == 0:
                    _note(f"{done} objects in {monotonic() - started:.0f} s")

        try:
            async with asyncio.TaskGroup() as tasks:
                for _ in range(_AT_ONCE):
                    tasks.create_task(work())
        finally:
            await client.close()

    async def patch(self, raw: Raw) -> None:
        """Change one object to what is given, apart from its metadata."""
        resource = RESOURCES[_KINDS[raw["kind"]]]
        url = resource.path(NAMESPACE, raw["metadata"]["name"])
        body = json.dumps({name: value for name, value in raw.items() if name not in {"metadata", "kind"}})
        async with self._http.patch(url, data=body, headers=_MERGE, raise_for_status=True) as answer:
            await answer.read()

    async def close(self) -> None:
        """Close connections."""
        await self._http.close()


@asynccontextmanager
async def running(hosts: int, folder: Path) -> AsyncIterator[Cluster]:
    """Start an API server, and load so many hosts into it."""
    binaries = Path(os.environ["KUBEBUILDER_ASSETS"])
    address = own_address()
    async with Peer(address, BACKENDS, pause=PAUSE) as peer:
        (port,) = free_ports(1)
        world = World(hosts, port=port, addresses=[(address, peer.backend_ports[0])])
        with ControlPlane(binaries, folder) as plane, plane.client() as http:
            api = ApiClient(http)
            api.install(definitions().values())
            for name in (SYSTEM, NAMESPACE):
                api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
            cluster = Cluster(plane, api, peer, world, folder)
            await cluster.load()
            try:
                yield cluster
            finally:
                await cluster.close()


def _trust(plane: ControlPlane) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(plane.certificate))


def _is_programmed(raw: Mapping[str, Any]) -> bool:
    conditions = raw.get("status", {}).get("conditions") or ()
    return any((each["type"], each["status"]) == ("Programmed", "True") for each in conditions)


def _note(text: str) -> None:
    sys.stderr.write(f"  {text}\n")
