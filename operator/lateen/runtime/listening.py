"""Where Gateways can be reached, for people and tools."""

from typing import Final, TypedDict

from lateen.ir.proxy import MESH_GATEWAY, ListeningPort

_URL_SCHEMES: Final = {"HTTP": "http", "HTTP2": "http", "GRPC": "http", "GRPC-WEB": "http", "HTTPS": "https"}
_ANY_ADDRESS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - read, not bound


class PortFields(TypedDict):
    """Where one server of a Gateway can be reached; this shape is stable (docs/cli.md)."""

    gateway: str
    """`namespace/name`, or `mesh` for the outbound proxy."""
    proxy: str
    url: str
    address: str
    port: int
    number: int
    """The port as written in the Gateway."""
    protocol: str
    hosts: list[str]


def describe_port(port: ListeningPort) -> PortFields:
    """Give the JSON form."""
    return PortFields(
        gateway=port.gateway,
        proxy=str(port.proxy),
        url=url_of(port),
        address=port.address,
        port=port.port,
        number=port.number,
        protocol=port.protocol,
        hosts=list(port.hosts),
    )


def url_of(port: ListeningPort) -> str:
    """Give what can be typed: `http://127.0.0.1:10080`. A port at all addresses is reached at this machine's own."""
    address = _ANY_ADDRESS.get(port.address, port.address)
    host = f"[{address}]" if ":" in address else address
    return f"{_URL_SCHEMES.get(port.protocol, 'tcp')}://{host}:{port.port}"


def is_mesh(port: ListeningPort) -> bool:
    """Whether it is the outbound proxy's port."""
    return port.gateway == MESH_GATEWAY
