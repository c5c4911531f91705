"""The protocol against the real Envoy: swaps under load, rejections, reconnects."""

import asyncio
import socket
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
from tests.integration.xds.live_envoy import (
    PROXY,
    House,
    dns,
    eds,
    endpoints,
    fetch,
    listener,
    load,
    route,
    static,
    unresolvable,
)
from tests.ports import free_port

from lateen.ir.resource import Resource, ResourceKey, ResourceType
from lateen.xds.events import Acknowledged, Connected, Disconnected, Event, Rejected, Sent
from lateen.xds.server import DiscoveryServer

pytestmark = pytest.mark.envoy


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with House(tmp_path).running() as house:
        yield house


def acknowledged(resource: Resource, event: Event) -> bool:
    return isinstance(event, Acknowledged) and event.versions.get(resource.key) == resource.version


async def serving(house: House, *more: Resource) -> tuple[int, Resource]:
    """Publish a listener on a free port with a route to backend `one`, before Envoy comes."""
    port = free_port()
    first = route("r", "first")
    house.publish(eds("first"), endpoints("first", house.one.port), first, listener("l", port, "r"), *more)
    return port, first


async def started(house: House, resource: Resource) -> None:
    """Await the acknowledgement of a resource."""
    await house.observed.until(lambda event: acknowledged(resource, event))


async def gone(house: House, name: str) -> None:
    """Await the acknowledgement that a cluster is removed."""
    key = ResourceKey(ResourceType.CLUSTER, name)
    await house.observed.until(
        lambda event: isinstance(event, Acknowledged) and key in event.versions and event.versions[key] is None
    )


async def test_a_fresh_envoy_serves_what_is_published(house: House) -> None:
    port, first = await serving(house)
    async with house.envoy():
        await started(house, first)
        assert await fetch(port) == (200, "one")


async def test_a_hundred_swaps_of_a_routes_cluster_lose_no_request(house: House) -> None:
    port, first = await serving(house)
    async with house.envoy():
        await started(house, first)
        previous: tuple[Resource, ...] = (eds("first"), endpoints("first", house.one.port))
        async with load(port) as answers:
            for number in range(100):
                backend = (house.one, house.two)[number % 2].port
                name = f"swap{number}"
                current = (
                    (eds(name), endpoints(name, backend)),
                    (dns(name, backend),),
                    (static(name, backend),),
                )[number % 3]
                to_current = route("r", name)
                house.publish(*current, to_current, without=previous)
                await house.observed.next(partial(acknowledged, to_current))
                previous = current
        assert set(answers) == {"one", "two"}, answers
        assert min(answers.values()) > 100
        await gone(house, "swap98")
        assert await house.clusters() == {"swap99"}


async def test_changes_of_a_live_cluster_lose_no_request(house: House) -> None:
    port, first = await serving(house)
    async with house.envoy():
        await started(house, first)
        async with load(port) as answers:
            for number in range(30):
                changed = eds("first", timeout=f"{2 + number}s")
                house.publish(changed, endpoints("first", (house.two, house.one)[number % 2].port))
                await house.observed.next(partial(acknowledged, changed))
        assert set(answers) == {"one", "two"}, answers


async def test_a_changed_cluster_is_warm_at_once_because_its_endpoints_follow_it(house: House) -> None:
    _, first = await serving(house)
    async with house.envoy():
        await started(house, first)
        changed = eds("first", timeout="7s")
        house.publish(changed)
        await house.observed.next(lambda event: acknowledged(changed, event))
        assert "cluster_manager.warming_clusters: 0" in await house.admin("/stats?filter=warming_clusters")


async def test_one_rejected_route_among_many_is_found_and_holds_nothing_up(house: House) -> None:
    ports = [free_port() for _ in range(12)]
    listeners = [listener(f"l{number}", port, f"r{number}") for number, port in enumerate(ports)]
    routes = [route(f"r{number}", "first") for number in range(12)]
    house.publish(eds("first"), endpoints("first", house.one.port), *listeners, *routes)
    async with house.envoy():
        for each in routes:
            await started(house, each)
        changed = [
            route(f"r{number}", "second", regex="(" if number == 7 else ".+")  # the eighth does not compile
            for number in range(12)
        ]
        good = [each for number, each in enumerate(changed) if number != 7]
        house.publish(static("second", house.two.port), *changed)
        rejected = await house.observed.next(lambda event: isinstance(event, Rejected))
        assert isinstance(rejected, Rejected)
        assert (rejected.key.name, rejected.version) == ("r7", changed[7].version)
        assert "missing )" in rejected.message
        for each in good:
            await started(house, each)
        bodies = [(await fetch(port))[1] for port in ports]
        assert bodies == ["two"] * 7 + ["one"] + ["two"] * 4
        assert sum(isinstance(event, Rejected) for event in house.observed.events) == 1


