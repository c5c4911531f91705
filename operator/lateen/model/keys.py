"""Names of objects: every table, finding and status line refers to an object by its `Key`."""

from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """The kinds Lateen reads, spelled as users write them."""

    GATEWAY = "Gateway"
    VIRTUAL_SERVICE = "VirtualService"
    DESTINATION_RULE = "DestinationRule"
    SERVICE_ENTRY = "ServiceEntry"
    WORKLOAD_ENTRY = "WorkloadEntry"
    SIDECAR = "Sidecar"
    SERVICE = "Service"
    ENDPOINT_SLICE = "EndpointSlice"
    POD = "Pod"
    SECRET = "Secret"  # noqa: S105 - the name of a kind


class Key(NamedTuple):
    """Identity of one object. Cluster-unique; prints as `VirtualService/shop/cart`."""

    kind: Kind
    namespace: str
    name: str

    def __str__(self) -> str:
        """Print the form that people type: kind/namespace/name."""
        return f"{self.kind}/{self.namespace}/{self.name}"


def parse_key(text: str) -> Key:
    """Read `Kind/namespace/name`, the form that `Key` prints.

    Raises:
        ValueError: the text has another shape or names an unknown kind.
    """
    parts = text.split("/")
    if len(parts) != 3:
        message = f"{text!r} is not of the form Kind/namespace/name"
        raise ValueError(message)
    return Key(Kind(parts[0]), parts[1], parts[2])
