"""Calls between services: by which names a host is reached, and whose rules it follows."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.integration.traffic.edge import Edge, running_edge

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="module")]


def rule(name: str, *hosts: str, match: str = "") -> str:
    """Write a VirtualService for calls between services that answers with its name."""
    listed = ", ".join(f'"{host}"' for host in hosts)
    return f"""
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: {name}, namespace: default}}
spec:
  hosts: [{listed}]
  http:
    - directResponse: {{status: 200, body: {{string: {name}}}}}
      {f"match: [{match}]" if match else ""}
"""


SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: default}
spec:
  ports: [{name: http, port: 80}, {name: admin, port: 9090}]
"""


async def owner(edge: Edge, host: str) -> str:
    """Call a host; give the name of the rule that answered, or the status."""
    got = await edge.client.request(edge.mesh_port, host)
    return got.body.decode() if got.status == 200 else str(got.status)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Edge]:
    """An instance with a proxy for calls between services, and rules for some hosts."""
    async with running_edge(tmp_path_factory.mktemp("edge"), mesh=True) as running:
        await running.apply(
            SERVICE,
            rule("cart", "cart"),
            rule("wild", "*.example.com"),
            rule("longer", "*.b.example.com"),
            rule("exact", "A.Example.com"),
        )
        yield running


@pytest.mark.parametrize(
    "host",
    [
        "cart",
        "cart:80",
        "cart:9090",
        "CART.default",
        "cart.default.svc",
        "cart.default.svc.cluster.local",
        "cart.default.svc.cluster.local.",
        "cart.default.svc.cluster.local:9090",
    ],
)
async def test_a_service_answers_to_every_spelling_of_its_name(mesh: Edge, host: str) -> None:
    assert await owner(mesh, host) == "cart"


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("a.example.com", "exact"),
        ("a.example.com:80", "exact"),
        ("c.example.com", "wild"),
        ("c.example.com:80", "wild"),
        ("c.b.example.com", "longer"),
        ("example.com", "404"),
        ("cart:81", "404"),
        ("c.example.com:81", "404"),
    ],
)
async def test_hosts_without_a_service_follow_the_rule_that_fits_best(mesh: Edge, host: str, name: str) -> None:
    assert await owner(mesh, host) == name


async def test_a_rule_for_one_port_leaves_the_others_to_the_service(mesh: Edge) -> None:
    await mesh.apply(rule("cart", "cart", match="{port: 9090}"))
    assert await owner(mesh, "cart:9090") == "cart"
    assert await owner(mesh, "cart") == "503"  # the service has no endpoints
    await mesh.apply(rule("cart", "cart"))
    assert await owner(mesh, "cart") == "cart"
