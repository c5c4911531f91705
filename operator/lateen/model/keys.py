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
