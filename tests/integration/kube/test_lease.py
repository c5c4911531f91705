"""Leadership over a Lease at a real API server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest
from tests.apiserver.control_plane import ControlPlane

from lateen.kube.client import ApiError, KubeClient, Manifest
from lateen.kube.lease import LEASES, LeaseLeadership, LeaseStore, LeaseTerms, candidate_name
from lateen.kube.resources import ApiResource

pytestmark = [pytest.mark.apiserver, pytest.mark.timeout(240)]

SHORT: Final = LeaseTerms(duration=3.0, renew_deadline=2.0, retry=0.4)


@asynccontextmanager
async def standing(leadership: LeaseLeadership) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(leadership.run())
    yield task
    task.cancel()
    await asyncio.wait([task])


class Power:
    """The way to the API server, until it is cut."""

    def __init__(self, kube: KubeClient) -> None:
        """Begin with power on."""
        self.on = True
        self._kube = kube

    def _require(self) -> None:
        if not self.on:
            raise ApiError(0, "Unreachable", "the power is cut")

    async def get(self, resource: ApiResource, namespace: str, name: str) -> dict[str, Any] | None:
        self._require()
        return await self._kube.get(resource, namespace, name)

    async def create(self, resource: ApiResource, manifest: Manifest) -> dict[str, Any]:
        self._require()
        return await self._kube.create(resource, manifest)

    async def replace(self, resource: ApiResource, manifest: Manifest) -> dict[str, Any]:
        self._require()
        return await self._kube.replace(resource, manifest)


async def until_seen(follower: LeaseLeadership, leader: LeaseLeadership) -> None:
    while follower.holder != leader.identity:  # noqa: ASYNC110 - a follower tells nobody what it sees
        await asyncio.sleep(SHORT.retry)


def candidate(kube: LeaseStore, name: str, terms: LeaseTerms = SHORT) -> LeaseLeadership:
    return LeaseLeadership(kube, "default", candidate_name("pod"), name=name, terms=terms)


async def test_a_leader_that_ends_is_followed_at_once(kube: KubeClient) -> None:
    first, second = candidate(kube, "ended"), candidate(kube, "ended")
    async with standing(first):
        await first.wait_until(leading=True)
        following = asyncio.create_task(second.run())
        await until_seen(second, first)
        assert not second.leading
    assert not first.leading
    await second.wait_until(leading=True)
    following.cancel()
    await asyncio.wait([following])
    free = await kube.get(LEASES, "default", "ended")
    assert free is not None
    assert free["spec"]["holderIdentity"] == ""


async def test_a_leader_that_is_killed_is_followed_when_its_time_is_over(kube: KubeClient) -> None:
    power = Power(kube)
    first, second = candidate(power, "killed"), candidate(kube, "killed")
    async with standing(first):
        await first.wait_until(leading=True)
        async with standing(second):
            await until_seen(second, first)
            power.on = False
            await second.wait_until(leading=True)
            assert not first.leading
            found = await kube.get(LEASES, "default", "killed")
    assert found is not None
    assert found["spec"]["holderIdentity"] == second.identity
    assert found["spec"]["leaseTransitions"] == 1


async def test_a_leader_without_an_api_server_leads_no_more_and_comes_back(
    kube: KubeClient, control_plane: ControlPlane
) -> None:
    only = candidate(kube, "alone")
    async with standing(only) as task:
        await only.wait_until(leading=True)
        await asyncio.to_thread(control_plane.kill_server)
        try:
            await only.wait_until(leading=False)
        finally:
            await asyncio.to_thread(control_plane.start_server)
        await only.wait_until(leading=True)
        assert not task.done()
    assert only.transitions == 4
