"""A model of Envoy 1.40 on a delta stream, as it was measured.

It keeps what it was sent, judges it, warms clusters, and complains when it is told to do
what would lose requests, or is sent what it has.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from lateen.ir.resource import Resource, ResourceKey, ResourceType
from lateen.xds.messages import Item, Request, Response

CLUSTER = ResourceType.CLUSTER
ENDPOINTS = ResourceType.ENDPOINTS
LISTENER = ResourceType.LISTENER
ROUTE = ResourceType.ROUTE
SCOPE = ResourceType.SCOPE

BAD = "bad"
"""Content that is refused; Envoy takes over some of the rest of the response."""

MALFORMED = "malformed"
"""Content that is refused with the whole response."""


def make(type_: ResourceType, name: str, content: str, names: Iterable[str] = (), *, needs: bool = True) -> Resource:
    """Make a resource whose body says everything that the model has to know: `content|names`."""
    named = sorted(names)
    target = CLUSTER if type_ in (ROUTE, LISTENER) else ROUTE
    body = f"{content}|{','.join(named)}"
    wanted = frozenset(ResourceKey(target, each) for each in named) if needs else frozenset()
    return Resource(ResourceKey(type_, name), f"{hash_of(type_, name, body)}", body.encode(), wanted)


def hash_of(type_: ResourceType, name: str, body: str) -> str:
    """Stand for a content hash."""
    return f"<{type_.name} {name} {body}>"


def names_in(body: bytes) -> set[str]:
    """Read what a resource names."""
    named = body.decode().partition("|")[2]
    return set(named.split(",")) if named else set()


def is_bad(body: bytes) -> bool:
    """Tell whether Envoy refuses this."""
    return body.decode().partition("|")[0] in (BAD, MALFORMED)


def is_malformed(body: bytes) -> bool:
    """Tell whether Envoy refuses everything that comes together with this."""
    return body.decode().partition("|")[0] == MALFORMED


def is_eds(name: str) -> bool:
    """Clusters named `e…` ask for endpoints, others resolve names."""
    return name.startswith("e")


@dataclass
class Delivery:
    """A response with what was excusable when it was sent."""

    response: Response
    dangling: frozenset[str]
    """Clusters that did not exist, or had been refused in every version."""
    heard: int = 0
    """How many requests the server had heard."""


@dataclass
class Envoy:
    """One proxy over all its streams."""

    have: dict[ResourceKey, bytes] = field(default_factory=dict)
    """What it runs; for clusters: what is warm."""
    warming: dict[str, bytes] = field(default_factory=dict)
    versions: dict[ResourceKey, str] = field(default_factory=dict)
    """What it would report on a new stream."""
    initialised: bool = False
    requests: list[Request] = field(default_factory=list)
    """Said and not heard yet."""
    asked: dict[ResourceType, set[str]] = field(default_factory=dict)
    refused: set[ResourceKey] = field(default_factory=set)
    """Was in a refused response: may be sent again though it is there."""
    entitled: dict[ResourceKey, int] = field(default_factory=dict)
    """Was asked for by name, in which request: may be sent in answer to that though it is there."""
    said: int = 0
    """Requests on this stream."""
    doubtful: set[ResourceKey] = field(default_factory=set)
    """Endpoints that may be sent once more though they are there.

    Of clusters in a refused response, because nobody can tell whether they are waited
    for; and behind a cluster that comes back, where they are asked for as well.
    """
    _withheld: list[Request] = field(default_factory=list)
    _started: set[ResourceType] = field(default_factory=set)

    # Streams

    def connect(self) -> None:
        """Open a stream: every subscription at once."""
        self.requests.clear()
        self._withheld.clear()
        started, self._started = self._started, set()
        self.entitled.clear()
        self.said = 0
        self._begin(CLUSTER)
        for type_ in (ENDPOINTS, LISTENER, SCOPE, ROUTE):
            if type_ in started:
                self._begin(type_)

    def _begin(self, type_: ResourceType) -> None:
        self._started.add(type_)
        initial = {key.name: version for key, version in self.versions.items() if key.type is type_}
        names = tuple(sorted(self.asked.get(type_, ()))) if type_ in (ENDPOINTS, ROUTE) else ()
        self._say(Request(type_, subscribe=names, initial_versions=initial))

    def _say(self, request: Request) -> None:
        """Speak, unless clusters are warming: then nothing is said of clusters."""
        if request.type is CLUSTER and self.initialised and self.warming:
            self._withheld.append(request)
            return
        self.requests.append(request)
        self.said += 1
        asked = (ResourceKey(request.type, name) for name in request.subscribe if name not in request.initial_versions)
        self.entitled.update(dict.fromkeys(asked, self.said))

    def _ask(self, type_: ResourceType, names: Iterable[str]) -> None:
        """Bring the subscription by name in line with what is used."""
        wanted = set(names)
        before = self.asked.setdefault(type_, set())
        more, less = tuple(sorted(wanted - before)), tuple(sorted(before - wanted))
        self.asked[type_] = wanted
        for name in less:
            self.versions.pop(ResourceKey(type_, name), None)
            self.have.pop(ResourceKey(type_, name), None)
        if type_ not in self._started:
            if wanted:
                self._begin(type_)
        elif more or less:
            self.doubtful |= {ResourceKey(type_, name) for name in more if type_ is ENDPOINTS}
            self._say(Request(type_, subscribe=more, unsubscribe=less))

    # Responses

    def take(self, delivery: Delivery, taste: int) -> None:
        """Take one response; `taste` decides which good routes of a refused response are taken over."""
        response = delivery.response
        for item in response.items:
            self._check_new(ResourceKey(response.type, item.name), item.version)
        there = {ResourceKey(response.type, i.name) for i in response.items if self._has(response.type, i)}
        bad = [item.name for item in response.items if is_bad(item.body)]
        partly = response.type in (CLUSTER, LISTENER) and not any(is_malformed(item.body) for item in response.items)
        for name, body in self._acceptable(response, taste, refused=bool(bad)):
            self._put(ResourceKey(response.type, name), body, delivery)
        if not bad or partly:
            for name in response.removed:
                self._drop(ResourceKey(response.type, name))
        involved = {ResourceKey(response.type, name) for name in (*(i.name for i in response.items), *response.removed)}
        if bad:
            self.refused |= involved
        else:
            self.refused -= involved
            self.versions |= {ResourceKey(response.type, item.name): item.version for item in response.items}
            for name in response.removed:
                self.versions.pop(ResourceKey(response.type, name), None)
        self.entitled = {
            key: number for key, number in self.entitled.items() if key not in involved or delivery.heard < number
        }
        if bad and response.type is CLUSTER:
            self.doubtful |= {ResourceKey(ENDPOINTS, key.name) for key in involved}
        if response.type is ENDPOINTS:
            repeated = {key for key in involved if key in there}
            self.doubtful -= {key for key in repeated if ResourceKey(CLUSTER, key.name) not in self.refused}
        self._follow(response)
        error = f"refused {', '.join(bad)}" if bad else None
        self._say(Request(response.type, nonce=response.nonce, error=error))
        self._advance()

    def resolve(self, name: str) -> None:
        """A name of a cluster is resolved."""
        if not is_eds(name) and name in self.warming:
            self.have[ResourceKey(CLUSTER, name)] = self.warming.pop(name)
            self._advance()

    def _acceptable(self, response: Response, taste: int, *, refused: bool) -> list[tuple[str, bytes]]:
        good = [(item.name, item.body) for item in response.items if not is_bad(item.body)]
        if any(is_malformed(item.body) for item in response.items):
            return []
        if not refused or response.type in (CLUSTER, LISTENER):
            return good
        if response.type is ROUTE:
            return [item for number, item in enumerate(good) if taste >> number & 1]
        return []

    def _has(self, type_: ResourceType, item: Item) -> bool:
        return self.versions.get(ResourceKey(type_, item.name)) == item.version

    def _check_new(self, key: ResourceKey, version: str) -> None:
        if self.versions.get(key) == version:
            assert key in self.entitled.keys() | self.refused | self.doubtful, (
                f"{key} was sent again in the version that is there"
            )

    def _put(self, key: ResourceKey, body: bytes, delivery: Delivery) -> None:
        if key.type is CLUSTER:
            if self.warming.get(key.name, self.have.get(key)) != body:
                self.warming[key.name] = body
            return
        if key.type is ENDPOINTS:
            if key.name not in self.asked.get(ENDPOINTS, ()):
                return
            if key.name in self.warming:
                self.have[ResourceKey(CLUSTER, key.name)] = self.warming.pop(key.name)
        if key.type is ROUTE and key.name not in self.asked.get(ROUTE, ()):
            return
        if key.type in (ROUTE, LISTENER):
            for name in names_in(body) - delivery.dangling:
                assert ResourceKey(CLUSTER, name) in self.have, f"{key} names {name}, which is not live"
        self.have[key] = body

    def _drop(self, key: ResourceKey) -> None:
        if key.type is CLUSTER:
            self.warming.pop(key.name, None)
            users = [
                user
                for user, body in self.have.items()
                if user.type in (ROUTE, LISTENER) and key.name in names_in(body)
            ]
            assert not users, f"{key} was removed while {users} name it"
        self.have.pop(key, None)

    def _follow(self, response: Response) -> None:
        """Ask for what the new configuration needs, and for what it needs no more not."""
        if response.type is CLUSTER:
            clusters = {key.name for key in self.have if key.type is CLUSTER} | self.warming.keys()
            self._ask(ENDPOINTS, filter(is_eds, clusters))
        if response.type is ENDPOINTS:
            for name in response.removed:
                if name in self.warming:
                    self.have[ResourceKey(CLUSTER, name)] = self.warming.pop(name)
        if response.type is LISTENER and SCOPE not in self._started:
            self._begin(SCOPE)
        if response.type is SCOPE:
            scopes = {key: body for key, body in self.have.items() if key.type is SCOPE}
            self._ask(ROUTE, {key.name.replace("s", "r") for key in scopes})

    def _advance(self) -> None:
        """Go on when nothing is warming any more."""
        if self.warming:
            return
        if not self.initialised:
            self.initialised = True
            self._begin(LISTENER)
        withheld, self._withheld = self._withheld, []
        for request in withheld:
            self._say(request)
