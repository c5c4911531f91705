"""Ejection: a backend that fails gets no requests for a while, and longer each time."""

import time

import pytest
from tests.integration.traffic.backend import Backend
from tests.integration.traffic.site import Site
from tests.ports import free_port

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="module")]

LONG = "baseEjectionTime: 100s, maxEjectionPercent: 100"
NO_RETRIES = "[{route: [{destination: {host: SERVICE}}], retries: {attempts: 0}}]"


async def pair(site: Site, policy: str) -> tuple[Backend, Backend]:
    """Run a good and a bad backend, asked in turns."""
    good, bad = await site.start("good", "bad")
    await site.live(http=NO_RETRIES, policy=f"{{loadBalancer: {{simple: ROUND_ROBIN}}, {policy}}}")
    return good, bad


async def only_good_ones_serve(site: Site) -> None:
    """Check that one backend is ejected, and that the other gets everything."""
    await site.until_stat("outlier_detection.ejections_active", 1)
    await site.until_served_by("good")
    assert await site.many(20) == {"good": 20}


@pytest.mark.parametrize(
    "block",
    [
        f"outlierDetection: {{consecutive5xxErrors: 3, interval: 100ms, {LONG}}}",
        f"circuitBreaker: {{consecutiveErrors: 3, interval: 100ms, {LONG}}}",
    ],
    ids=["outlierDetection", "circuitBreaker"],
)
async def test_a_backend_is_ejected_after_its_errors_in_a_row(site: Site, block: str) -> None:
    _, bad = await pair(site, block)
    bad.orders.status = 500
    assert await site.many(4, at_once=1) == {"good": 2, "500 bad": 2}
    bad.orders.next_statuses.append(200)  # the row is broken
    assert await site.many(2, at_once=1) == {"good": 1, "bad": 1}
    assert await site.many(4, at_once=1) == {"good": 2, "500 bad": 2}
    assert await site.stat("outlier_detection.ejections_active") == 0
    assert await site.many(2, at_once=1) == {"good": 1, "500 bad": 1}
    await only_good_ones_serve(site)
    assert await site.stat("outlier_detection.ejections_enforced_consecutive_5xx") == 1


async def test_five_errors_eject_where_nothing_else_is_said(site: Site) -> None:
    _, bad = await pair(site, "outlierDetection: {interval: 100ms}")
    bad.orders.status = 503
    assert await site.many(8, at_once=1) == {"good": 4, "503 bad": 4}
    assert await site.stat("outlier_detection.ejections_active") == 0
    assert await site.many(2, at_once=1) == {"good": 1, "503 bad": 1}
    await only_good_ones_serve(site)


async def test_nobody_is_ejected_unless_told(site: Site) -> None:
    _, bad = await pair(site, "connectionPool: {tcp: {maxConnections: 100}}")
    bad.orders.status = 500
    assert await site.many(40, at_once=1) == {"good": 20, "500 bad": 20}


async def test_an_ejected_backend_returns_and_is_out_for_longer_the_next_time(site: Site) -> None:
    base = 1.0
    _, bad = await pair(
        site,
        f"outlierDetection: {{consecutive5xxErrors: 2, interval: 1.1s, baseEjectionTime: {base}s}}",
    )
    for ejection in (1, 2):
        bad.orders.status = 500
        started = time.monotonic()
        assert await site.many(4, at_once=1) == {"good": 2, "500 bad": 2}
        bad.orders.status = 200
        await site.until_served_by("good")
        await site.until_served_by("good", "bad")
        assert time.monotonic() - started >= ejection * base
        assert await site.stat("outlier_detection.ejections_enforced_total") == ejection


@pytest.mark.parametrize(("percent", "ejected"), [(75, 3), (50, 2), (49, 1), (24, 0)])
async def test_no_larger_share_than_told_is_ejected(site: Site, percent: int, ejected: int) -> None:
    _, *bad = await site.start("good", "bad1", "bad2", "bad3")
    await site.live(
        http=NO_RETRIES,
        policy=f"""
        loadBalancer: {{simple: ROUND_ROBIN}}
        outlierDetection: {{consecutive5xxErrors: 1, baseEjectionTime: 100s, maxEjectionPercent: {percent}}}
        """,
    )
    for backend in bad:
        backend.orders.status = 500
    await site.many(16, at_once=1)
    await site.until_stat("outlier_detection.ejections_active", ejected)
    assert await site.stat("outlier_detection.ejections_overflow") >= 3 - ejected
    while len(await site.many(8, at_once=1)) > 4 - ejected:
        pass  # Envoy gathers changes of health for up to a second


