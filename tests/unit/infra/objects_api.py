"""An API server in memory for objects that are applied: who wrote them, and how many requests are under way."""

import asyncio
import copy
from collections.abc import AsyncGenerator
from typing import Any, Final

from lateen.kube.client import MANAGER, KubeClient, Manifest
from lateen.kube.resources import ApiResource

DAY: Final = 86_400.0


class ObjectsApi(KubeClient):
    """One client."""

    def __init__(self) -> None:
        """Hold nothing."""
        self.objects: dict[tuple[str, str, str], dict[str, Any]] = {}
        self.writes: list[str] = []
        self.most_at_once = 0
        """The most requests that were under way at a time."""
        self._under_way = 0

    def kinds(self) -> list[str]:
        """The kind of every object, in the order in which they were made."""
        return [kind for kind, _, _ in self.objects]

    async def _request(self) -> None:
        """Take some turns of the loop."""
        self._under_way += 1
        self.most_at_once = max(self.most_at_once, self._under_way)
        for _ in range(3):
            await asyncio.sleep(0)
        self._under_way -= 1

    async def get(
        self, resource: ApiResource, namespace: str, name: str, *, metadata_only: bool = False
    ) -> dict[str, Any] | None:
        del metadata_only
        await self._request()
        return copy.deepcopy(self.objects.get((resource.kind, namespace, name)))

    async def list(
        self, resource: ApiResource, namespace: str = "", *, metadata_only: bool = False, **query: str
    ) -> tuple[list[dict[str, Any]], str]:
        del namespace, metadata_only, query
        await self._request()
        found = [each for (kind, where, _), each in self.objects.items() if kind == resource.kind]
        return copy.deepcopy(found), "1"

    async def watch(
        self,
        resource: ApiResource,
        namespace: str = "",
        *,
        version: str,
        seconds: int = 300,
        silence: float | None = None,
        **query: str,
    ) -> AsyncGenerator[tuple[str, dict[str, Any]], None]:
        """Nothing is ever told."""
        del resource, namespace, version, seconds, silence, query
        await asyncio.sleep(DAY)
        yield "BOOKMARK", {"metadata": {"resourceVersion": "1"}}

    async def apply(
        self, resource: ApiResource, manifest: Manifest, *, part: str = "", manager: str = MANAGER
    ) -> dict[str, Any]:
        del part
        await self._request()
        metadata = manifest["metadata"]
        self.writes.append(f"apply {resource.kind} {metadata['name']}")
        entry = {"manager": manager, "operation": "Apply", "fieldsV1": {f"f:{name}": {} for name in manifest}}
        stored = {**copy.deepcopy(dict(manifest)), "metadata": {**metadata, "managedFields": [entry]}}
        self.objects[resource.kind, metadata["namespace"], metadata["name"]] = stored
        return copy.deepcopy(stored)

    async def delete(self, resource: ApiResource, namespace: str, name: str) -> bool:
        await self._request()
        self.writes.append(f"delete {resource.kind} {name}")
        return self.objects.pop((resource.kind, namespace, name), None) is not None
