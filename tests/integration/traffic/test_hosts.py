"""Which VirtualService a request belongs to: exact hosts, wildcards, ports, case, Gateways."""

from itertools import count
from typing import Final

import pytest
from tests.integration.traffic.edge import Edge, gateway
from tests.ports import free_port

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="module")]

_NUMBERS: Final = count(1)


def service(name: str, hosts: str, *, namespace: str = "edge", gateways: str = "edge/edge", prefix: str = "/") -> str:
    """Write a VirtualService that answers with its name."""
    return f"""
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  hosts: [{hosts}]
  gateways: [{gateways}]
  http:
    - match: [{{uri: {{prefix: {prefix}}}}}]
      directResponse: {{status: 200, body: {{string: {name}}}}}
"""


async def owner(edge: Edge, host: str, target: str = "/", port: int = 0) -> str:
    """Ask for a host; give the name of the VirtualService that answered, or the status."""
    got = await edge.client.request(port or edge.port, host, target)
    return got.body.decode() if got.status == 200 else str(got.status)


@pytest.fixture
def domain() -> str:
    """A domain that no other test uses."""
    return f"d{next(_NUMBERS)}.test"


async def test_the_most_specific_host_wins(edge: Edge, domain: str) -> None:
    await edge.apply(
        service("longer", f'"*.b.{domain}"'), service("exact", f"a.b.{domain}"), service("shorter", f'"*.{domain}"')
    )
    hosts = [f"a.b.{domain}", f"z.b.{domain}", f"y.z.b.{domain}", f"b.{domain}", f"a.{domain}"]
    assert [await owner(edge, host) for host in hosts] == ["exact", "longer", "longer", "shorter", "shorter"]


async def test_a_wildcard_does_not_stand_for_nothing(edge: Edge, domain: str) -> None:
    await edge.apply(service("wild", f'"*.{domain}"'))
    assert await owner(edge, domain) == "404"


async def test_all_other_hosts_can_be_caught(edge: Edge, domain: str) -> None:
    port = free_port()
    await edge.apply(
        gateway("catch", port),
        service("everything", '"*"', gateways="edge/catch"),
        service("single", f"a.{domain}", gateways="edge/catch", prefix="/only"),
    )
    assert await owner(edge, f"a.{domain}", "/only", port) == "single"
    assert await owner(edge, f"b.{domain}", "/only", port) == "everything"
    assert await owner(edge, "127.0.0.1", "/", port) == "everything"
    # A host that has rules of its own has only those.
    assert await owner(edge, f"a.{domain}", "/", port) == "404"


@pytest.mark.parametrize("spelling", ["a.{}", "A.{}", "a.{}:8080", "A.{}:443"])
async def test_case_and_port_of_the_host_do_not_matter(edge: Edge, domain: str, spelling: str) -> None:
    await edge.apply(service("exact", f"a.{domain}"), service("wild", f'"*.w.{domain}"'))
    assert await owner(edge, spelling.format(domain)) == "exact"
    assert await owner(edge, spelling.format(f"w.{domain}")) == "wild"


async def test_a_virtual_service_has_several_hosts(edge: Edge, domain: str) -> None:
    await edge.apply(service("both", f'a.{domain}, "*.b.{domain}"'))
    assert [await owner(edge, host) for host in (f"a.{domain}", f"x.b.{domain}")] == ["both", "both"]


async def test_rules_of_several_virtual_services_of_a_host_follow_each_other(edge: Edge, domain: str) -> None:
    await edge.apply(
        service("first", f"a.{domain}", prefix="/a"),
        service("second", f"a.{domain}", prefix="/a/b"),
        service("third", f"a.{domain}", prefix="/c"),
    )
    assert [await owner(edge, f"a.{domain}", target) for target in ("/a/b", "/c")] == ["first", "third"]


async def test_a_gateway_serves_only_its_hosts(edge: Edge, domain: str) -> None:
    port = free_port()
    await edge.apply(
        gateway("some", port, hosts=f'"a.{domain}", "*.b.{domain}"'),
        service("inside", f"a.{domain}, c.{domain}", gateways="edge/some"),
        service("wide", f'"*.{domain}"', gateways="edge/some"),
    )
    hosts = [f"a.{domain}", f"x.b.{domain}", f"c.{domain}", f"b.{domain}"]
    assert [await owner(edge, host, port=port) for host in hosts] == ["inside", "wide", "404", "404"]


async def test_a_gateway_takes_hosts_from_named_namespaces_only(edge: Edge, domain: str) -> None:
    port = free_port()
    await edge.apply(
        gateway("namespaced", port, hosts=f'"shop/a.{domain}", "./b.{domain}"'),
        service("shop", f"a.{domain}", namespace="shop", gateways="edge/namespaced"),
        service("thief", f"b.{domain}", namespace="shop", gateways="edge/namespaced"),
        service("own", f"b.{domain}", gateways="namespaced", prefix="/own"),
    )
    assert await owner(edge, f"a.{domain}", port=port) == "shop"
    assert await owner(edge, f"b.{domain}", "/own", port) == "own"
    assert await owner(edge, f"b.{domain}", "/", port) == "404"


async def test_one_virtual_service_serves_two_gateways(edge: Edge, domain: str) -> None:
    port = free_port()
    await edge.apply(gateway("second", port), service("both", f"a.{domain}", gateways="edge/edge, edge/second"))
    assert [await owner(edge, f"a.{domain}", port=each) for each in (0, port)] == ["both", "both"]


async def test_a_host_moves_from_a_wildcard_to_rules_of_its_own_and_back(edge: Edge, domain: str) -> None:
    await edge.apply(service("wild", f'"*.{domain}"'))
    assert await owner(edge, f"a.{domain}") == "wild"
    await edge.apply(service("exact", f"a.{domain}"))
    assert await owner(edge, f"a.{domain}") == "exact"
    await edge.apply(service("exact", f"elsewhere.{domain}"))
    assert await owner(edge, f"a.{domain}") == "wild"
