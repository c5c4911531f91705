"""Clusters and endpoints as tables: what exists, and what a change recomputes."""

from dataclasses import replace

import pytest
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment
from tests.unit.compile.cluster_world import CART, World, listed
from tests.unit.semantics.objects import (
    address,
    endpoint_slice,
    entry,
    pod,
    proxy,
    rule,
    service,
    subset,
    workload,
)

from lateen.compile.clusters import cluster_secrets
from lateen.compile.names import WantedSecret
from lateen.engine.trace import reads_of
from lateen.model.objects import Meta


@pytest.fixture
def world() -> World:
    return World()


def test_a_wanted_cluster_of_a_service_gets_the_endpoints_of_its_slices(world: World) -> None:
    key = world.want()
    world.put(
        service("shop/cart"),
        endpoint_slice("shop/cart-a", "cart", [address("10.0.0.1")]),
        endpoint_slice("shop/cart-b", "cart", [address("10.0.0.2")]),
        endpoint_slice("shop/other", "other", [address("10.0.0.3")]),
    )
    assert world.cluster(key).name == f"outbound|80||{CART}"
    assert world.addresses(key) == ["10.0.0.1:8080", "10.0.0.2:8080"]
    assert [str(each) for each in world.tables.endpoints.values[key].origins] == [
        "Service/shop/cart",
        "EndpointSlice/shop/cart-a",
        "EndpointSlice/shop/cart-b",
    ]


def test_what_nobody_wants_does_not_exist(world: World) -> None:
    world.put(service("shop/cart"))
    assert world.tables.clusters.values == {}
    key = world.want()
    assert list(world.tables.clusters.values) == [key]
    world.engine.set(world.wanted, key, None)
    world.engine.commit()
    assert world.tables.clusters.values == {}
    assert world.tables.endpoints.values == {}


def test_a_cluster_appears_and_goes_with_its_service(world: World) -> None:
    key = world.want()
    assert world.tables.clusters.values == {}
    cart = service("shop/cart")
    world.put(cart)
    assert world.addresses(key) == []
    world.remove(cart)
    assert world.tables.clusters.values == {}


def test_a_service_that_is_not_exported_to_the_proxy_has_no_cluster(world: World) -> None:
    world.want()
    world.put(service("shop/cart", annotations={"networking.istio.io/exportTo": "."}))
    assert world.tables.clusters.values == {}


def test_a_slice_recomputes_the_endpoints_of_its_service_only(world: World) -> None:
    world.want()
    world.want("other.shop.svc.cluster.local")
    one = endpoint_slice("shop/cart-a", "cart", [address("10.0.0.1")])
    world.put(service("shop/cart"), service("shop/other"), one)
    commit = world.put(replace(one, spec=endpoint_slice("shop/cart-a", "cart", [address("10.0.0.9")]).spec))
    assert commit.recomputed_of == {"endpoints": 1}


def test_a_rule_recomputes_the_cluster_of_its_host_and_what_follows_from_it(world: World) -> None:
    world.want()
    world.want("other.shop.svc.cluster.local")
    world.put(service("shop/cart"), service("shop/other"))
    commit = world.put(rule("shop/r", "cart", {"connectionPool": {"tcp": {"maxConnections": 1}}}))
    assert commit.recomputed_of == {"upstreams": 1, "clusters": 1, "endpoints": 1}
    assert list(commit.changes) == ["destination_rules", "upstreams", "clusters"]


def test_a_cell_reads_little_whatever_there_is(world: World) -> None:
    key = world.want()
    world.put(
        *(service(f"shop/{name}") for name in ("cart", "a", "b", "c")),
        *(endpoint_slice(f"shop/s{i}", "cart", [address(f"10.0.0.{i}")]) for i in range(5)),
        rule("shop/r", "*.local"),
    )
    assert len(reads_of(world.tables.upstreams, key)) <= 5
    assert len(reads_of(world.tables.endpoints, key)) <= 4


def test_a_subset_follows_the_labels_of_pods(world: World) -> None:
    key = world.want(name="v1")
    there = pod("shop/a", "10.0.0.1", {"version": "v2"})
    world.put(
        service("shop/cart"),
        rule("shop/r", "cart", subsets=[subset("v1")]),
        endpoint_slice("shop/cart-a", "cart", [address("10.0.0.1", pod="a"), address("10.0.0.2")]),
        there,
    )
    assert world.addresses(key) == []
    world.put(replace(there, meta=Meta("shop", "a", {"version": "v1"})))
    assert world.addresses(key) == ["10.0.0.1:8080"]