async def test_one_backend_may_always_be_ejected_where_no_share_is_written(site: Site) -> None:
    _, bad = await pair(site, "outlierDetection: {consecutive5xxErrors: 1, baseEjectionTime: 100s}")
    bad.orders.status = 500
    await site.many(2, at_once=1)
    await only_good_ones_serve(site)


async def test_errors_of_a_gateway_can_be_counted_alone(site: Site) -> None:
    _, bad = await pair(site, f"outlierDetection: {{consecutive5xxErrors: 0, consecutiveGatewayErrors: 2, {LONG}}}")
    bad.orders.status = 500
    assert await site.many(20, at_once=1) == {"good": 10, "500 bad": 10}
    bad.orders.status = 502
    assert await site.many(4, at_once=1) == {"good": 2, "502 bad": 2}
    await only_good_ones_serve(site)
    assert await site.stat("outlier_detection.ejections_enforced_consecutive_gateway_failure") == 1


async def test_failed_connections_count_as_errors(site: Site) -> None:
    await site.start("good")
    site.add(Backend("gone"), "127.0.1.2", free_port())
    await site.live(
        http=NO_RETRIES,
        policy=f"{{loadBalancer: {{simple: ROUND_ROBIN}}, outlierDetection: {{consecutive5xxErrors: 2, {LONG}}}}}",
    )
    assert (await site.many(4, at_once=1))["good"] == 2
    await only_good_ones_serve(site)
    assert await site.stat("outlier_detection.ejections_enforced_consecutive_5xx") == 1


async def test_failed_connections_can_be_counted_apart_from_errors(site: Site) -> None:
    _, bad = await site.start("good", "bad")
    site.add(Backend("gone"), "127.0.1.3", free_port())
    bad.orders.status = 500
    await site.live(
        http=NO_RETRIES,
        policy=f"""
        loadBalancer: {{simple: ROUND_ROBIN}}
        outlierDetection:
          {{splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailures: 2, consecutive5xxErrors: 0, {LONG}}}
        """,
    )
    await site.many(6, at_once=1)
    await site.until_served_by("good", "500 bad")
    assert await site.stat("outlier_detection.ejections_enforced_consecutive_local_origin_failure") == 1
    assert await site.many(20, at_once=1) == {"good": 10, "500 bad": 10}


async def test_statuses_of_choice_can_count_as_errors_instead_of_5xx(site: Site) -> None:
    _, bad = await pair(
        site, f"outlierDetection: {{consecutive5xxErrors: 2, outlierDetectionHttpErrorCodes: [404, 429], {LONG}}}"
    )
    bad.orders.status = 500
    assert await site.many(20, at_once=1) == {"good": 10, "500 bad": 10}
    bad.orders.next_statuses.extend([404, 429])
    assert await site.many(4, at_once=1) == {"good": 2, "404 bad": 1, "429 bad": 1}
    await only_good_ones_serve(site)


async def test_everybody_gets_requests_when_too_few_are_healthy(site: Site) -> None:
    _, bad = await pair(site, f"outlierDetection: {{consecutive5xxErrors: 1, minHealthPercent: 60, {LONG}}}")
    bad.orders.status = 500
    await site.many(2, at_once=1)
    await site.until_stat("outlier_detection.ejections_active", 1)
    assert await site.many(20, at_once=1) == {"good": 10, "500 bad": 10}
    assert await site.stat("lb_healthy_panic") > 0


async def test_without_a_least_share_nobody_is_asked_when_all_are_ejected(site: Site) -> None:
    (bad,) = await site.start("bad")
    await site.live(http=NO_RETRIES, policy=f"outlierDetection: {{consecutive5xxErrors: 1, {LONG}}}")
    bad.orders.status = 500
    await site.get()
    await site.until_served_by("503 no healthy upstream")
    answer = await site.get()
    assert (answer.status, answer.body) == (503, b"no healthy upstream")


async def test_a_subset_ejects_by_its_own_rule(site: Site) -> None:
    for name in ("good", "bad"):
        await site.backend(name, {"version": "v1"})
    site.backends[1].orders.status = 500
    await site.live(
        http="[{route: [{destination: {host: SERVICE, subset: v1}}], retries: {attempts: 0}}]",
        policy=f"{{loadBalancer: {{simple: ROUND_ROBIN}}, outlierDetection: {{consecutive5xxErrors: 9, {LONG}}}}}",
        subsets=f"""
        - name: v1
          labels: {{version: v1}}
          trafficPolicy: {{outlierDetection: {{consecutive5xxErrors: 2, {LONG}}}}}
        """,
    )
    assert await site.many(4, at_once=1) == {"good": 2, "500 bad": 2}
    await site.until_served_by("good")
    assert await site.stat("outlier_detection.ejections_active", "v1") == 1
