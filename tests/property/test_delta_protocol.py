"""A model Envoy against delta streams of two instances, under random publications, delays and reconnects.

At every step: nothing is named that is not live, nothing is removed that is named,
nothing is sent that is there, nothing waits without a reason. In the end: the proxy has
what is desired, but for what it refused.
"""

from collections import deque

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.property.delta_envoy import (
    BAD,
    CLUSTER,
    ENDPOINTS,
    LISTENER,
    MALFORMED,
    ROUTE,
    SCOPE,
    Delivery,
    Envoy,
    is_bad,
    is_eds,
    make,
    names_in,
)

from lateen.ir.proxy import ProxyId
from lateen.ir.resource import Resource, ResourceKey
from lateen.xds.cache import ResourceCache
from lateen.xds.delta import DeltaStream
from lateen.xds.events import StreamId
from lateen.xds.messages import Response
from lateen.xds.order import ON_WILDCARD
from lateen.xds.patience import GracePeriods

PROXY = ProxyId("edge", "all")
CLUSTERS = ("e0", "e1", "e2", "d0", "d1")
FAREWELL = 1.0

contents = st.sampled_from(["1", "2", "3", BAD, MALFORMED])
some_clusters = st.sets(st.sampled_from(CLUSTERS), max_size=2)
changes = st.one_of(
    st.tuples(st.just(CLUSTER), st.sampled_from(CLUSTERS), st.none() | contents),
    st.tuples(st.just(ENDPOINTS), st.sampled_from(CLUSTERS[:3]), st.sampled_from(["1", "2"])),
    st.tuples(st.just(LISTENER), st.sampled_from(["l0", "l1"]), st.none() | st.tuples(contents, some_clusters)),
    st.tuples(st.just(SCOPE), st.sampled_from(["s0", "s1", "s2"]), st.none() | contents),
    st.tuples(st.just(ROUTE), st.sampled_from(["r0", "r1", "r2"]), st.none() | st.tuples(contents, some_clusters)),
)


class Instance:
    """One control plane."""

    def __init__(self) -> None:
        """Start with nothing published."""
        self.cache = ResourceCache()
        self.cache.publish(PROXY, {})
        self.changed: dict[ResourceKey, None] = {}
        self.cache.subscribe(PROXY, lambda keys: self.changed.update(dict.fromkeys(keys)))


