"""What one test sets up: a host on the shared Gateway, a service behind it, and its backends.

Every test has names of its own, so tests of one module share a proxy and nothing else.
"""

import asyncio
import json
import ssl
from collections import Counter
from collections.abc import Mapping
from itertools import count
from typing import Any, Final

import yaml
from tests.integration.traffic.backend import Backend
from tests.integration.traffic.client import Answer, repeat, tally
from tests.integration.traffic.edge import Edge, named_headers

_NUMBERS: Final = count(1)
_PATIENCE: Final = 10.0
_SERVICE: Final = "SERVICE"
"""Stands for the service's host in the YAML of a test."""


class Site:
    """One host, one service."""

    def __init__(self, edge: Edge) -> None:
        """Choose names that no other test of the module has."""
        number = next(_NUMBERS)
        self.edge = edge
        self.name = f"site{number}"
        self.host = f"{self.name}.example.com"
        """What clients ask for."""
        self.service = f"{self.name}.services.test"
        """What routes name."""
        self.backends: list[Backend] = []
        self.port_number = 80
        self.protocol = "HTTP"
        self._entries: list[dict[str, Any]] = []

    async def backend(
        self,
        name: str,
        labels: Mapping[str, str] | None = None,
        *,
        weight: int = 1,
        tls: ssl.SSLContext | None = None,
    ) -> Backend:
        """Start one backend of the service, on an address of its own."""
        backend = Backend(name, tls=tls)
        await backend.listen(f"127.0.1.{len(self.backends) + 1}")
        self.add(backend, backend.host, backend.port, labels, weight=weight)
        return backend

    def add(
        self, backend: Backend, host: str, port: int, labels: Mapping[str, str] | None = None, *, weight: int = 1
    ) -> None:
        """Name an address as that of a backend, whether it listens there or not."""
        self.backends.append(backend)
        self._entries.append({"address": host, "ports": {"main": port}, "labels": dict(labels or {}), "weight": weight})

    async def start(self, *names: str) -> list[Backend]:
        """Start several backends."""
        return [await self.backend(name) for name in names]

    async def live(
        self, *, http: str = "", policy: str = "", subsets: str = "", more: str = "", faulty: bool = False
    ) -> None:
        """Apply everything: the service, its VirtualService with the rules `http`, its DestinationRule.

        The word SERVICE stands for the service's host. Without rules everything goes to the service.
        """
        rules = read(http or "[{route: [{destination: {host: SERVICE}}]}]", self.service)
        rule = {"hosts": [self.host], "gateways": ["edge/edge"], "http": rules}
        objects = [self._object("ServiceEntry", self._entry()), self._object("VirtualService", rule)]
        if policy or subsets:
            spec: dict[str, Any] = {"host": self.service}
            if policy:
                spec["trafficPolicy"] = read(policy, self.service)
            if subsets:
                spec["subsets"] = read(subsets, self.service)
            objects.append(self._object("DestinationRule", spec))
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
        await self.edge.apply(text, *([more.replace(_SERVICE, self.service)] if more else []), faulty=faulty)

    async def leave(self, backend: Backend) -> None:
        """Take a backend out of the service; it still listens."""
        del self._entries[self.backends.index(backend)]
        self.backends.remove(backend)
        await backend.stop()
        await self.edge.apply(json.dumps(self._object("ServiceEntry", self._entry())))

    async def get(self, target: str = "/", *, source: str = "", **headers: str) -> Answer:
        """Ask for the host; keyword arguments are headers."""
        return await self.edge.client.request(
            self.edge.port, self.host, target, headers=named_headers(headers), source=source
        )

    async def send(self, method: str, target: str = "/", body: bytes = b"", **headers: str) -> Answer:
        """Send another method."""
        return await self.edge.client.request(
            self.edge.port, self.host, target, method=method, headers=named_headers(headers), body=body
        )

    async def many(self, number: int, target: str = "/", *, at_once: int = 8, **headers: str) -> Counter[str]:
        """Ask so many times; count who answered."""
        return tally(await repeat(number, lambda _: self.get(target, **headers), at_once=at_once))

    async def until_served_by(self, *names: str) -> None:
        """Ask in turns until exactly these answer: Envoy gathers changes of health for up to a second."""
        answered: set[str] = set()
        async with asyncio.timeout(_PATIENCE):
            while answered != set(names):
                answered = set(await self.many(2 * len(self.backends), at_once=1))

    async def stat(self, name: str, subset: str = "") -> int:
        """Give one statistic of the service's cluster; 0 before it first counted."""
        return (await self.edge.stats(f"^{self._pattern(name, subset)}$")).get(self.full_name(name, subset), 0)

    async def until_stat(self, name: str, value: int, subset: str = "") -> None:
        """Wait until a statistic of the service's cluster has a value."""
        full = self.full_name(name, subset)
        await self.edge.until(lambda stats: stats.get(full, 0) == value, f"^{self._pattern(name, subset)}$")

    def full_name(self, stat: str, subset: str = "") -> str:
        """Give the full name of a statistic of the service's cluster."""
        return f"cluster.outbound|{self.port_number}|{subset}|{self.service}.{stat}"

    def _pattern(self, stat: str, subset: str) -> str:
        return self.full_name(stat, subset).replace("|", r"\|").replace(".", r"\.")

    async def stop(self) -> None:
        """Stop the backends."""
        for backend in self.backends:
            await backend.stop()

    def _entry(self) -> dict[str, Any]:
        return {
            "hosts": [self.service],
            "ports": [{"number": self.port_number, "name": "main", "protocol": self.protocol}],
            "resolution": "STATIC",
            "endpoints": self._entries,
        }

    def _object(self, kind: str, spec: Any) -> dict[str, Any]:
        return {
            "apiVersion": "networking.istio.io/v1",
            "kind": kind,
            "metadata": {"name": self.name, "namespace": "edge"},
            "spec": spec,
        }


def read(text: str, service: str) -> Any:
    """Read the YAML of a test."""
    return yaml.safe_load(text.replace(_SERVICE, service))
