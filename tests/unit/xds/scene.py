"""A proxy whose every word is written down: what tests of the protocol talk to a stream with."""

from collections.abc import Iterable, Mapping
from hashlib import sha256

from lateen.ir.proxy import ProxyId
from lateen.ir.resource import Resource, ResourceKey, ResourceType
from lateen.model.keys import Key, Kind
from lateen.xds.cache import ResourceCache
from lateen.xds.delta import DeltaStream
from lateen.xds.events import Event, StreamId, StreamObserver
from lateen.xds.messages import Request, Response
from lateen.xds.patience import GracePeriods

PROXY = ProxyId("edge", "istio=ingressgateway")

CLUSTER = ResourceType.CLUSTER
ENDPOINTS = ResourceType.ENDPOINTS
LISTENER = ResourceType.LISTENER
ROUTE = ResourceType.ROUTE
SCOPE = ResourceType.SCOPE
SECRET = ResourceType.SECRET


def resource(type_: ResourceType, name: str, content: str = "1", *needs: ResourceKey) -> Resource:
    """Make a resource whose body says what it is."""
    body = f"{type_.name} {name} {content}".encode()
    return Resource(
        ResourceKey(type_, name),
        sha256(body).hexdigest()[:8],
        body,
        frozenset(needs),
        (Key(Kind.VIRTUAL_SERVICE, "shop", name),),
    )


def cluster(name: str, content: str = "1") -> Resource:
    """Make a cluster."""
    return resource(CLUSTER, name, content)


def endpoints(name: str, content: str = "1") -> Resource:
    """Make the endpoints of a cluster."""
    return resource(ENDPOINTS, name, content)


def route(name: str, *clusters: str, content: str = "1") -> Resource:
    """Make a route to clusters."""
    return resource(ROUTE, name, f"{content} to {clusters}", *(ResourceKey(CLUSTER, each) for each in clusters))


def scope(name: str, *routes: str, content: str = "1") -> Resource:
    """Make a scope that waits for routes."""
    return resource(SCOPE, name, content, *(ResourceKey(ROUTE, each) for each in routes))


def listener(name: str, *needs: ResourceKey, content: str = "1") -> Resource:
    """Make a listener."""
    return resource(LISTENER, name, content, *needs)


class Scene:
    """A cache, one stream, and the time."""

    def __init__(
        self,
        *resources: Resource,
        cache: ResourceCache | None = None,
        patience: GracePeriods | None = None,
        number: int = 1,
    ) -> None:
        """Publish the resources, or use a cache that is there; start the stream."""
        self.now = 0.0
        self.events: list[Event] = []
        self.observers: list[StreamObserver] = [self.events.append]
        self.cache = ResourceCache() if cache is None else cache
        if cache is None:
            self.cache.publish(PROXY, {each.key: each for each in resources})
        desired = self.cache.desired(PROXY)
        assert desired is not None
        self.desired = desired
        self.changed: dict[ResourceKey, None] = {}
        self.cache.subscribe(PROXY, lambda keys: self.changed.update(dict.fromkeys(keys)))
        self.stream = DeltaStream(
            StreamId(PROXY, "envoy-1", number),
            desired,
            clock=lambda: self.now,
            observer=self._observe,
            patience=patience or GracePeriods(farewell=0.0),
        )

    def _observe(self, event: Event, /) -> None:
        for observer in self.observers:
            observer(event)

    def publish(self, *resources: Resource, without: Iterable[Resource] = ()) -> list[Response]:
        """Change what is desired; return what is sent."""
        changes: dict[ResourceKey, Resource | None] = {each.key: each for each in resources}
        changes.update({each.key: None for each in without})
        self.cache.publish(PROXY, changes)
        return self.hear()

    def hear(self) -> list[Response]:
        """Let the stream hear of everything that changed."""
        changed = tuple(self.changed)
        self.changed.clear()
        return self.stream.on_change(changed)

    def ask(
        self,
        type_: ResourceType,
        *names: str,
        without: Iterable[str] = (),
        initial: Mapping[str, str] | None = None,
    ) -> list[Response]:
        """Subscribe; return what is sent."""
        return self.stream.on_request(
            Request(type_, subscribe=names, unsubscribe=tuple(without), initial_versions=initial or {}),
        )

    def ack(self, *responses: Response) -> list[Response]:
        """Acknowledge; return what is sent thereupon."""
        return [
            answer
            for response in responses
            for answer in self.stream.on_request(Request(response.type, nonce=response.nonce))
        ]

    def nack(self, *responses: Response, message: str = "no") -> list[Response]:
        """Reject; return what is sent thereupon."""
        return [
            answer
            for response in responses
            for answer in self.stream.on_request(Request(response.type, nonce=response.nonce, error=message))
        ]

    def wait(self, seconds: float) -> list[Response]:
        """Let time pass; return what is sent."""
        self.now += seconds
        return self.stream.on_tick()

    def start(self) -> list[Response]:
        """Go through the first exchanges of a fresh Envoy; return the responses to listeners and scopes, unjudged."""
        clusters = self.ask(CLUSTER)
        names = [item.name for response in clusters for item in response.items]
        wanted = [name for name in names if self.desired.get(ResourceKey(ENDPOINTS, name))]
        answers = self.ask(ENDPOINTS, *wanted) if wanted else []
        self.ack(*clusters, *answers)
        return [*self.ask(LISTENER), *self.ask(SCOPE)]

    def run(self, responses: Iterable[Response]) -> list[Response]:
        """Acknowledge everything, and everything that follows; return it all in order."""
        seen = []
        queue = list(responses)
        while queue:
            response = queue.pop(0)
            seen.append(response)
            queue.extend(self.ack(response))
        return seen


def sent(responses: Iterable[Response]) -> list[str]:
    """Say in short what responses carry: `CLUSTER a`, `-SCOPE b`."""
    words: list[str] = []
    for response in responses:
        words.extend(f"{response.type.name} {item.name}" for item in response.items)
        words.extend(f"-{response.type.name} {name}" for name in response.removed)
    return words


def bodies(responses: Iterable[Response]) -> list[bytes]:
    """List the bodies in responses."""
    return [item.body for response in responses for item in response.items]


def versions(responses: Iterable[Response]) -> dict[str, str]:
    """List the versions in responses by name."""
    return {item.name: item.version for response in responses for item in response.items}
