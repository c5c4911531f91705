"""Make before break: nothing names what is not live, nothing goes that is named."""

from tests.unit.xds.scene import (
    CLUSTER,
    ENDPOINTS,
    LISTENER,
    ROUTE,
    Scene,
    bodies,
    cluster,
    endpoints,
    listener,
    route,
    scope,
    sent,
    versions,
)

from lateen.xds.patience import GracePeriods


def serving(*, patience: GracePeriods | None = None) -> Scene:
    """Set a proxy up that runs `r` to the EDS cluster `old`, behind a listener and a scope."""
    scene = Scene(
        cluster("old"), endpoints("old"), listener("l"), scope("s", "r"), route("r", "old"), patience=patience
    )
    scene.run([*scene.start(), *scene.ask(ROUTE, "r")])
    return scene


def test_a_fresh_envoy_gets_its_routes_without_waiting() -> None:
    scene = Scene(cluster("dns"), cluster("eds"), endpoints("eds"), scope("s", "r"), route("r", "dns", "eds"))
    responses = scene.start()
    assert sent(responses) == ["SCOPE s"]
    assert sent(scene.ask(ROUTE, "r")) == ["ROUTE r"]


def test_a_route_waits_until_its_new_cluster_is_acknowledged() -> None:
    scene = serving()
    responses = scene.publish(cluster("new"), route("r", "new"))
    assert sent(responses) == ["CLUSTER new"]
    assert sent(scene.ack(*responses)) == ["ROUTE r"]


def test_a_route_waits_until_the_endpoints_of_its_new_cluster_are_acknowledged() -> None:
    scene = serving()
    scene.publish(cluster("new"), endpoints("new"), route("r", "new"))
    responses = scene.ask(ENDPOINTS, "new")
    assert sent(responses) == ["ENDPOINTS new"]
    assert sent(scene.ack(*responses)) == ["ROUTE r"]


def test_acknowledged_endpoints_prove_a_cluster_warm_while_envoy_withholds_cluster_acknowledgements() -> None:
    scene = serving()
    slow = scene.publish(cluster("slow-dns"), cluster("new"), endpoints("new"), route("r", "new"))
    endpoints_of_new = scene.ask(ENDPOINTS, "new")
    assert sent(scene.ack(*endpoints_of_new)) == ["ROUTE r"]
    assert scene.ack(*slow) == []


def test_the_acknowledgement_of_endpoints_that_met_an_older_cluster_proves_nothing() -> None:
    scene = Scene(cluster("a"), endpoints("a"), listener("l"), scope("s"), route("r"))
    scene.run([*scene.start(), *scene.ask(ROUTE, "r")])
    late = scene.publish(endpoints("a", "2"))
    removal = scene.publish(without=[cluster("a")])
    again = scene.publish(cluster("a"), route("r", "a"))
    assert sent(again) == ["CLUSTER a", "ENDPOINTS a"]
    assert scene.ack(*late, *removal) == []
    assert sent(scene.ack(*again)) == ["ROUTE r"]


def test_a_change_goes_out_at_once_when_everything_it_needs_is_live() -> None:
    scene = serving()
    assert bodies(scene.publish(route("r", "old", content="2"))) == [b"ROUTE r 2 to ('old',)"]


def test_a_live_cluster_that_changes_holds_no_route_up() -> None:
    scene = serving()
    responses = scene.publish(cluster("old", "2"), route("r", "old", content="2"))
    assert "ROUTE r" in sent(responses)


def test_clusters_that_do_not_exist_hold_nothing_up() -> None:
    scene = serving()
    assert sent(scene.publish(route("r", "nowhere"))) == ["ROUTE r"]


def test_a_route_goes_out_when_the_cluster_it_waits_for_ceases_to_exist() -> None:
    scene = serving()
    scene.publish(cluster("new"), route("r", "new"))
    assert "ROUTE r" in sent(scene.publish(without=[cluster("new")]))


def test_a_waiting_route_holds_up_no_other_route_and_no_other_type() -> None:
    scene = serving()
    scene.publish(cluster("new"), route("r", "new"))
    responses = scene.publish(cluster("third"), listener("l2"), scope("s2"), endpoints("old", "2"))
    assert sent(responses) == ["CLUSTER third", "ENDPOINTS old", "LISTENER l2", "SCOPE s2"]


def test_only_the_newest_version_of_a_waiting_route_is_sent() -> None:
    scene = serving()
    clusters = scene.publish(cluster("new"), route("r", "new"))
    scene.publish(route("r", "new", content="2"))
    assert bodies(scene.ack(*clusters)) == [b"ROUTE r 2 to ('new',)"]


def test_a_listener_that_names_clusters_waits_for_them() -> None:
    scene = serving()
    responses = scene.publish(cluster("tcp"), listener("l2", cluster("tcp").key))
    assert sent(responses) == ["CLUSTER tcp"]
    assert sent(scene.ack(*responses)) == ["LISTENER l2"]


def test_whoever_names_a_route_waits_for_the_clusters_of_that_route() -> None:
    scene = serving()
    responses = scene.publish(cluster("new"), scope("s2", "r2"), route("r2", "new"))
    assert sent(responses) == ["CLUSTER new"]
    assert sent(scene.ack(*responses)) == ["SCOPE s2"]
    assert sent(scene.ask(ROUTE, "r2")) == ["ROUTE r2"]


