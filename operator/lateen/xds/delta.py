"""One delta ADS stream of one proxy, as a state machine without I/O.

Requests, changes and the passing of time go in; responses come out. What may go out
when is decided in `order`; what the proxy has is recorded in `holdings`. Here is the
protocol: subscriptions, nonces, acknowledgements, and the search for the culprit in a
rejected response.

Facts of Envoy that this relies on (Envoy docs: xDS protocol; Envoy 1.40):

- It judges responses in the order they were sent, several of one type may be under way.
- On a new stream it sends all its subscriptions before it judges anything.
- It acknowledges clusters when none is warming any more, and asks for listeners for the
  first time when its first clusters are warm.
- A cluster that changes wants its endpoints again, and does not ask for them.
- A wildcard request that is never answered delays its start by 15 seconds.
"""

from collections.abc import Callable, Iterable
from heapq import heappop, heappush

from lateen.ir.resource import Resource, ResourceKey, ResourceType
from lateen.xds.cache import DesiredSet
from lateen.xds.events import Acknowledged, Asked, Rejected, StreamId, StreamObserver, ignore
from lateen.xds.holdings import UNCERTAIN, Agenda, Copy, Holding, Holds, InFlight, Subscription, Usage, support_of
from lateen.xds.messages import WILDCARD, Request, Response
from lateen.xds.order import ON_WILDCARD, Order, Remove, Send, Wait
from lateen.xds.outbox import Outbox, Parcel
from lateen.xds.patience import GracePeriods, Patience
from lateen.xds.quarantine import Rejection
from lateen.xds.report import Settlement, StreamReport, report_pending, report_types

ANSWERED_WHEN_UNKNOWN = frozenset({ResourceType.ENDPOINTS})
"""The types for which a proxy is told at once that what it asks for does not exist."""

_DEFAULT_PATIENCE = GracePeriods()


