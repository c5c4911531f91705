"""What is refused is searched for, put aside, replaced and reported, and holds nothing else up."""

from tests.unit.xds.scene import (
    CLUSTER,
    ENDPOINTS,
    LISTENER,
    PROXY,
    ROUTE,
    SCOPE,
    Scene,
    bodies,
    cluster,
    endpoints,
    listener,
    resource,
    route,
    scope,
    sent,
)

from lateen.ir.resource import Resource, ResourceKey, ResourceType
from lateen.model.keys import Key, Kind
from lateen.xds.events import Acknowledged, Rejected
from lateen.xds.messages import Response
from lateen.xds.quarantine import ProxyQuarantine, Rejection


def rejections(scene: Scene) -> list[Rejected]:
    return [event for event in scene.events if isinstance(event, Rejected)]


def judge(scene: Scene, responses: list[Response], bad: set[bytes]) -> list[Response]:
    """Judge everything that comes, as a proxy that refuses `bad`; return all responses in order."""
    seen = []
    queue = list(responses)
    while queue:
        response = queue.pop(0)
        seen.append(response)
        guilty = any(item.body in bad for item in response.items)
        queue.extend(scene.nack(response, message="wrong content") if guilty else scene.ack(response))
    return seen


def test_a_rejected_resource_is_reported_with_envoys_words_and_its_origins() -> None:
    made = listener("l")
    scene = Scene(made)
    (response,) = scene.ask(LISTENER)
    assert scene.nack(response, message="cannot bind") == []
    origin = Key(Kind.VIRTUAL_SERVICE, "shop", "l")
    assert rejections(scene) == [Rejected(scene.stream.stream, made.key, made.version, "cannot bind", (origin,))]
    ((proxy, rejection),) = scene.cache.quarantine.about(origin)
    assert (proxy, rejection.message, rejection.origins) == (PROXY, "cannot bind", (origin,))


def test_a_rejected_version_is_not_sent_again_until_it_changes() -> None:
    scene = Scene(listener("l"))
    scene.nack(*scene.ask(LISTENER))
    assert scene.hear() == []
    assert scene.publish(listener("other")) != []
    assert bodies(scene.publish(listener("l", content="2"))) == [b"LISTENER l 2"]


def test_the_culprit_among_many_is_found_by_halving() -> None:
    bad = listener("l5")
    scene = Scene(*(listener(f"l{number}") for number in range(8)))
    responses = judge(scene, scene.ask(LISTENER), {bad.body})
    assert [len(response.items) for response in responses] == [8, 4, 4, 2, 2, 1, 1]
    assert [event.key for event in rejections(scene)] == [bad.key]


def test_culprits_that_the_proxy_names_are_set_apart_at_once() -> None:
    scene = Scene(*(listener(f"listener-{number}") for number in range(8)))
    (response,) = scene.ask(LISTENER)
    words = "Error adding/updating listener(s) listener-3: no such file, listener-6: no such file"
    rest, *named = scene.nack(response, message=words)
    assert len(rest.items) == 6
    assert [[item.name for item in part.items] for part in named] == [["listener-3"], ["listener-6"]]


def test_every_culprit_is_found_and_everything_else_is_acknowledged() -> None:
    made = [listener(f"l{number}") for number in range(33)]
    bad = {made[0].body, made[7].body, made[8].body, made[32].body}
    scene = Scene(*made)
    judge(scene, scene.ask(LISTENER), bad)
    assert {event.key.name for event in rejections(scene)} == {"l0", "l7", "l8", "l32"}
    acknowledged = {key for event in scene.events if isinstance(event, Acknowledged) for key in event.versions}
    assert acknowledged == {each.key for each in made if each.body not in bad}


def test_each_rejection_is_reported_once() -> None:
    made = [listener(f"l{number}") for number in range(4)]
    scene = Scene(*made)
    judge(scene, scene.ask(LISTENER), {made[2].body})
    judge(scene, scene.publish(listener("l0", content="2")), {made[2].body})
    assert len(rejections(scene)) == 1


def test_removals_in_a_rejected_response_are_repeated() -> None:
    scene = Scene(scope("gone"))
    scene.run(scene.ask(SCOPE))
    bad = scope("bad")
    responses = judge(scene, scene.publish(bad, scope("good"), without=[scope("gone")]), {bad.body})
    assert [sent([response]) for response in responses] == [
        ["SCOPE bad", "SCOPE good", "-SCOPE gone"],
        ["SCOPE bad", "-SCOPE gone"],
        ["SCOPE good"],
        ["-SCOPE gone"],
        ["SCOPE bad"],
    ]
    assert [event.key for event in rejections(scene)] == [bad.key]


