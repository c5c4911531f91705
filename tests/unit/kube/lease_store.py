"""A Lease in memory that behaves like an API server over a bad network."""

import asyncio
import random
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from lateen.kube.client import ApiError
from lateen.kube.resources import ApiResource


class Lease:
    """The object itself, with versions."""

    def __init__(self) -> None:
        """Begin without one."""
        self.object: dict[str, Any] | None = None
        self.version = 0
        self.writes = 0

    def put(self, manifest: Mapping[str, Any], *, expected: str | None) -> dict[str, Any]:
        """Write, if the version is the expected one; None: if there is none."""
        found = self.object["metadata"]["resourceVersion"] if self.object else None
        if found != expected:
            raise ApiError(409, "Conflict", "somebody was faster")
        self.version += 1
        self.writes += 1
        self.object = deepcopy(dict(manifest))
        self.object["metadata"] = {**manifest["metadata"], "resourceVersion": str(self.version)}
        return deepcopy(self.object)


class Network:
    """The way of one candidate to the Lease; slow and lossy as told."""

    def __init__(
        self, lease: Lease, chance: random.Random | None = None, *, delay: float = 0.0, loss: float = 0.0
    ) -> None:
        """Connect.

        Args:
            lease: what is there.
            chance: delays and losses; None: there are none.
            delay: the longest delay of one way, in seconds.
            loss: probability that a request, or an answer, is lost.
        """
        self.lease = lease
        self.cut = False
        self._chance = chance
        self._delay = delay
        self._loss = loss

    async def _way(self) -> None:
        if self._chance is not None:
            await asyncio.sleep(self._chance.random() * self._delay)
        if self.cut or (self._chance is not None and self._chance.random() < self._loss):
            raise ApiError(0, "Unreachable", "lost")

    async def get(self, resource: ApiResource, namespace: str, name: str) -> dict[str, Any] | None:
        del resource, namespace, name
        await self._way()
        found = deepcopy(self.lease.object)
        await self._way()
        return found

    async def create(self, resource: ApiResource, manifest: Mapping[str, Any]) -> dict[str, Any]:
        del resource
        await self._way()
        written = self.lease.put(manifest, expected=None)
        await self._way()
        return written

    async def replace(self, resource: ApiResource, manifest: Mapping[str, Any]) -> dict[str, Any]:
        del resource
        await self._way()
        written = self.lease.put(manifest, expected=manifest["metadata"]["resourceVersion"])
        await self._way()
        return written
