"""Endpoints of a service, from everything that can be one."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.semantics.objects import (
    DOMAIN,
    address,
    decode,
    endpoint_slice,
    entry,
    pod,
    proxy,
    rule,
    service,
    services_of,
    workload,
)

from lateen.ir.endpoint import Endpoint, Health
from lateen.ir.route import ClusterRef
from lateen.model.keys import Key
from lateen.model.objects import Object
from lateen.model.pod import PodSpec
from lateen.model.protocols import Protocol
from lateen.semantics.backends import Backend
from lateen.semantics.destination_rules import merge_rules
from lateen.semantics.endpoints import (
    assemble,
    from_entries,
    from_host,
    from_pods,
    from_slices,
    from_workloads,
    needs_labels,
)
from lateen.semantics.policy import NO_POLICY, effective_policy
from lateen.semantics.registry import ServicePort

HTTP = ServicePort(80, "http", Protocol.HTTP)
(CART,) = services_of(service("shop/cart"), DOMAIN)
REF = ClusterRef(CART.host, 80)


def seen(backends: Iterable[Backend]) -> list[tuple[str, int]]:
    return [(each.endpoint.host, each.endpoint.port) for each in backends]


def sliced(*endpoints: dict[str, Any], pods: Iterable[Object[PodSpec]] = (), **options: Any) -> list[Backend]:
    known = {each.key: each for each in pods}

    def find(key: Key) -> Object[PodSpec] | None:
        return known.get(key)

    return list(from_slices([endpoint_slice("shop/cart-a", "cart", list(endpoints), **options)], "http", pods=find))


def test_slice_ports_belong_to_service_ports_by_name() -> None:
    assert seen(sliced(address("10.0.0.1"), port=8080)) == [("10.0.0.1", 8080)]
    assert sliced(address("10.0.0.1"), port_name="grpc") == []


def test_slices_of_names_are_skipped() -> None:
    assert sliced(address("a.example.com"), kind="FQDN") == []


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({}, [Health.HEALTHY]),
        ({"ready": True}, [Health.HEALTHY]),
        ({"ready": False}, [Health.UNHEALTHY]),
        ({"ready": False, "serving": True, "terminating": True}, []),
        ({"ready": True, "terminating": True}, [Health.HEALTHY]),
    ],
)
def test_readiness_decides_about_health(conditions: dict[str, bool], expected: list[Health]) -> None:
    found = sliced(address("10.0.0.1", conditions=conditions))
    assert [backend.endpoint.health for backend in found] == expected


def test_labels_and_place_come_from_the_pod_and_the_zone_of_the_slice() -> None:
    there = pod("shop/a", "10.0.0.1", {"version": "v1", "topology.kubernetes.io/region": "r"})
    (found,) = sliced(address("10.0.0.1", pod="a", zone="z", nodeName="n"), pods=[there])
    assert found.place == "r/z"
    assert found.labels["version"] == "v1"
    assert found.labels["topology.kubernetes.io/zone"] == "z"
    assert found.labels["kubernetes.io/hostname"] == "n"


def test_a_locality_label_of_the_pod_wins_and_its_dots_are_slashes() -> None:
    there = pod("shop/a", "10.0.0.1", {"istio-locality": "r.z.s"})
    (found,) = sliced(address("10.0.0.1", pod="a", zone="other"), pods=[there])
    assert found.place == "r/z/s"


def test_an_endpoint_without_pod_has_no_labels_but_topology() -> None:
    (found,) = sliced(address("10.0.0.1", zone="z"))
    assert dict(found.labels) == {"topology.kubernetes.io/zone": "z"}


def test_the_port_of_a_workload_is_its_own_then_the_target_then_the_same_number() -> None:
    own = workload("shop/a", "10.0.0.1", ports={"http": 1}, labels={"app": "x"})
    plain = workload("shop/b", "10.0.0.2", labels={"app": "x"})
    socket = workload("shop/c", "unix:///run/x", labels={"app": "x"})
    targeted = ServicePort(80, "http", Protocol.HTTP, 8080)
    named = ServicePort(80, "http", Protocol.HTTP, "web")
    all_three = [own, plain, socket]
    assert seen(from_workloads(all_three, {"app": "x"}, HTTP)) == [
        ("10.0.0.1", 1),
        ("10.0.0.2", 80),
        ("unix:///run/x", 0),
    ]
    assert seen(from_workloads(all_three[:2], {"app": "x"}, targeted)) == [("10.0.0.1", 1), ("10.0.0.2", 8080)]
    assert seen(from_workloads(all_three[:2], {"app": "x"}, named)) == [("10.0.0.1", 1)]


def test_labels_of_the_object_win_over_those_of_a_workload_entrys_spec() -> None:
    one = workload("shop/a", "10.0.0.1", labels={"app": "y"})
    relabelled = type(one)(one.key, type(one.meta)("shop", "a", {"app": "x"}), one.spec)
    assert seen(from_workloads([relabelled], {"app": "x"}, HTTP)) == [("10.0.0.1", 80)]
    assert seen(from_workloads([relabelled], {"app": "y"}, HTTP)) == []


def test_names_are_endpoints_only_where_dns_resolves_them() -> None:
    obj = entry("shop/e", ["x.com"], endpoints=[{"address": "a.example.com"}, {"address": "10.0.0.1", "weight": 3}])
    assert seen(from_entries(obj.spec.endpoints, HTTP, names_allowed=True)) == [("a.example.com", 80), ("10.0.0.1", 80)]
    (found,) = from_entries(obj.spec.endpoints, HTTP, names_allowed=False)
    assert found.endpoint == Endpoint("10.0.0.1", 80, weight=3)


def test_a_dns_service_without_endpoints_is_its_own_endpoint() -> None:
    (registered,) = services_of(entry("shop/e", ["x.com"], resolution="DNS"), DOMAIN)
    assert seen(from_host(registered, ServicePort(80, "http", Protocol.HTTP, 8080))) == [("x.com", 8080)]


def test_selected_pods_are_endpoints_with_the_health_they_state() -> None:
    pods = [
        pod("shop/a", "10.0.0.1", {"app": "x"}),
        pod("shop/b", "10.0.0.2", {"app": "x"}, ready=False),
        pod("shop/c", "10.0.0.3", {"app": "x"}, ready=None),
        pod("shop/d", "", {"app": "x"}),
        pod("shop/e", "10.0.0.5", {"app": "y"}),
    ]
    found = list(from_pods(pods, {"app": "x"}, HTTP))
    assert [(each.endpoint.host, each.endpoint.health) for each in found] == [
        ("10.0.0.1", Health.HEALTHY),
        ("10.0.0.2", Health.UNHEALTHY),
        ("10.0.0.3", Health.HEALTHY),
    ]


def assembled(backends: Iterable[Backend], policy: dict[str, Any] | None = None, **labels: str) -> list[str]:
    (found,) = merge_rules([rule("shop/r", "cart", policy)], DOMAIN)
    made = assemble(REF, backends, CART, effective_policy(found, "", 80), proxy(), subset_labels=labels)
    return [endpoint.host for locality in made.localities for endpoint in locality.endpoints]


def test_a_subset_is_the_endpoints_that_carry_all_its_labels() -> None:
    one = Backend(Endpoint("10.0.0.1", 1), {"version": "v1", "zone": "a"})
    two = Backend(Endpoint("10.0.0.2", 1), {"version": "v2", "zone": "a"})
    assert assembled([two, one]) == ["10.0.0.1", "10.0.0.2"]
    assert assembled([two, one], version="v1") == ["10.0.0.1"]
    assert assembled([two, one], version="v1", zone="b") == []


def test_an_address_that_is_listed_twice_counts_once() -> None:
    here, there = (Backend(Endpoint("10.0.0.1", 1), place=place) for place in ("r1", "r2"))
    assert assembled([here, here]) == ["10.0.0.1"]
    assert assembled([here, there]) == ["10.0.0.1", "10.0.0.1"]


def test_endpoints_that_are_not_ready_are_withheld_where_panic_would_use_them() -> None:
    backends = [Backend(Endpoint("10.0.0.1", 1, health=Health.UNHEALTHY)), Backend(Endpoint("10.0.0.2", 1))]
    assert assembled(backends, {"outlierDetection": {}}) == ["10.0.0.1", "10.0.0.2"]
    assert assembled(backends, {"outlierDetection": {"minHealthPercent": 30}}) == ["10.0.0.2"]


def test_a_cluster_that_takes_one_endpoint_gets_the_first() -> None:
    backends = [Backend(Endpoint("b", 1)), Backend(Endpoint("a", 1))]
    made = assemble(REF, backends, CART, NO_POLICY, proxy(), subset_labels={}, only_one=True)
    assert [endpoint.host for endpoint in made.localities[0].endpoints] == ["b"]


def test_pods_are_looked_up_only_where_labels_or_places_matter() -> None:
    assert not needs_labels(CART, NO_POLICY, proxy(), "")
    assert needs_labels(CART, NO_POLICY, proxy(), "v1")
    assert needs_labels(CART, NO_POLICY, proxy(locality="r/z"), "")


def test_a_named_target_is_looked_up_among_the_ports_of_a_pod() -> None:
    named = ServicePort(80, "http", Protocol.HTTP, "web")
    serving, other = pod("shop/a", "10.0.0.1", {"app": "cart"}), pod("shop/b", "10.0.0.2", {"app": "cart"})
    containers = [{"name": "main", "ports": [{"name": "web", "containerPort": 8080}]}]
    spec = decode(PodSpec, {"spec": {"containers": containers}, "status": {"podIP": "10.0.0.1", "phase": "Running"}})
    found = from_pods([replace(serving, spec=spec), other], {"app": "cart"}, named)
    assert seen(found) == [("10.0.0.1", 8080)]


def test_the_network_of_a_workload_is_one_of_its_labels() -> None:
    (found,) = from_workloads([workload("shop/a", "10.0.0.1", network="vm")], {}, HTTP)
    assert found.labels["topology.istio.io/network"] == "vm"


def test_a_workload_without_an_address_is_no_endpoint() -> None:
    assert list(from_workloads([workload("shop/a", "", network="vm")], {}, HTTP)) == []


def test_places_are_not_looked_for_where_nobody_needs_them() -> None:
    slices = [endpoint_slice("shop/cart-a", "cart", [address("10.0.0.1", pod="a", zone="z", nodeName="n")])]
    (found,) = from_slices(slices, "http", pods=None)
    assert (found.place, found.labels) == ("", {})
