"""Envoy and mutual TLS: what rotates under load, and what another identity gets."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from tests.integration.xds.live_envoy import eds, endpoints, listener, load, route
from tests.integration.xds.secure_house import SecureHouse
from tests.ports import free_port

from lateen.ir.proxy import ProxyId
from lateen.ir.resource import Resource
from lateen.xds.events import Acknowledged, Connected, Event, Rejected, Sent

pytestmark = pytest.mark.envoy


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[SecureHouse]:
    house = SecureHouse(tmp_path)
    async with house.running():
        yield house


def resent(house: SecureHouse, before: int) -> list[Event]:
    """Responses since then that carried anything at all."""
    return [event for event in house.observed.events[before:] if isinstance(event, Sent) and event.versions]


async def came_back(house: SecureHouse, times: int = 2) -> None:
    """Await streams that begin after this moment; all but the first on connections that do as well."""
    for _ in range(times):
        await house.observed.next(lambda event: isinstance(event, Connected))


async def test_streams_that_end_by_age_cost_no_request_and_are_resent_nothing(house: SecureHouse) -> None:
    port, first = free_port(), route("r", "first")
    house.publish(eds("first"), endpoints("first", house.one.port), first, listener("l", port, "r"))
    async with house.envoy():
        await house.observed.until(_acknowledged(first))
        before = len(house.observed.events)
        async with load(port) as answers:
            handshakes = house.handshakes
            await came_back(house, 5)
        assert house.handshakes >= handshakes + 4, "each stream has a connection of its own"
        assert set(answers) == {"one"}
        assert resent(house, before) == []
    log = await asyncio.to_thread(house.log.read_text)
    assert [line for line in log.splitlines() if "[main]" not in line] == [], "Envoy has nothing to complain of"


async def test_a_rotation_of_everything_costs_no_request_and_resends_nothing(house: SecureHouse) -> None:
    port, first = free_port(), route("r", "first")
    house.publish(eds("first"), endpoints("first", house.one.port), first, listener("l", port, "r"))

    async def check(phase: str) -> None:
        """Let both come to new handshakes; then a change arrives, and nothing else."""
        before, handshakes = len(house.observed.events), house.handshakes
        await came_back(house)
        assert house.handshakes > handshakes, phase
        assert resent(house, before) == [], phase
        changed = route("r", "first", regex=f"/|{phase}")
        house.publish(changed)
        await house.observed.until(_acknowledged(changed))
        assert [tuple(event.versions) for event in resent(house, before) if isinstance(event, Sent)] == [
            (changed.key,)
        ], phase

    async with house.envoy():
        await house.observed.until(_acknowledged(first))
        async with load(port) as answers:
            house.renew_client()
            house.renew_server()
            await check("new certificates")

            house.rotate(days=0, wanted=True)
            assert house.authority.successor is not None
            house.renew_server()
            await check("the server trusts both authorities")
            house.renew_client()
            await check("the proxy trusts both authorities")

            house.rotate(days=1)
            assert house.authority.retired
            house.renew_server()
            await check("the new authority signs the server's certificate")
            house.renew_client()
            await check("the new authority signs the proxy's certificate")

            house.rotate(days=40)
            assert not house.authority.retired
            house.renew_server()
            await check("the server trusts the new authority only")
            house.renew_client()
            await check("the proxy trusts the new authority only")
        assert set(answers) == {"one"}
        assert not [event for event in house.observed.events if isinstance(event, Rejected)]


async def test_a_proxy_of_another_class_gets_nothing(tmp_path: Path) -> None:
    house = SecureHouse(tmp_path, identity=ProxyId("edge", "istio=other"))
    async with house.running():
        house.publish(eds("first"), endpoints("first", house.one.port), listener("l", free_port(), "r"))
        with capture_logs() as logs:
            async with house.envoy():
                while sum(line["event"] == "peer refused" for line in logs) < 3:  # noqa: ASYNC110 - a log is no event
                    await asyncio.sleep(0.02)
                assert await house.clusters() == set()
    assert house.observed.events == []
    assert logs[0]["claims"] == "edge/all"
    assert logs[0]["certificate"] == "edge/istio=other"


def _acknowledged(resource: Resource) -> Callable[[Event], bool]:
    return lambda event: isinstance(event, Acknowledged) and event.versions.get(resource.key) == resource.version
