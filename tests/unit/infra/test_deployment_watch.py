"""Following Deployments: what is told, and what is done when the API server fails."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import pytest
from tests.virtual_time import in_virtual_time

from lateen.infra.base import Phase, ProxyState
from lateen.infra.deployment_watch import DeploymentWatch
from lateen.ir.proxy import ProxyId
from lateen.kube.client import ApiError, KubeClient
from lateen.kube.resources import DEPLOYMENTS, ApiResource

EDGE = ProxyId("shop", "app=edge")
OTHER = ProxyId("shop", "app=other")
PULL = {"containerStatuses": [{"state": {"waiting": {"reason": "ErrImagePull"}}}]}


def deployment(proxy: ProxyId, ready: int = 0, version: str = "1") -> dict[str, Any]:
    metadata = {
        "namespace": proxy.namespace,
        "name": "lateen-x",
        "resourceVersion": version,
        "labels": {"lateen.io/proxy": "lateen-x"},
        "annotations": {"lateen.io/class": proxy.name},
    }
    return {"metadata": metadata, "spec": {"replicas": 2}, "status": {"readyReplicas": ready}}


class Api(KubeClient):
    """Gives what the test has put there."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.lists: list[list[dict[str, Any]] | ApiError] = []
        self.streams: list[list[tuple[str, dict[str, Any]]] | ApiError] = []
        self.pods: list[dict[str, Any]] | ApiError = []
        self.asked: list[str] = []

    async def list(
        self, resource: ApiResource, namespace: str = "", *, metadata_only: bool = False, **query: str
    ) -> tuple[list[dict[str, Any]], str]:
        del metadata_only
        if resource is not DEPLOYMENTS:
            assert (namespace, query) == ("shop", {"labelSelector": "lateen.io/proxy=lateen-x"})
            return _given(self.pods), "1"
        assert query == {"labelSelector": "ours"}
        self.asked.append("list")
        return _given(self.lists.pop(0) if self.lists else []), "1"

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
        del resource, namespace, seconds, silence, query
        self.asked.append(f"watch {version}")
        if not self.streams:
            await asyncio.Event().wait()
        for event in _given(self.streams.pop(0)):
            yield event


def _given(what: Any) -> Any:
    if isinstance(what, ApiError):
        raise what
    return what


class Heard:
    """What the listener was told."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.told: list[ProxyState | ProxyId] = []

    def is_so(self, state: ProxyState, metadata: Mapping[str, Any]) -> None:
        assert metadata["name"] == "lateen-x"
        self.told.append(state)

    def is_gone(self, proxy: ProxyId) -> None:
        self.told.append(proxy)


async def follow(api: Api, seconds: float) -> list[ProxyState | ProxyId]:
    heard = Heard()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(DeploymentWatch(api, "ours", heard).run(), seconds)
    return heard.told


def state(proxy: ProxyId, ready: int = 0, error: str = "") -> ProxyState:
    phase = Phase.READY if ready else Phase.FAILING if error else Phase.STARTING
    return ProxyState(proxy, phase, error=error, pods=2, ready_pods=ready)


@in_virtual_time
async def test_what_there_is_and_what_changes_is_told() -> None:
    api = Api()
    bookmark = ("BOOKMARK", {"metadata": {"resourceVersion": "7"}})
    api.lists = [[deployment(EDGE)]]
    api.streams = [
        [("MODIFIED", deployment(EDGE, 1, "2")), ("ADDED", deployment(OTHER, 0, "3")), bookmark],
        [("DELETED", deployment(EDGE, 1, "8"))],
    ]
    assert await follow(api, 4) == [state(EDGE), state(EDGE, 1), state(OTHER), EDGE]
    assert api.asked == ["list", "watch 1", "watch 7", "watch 8"]


@in_virtual_time
async def test_deletions_that_the_watch_has_missed_are_told() -> None:
    api = Api()
    api.lists = [[deployment(EDGE), deployment(OTHER)], [deployment(OTHER, 1)]]
    api.streams = [ApiError(410, "Expired", "too old")]
    assert await follow(api, 4) == [state(EDGE), state(OTHER), EDGE, state(OTHER, 1)]


@in_virtual_time
async def test_an_api_server_that_is_away_is_asked_ever_more_rarely() -> None:
    api = Api()
    api.lists = [ApiError(0, "Unreachable", "away")] * 6 + [[deployment(EDGE)]]
    assert await follow(api, 60) == []
    assert len(api.asked) == 6
    api.lists = [ApiError(0, "Unreachable", "away")] * 2 + [[deployment(EDGE, 2)]]
    assert await follow(api, 60) == [state(EDGE, 2)]


@in_virtual_time
async def test_pods_that_are_not_ready_are_asked_why() -> None:
    api = Api()
    api.lists = [[deployment(EDGE)]]
    api.pods = [{"status": PULL}]
    assert await follow(api, 12) == [state(EDGE), state(EDGE, error="ErrImagePull")]


@in_virtual_time
async def test_pods_that_are_ready_are_not_asked() -> None:
    api = Api()
    api.lists = [[deployment(EDGE, 2)]]
    api.pods = ApiError(500, "", "must not be asked")
    assert await follow(api, 12) == [state(EDGE, 2)]


@in_virtual_time
async def test_trouble_is_forgotten_when_all_are_ready() -> None:
    api = Api()
    api.lists = [[deployment(EDGE)], [deployment(EDGE, 2)], [deployment(EDGE, 1)]]
    api.pods = [{"status": PULL}]
    heard = Heard()
    watch = DeploymentWatch(api, "ours", heard)
    for ready in (0, 2, 1):
        api.lists = [[deployment(EDGE, ready)]]
        seconds = 6 if not ready else 1
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(watch.run(), seconds)
    assert heard.told[1:] == [state(EDGE, error="ErrImagePull"), state(EDGE, 2), state(EDGE, 1)]


@in_virtual_time
async def test_pods_that_cannot_be_read_are_asked_again() -> None:
    api = Api()
    api.lists = [[deployment(EDGE)]]
    api.pods = ApiError(500, "", "away")
    assert await follow(api, 6) == [state(EDGE)]


@in_virtual_time
async def test_deployments_that_only_look_like_ours_are_passed_over() -> None:
    api = Api()
    strange = deployment(EDGE)
    del strange["metadata"]["annotations"]
    api.lists = [[strange]]
    api.streams = [[("DELETED", strange)]]
    assert await follow(api, 6) == []


@in_virtual_time
async def test_a_deployment_that_has_lost_a_label_is_followed_all_the_same() -> None:
    api = Api()
    found = deployment(EDGE)
    del found["metadata"]["labels"]["lateen.io/proxy"]
    api.lists = [[found]]
    api.pods = [{"status": PULL}]
    assert await follow(api, 12) == [state(EDGE), state(EDGE, error="ErrImagePull")]