def test_other_types_and_resources_go_on_during_the_search() -> None:
    scene = Scene(*(listener(f"l{number}") for number in range(4)), cluster("a"))
    scene.run(scene.ask(CLUSTER))
    (response,) = scene.ask(LISTENER)
    halves = scene.nack(response)
    assert sent(scene.publish(cluster("b"), listener("l9"))) == ["CLUSTER b", "LISTENER l9"]
    assert [len(half.items) for half in halves] == [2, 2]


def test_what_changed_during_the_search_is_not_sent_in_its_old_version() -> None:
    scene = Scene(listener("a"), listener("b"))
    (response,) = scene.ask(LISTENER)
    newer = scene.publish(listener("b", content="2"))
    again = scene.nack(response)
    assert bodies(again) == [b"LISTENER a 1"]
    assert scene.ack(*newer, *again) == []


def test_what_a_proxy_may_have_taken_of_a_refused_response_is_put_back_to_what_is_wanted() -> None:
    scene = Scene(listener("a"), listener("b"))
    scene.run(scene.ask(LISTENER))
    (response,) = scene.publish(listener("a", content="2"), listener("b", content="2"))
    scene.cache.publish(PROXY, {listener("a").key: listener("a")})
    scene.changed.clear()
    assert bodies(scene.nack(response)) == [b"LISTENER b 2", b"LISTENER a 1"]


def test_what_a_proxy_may_have_taken_of_a_refused_response_is_removed_when_it_is_not_wanted() -> None:
    scene = Scene(listener("a"))
    scene.run(scene.ask(LISTENER))
    (response,) = scene.publish(listener("b"), listener("c"))
    scene.cache.publish(PROXY, {listener("b").key: None})
    scene.changed.clear()
    assert sent(scene.nack(response)) == ["LISTENER c", "-LISTENER b"]


def test_what_a_proxy_may_have_let_go_with_a_refused_response_is_sent_again() -> None:
    scene = Scene(listener("a"))
    scene.run(scene.ask(LISTENER))
    (response,) = scene.publish(listener("b"), without=[listener("a")])
    scene.cache.publish(PROXY, {listener("a").key: listener("a")})
    scene.changed.clear()
    assert sent(scene.nack(response)) == ["LISTENER b", "LISTENER a"]


def test_a_cluster_that_a_half_taken_route_may_name_stays_until_the_next_acknowledgement() -> None:
    scene = Scene(cluster("a"), listener("l"), route("r"), route("q"))
    scene.run([*scene.start(), *scene.ask(ROUTE, "r", "q")])
    (response,) = scene.publish(route("r", "a"), route("q", content="2"))
    scene.cache.publish(PROXY, {route("r").key: route("r"), cluster("a").key: None})
    scene.changed.clear()
    again = scene.nack(response)
    assert bodies(again) == [b"ROUTE q 2 to ()", b"ROUTE r 1 to ()"]
    assert scene.stream.on_change([cluster("a").key]) == []
    assert sent(scene.ack(*again)) == ["-CLUSTER a"]


def test_what_has_to_wait_by_now_is_not_sent_during_the_search() -> None:
    scene = Scene(listener("l"), route("r"), route("q"))
    scene.run([*scene.start(), *scene.ask(ROUTE, "r", "q")])
    (response,) = scene.publish(route("r", "new"), route("q", content="2"))
    clusters = scene.publish(cluster("new"))
    assert bodies(scene.nack(response)) == [b"ROUTE q 2 to ()"]
    assert bodies(scene.ack(*clusters)) == [b"ROUTE r 1 to ('new',)"]


def test_endpoints_follow_the_clusters_that_are_sent_again_during_the_search() -> None:
    scene = Scene(cluster("a"), endpoints("a"))
    scene.run([*scene.ask(CLUSTER), *scene.ask(ENDPOINTS, "a")])
    clusters, follower = scene.publish(cluster("a", "2"), cluster("bad"))
    scene.ack(follower)
    assert sent(scene.nack(clusters)) == ["CLUSTER a", "CLUSTER bad", "ENDPOINTS a"]


def test_the_only_one_left_of_a_rejected_response_gets_another_chance() -> None:
    scene = Scene(listener("a"), listener("b"))
    (response,) = scene.ask(LISTENER)
    scene.publish(listener("b", content="2"))
    again = scene.nack(response)
    assert scene.ack(*again) == []
    assert rejections(scene) == []