def test_a_subset_that_no_rule_defines_has_no_cluster(world: World) -> None:
    world.want(name="v1")
    world.put(service("shop/cart"))
    assert world.tables.clusters.values == {}


def test_a_service_selects_workload_entries_too(world: World) -> None:
    key = world.want()
    vm = workload("shop/vm", "10.1.0.1", labels={"app": "cart"})
    world.put(service("shop/cart", {"port": 80, "name": "http", "targetPort": 8080}, selector={"app": "cart"}), vm)
    assert world.addresses(key) == ["10.1.0.1:8080"]
    other = workload("shop/x", "10.1.0.2", labels={"app": "other"})
    assert world.put(other).recomputed == 0
    world.remove(vm)
    assert world.addresses(key) == []


def test_service_entries_of_one_host_and_namespace_unite_their_endpoints(world: World) -> None:
    key = world.want("x.com")
    world.put(
        entry("shop/one", ["x.com"], endpoints=[{"address": "10.0.0.1"}]),
        entry("shop/two", ["x.com"], endpoints=[{"address": "10.0.0.2", "ports": {"http": 81}}]),
        entry("late/three", ["x.com"], endpoints=[{"address": "10.0.0.3"}], created="9"),
    )
    assert world.addresses(key) == ["10.0.0.1:80", "10.0.0.2:81"]


def test_a_service_entry_selects_workloads_and_pods_of_its_namespace(world: World) -> None:
    key = world.want("x.com")
    world.put(
        entry("shop/e", ["x.com"], workloadSelector={"labels": {"app": "x"}}),
        workload("shop/vm", "10.1.0.1", labels={"app": "x"}),
        workload("other/vm", "10.1.0.2", labels={"app": "x"}),
        pod("shop/a", "10.0.0.1", {"app": "x"}),
        pod("shop/b", "10.0.0.2", {"app": "y"}),
    )
    assert world.addresses(key) == ["10.0.0.1:80", "10.1.0.1:80"]


def test_a_dns_cluster_carries_its_endpoints_and_is_gone_without_any(world: World) -> None:
    key = world.want("x.com")
    selecting = entry("shop/e", ["x.com"], resolution="DNS", workloadSelector={"labels": {"app": "x"}})
    vm = workload("shop/vm", "vm.example.com", labels={"app": "x"})
    world.put(selecting, vm)
    assert listed(world.cluster(key).load_assignment) == ["vm.example.com:80"]
    assert world.addresses(key) is None
    world.remove(vm)
    assert world.tables.clusters.values == {}


def test_a_dns_service_without_endpoints_resolves_its_own_host(world: World) -> None:
    key = world.want("x.com")
    world.put(entry("shop/e", ["x.com"], resolution="DNS"))
    assert listed(world.cluster(key).load_assignment) == ["x.com:80"]


def test_a_passthrough_cluster_gets_no_endpoints(world: World) -> None:
    key = world.want()
    world.put(service("shop/cart"), rule("shop/r", "cart", {"loadBalancer": {"simple": "PASSTHROUGH"}}))
    assert world.addresses(key) is None
    assert key in world.tables.clusters.values


def test_tls_that_cannot_be_configured_leaves_the_cluster_out(world: World) -> None:
    world.want()
    world.put(service("shop/cart"), rule("shop/r", "cart", {"tls": {"mode": "ISTIO_MUTUAL"}}))
    assert world.tables.clusters.values == {}


def test_a_cluster_names_the_secrets_that_its_tls_needs(world: World) -> None:
    key = world.want()
    world.put(service("shop/cart"), rule("shop/r", "cart", {"tls": {"mode": "MUTUAL", "credentialName": "web"}}))
    assert list(cluster_secrets(key, world.tables.upstreams.values[key])) == [
        WantedSecret(world.proxy.id, "kubernetes://web"),
        WantedSecret(world.proxy.id, "kubernetes://web-cacert"),
    ]


def test_near_endpoints_come_first_for_a_proxy_that_knows_its_place() -> None:
    world = World(proxy("edge", locality="r/z1"))
    key = world.want()
    world.put(
        service("shop/cart", trafficDistribution="PreferClose"),
        endpoint_slice(
            "shop/cart-a", "cart", [address("10.0.0.2", zone="z2", pod="b"), address("10.0.0.1", zone="z1", pod="a")]
        ),
        pod("shop/a", "10.0.0.1", {"topology.kubernetes.io/region": "r"}),
        pod("shop/b", "10.0.0.2", {"topology.kubernetes.io/region": "r"}),
    )
    assignment = ClusterLoadAssignment.FromString(world.tables.endpoints.values[key].body)
    assert [(group.priority, group.locality.zone) for group in assignment.endpoints] == [(0, "z1"), (1, "z2")]
