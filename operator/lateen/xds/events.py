"""What the protocol reports: who connected, what was sent, what the proxies said to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from lateen.ir.proxy import ProxyId
from lateen.ir.resource import ResourceKey, ResourceType
from lateen.model.keys import Key


@dataclass(frozen=True, slots=True)
class StreamId:
    """One stream of one proxy."""

    proxy: ProxyId
    node: str
    """The node id that the Envoy gave."""
    number: int
    """Counts the streams of this server, from 1."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """An Envoy of a class that does not exist (yet) is waiting to be served."""

    stream: StreamId


@dataclass(frozen=True, slots=True)
class Connected:
    """A stream is being served."""

    stream: StreamId


@dataclass(frozen=True, slots=True)
class Disconnected:
    """A stream ended, whoever ended it."""

    stream: StreamId


@dataclass(frozen=True, slots=True)
class Asked:
    """The proxy asks for a type of resources for the first time on its stream."""

    stream: StreamId
    type: ResourceType
    brought: tuple[ResourceKey, ...]
    """What it has already, from an earlier stream: nobody sends that again, so nothing else tells of it."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One response went out."""

    stream: StreamId
    type: ResourceType
    nonce: str
    versions: Mapping[ResourceKey, str | None]
    """None: the resource was removed."""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The proxy took over one response."""

    stream: StreamId
    type: ResourceType
    versions: Mapping[ResourceKey, str | None]
    """None: the proxy let go of the resource."""
    seconds: float
    """Since the response was sent."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The proxy refuses one version of one resource; it keeps what it had."""

    stream: StreamId
    key: ResourceKey
    version: str | None
    """None: the removal was refused."""
    message: str
    """Envoy's words."""
    origins: tuple[Key, ...]
    """The objects behind the resource, most responsible first."""


Event: TypeAlias = Waiting | Connected | Disconnected | Asked | Sent | Acknowledged | Rejected


class StreamObserver(Protocol):
    """Whoever wants to know. Called on the event loop, between two messages: it must not block or raise."""

    def __call__(self, event: Event, /) -> None:
        """Take note of one event."""


def ignore(event: Event, /) -> None:
    """Observe nothing."""
