"""Limits and ejection at a proxy, and how a user of the cluster learns of them."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.e2e.cluster import Doors
from tests.e2e.commands import eventually
from tests.e2e.kubernetes import Namespace
from tests.e2e.scene import deployment, host_of, routes, rule, service, to


@pytest.fixture(scope="module")
def fragile(shop: Namespace) -> Namespace:
    """A service of two pods."""
    shop.apply(service("fragile"), deployment("fragile", "fragile", replicas=2))
    shop.rolled_out("fragile")
    return shop


def test_what_is_too_much_for_a_pool_is_refused_and_told(doors: Doors, fragile: Namespace) -> None:
    fragile.apply(
        rule("fragile", "fragile", "connectionPool: {tcp: {maxConnections: 1}, http: {http1MaxPendingRequests: 1}}"),
        routes("pool", f"- route: [{to('fragile')}]"),
    )
    fragile.programmed("vs/pool", "dr/fragile")
    with ThreadPoolExecutor(24) as clients:
        answers = list(clients.map(lambda _: doors.http.ask(host_of("pool"), headers={"x-delay": "1"}), range(24)))
    statuses = Counter(answer.status for answer in answers)
    assert set(statuses) == {200, 503}, statuses
    refused = next(answer for answer in answers if answer.status == 503)
    assert "overflow" in refused.body, refused
    told = eventually(lambda: fragile.events("PoolOverflow", "fragile"), what="an Event of the overflow")
    assert "fragile.e2e.svc.cluster.local" in told[0]


def test_a_failing_pod_is_ejected_told_and_returns(doors: Doors, fragile: Namespace) -> None:
    fragile.apply(
        rule(
            "fragile",
            "fragile",
            "outlierDetection: {consecutive5xxErrors: 3, interval: 1s, baseEjectionTime: 6s, maxEjectionPercent: 100}",
        ),
        routes("ejection", f"- route: [{to('fragile')}]\n  retries: {{attempts: 0}}"),
    )
    fragile.programmed("vs/ejection", "dr/fragile")
    bad, good = fragile.pods("app=fragile")
    fragile.kubectl("exec", bad, "--", "touch", "/tmp/broken")  # noqa: S108 - a file of the container

    def ejected() -> bool:
        for _ in range(20):
            doors.http.ask(host_of("ejection"))
        hosts = fragile.get("dr", "fragile").get("status", {}).get("ejections", [])
        return {host["pod"] for host in hosts} == {bad} and len(hosts) == 2

    eventually(ejected, what=f"both proxies have ejected {bad}, and the DestinationRule says so")
    eventually(lambda: any(bad in message for message in fragile.events("HostEjected", "fragile")), what="an Event")
    assert doors.http.pods(host_of("ejection")) == {good}
    fragile.kubectl("exec", bad, "--", "rm", "/tmp/broken")  # noqa: S108 - the same
    eventually(
        lambda: not fragile.get("dr", "fragile")["status"].get("ejections"), within=60, what="nothing is ejected"
    )
    eventually(lambda: any(bad in message for message in fragile.events("HostReturned", "fragile")), what="an Event")
    assert doors.http.pods(host_of("ejection")) == {good, bad}
