"""A hundred changes to a route in use: no request fails. Without retries, which would hide a wrong order."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest
from tests.integration.traffic.backend import Backend
from tests.integration.traffic.edge import Edge

from lateen.ir.resource import ResourceType
from lateen.model.keys import Key, Kind
from lateen.model.objects import Change

pytestmark = [pytest.mark.envoy, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

CHANGES: Final = 100
CLIENTS: Final = 4
PAUSE: Final = 0.005
"""Seconds between an answer and the next request of a client."""

PATIENCE: Final = 20.0
HOST: Final = "moving.example.com"
NAMESPACE: Final = "edge"


class Load:
    """Clients that ask without end, and what they were answered."""

    def __init__(self, edge: Edge) -> None:
        """Prepare; `running` runs it."""
        self.answers: Counter[int] = Counter()
        self.failures: list[str] = []
        self._edge = edge
        self._newest = -1
        self._changed = asyncio.Condition()

    async def until(self, generation: int) -> None:
        """Wait until a request was answered by this generation of the route."""
        async with asyncio.timeout(PATIENCE), self._changed:
            await self._changed.wait_for(lambda: self._newest >= generation)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Ask until the block ends."""
        ending = asyncio.Event()
        async with asyncio.TaskGroup() as clients:
            for _ in range(CLIENTS):
                clients.create_task(self._ask(ending))
            try:
                yield
            finally:
                ending.set()

    async def _ask(self, ending: asyncio.Event) -> None:
        while not ending.is_set():
            answer = await self._edge.get(HOST)
            self.answers[answer.status] += 1
            if answer.status != 200:
                self.failures.append(f"after generation {self._newest}: {answer}")
            else:
                await self._note(int(answer.headers["x-generation"]))
            await asyncio.sleep(PAUSE)

    async def _note(self, generation: int) -> None:
        if generation > self._newest:
            async with self._changed:
                self._newest = generation
                self._changed.notify_all()


class Moves:
    """Writes the changes: each a batch of objects, with what the change before it made taken away."""

    def __init__(self, backends: list[Backend]) -> None:
        """Spread services over the backends."""
        self._backends = backends
        self._current: tuple[Key, ...] = ()

    def batch(self, generation: int) -> list[Change]:
        """Go from a Service to subset a, to b, to a split of b and c, and to the next Service."""
        step = generation % 4
        name = f"app{generation - step}"
        if step == 0:
            return self._replace(
                self._service(name, generation), route(generation, (f"{name}.{NAMESPACE}.svc.cluster.local", "", 100))
            )
        host = f"{name}.services.test"
        splits = {1: [("a", 100)], 2: [("b", 100)], 3: [("b", 50), ("c", 50)]}[step]
        targets = [(host, subset, weight) for subset, weight in splits]
        return self._replace(
            [self._entry(name, host), rule(name, host, [subset for subset, _ in splits])], route(generation, *targets)
        )

    def _replace(self, objects: list[dict[str, Any]], moved: dict[str, Any]) -> list[Change]:
        changes = [Change(key_of(each), each) for each in [*objects, moved]]
        now = tuple(key_of(each) for each in objects)
        changes += (Change(key, None) for key in self._current if key not in now)
        self._current = now
        return changes

    def _service(self, name: str, generation: int) -> list[dict[str, Any]]:
        backend = self._backends[generation // 4 % len(self._backends)]
        spec = {"ports": [{"name": "http", "port": 80}]}
        slice_ = {
            **header("discovery.k8s.io/v1", "EndpointSlice", name, {"kubernetes.io/service-name": name}),
            "addressType": "IPv4",
            "ports": [{"name": "http", "port": backend.port}],
            "endpoints": [{"addresses": [backend.host]}],
        }
        return [{**header("v1", "Service", name), "spec": spec}, slice_]

    def _entry(self, name: str, host: str) -> dict[str, Any]:
        endpoints = [
            {"address": backend.host, "ports": {"http": backend.port}, "labels": {"version": version}}
            for backend, version in zip(self._backends, "abc", strict=True)
        ]
        ports = [{"number": 80, "name": "http", "protocol": "HTTP"}]
        spec = {"hosts": [host], "ports": ports, "resolution": "STATIC", "endpoints": endpoints}
        return istio("ServiceEntry", name, spec)


def header(version: str, kind: str, name: str, labels: dict[str, str] | None = None) -> dict[str, Any]:
    """Write what every object begins with."""
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": labels or {}},
    }


def istio(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    """Write an object of Istio's kinds."""
    return {**header("networking.istio.io/v1", kind, name), "spec": spec}


def rule(name: str, host: str, subsets: Iterable[str]) -> dict[str, Any]:
    """Write a DestinationRule with subsets by version."""
    return istio(
        "DestinationRule", name, {"host": host, "subsets": [{"name": v, "labels": {"version": v}} for v in subsets]}
    )


def route(generation: int, *targets: tuple[str, str, int]) -> dict[str, Any]:
    """Write the VirtualService; its answers carry the generation."""
    destinations = [
        {"destination": {"host": host, "subset": subset, "port": {"number": 80}}, "weight": weight}
        for host, subset, weight in targets
    ]
    http = {
        "route": destinations,
        "retries": {"attempts": 0},
        "headers": {"response": {"set": {"x-generation": str(generation)}}},
    }
    return istio("VirtualService", "moving", {"hosts": [HOST], "gateways": ["edge"], "http": [http]})


def key_of(raw: dict[str, Any]) -> Key:
    """Name an object."""
    return Key(Kind(raw["kind"]), NAMESPACE, raw["metadata"]["name"])


async def test_a_hundred_moves_of_a_route_in_use_lose_no_request(edge: Edge) -> None:
    backends = [Backend(name) for name in "abc"]
    for number, backend in enumerate(backends, 1):
        await backend.listen(f"127.0.1.{number}")
    moves, load = Moves(backends), Load(edge)
    await edge.apply(json.dumps({"apiVersion": "v1", "kind": "List", "items": [c.raw for c in moves.batch(0)]}))
    async with load.running():
        for generation in range(1, CHANGES + 1):
            edge.hand_over(moves.batch(generation))
            await load.until(generation)
    for backend in backends:
        await backend.stop()
    assert not load.failures
    assert load.answers[200] > CHANGES
    assert all(backend.requests for backend in backends)
    assert not edge.refused
    await only_wanted_clusters_are_left(edge)


async def only_wanted_clusters_are_left(edge: Edge) -> None:
    """Wait until Envoy has the clusters that are wanted, and that of the control plane."""
    wanted = [
        key for key in edge.instance.control.compiler.resources(edge.proxies[0]) if key.type is ResourceType.CLUSTER
    ]
    await edge.until(lambda stats: stats["cluster_manager.active_clusters"] == len(wanted) + 1, "active_clusters")