class DeltaProtocol(RuleBasedStateMachine):
    """Two instances with equal content, one proxy that is connected to either."""

    def __init__(self) -> None:
        """Prepare the instances."""
        super().__init__()
        self.now = 0.0
        self.streams = 0
        self.heard = 0
        self.instances = (Instance(), Instance())
        self.desired: dict[ResourceKey, Resource] = {}
        self.envoy = Envoy()
        self.under_way: deque[Delivery] = deque()
        self.at = self.instances[0]
        self.stream: DeltaStream

    @initialize(first=st.lists(changes, max_size=12), calm=st.booleans())
    def begin(self, first: list[tuple[object, ...]], *, calm: bool) -> None:
        """Start with little, or with a proxy that serves."""
        if calm:
            self.change([(CLUSTER, name, "1") for name in CLUSTERS])
            self.change([(LISTENER, "l0", ("1", {"e0"})), (SCOPE, "s0", "1"), (SCOPE, "s1", "1")])
            self.change([(ROUTE, "r0", ("1", {"e0", "d0"})), (ROUTE, "r1", ("1", {"e1"}))])
        self.change(first)
        self.connect(0)
        if calm:
            self.everything_settles()

    @rule(some=st.lists(changes, min_size=1, max_size=6))
    def publish(self, some: list[tuple[object, ...]]) -> None:
        self.change(some)
        self.send(self.hear())

    @rule()
    @precondition(lambda self: self.envoy.requests)
    def server_hears(self) -> None:
        self.heard += 1
        self.send(self.stream.on_request(self.envoy.requests.pop(0)))

    @rule(taste=st.integers(0, 7))
    @precondition(lambda self: self.under_way)
    def envoy_hears(self, taste: int) -> None:
        self.envoy.take(self.under_way.popleft(), taste)

    @rule(name=st.sampled_from(CLUSTERS[3:]))
    @precondition(lambda self: self.envoy.warming)
    def name_is_resolved(self, name: str) -> None:
        self.envoy.resolve(name)

    @rule(seconds=st.sampled_from([0.3, FAREWELL]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.send(self.stream.on_tick())

    @rule(instance=st.integers(0, 1))
    # What it took over of a refused response, Envoy reports under the version it had before.
    @precondition(lambda self: not self.envoy.refused)
    def connect(self, instance: int) -> None:
        self.under_way.clear()
        self.at = self.instances[instance]
        self.at.changed.clear()
        self.streams += 1
        self.heard = 0
        desired = self.at.cache.desired(PROXY)
        assert desired is not None
        self.stream = DeltaStream(
            StreamId(PROXY, "envoy", self.streams),
            desired,
            clock=lambda: self.now,
            patience=GracePeriods(farewell=FAREWELL),
        )
        self.envoy.connect()

    @rule()
    def everything_settles(self) -> None:
        for _ in range(2_000):
            if self.envoy.requests:
                self.server_hears()
            elif self.under_way:
                self.envoy_hears(3)
            elif any(not is_eds(name) for name in self.envoy.warming):
                for name in CLUSTERS[3:]:
                    self.envoy.resolve(name)
            elif self.at.changed:
                self.send(self.hear())
            elif self.stream.wake_at is not None:
                self.now = max(self.now, self.stream.wake_at)
                self.send(self.stream.on_tick())
            else:
                break
        else:
            raise AssertionError("the conversation does not end")
        self.check_outcome()

    @invariant()
    def everything_that_waits_waits_for_something(self) -> None:
        if self.streams == 0:
            return
        live = {key.name for key, holding in self.stream._holdings.items() if key.type is CLUSTER and holding.live}
        for key, hold in self.stream._holds:
            if key.type is CLUSTER:
                continue
            assert hold.keys
            for need in hold.keys:
                assert self.at.cache.desired(PROXY).get(need) is not None, f"{key} waits for {need}, which is nowhere"  # type: ignore[union-attr] # the class exists
                assert need.name not in live, f"{key} waits for {need}, which is live"

    def teardown(self) -> None:
        if self.streams:
            self.everything_settles()

    # What rules do

    def change(self, some: list[tuple[object, ...]]) -> None:
        """Publish to both instances; endpoints exist exactly as long as their cluster."""
        batch: dict[ResourceKey, Resource | None] = {}
        for type_, name, content in some:
            key = ResourceKey(type_, name)  # type: ignore[arg-type] # by construction of the strategy
            if content is None:
                made = None
            elif isinstance(content, tuple):
                made = make(key.type, key.name, *content)
            else:
                names = [key.name.replace("s", "r")] if key.type is SCOPE else ()
                made = make(key.type, key.name, str(content), names, needs=content != "3")
            batch[key] = made
        for name in CLUSTERS[:3]:
            key, wanted = ResourceKey(ENDPOINTS, name), ResourceKey(CLUSTER, name)
            if batch.get(wanted, self.desired.get(wanted)) is None or (wanted in batch and batch[wanted] is None):
                batch[key] = None
            elif batch.get(key, self.desired.get(key)) is None:
                batch[key] = make(ENDPOINTS, name, "1")
        for key, made in batch.items():
            if made is None:
                self.desired.pop(key, None)
            else:
                self.desired[key] = made
        for instance in self.instances:
            instance.cache.publish(PROXY, batch)

    def hear(self) -> list[Response]:
        """Let the stream hear of everything that changed."""
        keys = tuple(self.at.changed)
        self.at.changed.clear()
        return self.stream.on_change(keys)

    def send(self, responses: list[Response]) -> None:
        """Put responses on their way."""
        desired = self.at.cache.desired(PROXY)
        assert desired is not None
        dangling = frozenset(
            name
            for name in CLUSTERS
            if (resource := desired.get(ResourceKey(CLUSTER, name))) is None
            or ((verdict := desired.quarantine.verdict(resource.key, resource.version)) and verdict.pinned is None)
        )
        self.under_way.extend(Delivery(response, dangling, self.heard) for response in responses)
        # A rejection concerns the stream that reported it, too.
        if self.at.changed:
            self.send(self.hear())

    # What must hold in the end

    def check_outcome(self) -> None:
        have = self.envoy.have
        assert not self.envoy.warming
        for key, resource in self.desired.items():
            if key.type in (ENDPOINTS, ROUTE) and key.name not in self.envoy.asked.get(key.type, ()):
                continue
            if key.type is SCOPE and not any(each.type is LISTENER for each in have) and SCOPE not in self.envoy.asked:
                continue
            if not is_bad(resource.body) and not self.waits_for_refused(resource):
                assert have.get(key) == resource.body, f"{key} is {have.get(key)!r}, not {resource.body!r}"
        named = {name for key, body in have.items() if key.type in (ROUTE, LISTENER) for name in names_in(body)}
        supported = {key.name for each in self.at.cache.quarantine.of(PROXY) for key in (r.key for r in each.support)}
        for key in have:
            if key not in self.desired and key.type in ON_WILDCARD:
                assert key.type is CLUSTER, f"{key} was not removed"
                assert key.name in named | supported or self.stream._usage.unknown, f"{key} was not removed"

    def waits_for_refused(self, resource: Resource) -> bool:
        """Tell whether something has to stay in its old version, because what it needs was refused."""
        needs = list(resource.needs)
        for need in needs:
            wanted = self.desired.get(need)
            if wanted is not None and need.type is ROUTE:
                needs.extend(wanted.needs)
            if wanted is not None and is_bad(wanted.body):
                return True
        return False


DeltaProtocol.TestCase.settings = settings(stateful_step_count=40, deadline=None)
TestDeltaProtocol = DeltaProtocol.TestCase
