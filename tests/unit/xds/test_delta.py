"""Subscriptions, versions and sizes on one delta stream."""

import pytest
from tests.unit.xds.scene import (
    CLUSTER,
    ENDPOINTS,
    LISTENER,
    ROUTE,
    SCOPE,
    SECRET,
    Scene,
    bodies,
    cluster,
    endpoints,
    listener,
    resource,
    route,
    scope,
    sent,
    versions,
)

from lateen.ir.resource import ResourceKey
from lateen.xds import outbox
from lateen.xds.events import Acknowledged, Asked, Sent
from lateen.xds.order import Decision, Order


def test_a_wildcard_subscription_gets_everything_of_its_type() -> None:
    scene = Scene(cluster("a"), cluster("b"), listener("l"))
    assert sent(scene.ask(CLUSTER)) == ["CLUSTER a", "CLUSTER b"]


def test_the_first_request_of_a_type_is_answered_even_if_there_is_nothing() -> None:
    scene = Scene()
    for type_ in (CLUSTER, LISTENER, SCOPE):
        (response,) = scene.ask(type_)
        assert (response.items, response.removed) == ((), ())
        assert scene.ack(response) == []


def test_only_names_that_were_asked_for_are_sent_of_the_other_types() -> None:
    scene = Scene(route("r1"), route("r2"), resource(SECRET, "s1"), resource(SECRET, "s2"))
    assert sent(scene.ask(ROUTE, "r1")) == ["ROUTE r1"]
    assert sent(scene.ask(SECRET, "s2")) == ["SECRET s2"]
    assert scene.publish(route("r2", content="2")) == []


def test_an_empty_first_request_by_name_asks_for_nothing() -> None:
    scene = Scene(route("r1"))
    assert scene.ask(ROUTE) == []


def test_an_explicit_star_asks_for_everything() -> None:
    scene = Scene(cluster("a"))
    assert sent(scene.ask(CLUSTER, "*")) == ["CLUSTER a"]
    assert sent(scene.publish(cluster("b"))) == ["CLUSTER b"]


def test_without_the_star_only_names_are_left() -> None:
    scene = Scene(cluster("a"), cluster("b"))
    scene.run(scene.ask(CLUSTER, "*", "b"))
    scene.ask(CLUSTER, without=["*"])
    assert sent(scene.publish(cluster("a", "2"), cluster("b", "2"))) == ["CLUSTER b"]


def test_a_change_sends_the_changed_resource_and_nothing_else() -> None:
    scene = Scene(*(cluster(f"c{number}") for number in range(50)))
    scene.run(scene.ask(CLUSTER))
    responses = scene.publish(cluster("c7", "2"))
    assert bodies(responses) == [b"CLUSTER c7 2"]


