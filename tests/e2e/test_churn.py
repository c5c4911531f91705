"""Pods of services come and go under load, and no request is lost."""

from collections.abc import Iterator

import pytest
from tests.e2e.cluster import Doors
from tests.e2e.commands import becomes
from tests.e2e.kubernetes import Namespace
from tests.e2e.pod_load import PodLoad
from tests.e2e.scene import EDGE, PROXIES, deployment, host_of, routes, service, to


@pytest.fixture(scope="module")
def moving(shop: Namespace) -> Iterator[Namespace]:
    """A service of two pods, and a route to it."""
    shop.apply(
        service("moving"),
        deployment("moving", "moving", replicas=2),
        routes("churn", f"- route: [{to('moving')}]\n  retries: {{attempts: 0}}"),
    )
    shop.rolled_out("moving")
    shop.programmed("vs/churn")
    yield shop
    shop.delete("deployment/moving")


def test_a_rolling_restart_loses_nothing_from_outside_and_from_within(doors: Doors, moving: Namespace) -> None:
    inner = f"{PROXIES}.{EDGE.name}.svc.cluster.local:80"
    with PodLoad(moving, inner, host_of("churn")) as within, doors.http.load(host_of("churn")) as outside:
        old = set(moving.pods("app=moving"))
        moving.kubectl("rollout", "restart", "deployment/moving")
        moving.rolled_out("moving")
        new = set(moving.pods("app=moving"))
    outside.assert_nothing_failed()
    within.assert_nothing_failed()
    assert not old & new
    assert new <= set(outside.summary["pods"])


def test_scaling_up_and_down_loses_nothing_and_all_pods_are_used(doors: Doors, moving: Namespace) -> None:
    with doors.http.load(host_of("churn")) as load:
        for replicas in (5, 1, 3):
            moving.kubectl("scale", "deployment/moving", f"--replicas={replicas}")
            moving.rolled_out("moving")
            becomes(lambda: doors.http.pods(host_of("churn"), 30), set(moving.pods("app=moving")), what="who answers")
    load.assert_nothing_failed()


def test_deleted_pods_lose_nothing(doors: Doors, moving: Namespace) -> None:
    with doors.http.load(host_of("churn")) as load:
        for pod in moving.pods("app=moving"):
            moving.kubectl("delete", "pod", pod, "--wait=false")
            moving.rolled_out("moving")
    load.assert_nothing_failed()