def test_a_refused_removal_is_reported_and_done_with() -> None:
    scene = Scene(listener("l"))
    scene.run(scene.ask(LISTENER))
    (removal,) = scene.publish(without=[listener("l")])
    scene.nack(removal, message="busy")
    assert [(event.version, event.message) for event in rejections(scene)] == [(None, "busy")]


def test_a_new_stream_is_served_the_last_acknowledged_version_in_place_of_the_rejected_one() -> None:
    scene = Scene(route("r"))
    scene.run(scene.ask(ROUTE, "r"))
    scene.nack(*scene.publish(route("r", content="2")))
    other = Scene(cache=scene.cache, number=2)
    assert bodies(other.ask(ROUTE, "r")) == [b"ROUTE r 1 to ()"]


def test_a_new_stream_is_served_nothing_if_nothing_was_ever_acknowledged() -> None:
    scene = Scene(listener("l"))
    scene.nack(*scene.ask(LISTENER))
    other = Scene(cache=scene.cache, number=2)
    (response,) = other.ask(LISTENER)
    assert sent([response]) == []


def test_the_pin_is_lifted_when_the_resource_changes() -> None:
    scene = Scene(route("r"))
    scene.run(scene.ask(ROUTE, "r"))
    scene.nack(*scene.publish(route("r", content="2")))
    responses = scene.publish(route("r", content="3"))
    assert bodies(responses) == [b"ROUTE r 3 to ()"]
    scene.ack(*responses)
    assert not list(scene.desired.quarantine)


def test_a_version_that_failed_before_is_known_until_a_newer_one_is_acknowledged() -> None:
    scene = Scene(route("r"))
    scene.run(scene.ask(ROUTE, "r"))
    scene.nack(*scene.publish(route("r", content="2")))
    scene.publish(route("r", content="3"))
    back = scene.publish(route("r", content="2"))
    assert bodies(back) == [b"ROUTE r 1 to ()"]


def test_going_back_to_the_acknowledged_version_sends_nothing() -> None:
    scene = Scene(route("r"))
    scene.run(scene.ask(ROUTE, "r"))
    scene.nack(*scene.publish(route("r", content="2")))
    assert scene.publish(route("r")) == []


def test_a_second_rejection_keeps_the_pin_of_the_first() -> None:
    scene = Scene(route("r"))
    scene.run(scene.ask(ROUTE, "r"))
    scene.nack(*scene.publish(route("r", content="2")))
    fresh = Scene(cache=scene.cache, number=2)
    fresh.ask(ROUTE, "r")
    scene.nack(*scene.publish(route("r", content="3")))
    (rejection,) = scene.desired.quarantine
    assert rejection.pinned == route("r")


def test_a_removed_resource_leaves_quarantine() -> None:
    scene = Scene(listener("l"))
    scene.nack(*scene.ask(LISTENER))
    scene.publish(without=[listener("l")])
    assert not list(scene.desired.quarantine)


def test_a_proxy_that_accepted_what_another_refuses_keeps_it() -> None:
    scene = Scene(route("r"))
    other = Scene(cache=scene.cache, number=2)
    for each in (scene, other):
        each.run(each.ask(ROUTE, "r"))
    refused = scene.publish(route("r", content="2"))
    other.run(other.hear())
    scene.nack(*refused)
    assert other.hear() == []


def test_a_proxy_that_was_not_sent_it_yet_is_spared_what_another_refuses() -> None:
    scene = Scene(route("r"))
    other = Scene(cache=scene.cache, number=2)
    for each in (scene, other):
        each.run(each.ask(ROUTE, "r"))
    scene.nack(*scene.publish(route("r", content="2")))
    assert other.hear() == []


def test_a_first_route_is_sent_even_if_its_cluster_was_rejected() -> None:
    scene = Scene(listener("l"))
    scene.run(scene.start())
    clusters = scene.publish(cluster("bad"), scope("s", "r"), route("r", "bad"))
    assert sent(scene.nack(*clusters)) == ["SCOPE s"]
    assert sent(scene.ask(ROUTE, "r")) == ["ROUTE r"]


def test_a_route_keeps_its_acknowledged_version_when_its_new_cluster_is_rejected() -> None:
    scene = Scene(cluster("old"), listener("l"), route("r", "old"))
    scene.run([*scene.start(), *scene.ask(ROUTE, "r")])
    clusters = scene.publish(cluster("bad"), route("r", "bad"))
    assert scene.nack(*clusters) == []
    repaired = scene.publish(cluster("bad", "2"))
    assert sent(scene.ack(*repaired)) == ["ROUTE r"]