def test_a_scope_is_looked_at_again_when_the_route_it_waits_for_changes() -> None:
    scene = serving()
    scene.publish(cluster("new"), scope("s2", "r2"), route("r2", "new"))
    assert sent(scene.publish(route("r2", "old"))) == ["SCOPE s2"]


def test_a_scope_without_needs_goes_out_at_once_and_its_route_when_it_may() -> None:
    scene = serving()
    responses = scene.publish(cluster("new"), scope("s2"), route("r2", "new"))
    assert sent(responses) == ["CLUSTER new", "SCOPE s2"]
    assert scene.ask(ROUTE, "r2") == []
    assert sent(scene.ack(*responses)) == ["ROUTE r2"]


def test_a_cluster_stays_until_the_route_that_named_it_is_replaced() -> None:
    scene = serving()
    clusters = scene.publish(cluster("new"), route("r", "new"), without=[cluster("old"), endpoints("old")])
    assert sent(clusters) == ["CLUSTER new"]
    routes = scene.ack(*clusters)
    assert sent(routes) == ["ROUTE r"]
    assert sent(scene.ack(*routes)) == ["-CLUSTER old"]


def test_a_cluster_stays_while_a_route_that_names_it_is_on_its_way() -> None:
    scene = serving()
    scene.publish(route("r", content="elsewhere"))
    assert scene.publish(without=[cluster("old")]) == []


def test_a_cluster_goes_when_the_proxy_gives_up_the_route_that_named_it() -> None:
    scene = serving()
    scopes = scene.publish(without=[cluster("old"), endpoints("old"), scope("s"), route("r", "old")])
    assert sent(scopes) == ["-SCOPE s"]
    assert scene.ack(*scopes) == []
    assert sent(scene.ask(ROUTE, without=["r"])) == ["-CLUSTER old"]


def test_routes_and_endpoints_are_not_removed_but_given_up_by_the_proxy() -> None:
    scene = serving()
    assert scene.publish(without=[route("r", "old"), endpoints("old")]) == []


def test_a_cluster_that_is_still_named_by_a_listener_stays() -> None:
    scene = Scene(cluster("tcp"), listener("l", cluster("tcp").key))
    scene.run(scene.start())
    responses = scene.publish(without=[cluster("tcp"), listener("l")])
    assert sent(responses) == ["-LISTENER l"]
    assert sent(scene.ack(*responses)) == ["-CLUSTER tcp"]


def test_a_cluster_that_nothing_names_goes_after_a_moment_for_late_retries() -> None:
    scene = serving(patience=GracePeriods(farewell=2.0))
    routes = scene.publish(route("r"), without=[cluster("old")])
    scene.now = 10.0
    assert scene.ack(*routes) == []
    assert scene.stream.wake_at == 12.0
    assert scene.wait(1.0) == []
    assert sent(scene.wait(1.0)) == ["-CLUSTER old"]


def test_a_cluster_that_is_wanted_again_before_it_went_stays_warm() -> None:
    scene = serving(patience=GracePeriods(farewell=2.0))
    scene.ack(*scene.publish(route("r"), without=[cluster("old")]))
    assert sent(scene.publish(cluster("old"), route("r", "old"))) == ["ROUTE r"]
    assert scene.wait(10.0) == []


def test_a_cluster_that_went_and_comes_back_has_to_warm_up_again() -> None:
    scene = Scene(cluster("a"), listener("l"), scope("s"), route("r", "a"))
    scene.run([*scene.start(), *scene.ask(ROUTE, "r")])
    scene.run(scene.publish(route("r"), without=[cluster("a")]))
    responses = scene.publish(cluster("a"), route("r", "a"))
    assert sent(responses) == ["CLUSTER a"]


def test_the_endpoints_of_a_changed_cluster_are_sent_again_right_behind_it() -> None:
    scene = serving()
    first = versions(scene.ask(ENDPOINTS, "old"))
    responses = scene.publish(cluster("old", "2"))
    assert sent(responses) == ["CLUSTER old", "ENDPOINTS old"]
    assert versions(responses[1:]) != first


def test_changed_endpoints_are_never_held_up() -> None:
    scene = serving()
    scene.publish(cluster("old", "2"))
    assert sent(scene.publish(endpoints("old", "2"))) == ["ENDPOINTS old"]


def test_a_grace_period_can_be_given_to_clusters_that_prove_nothing() -> None:
    scene = Scene(listener("l"), scope("s"), patience=GracePeriods(hold=0.25))
    scene.run([*scene.start(), *scene.ask(ROUTE, "r")])
    clusters = scene.publish(cluster("dns"), route("r", "dns"))
    assert scene.ack(*clusters) == []
    assert scene.stream.wake_at == 0.25
    assert sent(scene.wait(0.25)) == ["ROUTE r"]


def test_clusters_go_out_before_endpoints_listeners_scopes_and_routes() -> None:
    scene = serving()
    scene.ask(CLUSTER)
    responses = scene.publish(
        route("r", "old", content="2"), scope("s", "r", content="2"), listener("l", content="2"), cluster("old", "2")
    )
    assert sent(responses) == ["CLUSTER old", "ENDPOINTS old", "LISTENER l", "SCOPE s", "ROUTE r"]


def test_first_listeners_prove_that_first_clusters_are_warm() -> None:
    scene = Scene(cluster("a"), listener("l", cluster("a").key))
    clusters = scene.ask(CLUSTER)
    scene.ack(*clusters)
    assert sent(scene.ask(LISTENER)) == ["LISTENER l"]
