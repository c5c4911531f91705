"""A proxy that comes back, to this or another instance, is sent nothing that it has."""

from tests.unit.xds.scene import (
    CLUSTER,
    ENDPOINTS,
    LISTENER,
    PROXY,
    ROUTE,
    SCOPE,
    SECRET,
    Scene,
    cluster,
    endpoints,
    listener,
    resource,
    route,
    scope,
    sent,
    versions,
)

from lateen.ir.resource import Resource, ResourceKey
from lateen.xds.cache import ResourceCache
from lateen.xds.ledger import ChangeLedger, LiveChange
from lateen.xds.messages import Response

WORLD = (
    cluster("a"),
    endpoints("a"),
    cluster("dns"),
    listener("l"),
    scope("s", "r"),
    route("r", "a"),
    resource(SECRET, "key"),
)


class Proxy:
    """What an Envoy remembers between two streams."""

    def __init__(self, *resources: Resource) -> None:
        """Connect for the first time and take everything."""
        self.scene = Scene(*resources)
        start = self.scene.ask(CLUSTER)
        named = self.scene.ask(ENDPOINTS, "a")
        self.memory = {ResourceKey(CLUSTER, name): version for name, version in versions(start).items()}
        self.remember(start)
        self.remember(named)
        self.scene.ack(*start, *named)
        for type_, names in ((LISTENER, ()), (SCOPE, ()), (ROUTE, ("r",)), (SECRET, ("key",))):
            responses = self.scene.ask(type_, *names)
            self.remember(responses)
            self.scene.ack(*responses)

    def remember(self, responses: list[Response]) -> None:
        """Take over what responses say."""
        for response in responses:
            self.memory |= {ResourceKey(response.type, item.name): item.version for item in response.items}

    def reconnect(self, scene: Scene) -> list[Response]:
        """Open a new stream: all subscriptions, before anything is judged."""
        responses = []
        for type_ in (CLUSTER, ENDPOINTS, LISTENER, SCOPE, ROUTE, SECRET):
            initial = {key.name: version for key, version in self.memory.items() if key.type is type_}
            names = tuple(initial) if type_ in (ENDPOINTS, ROUTE, SECRET) else ()
            responses += scene.ask(type_, *names, initial=initial)
        return responses


def another_instance(*resources: Resource) -> Scene:
    cache = ResourceCache()
    cache.publish(PROXY, {each.key: each for each in resources})
    return Scene(cache=cache, number=1)


def test_nothing_is_sent_to_a_proxy_that_has_everything() -> None:
    proxy = Proxy(*WORLD)
    assert proxy.reconnect(Scene(cache=proxy.scene.cache, number=2)) == []


def test_whoever_waits_for_a_proxy_to_have_everything_hears_when_it_has_brought_it() -> None:
    proxy, scene = Proxy(*WORLD), another_instance(*WORLD)
    live: list[LiveChange[str]] = []
    ledger = ChangeLedger(lambda _: [scene.stream], live.append, clock=lambda: 0.0)
    scene.observers.append(ledger)
    ledger.track("everything", {PROXY: {each.key: each.version for each in WORLD}})
    assert live == []
    assert proxy.reconnect(scene) == []
    assert [each.change for each in live] == ["everything"]


def test_nothing_is_sent_by_another_instance_with_equal_content() -> None:
    assert Proxy(*WORLD).reconnect(another_instance(*WORLD)) == []


def test_only_what_changed_meanwhile_is_sent() -> None:
    changed = [listener("l", content="2") if each.key.type is LISTENER else each for each in WORLD]
    assert sent(Proxy(*WORLD).reconnect(another_instance(*changed))) == ["LISTENER l"]


def test_a_cluster_that_changed_meanwhile_is_sent_with_its_endpoints_behind_it() -> None:
    changed = [cluster("a", "2") if each.key == cluster("a").key else each for each in WORLD]
    assert sent(Proxy(*WORLD).reconnect(another_instance(*changed))) == ["CLUSTER a", "ENDPOINTS a"]


