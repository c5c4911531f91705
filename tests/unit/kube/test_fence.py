"""What a leader writes ends when it leads no more."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest
from tests import virtual_time
from tests.unit.kube.lease_store import Lease, Network
from tests.virtual_time import in_virtual_time

from lateen.kube.client import ApiError, KubeClient
from lateen.kube.events import EVENTS
from lateen.kube.fence import FencedClient
from lateen.kube.lease import LeaseLeadership
from lateen.kube.resources import RESOURCES
from lateen.model.keys import Kind

SERVICE = RESOURCES[Kind.SERVICE]
MANIFEST = {"apiVersion": "v1", "kind": "Service", "metadata": {"namespace": "shop", "name": "cart"}}


class SlowServer:
    """Takes 30 seconds for every answer, which a client gives up at."""

    def __init__(self) -> None:
        """Begin."""
        self.asked: list[str] = []
        self.answered: list[str] = []

    async def fetch(self, method: str, *_arguments: Any) -> tuple[int, bytes]:
        self.asked.append(method)
        await asyncio.sleep(30)
        self.answered.append(method)
        return 200, b'{"metadata": {}}'


def client_of(server: SlowServer, fence: LeaseLeadership) -> FencedClient:
    client = FencedClient.behind(fence, KubeClient(cast("Any", None), cast("Any", None)))
    vars(client)["_fetch"] = server.fetch  # nothing is sent
    return client


WRITES: dict[str, Callable[[KubeClient], Awaitable[Any]]] = {
    "create": lambda client: client.create(EVENTS, MANIFEST),
    "replace": lambda client: client.replace(SERVICE, MANIFEST),
    "apply": lambda client: client.apply(SERVICE, MANIFEST),
    "merge": lambda client: client.merge(SERVICE, "shop", "cart", {}, part="status"),
    "delete": lambda client: client.delete(SERVICE, "shop", "cart"),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())
def test_a_write_under_way_is_given_up_when_the_lease_is_lost(write: Callable[[KubeClient], Awaitable[Any]]) -> None:
    async def main() -> None:
        network, server = Network(Lease()), SlowServer()
        leadership = LeaseLeadership(network, "lateen-system", "a", clock=virtual_time.now)
        standing = asyncio.create_task(leadership.run())
        await leadership.wait_until(leading=True)
        client = client_of(server, leadership)
        await asyncio.sleep(20)
        await write(client)  # renewals go on meanwhile
        assert len(server.answered) == 1
        network.cut = True
        with pytest.raises(ApiError, match="does not lead") as raised:
            await write(client)
        assert raised.value.is_transient
        assert not leadership.leading
        assert 57 < virtual_time.now() <= 60  # ten seconds after the last renewal, not thirty after it was sent
        with pytest.raises(ApiError, match="does not lead"):
            await write(client)
        assert (len(server.asked), len(server.answered)) == (2, 1)
        standing.cancel()

    virtual_time.run(main())


@in_virtual_time
async def test_a_write_under_way_is_given_up_before_the_lease_is_released() -> None:
    lease, server = Lease(), SlowServer()
    leadership = LeaseLeadership(Network(lease), "lateen-system", "a", clock=virtual_time.now)
    standing = asyncio.create_task(leadership.run())
    await leadership.wait_until(leading=True)
    writing = asyncio.create_task(client_of(server, leadership).replace(SERVICE, MANIFEST))
    await asyncio.sleep(1)
    standing.cancel()
    await asyncio.wait([standing])
    assert lease.object is not None
    assert lease.object["spec"]["holderIdentity"] == ""
    assert isinstance(writing.exception(), ApiError)


@in_virtual_time
async def test_everybody_may_read() -> None:
    server = SlowServer()
    leadership = LeaseLeadership(Network(Lease()), "lateen-system", "a", clock=virtual_time.now)
    await client_of(server, leadership).get(SERVICE, "shop", "cart")
    assert server.answered == ["GET"]
