"""Every name of an xDS resource is made and parsed here, nowhere else.

Names are what users see in `lateen dump`, in Envoy's admin pages and in statistics, and
what connects resources with each other, so they are injective and can be read back.
"""

from typing import Final

from lateen.ir.route import ClusterRef

XDS_CLUSTER: Final = "lateen-xds"
"""The static cluster of the bootstrap that reaches the control plane."""

SCOPES: Final = "lateen"
"""Name of the scope set; all chains share it, because Envoy keeps one subscription per name and source."""

_DIRECTION: Final = "outbound"


def cluster_name(ref: ClusterRef) -> str:
    """`outbound|8080|v1|reviews.shop.svc.cluster.local`; an empty subset leaves its place empty."""
    return f"{_DIRECTION}|{ref.port}|{ref.subset}|{ref.host}"


def parse_cluster_name(name: str) -> ClusterRef:
    """Read what `cluster_name` made.

    Raises:
        ValueError: the text has another shape.
    """
    parts = name.split("|")
    if len(parts) != 4 or parts[0] != _DIRECTION or not parts[1].isdecimal() or not parts[3]:
        raise ValueError(f"{name!r} is not of the form {_DIRECTION}|port|subset|host")
    return ClusterRef(host=parts[3], port=int(parts[1]), subset=parts[2])


def scoped_route_name(chain: str, host: str) -> str:
    """Name of the RouteConfiguration of one host in the SCOPED layout: `http.80/shop.example.com`."""
    return f"{chain}/{host}"


def parse_scoped_route_name(name: str) -> tuple[str, str]:
    """Chain and host of a scoped route name. A host has no slash; a chain bound to a socket's path may.

    Raises:
        ValueError: the text has another shape.
    """
    return _split(name, "/")


def scope_name(chain: str, host: str) -> str:
    """Name of the scope of one host, and the key that selects it: `http.80|shop.example.com`."""
    return f"{chain}|{host}"


def parse_scope_name(name: str) -> tuple[str, str]:
    """Chain and host of a scope's name or key.

    Raises:
        ValueError: the text has another shape.
    """
    return _split(name, "|")


def _split(name: str, separator: str) -> tuple[str, str]:
    chain, found, host = name.rpartition(separator)
    if not found or not chain or not host:
        raise ValueError(f"{name!r} is not of the form chain{separator}host")
    return chain, host
