"""The client at a real API server."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest
from tests.apiserver.client import ApiClient
from tests.apiserver.control_plane import ControlPlane
from tests.ports import free_ports

from lateen.errors import InputError
from lateen.kube.access import Access
from lateen.kube.client import ApiError, KubeClient
from lateen.kube.resources import RESOURCES, ApiResource
from lateen.model.keys import Kind

pytestmark = [pytest.mark.apiserver, pytest.mark.timeout(240)]

MAPS: Final = ApiResource("", "v1", "configmaps", "ConfigMap")


def config_map(name: str, **data: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "default", "labels": {"for": "client"}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


async def first_event(kube: KubeClient, version: str) -> tuple[str, dict[str, Any]]:
    return await anext(kube.watch(MAPS, "default", version=version))


@pytest.fixture(autouse=True)
async def clean(kube: KubeClient) -> AsyncIterator[None]:
    yield
    for found in (await kube.list(MAPS, "default", labelSelector="for=client"))[0]:
        await kube.delete(MAPS, "default", found["metadata"]["name"])


async def test_an_object_is_created_read_replaced_and_deleted(kube: KubeClient) -> None:
    assert await kube.get(MAPS, "default", "one") is None
    created = await kube.create(MAPS, config_map("one", a="1"))
    with pytest.raises(ApiError) as exists:
        await kube.create(MAPS, config_map("one", a="1"))
    assert (exists.value.is_conflict, exists.value.reason) == (True, "AlreadyExists")
    replaced = await kube.replace(MAPS, {**created, "data": {"a": "2"}})
    with pytest.raises(ApiError) as late:
        await kube.replace(MAPS, {**created, "data": {"a": "3"}})
    assert (late.value.is_conflict, late.value.is_transient) == (True, False)
    assert await kube.get(MAPS, "default", "one") == replaced
    assert await kube.delete(MAPS, "default", "one")
    assert not await kube.delete(MAPS, "default", "one")


async def test_what_is_applied_leaves_alone_what_others_set(kube: KubeClient) -> None:
    await kube.create(MAPS, config_map("one", theirs="1", shared="1"))
    await kube.apply(MAPS, config_map("one", ours="2", shared="2"))
    applied = await kube.apply(MAPS, config_map("one", shared="2"))
    assert applied["data"] == {"theirs": "1", "shared": "2"}
    merged = await kube.merge(MAPS, "default", "one", {"data": {"theirs": None}})
    assert merged["data"] == {"shared": "2"}


async def test_lists_come_in_pages(kube: KubeClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lateen.kube.client._PAGE", 2)
    for number in range(5):
        await kube.create(MAPS, config_map(f"map-{number}", a="1"))
    found, version = await kube.list(MAPS, "default", labelSelector="for=client")
    assert [each["metadata"]["name"] for each in found] == [f"map-{number}" for number in range(5)]
    assert version.isdecimal()
    bare, _ = await kube.list(MAPS, metadata_only=True, labelSelector="for=client")
    assert [each["metadata"]["name"] for each in bare] == [f"map-{number}" for number in range(5)]
    assert not any("data" in each for each in bare)


async def test_changes_are_followed_from_a_version_on_however_big_they_are(kube: KubeClient) -> None:
    _, version = await kube.list(MAPS, "default")
    big = {f"key-{number}": "x" * 500_000 for number in range(2)}
    await kube.create(MAPS, config_map("big", **big))
    await kube.delete(MAPS, "default", "big")
    seen = []
    async for type_, found in kube.watch(MAPS, "default", version=version, labelSelector="for=client"):
        seen.append((type_, found["metadata"]["name"], found["data"] == big))
        if type_ == "DELETED":
            break
    assert seen == [("ADDED", "big", True), ("DELETED", "big", True)]


async def test_a_watch_ends_when_its_time_is_over(kube: KubeClient) -> None:
    _, version = await kube.list(MAPS, "default")
    assert [each async for each in kube.watch(MAPS, "default", version=version, seconds=1)] == []


async def test_a_version_that_is_too_old_is_told_as_expired(kube: KubeClient, api: ApiClient) -> None:
    # A kind that came later than version 1: of what a new API server knows from its start, 1 is not too old.
    with pytest.raises(ApiError) as expired:
        async for _ in kube.watch(RESOURCES[Kind.VIRTUAL_SERVICE], version="1", seconds=20):
            pass
    assert expired.value.is_expired


async def test_an_api_server_that_is_gone_is_told_and_found_again(
    kube: KubeClient, control_plane: ControlPlane
) -> None:
    _, version = await kube.list(MAPS, "default")
    following = asyncio.create_task(first_event(kube, version))
    await kube.list(MAPS, "default")
    await asyncio.to_thread(control_plane.kill_server)
    try:
        with pytest.raises(ApiError) as broken:
            await following
        with pytest.raises(ApiError) as gone:
            await kube.list(MAPS)
        assert (broken.value.is_transient, gone.value.code, gone.value.is_transient) == (True, 0, True)
    finally:
        await asyncio.to_thread(control_plane.start_server)
    assert await kube.list(MAPS, "default")


async def test_proxies_of_the_environment_are_not_used_for_this_machine(
    control_plane: ControlPlane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (nobody,) = free_ports(1)
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{nobody}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    client = await KubeClient.connect(kubeconfig=control_plane.kubeconfig(tmp_path))
    assert (await client.list(MAPS))[1]
    await client.close()


@pytest.fixture
def account(control_plane: ControlPlane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A service account as a pod finds it."""
    host, _, port = control_plane.url.removeprefix("https://").partition(":")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", port)
    (tmp_path / "token").write_text(control_plane.token())
    (tmp_path / "ca.crt").write_bytes(control_plane.certificate.read_bytes())
    return tmp_path


async def test_a_pod_finds_its_api_server_by_its_account(account: Path) -> None:
    client = await KubeClient.reach(await Access.find(account=account))
    assert (await client.list(MAPS))[1]
    await client.close()


async def test_a_token_that_has_expired_is_read_again(account: Path, control_plane: ControlPlane) -> None:
    (account / "token").write_text("expired")
    client = await KubeClient.reach(await Access.find(account=account))
    with pytest.raises(ApiError) as refused:
        await client.list(MAPS)
    assert refused.value.code == 401
    (account / "token").write_text(control_plane.token() + "\n")
    answers = await asyncio.gather(*(client.list(MAPS) for _ in range(5)))
    assert len(answers) == 5
    await client.close()


async def test_without_any_configuration_it_is_said_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "absent"))
    with pytest.raises(InputError, match=r"no way to a cluster: there is no file .*absent"):
        await KubeClient.connect()
    assert capfd.readouterr().err == ""