def test_a_route_goes_on_to_a_cluster_whose_newest_version_was_rejected() -> None:
    scene = Scene(cluster("a"), listener("l"), route("r", "a"))
    scene.run([*scene.start(), *scene.ask(ROUTE, "r")])
    scene.nack(*scene.publish(cluster("a", "bad")))
    assert sent(scene.publish(route("r", "a", content="2"))) == ["ROUTE r"]


def test_clusters_that_a_pinned_route_names_are_kept_and_given_to_new_streams() -> None:
    scene = Scene(cluster("old"), endpoints("old"), listener("l"), scope("s"), route("r", "old"))
    scene.run([*scene.start(), *scene.ask(ROUTE, "r")])
    clusters = scene.publish(cluster("new"), route("r", "new"), without=[cluster("old"), endpoints("old")])
    (bad,) = scene.ack(*clusters)
    assert sent(scene.nack(bad)) == []
    fresh = Scene(cache=scene.cache, number=2)
    assert sent(fresh.ask(CLUSTER)) == ["CLUSTER new", "CLUSTER old"]
    assert sent(fresh.ask(ENDPOINTS, "old")) == ["ENDPOINTS old"]


def test_clusters_that_a_pinned_route_named_go_when_the_pin_is_lifted() -> None:
    scene = Scene(cluster("old"), listener("l"), scope("s"), route("r", "old"))
    scene.run([*scene.start(), *scene.ask(ROUTE, "r")])
    (bad,) = scene.publish(route("r"), without=[cluster("old")])
    scene.nack(bad)
    assert scene.hear() == []
    responses = scene.publish(route("r", content="3"))
    assert sent(scene.run(responses)) == ["ROUTE r"]
    assert sent(scene.hear()) == ["-CLUSTER old"]


def test_everything_a_pinned_scope_leads_to_is_kept() -> None:
    scene = Scene(cluster("old"), endpoints("old"), listener("l"), scope("s", "r"), route("r", "old"))
    scene.run([*scene.start(), *scene.ask(ROUTE, "r")])
    scene.nack(*scene.publish(scope("s", "r", content="2")))
    (rejection,) = scene.desired.quarantine
    assert {each.key.type for each in rejection.support} == {ROUTE, CLUSTER, ENDPOINTS}


def test_a_class_that_is_removed_is_forgotten() -> None:
    scene = Scene(listener("l"))
    scene.nack(*scene.ask(LISTENER))
    origin = Key(Kind.VIRTUAL_SERVICE, "shop", "l")
    assert len(list(scene.cache.quarantine.about(origin))) == 1
    scene.cache.remove(PROXY)
    assert list(scene.cache.quarantine.about(origin)) == []


def test_what_is_refused_of_one_object_is_found_without_looking_at_the_rest() -> None:
    heard: list[tuple[ResourceKey, ...]] = []
    quarantine = ProxyQuarantine(heard.append)
    shared, replaced = cluster("shared"), cluster("shared", content="2")

    def refuse(number: int, *support: Resource) -> Key:
        origin = Key(Kind.VIRTUAL_SERVICE, "shop", str(number))
        refused = ResourceKey(ResourceType.ROUTE, str(number))
        quarantine.reject(Rejection(refused, "1", "no", (origin,), route(str(number)), support))
        return origin

    first, second = refuse(1, shared), refuse(2, replaced)
    assert [each.key.name for each in quarantine.about(first)] == ["1"]
    assert heard[-1] == (ResourceKey(ResourceType.ROUTE, "2"), shared.key)
    assert quarantine.support(shared.key) == replaced
    quarantine.release([ResourceKey(ResourceType.ROUTE, "2")])
    assert quarantine.support(shared.key) == shared
    assert list(quarantine.about(second)) == []
    quarantine.release([ResourceKey(ResourceType.ROUTE, "1")])
    assert quarantine.support(shared.key) is None
    assert list(quarantine.supported(ResourceType.CLUSTER)) == []
    assert list(quarantine) == []


def test_nothing_is_condemned_for_an_empty_response() -> None:
    scene = Scene(resource(ResourceType.SECRET, "s"))
    (response,) = scene.ask(CLUSTER)
    assert scene.nack(response) == []
    assert rejections(scene) == []
