"""When each change went live."""

from typing import cast

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
)

from lateen.ir.proxy import ProxyId
from lateen.ir.resource import Resource, ResourceKey
from lateen.xds.delta import DeltaStream
from lateen.xds.events import Acknowledged, Connected, Disconnected, StreamId
from lateen.xds.ledger import ChangeLedger, LiveChange
from lateen.xds.messages import Response
from lateen.xds.report import Settlement


class Watched:
    """Streams of one class, watched by a ledger."""

    def __init__(self, *resources: Resource, streams: int = 1) -> None:
        """Start streams that have taken everything, and the ledger."""
        first = Scene(*resources)
        self.scenes = [first, *(Scene(cache=first.cache, number=number) for number in range(2, streams + 1))]
        self.live: list[LiveChange[str]] = []
        self.ledger = ChangeLedger(
            lambda proxy: [scene.stream for scene in self.scenes] if proxy == PROXY else [],
            self.live.append,
            clock=lambda: self.now,
        )
        self.now = 0.0
        for scene in self.scenes:
            scene.observers.append(self.ledger)
            scene.run([*scene.start(), *scene.ask(ROUTE, "r"), *scene.ask(SECRET, "key")])

    def publish(self, change: str, *resources: Resource, without: tuple[Resource, ...] = ()) -> list[list[Response]]:
        """Publish and track; return what each stream sends."""
        changes: dict[ResourceKey, Resource | None] = {each.key: each for each in resources}
        changes.update({each.key: None for each in without})
        self.scenes[0].cache.publish(PROXY, changes)
        versions = {key: None if each is None else each.version for key, each in changes.items()}
        self.ledger.track(change, {PROXY: versions})
        return [scene.hear() for scene in self.scenes]


WORLD = (cluster("a"), endpoints("a"), listener("l"), scope("s"), route("r", "a"))


def test_a_change_is_live_when_the_proxy_acknowledges_it() -> None:
    watched = Watched(*WORLD)
    ((response,),) = watched.publish("c1", route("r", "a", content="2"))
    assert watched.live == []
    watched.now = 0.004
    watched.scenes[0].ack(response)
    assert watched.live == [LiveChange("c1", 0.004)]


def test_a_change_is_live_when_the_last_proxy_acknowledges_it() -> None:
    watched = Watched(*WORLD, streams=2)
    (first,), (second,) = watched.publish("c1", route("r", "a", content="2"))
    watched.scenes[0].ack(first)
    assert watched.live == []
    watched.scenes[1].ack(second)
    assert [each.change for each in watched.live] == ["c1"]


def test_a_proxy_that_leaves_is_not_waited_for() -> None:
    watched = Watched(*WORLD, streams=2)
    (first,), _ = watched.publish("c1", route("r", "a", content="2"))
    watched.scenes[0].ack(first)
    gone = watched.scenes.pop()
    watched.ledger(Disconnected(gone.stream.stream))
    assert [each.change for each in watched.live] == ["c1"]


def test_a_change_waits_for_the_first_proxy_of_a_class() -> None:
    watched = Watched(*WORLD)
    scenes, watched.scenes = watched.scenes, []
    scenes[0].cache.publish(PROXY, {listener("l").key: listener("l", content="2")})
    watched.ledger.track("c1", {PROXY: {listener("l").key: listener("l", content="2").version}})
    watched.now = 3.0
    assert watched.live == []
    assert watched.ledger.waiting == {"c1": 3.0}
    watched.scenes = scenes
    watched.ledger(Connected(scenes[0].stream.stream))
    scenes[0].run(scenes[0].hear())
    assert [each.change for each in watched.live] == ["c1"]


def test_everything_in_a_change_has_to_arrive_also_what_waits_for_the_rest() -> None:
    watched = Watched(*WORLD)
    (scene,) = watched.scenes
    (clusters,) = watched.publish("c1", cluster("b"), endpoints("b"), route("r", "b"))
    followers = scene.ask(ENDPOINTS, "b")
    routes = scene.ack(*followers, *clusters)
    assert watched.live == []
    scene.ack(*routes)
    assert [each.change for each in watched.live] == ["c1"]