def test_endpoints_that_a_changed_cluster_was_still_waiting_for_are_sent_though_they_are_equal() -> None:
    proxy = Proxy(*WORLD)
    (clusters, _lost) = proxy.scene.publish(cluster("a", "2"))
    proxy.remember([clusters])
    assert sent(proxy.reconnect(Scene(cache=proxy.scene.cache, number=2))) == ["ENDPOINTS a"]


def test_vanished_listeners_and_scopes_are_removed() -> None:
    rest = [each for each in WORLD if each.key.type not in (LISTENER, SCOPE)]
    assert sent(Proxy(*WORLD).reconnect(another_instance(*rest))) == ["-LISTENER l", "-SCOPE s"]


def test_a_vanished_cluster_is_removed_after_the_proxy_has_said_everything() -> None:
    rest = [each for each in WORLD if each.key != cluster("dns").key]
    scene = another_instance(*rest)
    (fence,) = Proxy(*WORLD).reconnect(scene)
    assert sent([fence]) == []
    assert sent(scene.ack(fence)) == ["-CLUSTER dns"]


def test_a_vanished_cluster_stays_while_a_route_of_unknown_content_may_name_it() -> None:
    changed = [route("r") if each.key.type is ROUTE else each for each in WORLD if each.key != cluster("a").key]
    scene = another_instance(*changed)
    responses = Proxy(*WORLD).reconnect(scene)
    assert "-CLUSTER a" not in sent(responses)
    (routes,) = [response for response in responses if response.type is ROUTE]
    others = [response for response in responses if response.type is not ROUTE]
    assert "-CLUSTER a" not in sent(scene.ack(*others))
    assert sent(scene.ack(routes)) == ["-CLUSTER a"]


def test_a_vanished_cluster_goes_when_the_proxy_gives_up_the_route_of_unknown_content() -> None:
    rest = [each for each in WORLD if each.key not in (cluster("a").key, scope("s").key, route("r").key)]
    scene = another_instance(*rest)
    removals = Proxy(*WORLD).reconnect(scene)
    assert sent(removals) == ["-SCOPE s"]
    assert scene.ack(*removals) == []
    assert sent(scene.ask(ROUTE, without=["r"])) == ["-CLUSTER a"]


def test_clusters_that_the_proxy_has_are_live_from_the_start() -> None:
    scene = another_instance(*WORLD)
    Proxy(*WORLD).reconnect(scene)
    assert sent(scene.publish(route("r", "dns", "a", content="2"))) == ["ROUTE r"]


def test_a_pinned_version_that_the_proxy_has_is_not_sent_again() -> None:
    proxy = Proxy(*WORLD)
    scene = proxy.scene
    scene.nack(*scene.publish(route("r", "a", content="bad")))
    assert proxy.reconnect(Scene(cache=scene.cache, number=2)) == []


def test_names_that_are_not_asked_for_any_more_are_forgotten() -> None:
    scene = another_instance(*WORLD)
    scene.ask(ROUTE, initial={"r": route("r", "a").version})
    assert scene.publish(route("r", content="2")) == []


def test_endpoints_are_answered_while_the_proxy_does_not_ask_for_clusters_because_one_is_warming() -> None:
    scene = another_instance(*WORLD)
    stale = f"{endpoints('a').version}~{cluster('a', 'older').version}"
    assert sent(scene.ask(ENDPOINTS, "a", initial={"a": stale})) == ["ENDPOINTS a"]


def test_clusters_that_the_proxy_has_are_live_even_if_it_speaks_of_them_last() -> None:
    proxy = Proxy(*WORLD)
    scene = another_instance(*WORLD)
    late = {key.name: version for key, version in proxy.memory.items() if key.type is CLUSTER}
    proxy.memory = {key: version for key, version in proxy.memory.items() if key.type is not CLUSTER}
    for type_, names in ((LISTENER, ()), (SCOPE, ()), (ROUTE, ("r",))):
        initial = {key.name: version for key, version in proxy.memory.items() if key.type is type_}
        scene.ask(type_, *names, initial=initial)
    scene.publish(route("r", "dns", "a", content="2"))
    assert sent(scene.ask(CLUSTER, initial=late)) == ["ROUTE r"]
