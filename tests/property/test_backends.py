"""Clusters and endpoints after any series of changes are those of a world built at once."""

from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.compile.cluster_world import CART, World
from tests.unit.semantics.objects import address, endpoint_slice, entry, pod, proxy, rule, service, subset, workload

from lateen.model.objects import Object

PORT = {"port": 80, "name": "http", "targetPort": "web"}
PROXY = proxy("edge", locality="r/z1", app="gw")
WANTED = ((CART, 80, ""), (CART, 80, "v1"), ("x.com", 80, ""), ("x.com", 443, ""))
SELECTOR = {"labels": {"app": "x"}}
V1 = {"version": "v1"}

OBJECTS: Sequence[Sequence[Object[Any]]] = (
    (
        service("shop/cart"),
        service("shop/cart", PORT, selector={"app": "x"}),
        service("shop/cart", trafficDistribution="PreferClose"),
        service("shop/cart", type="ExternalName", externalName="x.com"),
    ),
    (
        endpoint_slice("shop/a", "cart", [address("10.0.0.1", pod="a", zone="z1"), address("10.0.0.2", zone="z2")]),
        endpoint_slice("shop/a", "other", [address("10.0.0.1", pod="a")]),
    ),
    (endpoint_slice("shop/b", "cart", [address("10.0.0.3", conditions={"ready": False})]),),
    (pod("shop/a", "10.0.0.1", {"app": "x", **V1}), pod("shop/a", "10.0.0.9", {"app": "y"})),
    (workload("shop/vm", "10.1.0.1", labels={"app": "x", **V1}, ports={"web": 8080}), workload("shop/vm", "vm.com")),
    (
        entry("shop/e", ["x.com"], endpoints=[{"address": "10.2.0.1"}]),
        entry("shop/e", ["x.com", CART], workloadSelector=SELECTOR),
        entry("shop/e", ["x.com"], resolution="DNS", workloadSelector=SELECTOR),
        entry("shop/e", ["x.com"], resolution="DNS_ROUND_ROBIN"),
    ),
    (
        entry("shop/f", ["x.com"], endpoints=[{"address": "10.2.0.2", "locality": "r/z1"}], created="1"),
        entry("shop/f", ["x.com"], endpoints=[{"address": "10.2.0.2"}], exportTo=["."]),
    ),
    (
        rule("shop/r", "cart", {"outlierDetection": {"minHealthPercent": 50}}, subsets=[subset("v1")]),
        rule("shop/r", "*.local", {"tls": {"mode": "ISTIO_MUTUAL"}}),
        rule("shop/r", "x.com", {"loadBalancer": {"simple": "PASSTHROUGH"}}),
    ),
    (
        rule("edge/s", CART, subsets=[subset("v1")], workloadSelector={"matchLabels": {"app": "gw"}}),
        rule("edge/s", "x.com", {"tls": {"mode": "SIMPLE"}}, exportTo=["shop"]),
    ),
)
"""By object: the versions it can have; being absent is one more."""


def build(present: dict[int, int]) -> World:
    world = World(PROXY)
    world.put(*(OBJECTS[which][version] for which, version in present.items()))
    for host, port, name in WANTED:
        world.want(host, port, name)
    return world


changes = st.lists(
    st.integers(0, len(OBJECTS) - 1).flatmap(
        lambda which: st.tuples(st.just(which), st.none() | st.integers(0, len(OBJECTS[which]) - 1))
    ),
    min_size=1,
    max_size=14,
)


@settings(derandomize=True, database=None, deadline=None, max_examples=60)
@given(changes)
def test_any_series_of_changes_ends_where_a_fresh_build_ends(series: list[tuple[int, int | None]]) -> None:
    world = build({})
    present: dict[int, int] = {}
    for which, version in series:
        if version is None:
            present.pop(which, None)
            world.remove(OBJECTS[which][0])
        else:
            present[which] = version
            world.put(OBJECTS[which][version])
    fresh = build(present)
    for ours, theirs in (
        (world.tables.upstreams, fresh.tables.upstreams),
        (world.tables.clusters, fresh.tables.clusters),
        (world.tables.endpoints, fresh.tables.endpoints),
    ):
        assert ours.errors == {}
        assert dict(ours.values) == dict(theirs.values)