def test_a_route_that_is_not_asked_for_yet_is_waited_for() -> None:
    watched = Watched(*WORLD)
    (scene,) = watched.scenes
    (scopes,) = watched.publish("c1", scope("s2"), route("r2", "a"))
    routes = scene.ask(ROUTE, "r2")
    scene.ack(*scopes)
    assert watched.live == []
    scene.ack(*routes)
    assert [each.change for each in watched.live] == ["c1"]


def test_what_no_proxy_asks_for_is_not_waited_for() -> None:
    watched = Watched(*WORLD)
    watched.publish("c1", resource(SECRET, "unused"))
    assert [each.change for each in watched.live] == ["c1"]


def test_a_refused_resource_is_live_with_its_last_good_version_and_named() -> None:
    watched = Watched(*WORLD)
    ((response,),) = watched.publish("c1", route("r", "a", content="bad"))
    watched.scenes[0].nack(response)
    assert watched.live == [LiveChange("c1", 0.0, rejected=((PROXY, route("r").key),))]


def test_a_change_that_was_overtaken_is_done_with_when_the_newer_one_arrives() -> None:
    watched = Watched(*WORLD)
    watched.publish("c1", route("r", "a", content="2"))
    ((newer,),) = watched.publish("c2", route("r", "a", content="3"))
    watched.scenes[0].ack(newer)
    assert watched.live == [LiveChange("c1", 0.0, superseded=True), LiveChange("c2", 0.0)]


def test_removed_listeners_and_scopes_are_waited_for() -> None:
    watched = Watched(*WORLD)
    ((response,),) = watched.publish("c1", without=(scope("s"),))
    assert watched.live == []
    watched.scenes[0].ack(response)
    assert [each.change for each in watched.live] == ["c1"]


def test_a_removed_cluster_is_not_waited_for_because_it_serves_nobody() -> None:
    watched = Watched(*WORLD, cluster("unused"))
    watched.publish("c1", without=(cluster("unused"), resource(SECRET, "key")))
    assert [each.change for each in watched.live] == ["c1"]


def test_a_change_of_nothing_is_live_at_once() -> None:
    watched = Watched(*WORLD)
    watched.publish("c1")
    assert watched.live == [LiveChange("c1", 0.0)]


def test_a_class_that_ceases_to_exist_is_not_waited_for() -> None:
    watched = Watched(*WORLD)
    watched.publish("c1", route("r", "a", content="2"))
    watched.ledger.forget(PROXY)
    assert [each.change for each in watched.live] == ["c1"]


def test_the_oldest_change_is_given_up_when_too_many_wait() -> None:
    ledger = ChangeLedger[str](lambda _: (), lambda _: None, clock=lambda: 0.0, limit=2)
    for change in ("c1", "c2", "c3"):
        ledger.track(change, {PROXY: {listener("l").key: "1"}})
    assert list(ledger.waiting) == ["c2", "c3"]


def test_events_of_a_class_that_a_change_does_not_touch_are_nothing_to_it() -> None:
    watched = Watched(*WORLD)
    other = ProxyId("edge", "other")
    watched.ledger.track("c1", {other: {cluster("a").key: "1"}})
    watched.scenes[0].run(watched.scenes[0].publish(listener("l", content="2"), scope("s", content="2")))
    assert list(watched.ledger.waiting) == ["c1"]
    assert {each.type for each in watched.scenes[0].stream.report().types} == {
        CLUSTER,
        ENDPOINTS,
        LISTENER,
        SCOPE,
        ROUTE,
        SECRET,
    }


def test_a_change_waits_for_what_a_proxy_will_ask_for_after_its_acknowledgement() -> None:
    watched = Watched(*WORLD)
    ((added,),) = watched.publish("c1", scope("s2", "r2"), route("r2", "a"))
    watched.scenes[0].ack(added)
    assert watched.live == []
    watched.scenes[0].ack(*watched.scenes[0].ask(ROUTE, "r2"))
    assert [each.change for each in watched.live] == ["c1"]


