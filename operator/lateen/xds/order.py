"""Make before break: what may be sent or removed now, and what has to wait for what.

The rules, per resource and not per push, so that nothing waits that does not have to:

- A listener, scope or route is sent when everything it needs is live at this proxy. What
  does not exist at all holds nothing up; neither does a cluster that the proxy refused,
  unless there is an older version of the route that still works.
- Routes and secrets are asked for by name after the scope or listener that names them
  arrived. So whoever names a route waits for the clusters of that route.
- A cluster is removed when nothing at this proxy names it, and a moment later, because
  a retry looks its cluster up again.
- Endpoints, routes and secrets are never removed: the proxy stops asking for them when
  nothing names them any more, and ignores removals before that (Envoy docs: RDS, EDS).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from lateen.ir.resource import Resource, ResourceKey, ResourceType
from lateen.xds.cache import DesiredSet
from lateen.xds.holdings import NAMING, Hold, Holding, Subscription, Usage
from lateen.xds.patience import Patience

ON_WILDCARD = frozenset({ResourceType.CLUSTER, ResourceType.LISTENER, ResourceType.SCOPE})
"""The types that proxies want all of; the others are asked for by name."""


@dataclass(frozen=True, slots=True)
class Send:
    """Send the resource under this version."""

    resource: Resource
    version: str


@dataclass(frozen=True, slots=True)
class Remove:
    """Tell the proxy to let go."""


@dataclass(frozen=True, slots=True)
class Keep:
    """Nothing to do."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Not yet."""

    hold: Hold
    watch: frozenset[ResourceKey] = frozenset()
    """What else to look again for."""
    until: float | None = None
    """When to look again at the latest."""


Decision: TypeAlias = Send | Remove | Keep | Wait
KEEP = Keep()
REMOVE = Remove()


class Order:
    """The rules, applied to one stream."""

    __slots__ = ("_desired", "_holdings", "_patience", "_subscriptions", "_usage", "settled")

    def __init__(
        self,
        desired: DesiredSet,
        holdings: dict[ResourceKey, Holding],
        subscriptions: dict[ResourceType, Subscription],
        usage: Usage,
        patience: Patience,
    ) -> None:
        """Look at the stream's own records; nothing is copied."""
        self._desired = desired
        self._holdings = holdings
        self._subscriptions = subscriptions
        self._usage = usage
        self._patience = patience
        self.settled = True
        """False: the proxy reconnected, and may not have said yet what it uses."""

    def decide(self, key: ResourceKey, now: float) -> Decision:
        """Decide about one resource."""
        subscription = self._subscriptions.get(key.type)
        if subscription is None or not subscription.covers(key.name):
            return KEEP
        holding = self._holdings.get(key)
        if self._desired.get(key) is None:
            return self._farewell(holding, now)
        wanted = self.wanted(key)
        if wanted is None:
            return KEEP
        if holding is not None:
            holding.leaves_at = None
            if holding.version == self.wire_version(wanted) and not holding.again:
                return KEEP
        return self._arrival(wanted, holding)

    def wanted(self, key: ResourceKey) -> Resource | None:
        """Find what this proxy should have; None: what it has, if anything.

        A version that was refused anywhere in the class is replaced by its pin, except
        for a proxy that has that version or is just judging it.
        """
        resource = self._desired.get(key)
        if resource is None:
            return None
        rejection = self._desired.quarantine.verdict(key, resource.version)
        if rejection is None:
            return resource
        holding = self._holdings.get(key)
        if holding is not None and holding.version == self.wire_version(resource):
            return resource
        return rejection.pinned

    def wire_version(self, resource: Resource) -> str:
        """Give the version under which a resource is sent.

        Endpoints are sent again whenever their cluster changes: the new cluster is not
        warm before it hears of its endpoints, and does not ask. So their version names
        the cluster's as well, which also tells after a reconnect, to any instance,
        whether the proxy has the endpoints of the cluster it has.
        """
        if resource.key.type is not ResourceType.ENDPOINTS:
            return resource.version
        return f"{resource.version}~{self.cluster_version(resource.key.name)}"

    def recognise(self, key: ResourceKey, version: str) -> Resource | None:
        """Find the content of a version that the proxy reports from an earlier stream; None: not known here."""
        resource = self._desired.get(key)
        if resource is None:
            return None
        rejection = self._desired.quarantine.verdict(key, resource.version)
        for candidate in (resource, None if rejection is None else rejection.pinned):
            if candidate is not None and self.wire_version(candidate) == version:
                return candidate
        return None

    def cluster_version(self, name: str) -> str:
        """Give the version of a cluster that endpoints sent now will meet."""
        key = ResourceKey(ResourceType.CLUSTER, name)
        if ResourceType.CLUSTER in self._subscriptions:
            holding = self._holdings.get(key)
            return (holding.version if holding is not None else None) or ""
        wanted = self.wanted(key)
        return "" if wanted is None else wanted.version

    def has_endpoints(self, name: str) -> bool:
        """Tell whether a cluster gets its endpoints from here."""
        subscription = self._subscriptions.get(ResourceType.ENDPOINTS)
        asked = subscription is not None and name in subscription.names
        return asked or self._desired.get(ResourceKey(ResourceType.ENDPOINTS, name)) is not None

    def _arrival(self, wanted: Resource, holding: Holding | None) -> Decision:
        if wanted.key.type in NAMING:
            first = holding is None or holding.acked is None
            missing = tuple(sorted({leaf for need in wanted.needs for leaf in self._missing(need, first=first)}))
            if missing:
                return Wait(Hold("waits for", missing), watch=wanted.needs.union(missing))
        return Send(wanted, self.wire_version(wanted))

    def _farewell(self, holding: Holding | None, now: float) -> Decision:
        if holding is None or holding.version is None or holding.key.type not in ON_WILDCARD:
            return KEEP
        if holding.key.type is not ResourceType.CLUSTER:
            return REMOVE
        hold = self._grip(holding, now)
        return REMOVE if hold is None else Wait(hold, until=holding.leaves_at)

    def _grip(self, cluster: Holding, now: float) -> Hold | None:
        """Find what keeps a cluster that nobody wants any more."""
        if not self.settled:
            return Hold("waits until the proxy has said everything it uses")
        if self._usage.unknown:
            return Hold(f"may be named by {len(self._usage.unknown)} resources of another stream")
        users = self._usage.users(cluster.key)
        if users:
            cluster.leaves_at = None
            return Hold("is still named by", users)
        if cluster.leaves_at is None:
            cluster.leaves_at = now + self._patience.farewell
        return Hold("stays for late retries") if cluster.leaves_at > now else None

    def _missing(self, need: ResourceKey, *, first: bool) -> Iterator[ResourceKey]:
        """Name what is in the way of something that needs `need`."""
        resource = self._desired.get(need)
        if resource is None:
            return
        holding = self._holdings.get(need)
        if need.type is ResourceType.CLUSTER:
            if holding is not None and holding.live:
                return
            if not (first and self.wanted(need) is None):
                yield need
        elif need.type is ResourceType.ROUTE:
            if holding is not None and holding.acked is not None:
                return
            route = self.wanted(need)
            for inner in () if route is None else route.needs:
                yield from self._missing(inner, first=True)