class DeltaStream:
    """The server's side of one stream."""

    def __init__(
        self,
        stream: StreamId,
        desired: DesiredSet,
        *,
        clock: Callable[[], float],
        observer: StreamObserver = ignore,
        patience: Patience = _DEFAULT_PATIENCE,
        token: str = "",
    ) -> None:
        """Start a stream.

        Args:
            stream: whose it is.
            desired: what the proxy should have, as it changes.
            clock: monotonic seconds.
            observer: hears of everything that is sent and judged.
            patience: waiting times.
            token: makes nonces unique among all streams of all servers.
        """
        self.stream = stream
        self._desired = desired
        self._clock = clock
        self._observer = observer
        self._patience = patience
        self._connected_at = clock()
        self._outbox = Outbox(stream, observer, clock, token)
        self._holdings: dict[ResourceKey, Holding] = {}
        self._subscriptions: dict[ResourceType, Subscription] = {}
        self._usage = Usage()
        self._holds = Holds()
        self._agenda = Agenda()
        self._asked: set[ResourceKey] = set()
        self._outgoing: list[tuple[ResourceType, list[Parcel]]] = []
        self._timers: list[tuple[float, ResourceKey]] = []
        self._fenced = False
        self._order = Order(desired, self._holdings, self._subscriptions, self._usage, patience)

    @property
    def wake_at(self) -> float | None:
        """When `on_tick` has something to do, in the clock's seconds; None: never."""
        return self._timers[0][0] if self._timers else None

    def on_request(self, request: Request) -> list[Response]:
        """Take one request; return what has to be sent now, in this order."""
        self._judge(request)
        first = request.type not in self._subscriptions
        self._subscribe(request)
        responses = self._flush()
        if first:
            brought = tuple(ResourceKey(request.type, name) for name in request.initial_versions)
            self._observer(Asked(self.stream, request.type, brought))
        return responses

    def on_change(self, keys: Iterable[ResourceKey]) -> list[Response]:
        """Look at desired resources that changed; return what has to be sent now."""
        for key in keys:
            self._agenda.add((key, *self._holds.waiters(key)))
        return self._flush()

    def on_tick(self) -> list[Response]:
        """Do what was waiting for time to pass; return what has to be sent now."""
        now = self._clock()
        while self._timers and self._timers[0][0] <= now:
            _, key = heappop(self._timers)
            self._agenda.add((key,))
            holding = self._holdings.get(key)
            if holding is not None and holding.live_at is not None and holding.live_at <= now:
                self._make_live(holding)
        return self._flush()

    def report(self) -> StreamReport:
        """Describe the stream for people."""
        types = report_types(self._subscriptions, self._holdings.values())
        return StreamReport(self.stream, self._connected_at, types, report_pending(self._holds))

    def settlement(self, key: ResourceKey, version: str | None) -> Settlement:
        """Tell what became of one version of one resource here; None: of its removal."""
        desired = self._desired.get(key)
        if (None if desired is None else desired.version) != version:
            return Settlement.SUPERSEDED
        holding = self._holdings.get(key)
        if desired is None:
            served = key.type in (ResourceType.LISTENER, ResourceType.SCOPE) and holding is not None
            return Settlement.PENDING if served else Settlement.LIVE
        there = None if holding is None or holding.newest is not holding.acked else holding.version
        if there == self._order.wire_version(desired):
            return Settlement.LIVE
        if self._desired.quarantine.verdict(key, desired.version) is not None:
            return Settlement.REJECTED
        subscription = self._subscriptions.get(key.type)
        asked = key.type in ON_WILDCARD or (subscription is not None and subscription.covers(key.name))
        awaited = asked or bool(self._usage.users(key)) or self._may_still_ask()
        return Settlement.PENDING if awaited else Settlement.UNASKED

    def _may_still_ask(self) -> bool:
        """Tell whether something under way may make the proxy ask for more."""
        if ResourceType.LISTENER not in self._subscriptions or self._outbox.carries(ON_WILDCARD):
            return True
        return any(self._holds.has(type_) for type_ in ON_WILDCARD)

    # Subscriptions

    def _subscribe(self, request: Request) -> None:
        type_ = request.type
        subscription = self._subscriptions.get(type_)
        initial = request.initial_versions
        first = subscription is None
        if subscription is None:
            wildcard = type_ in ON_WILDCARD and not request.subscribe
            subscription = Subscription(wildcard, answered=type_ not in ON_WILDCARD or bool(initial))
            self._subscriptions[type_] = subscription
            self._begin(request, subscription)
        for name in request.unsubscribe:
            self._unsubscribe(type_, subscription, name)
        for name in request.subscribe:
            if name == WILDCARD:
                subscription.wildcard = True
                self._agenda.add(ResourceKey(type_, each) for each in self._desired.names(type_))
                continue
            subscription.names.add(name)
            key = ResourceKey(type_, name)
            self._agenda.add((key,))
            if not (first and name in initial):
                self._asked.add(key)
                if key in self._holdings:
                    self._holdings[key].again = True

    def _begin(self, request: Request, subscription: Subscription) -> None:
        """Learn from the first request of a type what the proxy brings from an earlier stream."""
        type_ = request.type
        wanted = subscription.wildcard or WILDCARD in request.subscribe
        named = frozenset(request.subscribe)
        for name, version in request.initial_versions.items():
            if not wanted and name not in named:
                continue
            key = ResourceKey(type_, name)
            copy = Copy(version, self._order.recognise(key, version))
            self._holdings[key] = Holding(key, acked=copy)
            self._usage.take(key, copy)
            self._agenda.add((key,))
        if subscription.wildcard:
            self._agenda.add(ResourceKey(type_, name) for name in self._desired.names(type_))
        if type_ is ResourceType.CLUSTER and request.initial_versions:
            self._order.settled = False
        # Asking for listeners, or for clusters after listeners, means that no known cluster is warming.
        if type_ in (ResourceType.LISTENER, ResourceType.CLUSTER) and ResourceType.LISTENER in self._subscriptions:
            for holding in tuple(self._holdings.values()):
                if holding.key.type is ResourceType.CLUSTER and holding.acked is not None:
                    self._make_live(holding)

    def _unsubscribe(self, type_: ResourceType, subscription: Subscription, name: str) -> None:
        if name == WILDCARD:
            subscription.wildcard = False
            gone = [key for key in self._holdings if key.type is type_ and not subscription.covers(key.name)]
        else:
            subscription.names.discard(name)
            gone = [] if subscription.wildcard else [ResourceKey(type_, name)]
        for key in gone:
            self._holds.release(key)
            self._asked.discard(key)
            holding = self._holdings.pop(key, None)
            if holding is None:
                continue
            for copy in (*holding.flights, *holding.ghosts, holding.acked):
                if copy is not None:
                    self._let_go(key, copy)

    # Verdicts

    def _judge(self, request: Request) -> None:
        flight = self._outbox.arrived(request.nonce)
        if flight is None:
            return
        if not self._order.settled:
            self._order.settled = True
            self._agenda.add(self._holds.of_type(ResourceType.CLUSTER))
        subscription = self._subscriptions[flight.type]
        if request.error is None:
            subscription.acknowledged_at = self._clock()
            self._acknowledge(flight)
        else:
            subscription.rejections += 1
            self._search(flight, request.error)

    def _acknowledge(self, flight: InFlight) -> None:
        versions: dict[ResourceKey, str | None] = {}
        for holding, copy in flight.copies:
            key = holding.key
            if not self._is_under_way(holding, copy):
                continue
            place = holding.flights.index(copy)
            overtaken = holding.flights[:place]
            del holding.flights[: place + 1]
            previous, holding.acked = holding.acked, None if copy.version is None else copy
            for former in (previous, *holding.ghosts, *overtaken):
                if former is not None:
                    self._let_go(key, former)
            holding.ghosts.clear()
            if holding.is_empty:
                del self._holdings[key]
            versions[key] = None if copy.resource is None else copy.resource.version
            self._agenda.add(self._holds.waiters(key))
            if copy.resource is not None:
                self._absolve(copy.resource)
                self._warm_up(holding, copy.resource)
        seconds = self._clock() - flight.sent_at
        self._observer(Acknowledged(self.stream, flight.type, versions, seconds))

    def _absolve(self, resource: Resource) -> None:
        """A version that was acknowledged ends the quarantine of an earlier one."""
        quarantine = self._desired.quarantine
        if self._desired.get(resource.key) == resource and quarantine.verdict(resource.key, resource.version) is None:
            quarantine.release((resource.key,))

    def _warm_up(self, holding: Holding, resource: Resource) -> None:
        """Draw the conclusions of an acknowledgement about whether a cluster is warm."""
        if resource.key.type is ResourceType.ENDPOINTS:
            cluster = self._holdings.get(ResourceKey(ResourceType.CLUSTER, resource.key.name))
            met = None if holding.acked is None else holding.acked.meets
            if cluster is not None and met is not None and cluster.newest is met:
                self._make_live(cluster)
        elif resource.key.type is ResourceType.CLUSTER and not holding.live:
            if ResourceType.LISTENER not in self._subscriptions or holding.version is None:
                return
            hold = 0.0 if self._order.has_endpoints(resource.key.name) else self._patience.warming(resource)
            if hold <= 0:
                self._make_live(holding)
            else:
                holding.live_at = self._clock() + hold
                heappush(self._timers, (holding.live_at, holding.key))

    def _make_live(self, cluster: Holding) -> None:
        cluster.live_at = None
        if not cluster.live:
            cluster.live = True
            self._agenda.add(self._holds.waiters(cluster.key))

    def _search(self, flight: InFlight, message: str) -> None:
        """A response was rejected: find the culprits by their names or by halving, or condemn the only suspect."""
        copies = [(holding, copy) for holding, copy in flight.copies if self._is_under_way(holding, copy)]
        if len(flight.copies) == 1:
            for holding, copy in copies:
                self._condemn(holding, copy, message)
            return
        suspects = [(holding, copy) for holding, copy in copies if self._is_still_due(holding, copy)]
        # A removal may be what makes room for something new, so removals stay in front.
        suspects.sort(key=lambda suspect: suspect[1].version is not None)
        for holding, _ in suspects:
            self._follow_up(holding.key)
        self._outgoing.extend((flight.type, part) for part in _divide(suspects, message) if part)

    def _condemn(self, holding: Holding, copy: Copy, message: str) -> None:
        key, resource = holding.key, copy.resource
        holding.flights.remove(copy)
        self._let_go(key, copy)
        if holding.is_empty:
            del self._holdings[key]
        self._agenda.add((key, *self._holds.waiters(key)))
        if resource is None:
            self._observer(Rejected(self.stream, key, None, message, ()))
            return
        pinned = holding.acked.resource if holding.acked is not None else None
        support = () if pinned is None else tuple(support_of(pinned, self._holdings))
        self._desired.quarantine.reject(
            Rejection(key, resource.version, message, resource.origins, pinned, support),
        )
        self._observer(Rejected(self.stream, key, resource.version, message, resource.origins))

    def _let_go(self, key: ResourceKey, copy: Copy) -> None:
        """A copy is not in use any more: what only it named may go."""
        unknown = bool(self._usage.unknown)
        self._agenda.add(need for need in self._usage.drop(key, copy) if need in self._holds)
        if unknown and not self._usage.unknown:
            self._agenda.add(self._holds.of_type(ResourceType.CLUSTER))

    def _is_under_way(self, holding: Holding, copy: Copy) -> bool:
        return self._holdings.get(holding.key) is holding and copy in holding.flights

    def _is_still_due(self, holding: Holding, copy: Copy) -> bool:
        """Tell whether a copy in a refused response has to be sent once more.

        Envoy may have taken over what was good in the response. If the copy is not due
        any more, or has to wait by now, it stays in the books as a ghost.
        """
        is_newest = holding.newest is copy
        holding.flights.remove(copy)
        holding.ghosts.append(copy)
        decision = self._order.decide(holding.key, self._clock()) if is_newest else None
        if isinstance(decision, Send) and decision.version == copy.version:
            pass
        elif not (isinstance(decision, Remove) and copy.version is None):
            self._agenda.add((holding.key,))
            return False
        holding.ghosts.remove(copy)
        holding.flights.append(copy)
        return True

    # Sending

    def _flush(self) -> list[Response]:
        now = self._clock()
        fresh: dict[ResourceType, list[Parcel]] = {type_: [] for type_ in ResourceType}
        while (key := self._agenda.next()) is not None:
            self._look_at(key, now, fresh)
        self._outgoing.extend(fresh.items())
        responses = [response for type_, parcels in self._outgoing for response in self._outbox.pack(type_, parcels)]
        self._outgoing.clear()
        responses.extend(self._answers({response.type for response in responses}))
        return responses

    def _look_at(self, key: ResourceKey, now: float, fresh: dict[ResourceType, list[Parcel]]) -> None:
        decision = self._order.decide(key, now)
        if isinstance(decision, Wait):
            self._holds.hold(key, decision.hold, decision.watch)
            if decision.until is not None:
                heappush(self._timers, (decision.until, key))
            return
        self._holds.release(key)
        if isinstance(decision, Send):
            holding = self._holdings.setdefault(key, Holding(key))
            copy = Copy(decision.version, decision.resource, meets=self._met_by(key))
            holding.again = False
            self._usage.take(key, copy)
            self._follow_up(key)
        elif isinstance(decision, Remove):
            holding = self._holdings[key]
            copy = Copy(None, None)
            holding.live = False
            holding.live_at = None
        else:
            return
        holding.flights.append(copy)
        fresh[key.type].append((holding, copy))

    def _follow_up(self, key: ResourceKey) -> None:
        """Send the endpoints of a cluster again: the cluster that was sent just now is not warm without them."""
        if key.type is not ResourceType.CLUSTER:
            return
        endpoints = ResourceKey(ResourceType.ENDPOINTS, key.name)
        if endpoints in self._holdings:
            self._holdings[endpoints].again = True
            self._agenda.add((endpoints,))

    def _met_by(self, key: ResourceKey) -> Copy | None:
        """Find the cluster that endpoints sent now will meet."""
        cluster = self._holdings.get(ResourceKey(ResourceType.CLUSTER, key.name))
        if cluster is None or cluster.newest is UNCERTAIN or key.type is not ResourceType.ENDPOINTS:
            return None
        return cluster.newest

    def _answers(self, sent: set[ResourceType]) -> list[Response]:
        """Answer what would wait in vain: first requests, names that do not exist, the fence."""
        answers = []
        for type_, subscription in self._subscriptions.items():
            if not subscription.answered and (type_ in sent or not self._holds.has(type_)):
                subscription.answered = True
                if type_ not in sent:
                    answers.append(self._outbox.respond(type_))
        unknown: dict[ResourceType, list[str]] = {}
        for key in self._asked:
            if key.type in ANSWERED_WHEN_UNKNOWN and key not in self._holdings:
                unknown.setdefault(key.type, []).append(key.name)
        self._asked.clear()
        answers.extend(self._outbox.respond(type_, missing=names) for type_, names in unknown.items())
        if not (self._order.settled or self._fenced or self._outbox) and self._holds.has(ResourceType.CLUSTER):
            # Whatever the proxy says to this, it has said everything else before.
            self._fenced = True
            answers.append(self._outbox.respond(ResourceType.CLUSTER))
        return answers


def _divide(suspects: list[tuple[Holding, Copy]], message: str) -> list[list[tuple[Holding, Copy]]]:
    """Set those apart that the proxy names; if it names none, or all, halve.

    Envoy names clusters and listeners, and never routes.
    """
    named = [suspect for suspect in suspects if suspect[0].key.name in message]
    if named and len(named) < len(suspects):
        rest = [suspect for suspect in suspects if suspect[0].key.name not in message]
        return [rest, *([suspect] for suspect in named)]
    middle = (len(suspects) + 1) // 2
    return [suspects[:middle], suspects[middle:]]