def test_a_class_that_has_its_part_is_told_while_another_one_keeps_the_change_waiting() -> None:
    watched = Watched(*WORLD)
    settled: list[str] = []
    ledger = ChangeLedger(
        lambda proxy: [watched.scenes[0].stream] if proxy == PROXY else [],
        watched.live.append,
        clock=lambda: 0.0,
        on_settled=settled.append,
    )
    versions = {key: resource.version for key, resource in watched.scenes[0].cache.snapshot(PROXY).items()}
    ledger.track("c1", {PROXY: versions, ProxyId("elsewhere", "app=edge"): versions})
    assert (settled, watched.live) == (["c1"], [])
    assert list(ledger.waiting) == ["c1"]
    ledger.track("c2", {PROXY: versions})
    assert (settled, [each.change for each in watched.live]) == (["c1"], ["c2"])


def test_a_proxy_has_everything_whatever_others_of_its_class_still_lack() -> None:
    watched = Watched(*WORLD, streams=2)
    late, early = watched.scenes
    new = route("r", "a", content="2")
    late.cache.publish(PROXY, {new.key: new})
    for scene in (late, early):
        watched.ledger.load(f"load {scene.stream.stream.number}", scene.stream.stream, {new.key: new.version})
    late.hear()
    assert list(watched.ledger.waiting) == ["load 1", "load 2"]
    early.ack(*early.hear())
    assert [each.change for each in watched.live] == ["load 2"]


def test_a_proxy_that_has_everything_already_is_told_at_once() -> None:
    watched = Watched(*WORLD)
    (scene,) = watched.scenes
    versions = {key: each.version for key, each in scene.cache.snapshot(PROXY).items()}
    watched.ledger.load("load", scene.stream.stream, versions)
    assert [each.change for each in watched.live] == ["load"]
    assert watched.ledger.waiting == {}


def test_a_proxy_that_leaves_before_it_has_everything_is_forgotten() -> None:
    watched = Watched(*WORLD)
    (scene,) = watched.scenes
    new = listener("l", content="2")
    scene.cache.publish(PROXY, {new.key: new})
    watched.ledger.load("load", scene.stream.stream, {new.key: new.version})
    assert (list(watched.ledger.waiting), watched.ledger.held_up) == (["load"], 1)
    watched.ledger(Disconnected(watched.scenes.pop().stream.stream))
    assert (watched.ledger.waiting, watched.ledger.held_up) == ({}, 0)


def test_nothing_is_kept_of_a_proxy_that_leaves_while_a_change_waits() -> None:
    watched = Watched(*WORLD, streams=2)
    watched.publish("c1", route("r", "a", content="2"))
    watched.ledger(Disconnected(watched.scenes.pop().stream.stream))
    ((newer,),) = watched.publish("c2", route("r", "a", content="3"))
    watched.scenes[0].ack(newer)
    assert watched.live == [LiveChange("c1", 0.0, superseded=True), LiveChange("c2", 0.0)]


def test_a_change_costs_as_many_looks_as_there_are_proxies() -> None:
    looks = 0
    acknowledged: set[int] = set()

    class Proxy:
        """A stream that counts how often it is asked."""

        def __init__(self, number: int) -> None:
            self.stream = StreamId(PROXY, "envoy", number)

        def settlement(self, _key: ResourceKey, _version: str | None) -> Settlement:
            nonlocal looks
            looks += 1
            return Settlement.LIVE if self.stream.number in acknowledged else Settlement.PENDING

    live: list[str] = []
    proxies = [cast("DeltaStream", Proxy(number)) for number in range(1, 101)]
    ledger = ChangeLedger[str](lambda _: proxies, lambda each: live.append(each.change), clock=lambda: 0.0)
    ledger.track("c1", {PROXY: {route("r").key: "2"}})
    for proxy in proxies:
        acknowledged.add(proxy.stream.number)
        ledger(Acknowledged(proxy.stream, ROUTE, {route("r").key: "2"}, 0.0))
    assert live == ["c1"]
    assert looks <= 3 * len(proxies)


def test_what_one_proxy_refuses_is_not_waited_for_on_the_others() -> None:
    watched = Watched(*WORLD, streams=2)
    (first,), _ = watched.publish("c1", route("r", "a", content="bad"))
    watched.scenes[0].nack(first)
    assert [each.change for each in watched.live] == ["c1"]
