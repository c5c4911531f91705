"""The state of a stream for people: what a proxy has, what it waits for and why."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from hashlib import sha256

from lateen.ir.resource import ResourceKey, ResourceType
from lateen.xds.events import StreamId
from lateen.xds.holdings import Holding, Holds, Subscription


class Settlement(Enum):
    """What became of one version of one resource on one stream."""

    PENDING = auto()
    """Under way, or waiting."""
    LIVE = auto()
    """Acknowledged; for a removal: nobody is served by it any more."""
    UNASKED = auto()
    """The proxy does not ask for it, and nothing under way could make it ask."""
    SUPERSEDED = auto()
    """Another version is wanted by now."""
    REJECTED = auto()
    """Refused by this proxy, or by another of its class before it was sent here."""


@dataclass(frozen=True, slots=True)
class TypeReport:
    """One type of resources on one stream."""

    type: ResourceType
    count: int
    """Resources that are acknowledged."""
    under_way: int
    """Resources that are sent and not judged."""
    version: str
    """Hash of everything acknowledged: equal on all proxies that have the same."""
    acknowledged_at: float | None
    """When the proxy acknowledged last, in the stream's clock; None: never."""
    rejections: int
    """Responses that the proxy refused."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A resource that is held back, or a removal that is."""

    key: ResourceKey
    reason: str


@dataclass(frozen=True, slots=True)
class StreamReport:
    """One stream."""

    stream: StreamId
    connected_at: float
    """In the stream's clock."""
    types: tuple[TypeReport, ...]
    pending: tuple[Pending, ...]


def report_types(
    subscriptions: Mapping[ResourceType, Subscription],
    holdings: Iterable[Holding],
) -> tuple[TypeReport, ...]:
    """Count per type. Costs as much as the number of resources: for people, not for the protocol."""
    by_type: dict[ResourceType, list[Holding]] = {type_: [] for type_ in subscriptions}
    for holding in holdings:
        by_type.setdefault(holding.key.type, []).append(holding)
    return tuple(
        _report_type(type_, subscriptions[type_], by_type[type_]) for type_ in ResourceType if type_ in subscriptions
    )


def _report_type(type_: ResourceType, subscription: Subscription, holdings: list[Holding]) -> TypeReport:
    digest = sha256()
    acknowledged = sorted(
        (holding.key.name, holding.acked.version or "") for holding in holdings if holding.acked is not None
    )
    for name, version in acknowledged:
        digest.update(f"{name}={version}\n".encode())
    return TypeReport(
        type_,
        count=len(acknowledged),
        under_way=sum(bool(holding.flights) for holding in holdings),
        version=digest.hexdigest()[:12] if acknowledged else "",
        acknowledged_at=subscription.acknowledged_at,
        rejections=subscription.rejections,
    )


def report_pending(holds: Holds) -> tuple[Pending, ...]:
    """List what is held back."""
    return tuple(Pending(key, str(hold)) for key, hold in holds)
