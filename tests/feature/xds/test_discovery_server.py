"""The server over real gRPC: who is served, when, and how streams end."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import grpc
import pytest
from envoy.service.discovery.v3 import ads_pb2_grpc, discovery_pb2
from grpc import aio
from tests.feature.xds.channel import connected
from tests.unit.xds.scene import CLUSTER, LISTENER, ROUTE, cluster, listener, route

from lateen.errors import InputError
from lateen.ir.proxy import ProxyId
from lateen.ir.resource import Resource
from lateen.xds.cache import ResourceCache
from lateen.xds.events import Connected, Disconnected, Event, Rejected, Waiting
from lateen.xds.patience import GracePeriods
from lateen.xds.server import DiscoveryServer

PROXY = ProxyId("edge", "all")


class Observed:
    """Events as they come, and a way to await one."""

    def __init__(self) -> None:
        """Start with none."""
        self.events: list[Event] = []
        self._changed = asyncio.Condition()

    def __call__(self, event: Event, /) -> None:
        self.events.append(event)
        asyncio.get_running_loop().create_task(self._tell())

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def until(self, condition: Callable[[Event], bool]) -> Event:
        """Await the first event that meets the condition."""
        async with self._changed:
            await self._changed.wait_for(lambda: any(map(condition, self.events)))
        return next(event for event in self.events if condition(event))


class House:
    """A cache and its server, listening."""

    def __init__(self) -> None:
        """Prepare both; nothing is served yet."""
        self.cache = ResourceCache()
        self.observed = Observed()
        self.server = DiscoveryServer(
            self.cache, observer=self.observed, patience=GracePeriods(farewell=0.02), token="t"
        )
        self.address = ""

    def publish(self, *resources: Resource, without: tuple[Resource, ...] = ()) -> None:
        """Change what is desired."""
        changes: dict[Any, Resource | None] = {each.key: each for each in resources}
        changes.update({each.key: None for each in without})
        self.cache.publish(PROXY, changes)


@pytest.fixture
async def house() -> AsyncIterator[House]:
    house = House()
    house.address = await house.server.start()
    yield house
    await house.server.stop(0.1)


async def test_a_stream_is_served_what_is_published(house: House) -> None:
    house.publish(cluster("a"))
    house.server.admit()
    async with connected(house.address) as client:
        await client.ask(CLUSTER)
        response = await client.receive()
    assert [(each.name, each.version, each.resource.type_url, each.resource.value) for each in response.resources] == [
        ("a", cluster("a").version, CLUSTER.url, cluster("a").body)
    ]


async def test_changes_reach_the_stream_without_being_asked_for(house: House) -> None:
    house.publish(listener("l"))
    house.server.admit()
    async with connected(house.address) as client:
        await client.ask(LISTENER)
        await client.ack(await client.receive())
        house.publish(listener("l", content="2"))
        assert (await client.receive()).resources[0].resource.value == b"LISTENER l 2"


async def test_changes_in_one_breath_are_one_response(house: House) -> None:
    house.publish()
    house.server.admit()
    async with connected(house.address) as client:
        await client.ask(LISTENER)
        await client.receive()
        for number in range(10):
            house.publish(listener(f"l{number}"))
        assert len((await client.receive()).resources) == 10


async def test_no_stream_is_served_before_the_server_admits(house: House) -> None:
    house.publish(cluster("a"))
    async with connected(house.address) as client:
        await client.ask(CLUSTER)
        await house.observed.until(lambda event: isinstance(event, Waiting))
        assert house.server.streams == ()
        house.server.admit()
        assert len((await client.receive()).resources) == 1


async def test_a_proxy_of_a_class_that_does_not_exist_waits_for_it(house: House) -> None:
    house.server.admit()
    async with connected(house.address) as client:
        await client.ask(CLUSTER)
        await house.observed.until(lambda event: isinstance(event, Waiting))
        house.publish(cluster("a"))
        assert len((await client.receive()).resources) == 1


async def test_a_proxy_that_does_not_say_who_it_is_is_refused_with_the_reason(house: House) -> None:
    house.server.admit()
    async with connected(house.address, cluster="nobody") as client:
        await client.ask(CLUSTER)
        assert await client.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert "namespace/name of a proxy class" in await client.details()


async def test_the_stream_of_a_class_that_is_removed_is_ended(house: House) -> None:
    house.publish(cluster("a"))
    house.server.admit()
    async with connected(house.address) as client:
        await client.ask(CLUSTER)
        await client.receive()
        house.cache.remove(PROXY)
        assert await client.code() is grpc.StatusCode.UNAVAILABLE
        assert await client.details() == "proxy class edge/all was removed"


async def test_the_state_of_the_world_protocol_is_refused_with_a_hint(house: House) -> None:
    async with aio.insecure_channel(house.address) as channel:
        call = ads_pb2_grpc.AggregatedDiscoveryServiceStub(channel).StreamAggregatedResources()
        with suppress(aio.AioRpcError):  # it may be refused before it has said anything
            await call.write(discovery_pb2.DiscoveryRequest())
        assert await call.code() is grpc.StatusCode.UNIMPLEMENTED
        assert "DELTA_GRPC" in await call.details()


async def test_a_rejection_is_reported_and_the_stream_goes_on(house: House) -> None:
    house.publish(listener("l"))
    house.server.admit()
    async with connected(house.address) as client:
        await client.ask(LISTENER)
        await client.nack(await client.receive(), "cannot bind")
        event = await house.observed.until(lambda event: isinstance(event, Rejected))
        assert isinstance(event, Rejected)
        assert event.message == "cannot bind"
        house.publish(listener("m"))
        assert (await client.receive()).resources[0].name == "m"


async def test_what_waits_for_time_to_pass_is_sent_by_itself(house: House) -> None:
    house.publish(cluster("a"), route("r", "a"))
    house.server.admit()
    async with connected(house.address) as client:
        await client.ask(CLUSTER)
        await client.ack(await client.receive())
        house.publish(without=(cluster("a"), route("r", "a")))
        assert list((await client.receive()).removed_resources) == ["a"]
        await client.ask(ROUTE, "r")


async def test_streams_come_and_go_in_sight_of_the_observer(house: House) -> None:
    house.publish(cluster("a"))
    house.server.admit()
    async with connected(house.address, node_id="gw-7") as client:
        await client.ask(CLUSTER)
        await client.receive()
        (stream,) = house.server.streams_of(PROXY)
        assert (stream.stream.proxy, stream.stream.node) == (PROXY, "gw-7")
    await house.observed.until(lambda event: isinstance(event, Disconnected))
    assert house.observed.events[0] == Connected(stream.stream)
    assert house.server.streams == ()


async def test_stopping_ends_streams_so_that_proxies_look_for_another_instance(house: House) -> None:
    house.publish(cluster("a"))
    house.server.admit()
    async with connected(house.address) as client:
        await client.ask(CLUSTER)
        await client.receive()
        await house.server.stop(5.0)
        assert await client.receive() is aio.EOF


async def test_a_type_that_is_not_served_does_not_disturb_the_stream(house: House) -> None:
    house.publish(cluster("a"))
    house.server.admit()
    async with connected(house.address) as client:
        await client.send(type_url="type.googleapis.com/envoy.service.runtime.v3.Runtime")
        await client.ask(CLUSTER)
        assert len((await client.receive()).resources) == 1


async def test_a_unix_socket_serves_as_well(tmp_path: Path) -> None:
    house = House()
    house.publish(cluster("a"))
    house.server.admit()
    address = await house.server.start(f"unix:{tmp_path / 'xds.sock'}")
    async with connected(address) as client:
        await client.ask(CLUSTER)
        assert len((await client.receive()).resources) == 1
    await house.server.stop(0.1)


async def test_an_address_that_is_taken_is_refused_with_its_name(house: House) -> None:
    with pytest.raises(InputError, match=f"cannot listen on {house.address}"):
        await House().server.start(house.address)
