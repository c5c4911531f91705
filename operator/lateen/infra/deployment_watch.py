"""Follows the Deployments of all classes of proxies, and the pods of those that are not ready."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Any, Final, Protocol

import structlog

from lateen.infra.base import ProxyState
from lateen.infra.deployment_state import state_of, trouble_of
from lateen.infra.naming import CLASS
from lateen.ir.deployment import PROXY_LABEL
from lateen.ir.proxy import ProxyId
from lateen.kube.client import ApiError, KubeClient, Manifest
from lateen.kube.resources import DEPLOYMENTS, PODS

FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 30.0
"""Seconds between two tries to follow."""

SILENCE: Final = 90.0
"""Seconds without a bookmark, of which there is one a minute, after which the watch counts as broken."""

LOOK_SECONDS: Final = 5.0
"""How often pods that are not ready are asked why."""

_log = structlog.get_logger(__name__)


class DeploymentListener(Protocol):
    """Hears how Deployments are."""

    def is_so(self, state: ProxyState, metadata: Mapping[str, Any]) -> None:
        """A class has a Deployment, and this is how it is."""

    def is_gone(self, proxy: ProxyId) -> None:
        """A class has no Deployment any more."""


class DeploymentWatch:
    """Tells a listener of every change."""

    def __init__(
        self,
        client: KubeClient,
        selector: str,
        listener: DeploymentListener,
        *,
        namespace: str = "",
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:
        """Prepare; nothing is read yet.

        Args:
            client: the API server.
            selector: labels of all Deployments that are followed.
            listener: who is told.
            namespace: where they all are; empty: in any.
            sleep: waits.
        """
        self._client = client
        self._selector = selector
        self._listener = listener
        self._namespace = namespace
        self._sleep = sleep
        self._deployments: dict[ProxyId, Manifest] = {}
        self._troubles: dict[ProxyId, str] = {}

    async def run(self) -> None:
        """Follow until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow(), name="follow the proxies' Deployments")
            tasks.create_task(self._look_for_trouble(), name="look why proxies are not ready")

    async def _follow(self) -> None:
        pause = FIRST_PAUSE
        while True:
            try:
                found, version = await self._client.list(DEPLOYMENTS, self._namespace, labelSelector=self._selector)
                self._take_all(found)
                pause = FIRST_PAUSE
                await self._watch(version)
            except ApiError as error:
                if not error.is_expired:
                    _log.warning("Deployments of proxies cannot be followed", error=str(error))
            await self._sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _watch(self, version: str) -> None:
        """Follow from a version on; a stream that only ended is opened again."""
        while True:
            stream = self._client.watch(
                DEPLOYMENTS, self._namespace, version=version, silence=SILENCE, labelSelector=self._selector
            )
            async with aclosing(stream) as changes:
                async for kind, found in changes:
                    version = found["metadata"]["resourceVersion"]
                    if kind == "DELETED":
                        self._forget(_class_of(found))
                    elif kind != "BOOKMARK":
                        self._take(found)
            await self._sleep(FIRST_PAUSE)

    def _take_all(self, found: list[dict[str, Any]]) -> None:
        for proxy in set(self._deployments) - {_class_of(each) for each in found}:
            self._forget(proxy)
        for each in found:
            self._take(each)

    def _take(self, found: Manifest) -> None:
        proxy = _class_of(found)
        if proxy is None:
            return
        self._deployments[proxy] = found
        state = state_of(proxy, found, self._troubles.get(proxy, ""))
        if state.ready_pods >= state.pods:
            self._troubles.pop(proxy, None)
        self._listener.is_so(state, found["metadata"])

    def _forget(self, proxy: ProxyId | None) -> None:
        if proxy is not None:
            self._deployments.pop(proxy, None)
            self._troubles.pop(proxy, None)
            self._listener.is_gone(proxy)

    async def _look_for_trouble(self) -> None:
        while True:
            await self._sleep(LOOK_SECONDS)
            for proxy, deployment in list(self._deployments.items()):
                state = state_of(proxy, deployment)
                if state.ready_pods < state.pods:
                    await self._look_at(proxy, deployment)

    async def _look_at(self, proxy: ProxyId, deployment: Manifest) -> None:
        metadata = deployment["metadata"]
        selector = f"{PROXY_LABEL}={metadata['name']}"  # as its pods are labelled, whatever it has lost itself
        try:
            pods, _ = await self._client.list(PODS, metadata["namespace"], labelSelector=selector)
        except ApiError as error:
            _log.warning("pods of proxies cannot be read", proxy=str(proxy), error=str(error))
            return
        trouble = trouble_of(pods)
        if proxy in self._deployments and trouble != self._troubles.get(proxy, ""):
            self._troubles[proxy] = trouble
            self._take(self._deployments[proxy])


def _class_of(found: Manifest) -> ProxyId | None:
    """The class that a Deployment is of; None: somebody else labelled it like ours."""
    metadata = found["metadata"]
    name = metadata.get("annotations", {}).get(CLASS)
    return ProxyId(metadata["namespace"], name) if name is not None else None
