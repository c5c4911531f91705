"""Objects come, break and go, and traffic follows."""

import asyncio

import pytest
from tests.integration.traffic.edge import Edge, gateway
from tests.integration.traffic.site import Site
from tests.ports import free_port

from lateen.model.keys import Key, Kind

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="module")]


async def test_a_host_without_its_virtual_service_is_not_found(edge: Edge, site: Site) -> None:
    await site.start("a")
    await site.live()
    assert (await site.get()).status == 200
    await edge.remove(Key(Kind.VIRTUAL_SERVICE, "edge", site.name))
    assert (await site.get()).status == 404


async def test_a_service_that_went_away_is_unavailable(edge: Edge, site: Site) -> None:
    await site.start("a")
    await site.live()
    await edge.remove(Key(Kind.SERVICE_ENTRY, "edge", site.name), faulty=True)
    assert (await site.get()).status == 503
    await site.live()
    assert (await site.get()).status == 200


async def test_a_policy_that_went_away_limits_nothing(edge: Edge, site: Site) -> None:
    await site.start("a")
    await site.live(policy="connectionPool: {http: {maxRequestsPerConnection: 1}}")
    assert [(await site.get()).echo["connection"] for _ in range(3)] == [1, 2, 3]
    await edge.remove(Key(Kind.DESTINATION_RULE, "edge", site.name))
    assert len({(await site.get()).echo["connection"] for _ in range(3)}) == 1


async def test_the_port_of_a_gateway_opens_and_closes(edge: Edge) -> None:
    port = free_port()
    await edge.apply(
        gateway("passing-by", port),
        """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: passing-by, namespace: edge}
spec:
  hosts: ["*"]
  gateways: [edge/passing-by]
  http: [{directResponse: {status: 200}}]
""",
    )
    assert (await edge.client.request(port, "any.test")).status == 200
    await edge.remove(Key(Kind.GATEWAY, "edge", "passing-by"), faulty=True)
    async with asyncio.timeout(10):
        while await is_open(port):
            pass


async def is_open(port: int) -> bool:
    """Tell whether somebody listens."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


@pytest.mark.parametrize(
    "broken",
    [
        "[{route: [{destination: {}}]}]",
        "[{match: [{uri: {regex: '(unclosed'}}], route: [{destination: {host: SERVICE}}]}]",
        "[{timeout: soon, route: [{destination: {host: SERVICE}}]}]",
        "[{directResponse: {status: 999}}]",
    ],
)
async def test_a_rule_that_breaks_keeps_its_last_good_version(site: Site, broken: str) -> None:
    await site.start("a")
    await site.live()
    await site.live(http=broken, faulty=True)
    assert str(await site.get()) == "a"
    await site.live(http="[{directResponse: {status: 204}}]")
    assert (await site.get()).status == 204


async def test_what_one_object_breaks_holds_up_no_other(edge: Edge, site: Site) -> None:
    await site.start("a")
    await site.live(
        faulty=True,
        more=f"""
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: {site.name}-broken, namespace: edge}}
spec: {{hosts: [], gateways: [edge/edge], http: 5}}
""",
    )
    assert str(await site.get()) == "a"
