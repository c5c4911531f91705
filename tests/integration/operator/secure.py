"""A shop with a certificate: a second Gateway `secure` that names the Secret `cart-cert`, for one host."""

import base64
import ssl
from typing import Any, Final

from tests.apiserver.client import Manifest
from tests.integration.operator.shop import Shop
from tests.integration.traffic.certificates import Authority, Credential
from tests.operator.world import gateway, virtual_service
from tests.ports import free_ports

HOST: Final = "cart.example.com"
CERTIFICATE: Final = "cart-cert"


def serve_securely(shop: Shop, credential: Credential) -> int:
    """Serve the host with this certificate, and return the port."""
    (port,) = free_ports(1)
    shop.backend("cart")
    shop.apply(secret(credential), secure_gateway(port), secure_route())
    return port


def secure_gateway(port: int) -> Manifest:
    """The Gateway."""
    return gateway(port, name="secure", secret=CERTIFICATE)


def secure_route(mark: str = "") -> Manifest:
    """The VirtualService behind it."""
    route = virtual_service("cart", "cart", mark=mark)
    return {**route, "spec": {**route["spec"], "gateways": ["secure"]}}


def secret(credential: Credential, name: str = CERTIFICATE) -> dict[str, Any]:
    """A Secret with a certificate and its key."""
    files = {"tls.crt": credential.certificate, "tls.key": credential.key}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/tls",
        "metadata": {"name": name},
        "data": {name: base64.b64encode(file.read_bytes()).decode() for name, file in files.items()},
    }


def trusting(*authorities: Authority) -> ssl.SSLContext:
    """A client that trusts these."""
    context = ssl.create_default_context()
    for authority in authorities:
        context.load_verify_locations(authority.file)
    return context