async def test_a_rejected_cluster_holds_up_neither_other_clusters_nor_other_routes(house: House) -> None:
    port, first = await serving(house)
    async with house.envoy():
        await started(house, first)
        good = route("r", "second")
        house.publish(static("bad", 1, "not an address"), static("second", house.two.port), good)
        await started(house, good)
        assert await fetch(port) == (200, "two")
        await house.observed.until(lambda event: isinstance(event, Rejected))
        (rejection,) = (rejection for each in house.cache.proxies for rejection in house.cache.quarantine.of(each))
        assert (rejection.key.name, "malformed IP address" in rejection.message) == ("bad", True)


async def test_a_restarted_envoy_is_served_the_pinned_version(house: House) -> None:
    port, first = await serving(house)
    async with house.envoy():
        await started(house, first)
        house.publish(route("r", "second", regex="("), static("second", house.two.port), without=(eds("first"),))
        await house.observed.next(lambda event: isinstance(event, Rejected))
        assert await fetch(port) == (200, "one")
    house.observed.events.clear()
    async with house.envoy():
        await started(house, first)
        assert await fetch(port) == (200, "one")
        assert not any(isinstance(event, Rejected) for event in house.observed.events)


async def test_an_envoy_that_comes_back_to_another_instance_is_sent_nothing(house: House, tmp_path: Path) -> None:
    port, first = await serving(house)
    async with house.envoy():
        await started(house, first)
        await house.server.stop(0.5)
        house.observed.events.clear()
        house.server = DiscoveryServer(house.cache, observer=house.observed, patience=house.patience)
        assert await house.server.start(house.address) == house.address
        house.server.admit()
        await house.observed.until(lambda event: isinstance(event, Connected))
        changed = route("r", "first", regex=".+")
        house.publish(changed)
        await started(house, changed)
        assert [key for event in house.observed.events if isinstance(event, Sent) for key in event.versions] == [
            changed.key
        ]
        assert await fetch(port) == (200, "one")


async def test_what_vanished_while_an_envoy_was_away_is_removed(house: House) -> None:
    second = static("second", house.two.port)
    port, first = await serving(house, second)
    async with house.envoy():
        await started(house, first)
        await house.server.stop(0.5)
        house.publish(without=(second,))
        house.server = DiscoveryServer(house.cache, observer=house.observed, patience=house.patience)
        await house.server.start(house.address)
        house.server.admit()
        await gone(house, "second")
        assert await house.clusters() == {"first"}
        assert await fetch(port) == (200, "one")


async def test_a_stopped_envoy_is_seen_to_leave(house: House) -> None:
    await serving(house)
    async with house.envoy():
        await house.observed.until(lambda event: isinstance(event, Connected))
    await house.observed.until(lambda event: isinstance(event, Disconnected))
    assert list(house.server.streams_of(PROXY)) == []


async def test_a_cluster_that_cannot_be_resolved_delays_no_route_to_an_eds_cluster(house: House) -> None:
    port, first = await serving(house)
    to_second = route("r", "second")
    with socket.socket(type=socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        slow = unresolvable("slow", silent.getsockname()[1])
        async with house.envoy():
            await started(house, first)
            house.publish(slow, eds("second"), endpoints("second", house.two.port), to_second)
            await house.observed.next(lambda event: acknowledged(to_second, event))
            assert await fetch(port) == (200, "two")
            assert not any(acknowledged(slow, event) for event in house.observed.events)


async def test_a_route_to_a_cluster_that_is_not_resolved_yet_waits_for_it(house: House) -> None:
    port, first = await serving(house)
    with socket.socket(type=socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        async with house.envoy():
            await started(house, first)
            house.publish(unresolvable("slow", silent.getsockname()[1]), route("r", "slow"), without=(eds("first"),))
            query = await asyncio.get_running_loop().run_in_executor(None, silent.recv, 512)
            assert b"nobody" in query
            assert await fetch(port) == (200, "one")


async def test_the_first_answers_do_not_let_an_envoy_without_configuration_wait(house: House) -> None:
    async with house.envoy():
        await house.observed.until(
            lambda event: isinstance(event, Acknowledged) and event.type is ResourceType.LISTENER
        )
        assert await house.admin("/ready") == "LIVE\n"
    assert {event.type for event in house.observed.events if isinstance(event, Sent)} == {
        ResourceType.CLUSTER,
        ResourceType.LISTENER,
    }
