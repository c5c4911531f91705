"""An API server for Secrets in memory: versions, conflicts, watches, and requests that fail on demand."""

import asyncio
import copy
from collections.abc import AsyncGenerator, Callable
from typing import Any

from lateen.kube.client import MANAGER, ApiError, KubeClient, Manifest
from lateen.kube.resources import ApiResource


class SecretsApi(KubeClient):
    """Several clients may share it."""

    def __init__(self) -> None:
        """Hold nothing."""
        self.secrets: dict[tuple[str, str], dict[str, Any]] = {}
        self.requests: list[str] = []
        self.failing: dict[str, ApiError] = {}
        """Errors by verb, for as long as they are here."""
        self._version = 0
        self._watchers: list[asyncio.Queue[tuple[str, dict[str, Any]]]] = []

    def put(self, manifest: Manifest) -> dict[str, Any]:
        """Write as somebody else would."""
        metadata = manifest["metadata"]
        where = (metadata["namespace"], metadata["name"])
        self._version += 1
        change = "MODIFIED" if where in self.secrets else "ADDED"
        stored = copy.deepcopy(dict(manifest))
        stored["metadata"]["resourceVersion"] = str(self._version)
        self.secrets[where] = stored
        self._tell(change, stored)
        return copy.deepcopy(stored)

    def remove(self, namespace: str, name: str) -> None:
        """Delete as somebody else would."""
        self._tell("DELETED", self.secrets.pop((namespace, name)))

    def cut(self) -> None:
        """End all watches, as API servers do from time to time."""
        for watcher in self._watchers:
            watcher.put_nowait(("END", {}))

    def _tell(self, change: str, secret: dict[str, Any]) -> None:
        for watcher in self._watchers:
            watcher.put_nowait((change, copy.deepcopy(secret)))

    async def _begin(self, verb: str) -> None:
        self.requests.append(verb)
        await asyncio.sleep(0)
        if verb in self.failing:
            raise self.failing[verb]

    async def get(
        self, resource: ApiResource, namespace: str, name: str, *, metadata_only: bool = False
    ) -> dict[str, Any] | None:
        del resource
        await self._begin("get metadata" if metadata_only else "get")
        found = copy.deepcopy(self.secrets.get((namespace, name)))
        return {"metadata": found["metadata"]} if found is not None and metadata_only else found

    async def create(self, resource: ApiResource, manifest: Manifest) -> dict[str, Any]:
        del resource
        await self._begin("create")
        metadata = manifest["metadata"]
        assert "resourceVersion" not in metadata, "an API server refuses that"
        if (metadata["namespace"], metadata["name"]) in self.secrets:
            raise ApiError(409, "AlreadyExists", "it exists")
        return self.put(manifest)

    async def replace(self, resource: ApiResource, manifest: Manifest) -> dict[str, Any]:
        del resource
        await self._begin("replace")
        metadata = manifest["metadata"]
        there = self.secrets.get((metadata["namespace"], metadata["name"]))
        if there is None:
            raise ApiError(404, "NotFound", "it is gone")
        if there["metadata"]["resourceVersion"] != metadata["resourceVersion"]:
            raise ApiError(409, "Conflict", "it changed")
        return self.put(manifest)

    async def apply(
        self, resource: ApiResource, manifest: Manifest, *, part: str = "", manager: str = MANAGER
    ) -> dict[str, Any]:
        del resource, part, manager
        await self._begin("apply")
        return self.put(manifest)

    async def delete(self, resource: ApiResource, namespace: str, name: str) -> bool:
        del resource
        await self._begin("delete")
        if (namespace, name) not in self.secrets:
            return False
        self.remove(namespace, name)
        return True

    async def list(
        self, resource: ApiResource, namespace: str = "", *, metadata_only: bool = False, **query: str
    ) -> tuple[list[dict[str, Any]], str]:
        del resource, metadata_only
        await self._begin("list")
        name = query["fieldSelector"].removeprefix("metadata.name=")
        found = self.secrets.get((namespace, name))
        return [] if found is None else [copy.deepcopy(found)], str(self._version)

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
        del resource, seconds, silence
        await self._begin("watch")
        name = query["fieldSelector"].removeprefix("metadata.name=")
        changes: asyncio.Queue[tuple[str, dict[str, Any]]] = asyncio.Queue()
        self._watchers.append(changes)
        for there in self.secrets.values():
            if int(there["metadata"]["resourceVersion"]) > int(version):
                changes.put_nowait(("MODIFIED", there))
        try:
            while (change := await changes.get())[0] != "END":
                metadata = change[1]["metadata"]
                if (metadata["namespace"], metadata["name"]) == (namespace, name):
                    yield change
        finally:
            self._watchers.remove(changes)


class Clock:
    """Time that passes by hand; sleepers wake when it does."""

    def __init__(self, now: float) -> None:
        """Begin."""
        self.now = now
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Sleep until so much time has passed."""
        sleeper: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.now + seconds, sleeper))
        await sleeper

    async def advance(self, seconds: float) -> None:
        """Let everybody finish, then time pass, half a minute at a time, and everybody do what they do then."""
        await settle()
        end = self.now + seconds
        while self.now < end:
            self.now = min(self.now + 30.0, end)
            due = [sleeper for at, sleeper in self._sleepers if at <= self.now]
            self._sleepers = [each for each in self._sleepers if each[1] not in due]
            for sleeper in due:
                if not sleeper.done():
                    sleeper.set_result(None)
            await settle()


async def settle(rounds: int = 40) -> None:
    """Let all tasks run until they wait for something."""
    for _ in range(rounds):
        await asyncio.sleep(0)


async def until(condition: Callable[[], bool]) -> None:
    """Let tasks run until something is so.

    Raises:
        AssertionError: it does not come.
    """
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it did not come")
