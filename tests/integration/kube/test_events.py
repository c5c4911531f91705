"""Events at a real API server, as kubectl finds them."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from tests.apiserver.client import ApiClient
from tests.apiserver.control_plane import ControlPlane, assets

from lateen.kube.client import KubeClient
from lateen.kube.events import EventRecorder
from lateen.model.keys import Key, Kind
from lateen.model.objects import Origin

pytestmark = [pytest.mark.apiserver, pytest.mark.timeout(240)]

RULE: Final[dict[str, Any]] = {
    "apiVersion": "networking.istio.io/v1",
    "kind": "DestinationRule",
    "metadata": {"name": "ratings"},
    "spec": {"host": "ratings"},
}
KEY: Final = Key(Kind.DESTINATION_RULE, "default", "ratings")


@pytest.fixture
def uid(api: ApiClient) -> Iterator[str]:
    yield str(api.apply(RULE)["metadata"]["uid"])
    api.delete(RULE)


@asynccontextmanager
async def recording(kube: KubeClient, uid: str) -> AsyncIterator[EventRecorder]:
    recorder = EventRecorder(kube, lambda _: Origin(uid=uid, api_version="networking.istio.io/v1"), instance="lateen-0")
    task = asyncio.create_task(recorder.run())
    yield recorder
    task.cancel()
    await asyncio.wait([task])


async def until_written(recorder: EventRecorder, writes: int) -> None:
    while recorder.written < writes:
        assert recorder.dropped == 0
        await asyncio.sleep(0.02)


def described(api: ApiClient, uid: str) -> list[dict[str, Any]]:
    """What `kubectl describe` shows of an object, by the fields that it asks for."""
    selector = (
        f"involvedObject.name=ratings,involvedObject.namespace=default,"
        f"involvedObject.kind=DestinationRule,involvedObject.uid={uid}"
    )
    answer = api.http.get("/api/v1/namespaces/default/events", params={"fieldSelector": selector})
    found: list[dict[str, Any]] = answer.raise_for_status().json()["items"]
    return found


async def test_an_event_is_found_by_its_object(api: ApiClient, kube: KubeClient, uid: str) -> None:
    async with recording(kube, uid) as recorder:
        recorder.record(KEY, "Warning", "HostEjected", "x" * 5000)
        await until_written(recorder, 1)
    (event,) = described(api, uid)
    assert (event["type"], event["reason"], event["count"]) == ("Warning", "HostEjected", 1)
    assert event["source"]["component"] == "lateen"
    assert len(event["message"].encode()) == 1024
    table = api.table({"apiVersion": "v1", "kind": "Event", **event})
    assert (table["Type"], table["Reason"], table["Object"]) == ("Warning", "HostEjected", "destinationrule/ratings")
    modern = api.http.get(f"/apis/events.k8s.io/v1/namespaces/default/events/{event['metadata']['name']}").json()
    assert (modern["regarding"]["uid"], modern["deprecatedCount"]) == (uid, 1)


async def test_kubectl_describes_an_object_with_its_events(
    control_plane: ControlPlane, kube: KubeClient, uid: str, tmp_path: Path
) -> None:
    async with recording(kube, uid) as recorder:
        recorder.record(KEY, "Warning", "HostEjected", "ratings-1 is ejected")
        await until_written(recorder, 1)
        recorder.record(KEY, "Warning", "HostEjected", "ratings-1 is ejected")
        await until_written(recorder, 2)
    binaries = assets()
    assert binaries is not None
    command = [str(binaries / "kubectl"), "--kubeconfig", str(control_plane.kubeconfig(tmp_path))]
    process = await asyncio.create_subprocess_exec(
        *command, "describe", "destinationrule", "ratings", stdout=asyncio.subprocess.PIPE
    )
    shown, _ = await process.communicate()
    (event,) = [line.split() for line in shown.decode().splitlines() if "HostEjected" in line]
    assert (event[:2], event[-4:]) == (["Warning", "HostEjected"], ["lateen", "ratings-1", "is", "ejected"])
    assert "(x2" in event


async def test_a_repetition_raises_the_count_of_the_event(api: ApiClient, kube: KubeClient, uid: str) -> None:
    async with recording(kube, uid) as recorder:
        recorder.record(KEY, "Warning", "HostEjected", "ratings-1 is ejected")
        await until_written(recorder, 1)
        recorder.record(KEY, "Warning", "HostEjected", "ratings-1 is ejected")
        recorder.record(KEY, "Normal", "HostReturned", "ratings-1 is back")
        await until_written(recorder, 3)
    told = {event["reason"]: event["count"] for event in described(api, uid)}
    assert told == {"HostEjected": 2, "HostReturned": 1}
