"""Near and far endpoints."""

from typing import Any

import pytest
from tests.unit.semantics.objects import decode, proxy

from lateen.ir.endpoint import Endpoint
from lateen.ir.proxy import Proxy
from lateen.model.destinationrule import LoadBalancerSettings
from lateen.semantics.backends import Backend, with_topology
from lateen.semantics.balancing import proximity_of
from lateen.semantics.locality import BY_PLACE, EVERYWHERE, Proximity, arrange, covers

HERE = proxy(locality="r1/z1/s1")
PLACES = ("r1/z1/s1", "r1/z1/s2", "r1/z2", "r2/z1", "r3/z1")


def at(place: str, weight: int = 1, **labels: str) -> Backend:
    return Backend(
        Endpoint(f"{place} {sorted(labels.values())}", 1, weight=weight), with_topology(labels, place), place
    )


def priorities(proximity: Proximity, viewer: Proxy = HERE, *, ejects: bool = True) -> dict[str, int]:
    found = arrange([at(place) for place in PLACES], proximity, viewer, ejects=ejects)
    return {locality.place: locality.priority for locality in found}


def written(**setting: Any) -> Proximity:
    return proximity_of(decode(LoadBalancerSettings, {"localityLbSetting": setting}))


@pytest.mark.parametrize(
    ("rule", "place", "expected"),
    [
        ("*", "r/z/s", True),
        ("r", "r/z/s", True),
        ("r/*", "r/z/s", True),
        ("r/z", "r/z/s", True),
        ("r/z/*", "r/z", True),
        ("r/y", "r/z", False),
        ("q", "r/z", False),
        ("r/z/s", "r/z", False),
    ],
)
def test_a_place_in_a_rule_covers_what_is_inside_it(rule: str, place: str, expected: bool) -> None:  # noqa: FBT001 - a table's column
    assert covers(rule, place) is expected


def test_endpoints_of_one_place_are_one_locality_in_order_of_places() -> None:
    found = arrange([at("b"), at("a"), at("b")], EVERYWHERE, proxy(), ejects=False)
    assert [(locality.place, len(locality.endpoints), locality.weight) for locality in found] == [
        ("a", 1, 0),
        ("b", 2, 0),
    ]


def test_near_first_once_endpoints_can_be_ejected() -> None:
    assert list(priorities(BY_PLACE).values()) == [0, 1, 2, 3, 3]
    assert set(priorities(BY_PLACE, ejects=False).values()) == {0}


def test_a_proxy_that_does_not_know_its_place_prefers_none() -> None:
    assert set(priorities(BY_PLACE, proxy()).values()) == {0}


def test_locality_preference_can_be_switched_off() -> None:
    assert set(priorities(written(enabled=False)).values()) == {0}


def test_a_region_that_takes_over_comes_before_other_regions() -> None:
    found = priorities(written(failover=[{"from": "r1", "to": "r3"}]))
    assert found["r3/z1"] == 3
    assert found["r2/z1"] == 4


def test_priorities_have_no_gaps() -> None:
    found = arrange([at("r2/z1"), at("r1/z2")], BY_PLACE, HERE, ejects=True)
    assert [(locality.place, locality.priority) for locality in found] == [("r1/z2", 0), ("r2/z1", 1)]


def test_labels_in_order_decide_how_near_an_endpoint_is() -> None:
    viewer = proxy(app="a", version="v1")
    backends = [at("x", app="a", version="v1"), at("x", app="a", version="v2"), at("x", app="b", version="v1")]
    found = arrange(backends, written(failoverPriority=["app", "version"]), viewer, ejects=True)
    assert [(locality.priority, locality.endpoints[0].host) for locality in found] == [
        (0, "x ['a', 'v1']"),
        (1, "x ['a', 'v2']"),
        (2, "x ['b', 'v1']"),
    ]


def test_a_label_with_a_value_is_compared_with_that_value() -> None:
    found = arrange(
        [at("x", app="a"), at("x", app="b")], written(failoverPriority=["app=b"]), proxy(app="a"), ejects=True
    )
    assert [locality.endpoints[0].host for locality in found] == ["x ['b']", "x ['a']"]


def test_endpoints_of_another_network_come_last_but_differ_among_themselves() -> None:
    network = "topology.istio.io/network"
    viewer = Proxy(proxy().id, {network: "n1", "app": "a"}, "edge")
    labels = [{network: "n1", "app": "b"}, {network: "n2", "app": "a"}, {network: "n2", "app": "b"}]
    backends = [Backend(Endpoint(str(index), 1), each) for index, each in enumerate(labels)]
    found = arrange(backends, written(failoverPriority=[network, "app"]), viewer, ejects=True)
    assert [locality.endpoints[0].host for locality in found] == ["0", "1", "2"]


def test_shares_become_weights_and_places_that_nobody_names_lose_their_endpoints() -> None:
    setting = [{"from": "r1/*", "to": {"r1/z1/*": 80, "r2": 20}}]
    backends = [at("r1/z1/s1", 3), at("r1/z1/s2", 1), at("r2/z1", 5), at("r3")]
    found = arrange(backends, written(distribute=setting), HERE, ejects=False)
    assert [(locality.place, locality.weight) for locality in found] == [
        ("r1/z1/s1", 60),
        ("r1/z1/s2", 20),
        ("r2/z1", 20),
    ]


def test_shares_of_other_places_do_not_count() -> None:
    found = arrange([at("r3")], written(distribute=[{"from": "r9", "to": {"r1": 100}}]), HERE, ejects=True)
    assert [(locality.place, locality.priority) for locality in found] == [("r3", 0)]


def test_a_service_can_prefer_its_zone_without_any_rule() -> None:
    near = proximity_of(None, "PreferClose")
    assert list(priorities(near, ejects=False).values()) == [0, 0, 1, 2, 2]
    assert proximity_of(None, "Unknown") is BY_PLACE


def test_the_setting_of_a_rule_replaces_that_of_the_service() -> None:
    balancer = decode(LoadBalancerSettings, {"localityLbSetting": {"enabled": False}})
    assert proximity_of(balancer, "PreferClose") is EVERYWHERE


def test_zone_awareness_ranks_by_region_only() -> None:
    setting = {"zoneAwareLbSetting": {"failover": [{"from": "r1", "to": "r3"}]}}
    found = priorities(proximity_of(decode(LoadBalancerSettings, setting)), ejects=False)
    assert found == {"r1/z1/s1": 0, "r1/z1/s2": 0, "r1/z2": 0, "r3/z1": 1, "r2/z1": 2}
    off = proximity_of(decode(LoadBalancerSettings, {"zoneAwareLbSetting": {"enabled": False}}))
    assert set(priorities(off).values()) == {0}
