"""A cluster is read completely, followed closely, and never written to."""

import threading
from typing import Any

import pytest
from tests.apiserver.fault_proxy import FaultProxy
from tests.integration.sources.conftest import Follow, Namespace

from lateen.model.keys import Key, Kind

pytestmark = [pytest.mark.apiserver, pytest.mark.timeout(240)]

ENDPOINTS: dict[str, Any] = {
    "metadata": {"labels": {"kubernetes.io/service-name": "cart"}},
    "addressType": "IPv4",
    "endpoints": [{"addresses": ["10.1.0.1"], "conditions": {"ready": True}}],
    "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
}
POD: dict[str, Any] = {
    "metadata": {"labels": {"app": "cart"}},
    "spec": {"containers": [{"name": "cart", "image": "cart:1"}]},
}
SERVICE: dict[str, Any] = {"spec": {"ports": [{"name": "http", "port": 80, "protocol": "TCP"}]}}
GATEWAY: dict[str, Any] = {
    "spec": {
        "selector": {"istio": "ingressgateway"},
        "servers": [{"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}],
    }
}


async def test_all_there_is_comes_as_one_batch(follow: Follow, namespace: Namespace) -> None:
    namespace.route("cart")
    namespace.apply("Gateway", "edge", **GATEWAY)
    namespace.apply("DestinationRule", "cart", spec={"host": "cart"})
    namespace.apply("ServiceEntry", "api", spec={"hosts": ["api.example.com"]})
    namespace.apply("WorkloadEntry", "vm", spec={"address": "10.2.0.1"})
    namespace.apply("Sidecar", "all", spec={"egress": [{"hosts": ["*/*"]}]})
    namespace.apply("Service", "cart", **SERVICE)
    namespace.apply("EndpointSlice", "cart-1", **ENDPOINTS)
    namespace.apply("Pod", "cart-1", **POD)
    namespace.apply("Secret", "tls", stringData={"a": "b"})
    async with follow() as followed:
        (batch,) = followed.world.batches
        assert {change.key.kind for change in batch} == set(Kind) - {Kind.SECRET}


async def test_a_change_says_which_edit_of_which_object_it_is(follow: Follow, namespace: Namespace) -> None:
    applied = namespace.route("cart")["metadata"]
    async with follow() as followed:
        origin = followed.world.objects[Key(Kind.VIRTUAL_SERVICE, namespace.name, "cart")].origin
        assert (origin.generation, origin.uid, origin.api_version) == (1, applied["uid"], "networking.istio.io/v1")


async def test_what_happens_afterwards_is_followed(follow: Follow, namespace: Namespace) -> None:
    async with follow() as followed:
        world = followed.world
        namespace.route("cart", "one")
        await world.until(lambda: world.names(Kind.VIRTUAL_SERVICE) == ["cart"])
        namespace.route("cart", "two")
        await world.until(lambda: "two" in str(world.spec(Kind.VIRTUAL_SERVICE, "cart")))
        namespace.delete("VirtualService", "cart")
        await world.until(lambda: world.names(Kind.VIRTUAL_SERVICE) == [])
        namespace.route("cart", "three")
        await world.until(lambda: "three" in str(world.spec(Kind.VIRTUAL_SERVICE, "cart")))


async def test_a_status_is_told_to_its_writer_and_is_no_change(follow: Follow, namespace: Namespace) -> None:
    namespace.route("cart")
    cart = Key(Kind.VIRTUAL_SERVICE, namespace.name, "cart")
    async with follow() as followed:
        world = followed.world
        assert world.statuses == {cart: {}}
        namespace.patch_status("VirtualService", "cart", {"observedGeneration": 1})
        await world.until(lambda: world.statuses[cart] == {"observedGeneration": 1})
        namespace.delete("VirtualService", "cart")
        await world.until(lambda: not world.objects)
        assert world.statuses == {cart: None}
        assert [[change.raw is None for change in batch] for batch in world.batches] == [[False], [True]]


async def test_nothing_is_ever_written(follow: Follow, namespace: Namespace, proxy: FaultProxy) -> None:
    namespace.route("cart")
    async with follow(proxy) as followed:
        world = followed.world
        namespace.route("cart", "two")
        await world.until(lambda: "two" in str(world.spec(Kind.VIRTUAL_SERVICE, "cart")))
        namespace.delete("VirtualService", "cart")
        await world.until(lambda: not world.objects)
    assert {request.method for request in proxy.requests} == {"GET"}


async def test_nothing_is_left_when_it_is_stopped(follow: Follow, namespace: Namespace) -> None:
    namespace.route("cart")
    async with follow() as followed:
        assert "kopf" in {thread.name for thread in threading.enumerate()}
        assert followed.source.health.connected
    assert "kopf" not in {thread.name for thread in threading.enumerate()}


async def test_it_can_be_stopped_before_anything_is_read(follow: Follow, proxy: FaultProxy) -> None:
    await proxy.refuse()
    async with follow(proxy, is_synced=False):
        pass
    assert "kopf" not in {thread.name for thread in threading.enumerate()}
