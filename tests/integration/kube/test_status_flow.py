"""Status of many objects through the keeper to a real API server, and what kubectl makes of it."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from tests.apiserver.client import ApiClient
from tests.apiserver.control_plane import ControlPlane, assets

from lateen.kube.client import KubeClient
from lateen.kube.resources import RESOURCES, ApiResource
from lateen.model.keys import Key, Kind
from lateen.runtime.leadership import AlwaysLeader
from lateen.runtime.status_keeper import StatusKeeper
from lateen.status.base import ObjectStatus
from lateen.status.conditions import Progress, conditions
from lateen.status.kube import KubeStatusSink

pytestmark = [pytest.mark.apiserver, pytest.mark.timeout(240)]

MANY: Final = 100
RESOURCE: Final = RESOURCES[Kind.VIRTUAL_SERVICE]


def virtual_service(number: int, prefix: str = "/") -> dict[str, Any]:
    route = [{"destination": {"host": "cart"}}]
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": f"shop-{number}"},
        "spec": {
            "hosts": [f"shop-{number}.example.com"],
            "http": [{"match": [{"uri": {"prefix": prefix}}], "route": route}],
        },
    }


def key(number: int) -> Key:
    return Key(Kind.VIRTUAL_SERVICE, "default", f"shop-{number}")


def live(generation: int = 1) -> ObjectStatus:
    return ObjectStatus(conditions((), Progress(2, 2), kind=Kind.VIRTUAL_SERVICE, generation=generation), generation)


class Counted:
    """The client of the operator; counts what it asks for."""

    def __init__(self, kube: KubeClient) -> None:
        """Begin."""
        self.reads = self.patches = 0
        self._kube = kube

    async def get(self, resource: ApiResource, namespace: str, name: str) -> dict[str, Any] | None:
        self.reads += 1
        return await self._kube.get(resource, namespace, name)

    async def merge(
        self, resource: ApiResource, namespace: str, name: str, patch: Mapping[str, Any], *, part: str = ""
    ) -> dict[str, Any]:
        self.patches += 1
        return await self._kube.merge(resource, namespace, name, patch, part=part)


class Replica:
    """As much of the operator as status takes: a watch that feeds a sink, and a keeper."""

    def __init__(self, kube: KubeClient) -> None:
        """Know of nothing."""
        self.client = Counted(kube)
        self.sink = KubeStatusSink(self.client)
        self.keys: set[Key] = set()
        self.keeper = StatusKeeper(self.sink, AlwaysLeader(), lambda _: live(), everything=lambda: self.keys)
        self._kube = kube

    async def list(self) -> str:
        found, version = await self._kube.list(RESOURCE, "default")
        for each in found:
            self._see(each)
        return version

    async def watch(self, version: str) -> None:
        async for type_, found in self._kube.watch(RESOURCE, "default", version=version):
            if type_ in ("ADDED", "MODIFIED"):
                self._see(found)

    def _see(self, found: dict[str, Any]) -> None:
        metadata = found["metadata"]
        seen = Key(Kind.VIRTUAL_SERVICE, metadata["namespace"], metadata["name"])
        self.keys.add(seen)
        self.sink.observe(seen, found.get("status", {}), metadata["resourceVersion"])


@asynccontextmanager
async def running(kube: KubeClient) -> AsyncIterator[Replica]:
    replica = Replica(kube)
    version = await replica.list()
    tasks = [asyncio.create_task(replica.watch(version)), asyncio.create_task(replica.keeper.run())]
    replica.keeper.tell(replica.keys)
    yield replica
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def until_quiet(replica: Replica) -> None:
    while replica.keeper.waiting:  # noqa: ASYNC110 - the keeper tells nobody that it is done
        await asyncio.sleep(0.02)


@pytest.fixture
def services(api: ApiClient) -> Iterator[ApiClient]:
    manifests = [virtual_service(number) for number in range(MANY)]
    for each in manifests:
        api.apply(each)
    yield api
    for each in manifests:
        api.delete(each)


async def test_nothing_is_written_or_read_for_objects_whose_status_is_right(
    services: ApiClient, kube: KubeClient
) -> None:
    async with running(kube) as first:
        await until_quiet(first)
        assert (first.client.patches, first.client.reads) == (MANY, 0)
        first.keeper.tell(first.keys)
        await until_quiet(first)
        assert first.client.patches == MANY
    versions = [services.get(virtual_service(number))["metadata"]["resourceVersion"] for number in range(MANY)]
    async with running(kube) as restarted:
        await until_quiet(restarted)
        assert len(restarted.keys) == MANY
        assert (restarted.client.patches, restarted.client.reads) == (0, 0)
    assert versions == [services.get(virtual_service(number))["metadata"]["resourceVersion"] for number in range(MANY)]


async def test_an_object_that_others_change_meanwhile_gets_its_status_all_the_same(
    services: ApiClient, kube: KubeClient
) -> None:
    async with running(kube) as replica:
        await until_quiet(replica)
        services.apply(virtual_service(0, "/changed"))  # the watch may be late
        await replica.sink.write(key(0), live(generation=2))
    assert services.get(virtual_service(0))["status"]["observedGeneration"] == 2


@pytest.fixture
def kubectl(control_plane: ControlPlane, tmp_path: Path) -> list[str]:
    """The real one, for the real API server."""
    binaries = assets()
    assert binaries is not None
    return [str(binaries / "kubectl"), "--kubeconfig", str(control_plane.kubeconfig(tmp_path))]


async def test_kubectl_waits_for_the_generation_that_was_applied(
    services: ApiClient, kube: KubeClient, kubectl: list[str]
) -> None:
    async def waits(seconds: int) -> bool:
        wait = ["wait", "--for=condition=Programmed", "virtualservice/shop-0", f"--timeout={seconds}s"]
        process = await asyncio.create_subprocess_exec(
            *kubectl, *wait, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        return await process.wait() == 0

    sink = KubeStatusSink(kube)
    await sink.write(key(0), live(1))
    assert await waits(30)
    services.apply(virtual_service(0, "/changed"))
    assert not await waits(1)
    await sink.write(key(0), live(2))
    assert await waits(30)