def test_a_change_costs_the_same_among_any_number_of_resources(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(*(cluster(f"c{number}") for number in range(3_000)), listener("l"))
    scene.run(scene.start())
    decided = []
    decide = Order.decide

    def counting(order: Order, key: ResourceKey, now: float) -> Decision:
        decided.append(key)
        return decide(order, key, now)

    monkeypatch.setattr(Order, "decide", counting)
    scene.run(scene.publish(cluster("c7", "2")))
    assert decided == [cluster("c7").key]


def test_the_same_content_again_is_not_sent() -> None:
    scene = Scene(cluster("a"))
    scene.run(scene.ask(CLUSTER))
    assert scene.publish(cluster("a")) == []


def test_a_change_that_was_taken_back_before_the_stream_heard_of_it_is_not_sent() -> None:
    scene = Scene(listener("a"))
    scene.run(scene.ask(LISTENER))
    scene.cache.publish(scene.stream.stream.proxy, {listener("a").key: listener("a", content="2")})
    assert scene.publish(listener("a")) == []


def test_a_newer_version_does_not_wait_for_the_verdict_on_the_older_one() -> None:
    scene = Scene(listener("a"))
    first = scene.ask(LISTENER)
    second = scene.publish(listener("a", content="2"))
    assert bodies(second) == [b"LISTENER a 2"]
    assert scene.ack(*first, *second) == []


def test_what_a_proxy_asks_for_by_name_again_is_sent_again() -> None:
    scene = Scene(route("r"))
    scene.run(scene.ask(ROUTE, "r"))
    assert sent(scene.ask(ROUTE, "r")) == ["ROUTE r"]


def test_after_unsubscribing_nothing_is_sent_until_it_is_asked_for_again() -> None:
    scene = Scene(route("r"))
    scene.run(scene.ask(ROUTE, "r"))
    assert scene.ask(ROUTE, without=["r"]) == []
    assert scene.publish(route("r", content="2")) == []
    assert sent(scene.ask(ROUTE, "r")) == ["ROUTE r"]


def test_an_acknowledgement_of_something_forgotten_counts_for_nothing() -> None:
    scene = Scene(route("r"))
    (response,) = scene.ask(ROUTE, "r")
    scene.ask(ROUTE, without=["r"])
    assert scene.ack(response) == []
    assert sent(scene.ask(ROUTE, "r")) == ["ROUTE r"]


def test_unknown_endpoints_are_answered_at_once_so_that_the_cluster_does_not_wait() -> None:
    scene = Scene()
    (response,) = scene.ask(ENDPOINTS, "a", "b")
    assert (response.items, response.removed) == ((), ("a", "b"))


def test_unknown_routes_are_not_answered_because_envoy_ignores_their_removal() -> None:
    scene = Scene()
    assert scene.ask(ROUTE, "r") == []


def test_what_did_not_exist_is_sent_when_it_appears() -> None:
    scene = Scene()
    scene.run(scene.ask(ENDPOINTS, "a"))
    scene.ask(ROUTE, "r")
    assert sent(scene.publish(endpoints("a"), route("r"))) == ["ENDPOINTS a", "ROUTE r"]


def test_a_stale_nonce_is_ignored() -> None:
    scene = Scene(listener("a"))
    (response,) = scene.ask(LISTENER)
    scene.ack(response)
    assert scene.nack(response) == []
    assert scene.ask(LISTENER, without=[]) == []
    assert not list(scene.desired.quarantine)


def test_nonces_are_unique_on_a_stream_and_name_it() -> None:
    scene = Scene(cluster("a"), listener("l"), number=7)
    responses = [*scene.ask(CLUSTER), *scene.ask(LISTENER)]
    assert [response.nonce for response in responses] == ["7-1", "7-2"]


def test_removed_listeners_and_scopes_are_removed() -> None:
    scene = Scene(listener("l"), scope("s"))
    scene.run(scene.start())
    assert sent(scene.publish(without=[listener("l"), scope("s")])) == ["-LISTENER l", "-SCOPE s"]


def test_a_removed_resource_that_comes_back_is_sent_again() -> None:
    scene = Scene(listener("l"))
    scene.run(scene.ask(LISTENER))
    removal = scene.publish(without=[listener("l")])
    assert sent(scene.publish(listener("l"))) == ["LISTENER l"]
    assert scene.ack(*removal) == []


def test_a_response_carries_at_most_2000_resources() -> None:
    scene = Scene(*(cluster(f"c{number}") for number in range(4_500)))
    assert [len(response.items) for response in scene.ask(CLUSTER)] == [2_000, 2_000, 500]


def test_a_response_carries_at_most_two_mebibytes_unless_one_resource_alone_is_larger() -> None:
    third = outbox.MAX_BYTES // 3
    large = [cluster(f"c{number}", "x" * third) for number in range(3)]
    scene = Scene(*large, cluster("huge", "x" * 3 * third))
    assert [sent([response]) for response in scene.ask(CLUSTER)] == [
        ["CLUSTER c0", "CLUSTER c1"],
        ["CLUSTER c2"],
        ["CLUSTER huge"],
    ]


def test_bodies_travel_as_the_compiler_made_them() -> None:
    made = cluster("a")
    (response,) = Scene(made).ask(CLUSTER)
    assert response.items[0].body is made.body


def test_everything_that_is_sent_and_acknowledged_is_reported_with_its_time() -> None:
    made = listener("a")
    scene = Scene(made)
    (response,) = scene.ask(LISTENER)
    scene.now = 0.125
    scene.ack(response)
    stream = scene.stream.stream
    assert scene.events == [
        Sent(stream, LISTENER, "1-1", {made.key: made.version}),
        Asked(stream, LISTENER, ()),
        Acknowledged(stream, LISTENER, {made.key: made.version}, 0.125),
    ]


def test_endpoints_are_reported_under_the_version_of_their_content() -> None:
    made = endpoints("a")
    scene = Scene(cluster("a"), made)
    scene.ask(CLUSTER)
    (response,) = scene.ask(ENDPOINTS, "a")
    scene.ack(response)
    assert versions([response]) != {"a": made.version}
    assert scene.events[-1] == Acknowledged(scene.stream.stream, ENDPOINTS, {made.key: made.version}, 0.0)
