"""What shares a port: TLS for every name next to plaintext, and hosts whose rules hold elsewhere."""

import asyncio
from pathlib import Path

import pytest
from tests.integration.traffic.certificates import Authority, trusting
from tests.integration.traffic.client import Connection
from tests.integration.traffic.edge import Edge, gateway
from tests.ports import free_port

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="module")]


def service(name: str, host: str, gateways: str, match: str = "") -> str:
    """Write a VirtualService that answers with its name."""
    return f"""
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: {name}, namespace: edge}}
spec:
  hosts: ["{host}"]
  gateways: [{gateways}]
  http:
    - directResponse: {{status: 200, body: {{string: {name}}}}}
      {f"match: [{match}]" if match else ""}
"""


async def test_tls_for_every_name_and_plaintext_share_a_port(edge: Edge, tmp_path: Path) -> None:
    port, authority = free_port(), Authority(tmp_path, "authority")
    await edge.apply(
        authority.issue("any.shared.test").secret("any"),
        gateway("a-tls", port, protocol="HTTPS", tls="{mode: SIMPLE, credentialName: any}"),
        gateway("b-plain", port),
        service("encrypted", "any.shared.test", "edge/a-tls"),
        service("plain", "any.shared.test", "edge/b-plain"),
    )
    connection = await Connection.open(port, tls=trusting(authority), server_name="any.shared.test")
    try:
        async with asyncio.timeout(10):
            answer = await connection.request("GET", "/", [("host", "any.shared.test")])
    finally:
        await connection.close()
    assert answer.body == b"encrypted"
    assert (await edge.client.request(port, "any.shared.test")).body == b"plain"


async def test_a_host_whose_rules_hold_elsewhere_belongs_to_the_wildcard(edge: Edge) -> None:
    port = free_port()
    await edge.apply(
        gateway("elsewhere", port),
        service("nowhere", "a.elsewhere.test", "edge/elsewhere", match=f"{{port: {port - 1}}}"),
        service("wildcard", "*.elsewhere.test", "edge/elsewhere"),
    )
    assert (await edge.client.request(port, "a.elsewhere.test")).body == b"wildcard"
    await edge.apply(service("nowhere", "a.elsewhere.test", "edge/elsewhere", match=f"{{port: {port}}}"))
    assert (await edge.client.request(port, "a.elsewhere.test")).body == b"nowhere"
    await edge.apply(service("nowhere", "a.elsewhere.test", "edge/elsewhere", match=f"{{port: {port - 1}}}"))
    assert (await edge.client.request(port, "a.elsewhere.test")).body == b"wildcard"
