"""The messages of the delta protocol in typed form, and their translation from and to protobuf.

The state machine works with these values and never with protobuf messages. Bodies of
resources stay the bytes that the compiler made: they are wrapped, not serialised again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from envoy.service.discovery.v3 import discovery_pb2

from lateen.ir.resource import ResourceType
from lateen.xds.reason import reason_of

WILDCARD = "*"
"""The name that stands for every resource of a type (Envoy docs: xDS protocol, wildcard)."""

TYPES = MappingProxyType({type_.url: type_ for type_ in ResourceType})
"""Resource types by the URL in requests and responses."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a proxy says: subscriptions, and its verdict on an earlier response."""

    type: ResourceType
    subscribe: tuple[str, ...] = ()
    unsubscribe: tuple[str, ...] = ()
    initial_versions: Mapping[str, str] = field(default_factory=dict)
    """On the first request of a type on a stream: what the proxy still has from an earlier one."""
    nonce: str = ""
    """The response that is judged; empty: none is."""
    error: str | None = None
    """None: acknowledged. Otherwise the reason."""


@dataclass(frozen=True, slots=True)
class Item:
    """One resource in a response."""

    name: str
    version: str
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Response:
    """One message to the proxy."""

    type: ResourceType
    nonce: str
    items: tuple[Item, ...] = ()
    removed: tuple[str, ...] = ()


def decode_request(message: Any) -> Request | None:
    """Read a `DeltaDiscoveryRequest`.

    Returns:
        The request, or None when it is for a type that is not served.
    """
    type_ = TYPES.get(message.type_url)
    if type_ is None:
        return None
    failed = message.HasField("error_detail")
    return Request(
        type=type_,
        subscribe=tuple(message.resource_names_subscribe),
        unsubscribe=tuple(message.resource_names_unsubscribe),
        initial_versions=dict(message.initial_resource_versions),
        nonce=message.response_nonce,
        error=reason_of(message.error_detail.message) if failed else None,
    )


def encode_response(response: Response) -> Any:
    """Make the `DeltaDiscoveryResponse`."""
    message = discovery_pb2.DeltaDiscoveryResponse(
        type_url=response.type.url,
        nonce=response.nonce,
        removed_resources=response.removed,
    )
    url = response.type.url
    for item in response.items:
        resource = message.resources.add(name=item.name, version=item.version)
        resource.resource.type_url = url
        resource.resource.value = item.body
    return message
