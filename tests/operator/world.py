"""Objects of tests with an operator, as users would write them."""

import socket
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tests.apiserver.client import Manifest

SELECTOR: Final = {"istio": "ingressgateway"}
"""Of every Gateway here; the objects of its proxies have the name `PROXIES`."""

PROXIES: Final = "lateen-ingressgateway"

_NOWHERE: Final = ("192.0.2.1", 9)


def own_address() -> str:
    """The address of this machine at which its backends listen: EndpointSlices may not name loopback.

    Raises:
        OSError: this machine has no other address.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(_NOWHERE)  # sends nothing
        return str(sock.getsockname()[0])


def istio(kind: str, name: str, **spec: Any) -> Manifest:
    """An object of Istio's kinds."""
    return {"apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def namespace(name: str) -> Manifest:
    """A Namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def gateway(port: int, *, name: str = "edge", host: str = "*", secret: str = "") -> Manifest:
    """A Gateway with one server, for plain HTTP or with a certificate from a Secret."""
    protocol = "HTTPS" if secret else "HTTP"
    server: dict[str, Any] = {
        "port": {"number": port, "name": protocol.lower(), "protocol": protocol},
        "hosts": [host],
        **({"tls": {"mode": "SIMPLE", "credentialName": secret}} if secret else {}),
    }
    return istio("Gateway", name, selector=SELECTOR, servers=[server])


def virtual_service(
    name: str, service: str = "", *, mark: str = "", weights: Mapping[str, int] | None = None
) -> Manifest:
    """Route `<name>.example.com` to a Service, and set the header `x-mark` in answers."""
    targets = weights or {service: 100}
    route = [
        {"destination": {"host": host, "port": {"number": 80}}, "weight": weight} for host, weight in targets.items()
    ]
    headers = {"headers": {"response": {"set": {"x-mark": mark}}}} if mark else {}
    return istio(
        "VirtualService",
        name,
        hosts=[f"{name}.example.com"],
        gateways=["edge"],
        http=[{"route": route, **headers}],
    )


def destination_rule(name: str, **policy: Any) -> Manifest:
    """A policy for the Service of the same name."""
    return istio("DestinationRule", name, host=name, trafficPolicy=policy)


def service(name: str) -> Manifest:
    """A Service with one port, without a selector: its endpoints are made by the test."""
    spec = {"ports": [{"name": "http", "port": 80}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def endpoint_slice(service_name: str, number: int, addresses: Sequence[str], port: int, **conditions: bool) -> Manifest:
    """Endpoints of a Service that share a port; conditions are `ready`, `serving`, `terminating`."""
    labels = {"kubernetes.io/service-name": service_name}
    endpoints = [{"addresses": [each], **({"conditions": conditions} if conditions else {})} for each in addresses]
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": f"{service_name}-{number}", "labels": labels},
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": port}],
        "endpoints": endpoints,
    }
