"""Timeouts and retries."""

import asyncio
from typing import Any

import pytest
from tests.integration.traffic.backend import Backend
from tests.integration.traffic.edge import Edge
from tests.integration.traffic.site import Site
from tests.ports import free_port

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="module")]

USERS = 80


def rule(extra: str) -> str:
    """Write a rule that sends everything to the service."""
    return f"[{{route: [{{destination: {{host: SERVICE}}}}], {extra}}}]"


async def test_a_request_that_takes_too_long_is_ended(site: Site) -> None:
    (slow,) = await site.start("slow")
    await site.live(http=rule("timeout: 100ms"))
    with slow.holding():
        answer = await site.get()
    assert (answer.status, answer.body) == (504, b"upstream request timeout")
    assert await site.stat("upstream_rq_timeout") == 1
    assert slow.requests == 1
    assert str(await site.get()) == "slow"


async def test_failures_are_retried_as_often_as_told(site: Site) -> None:
    (flaky,) = await site.start("flaky")
    await site.live(http=rule("retries: {attempts: 2, retryOn: 5xx}"))
    flaky.orders.next_statuses.extend([503, 503])
    assert str(await site.get()) == "flaky"
    assert flaky.requests == 3
    assert await site.stat("upstream_rq_retry") == 2
    assert await site.stat("upstream_rq_retry_success") == 1
    flaky.orders.next_statuses.extend([503, 503, 503])
    assert str(await site.get()) == "503 flaky"
    assert flaky.requests == 6
    assert await site.stat("upstream_rq_retry_limit_exceeded") == 1


@pytest.mark.parametrize(
    ("condition", "retried", "not_retried"),
    [
        ("5xx", [500, 502, 503, 504], [404, 409]),
        ("gateway-error", [502, 503, 504], [500]),
        ("retriable-4xx", [409], [404, 503]),
        ("503", [503], [500, 404]),
        ("404,429", [404, 429], [503]),
        ("retriable-status-codes,418", [418], [503]),
        ("connect-failure,refused-stream", [], [500, 503]),
        ("gateway-error,404", [502, 404], [500]),
    ],
)
async def test_only_what_is_named_is_retried(
    site: Site, condition: str, retried: list[int], not_retried: list[int]
) -> None:
    (flaky,) = await site.start("flaky")
    await site.live(http=rule(f"retries: {{attempts: 1, retryOn: '{condition}'}}"))
    for status in retried + not_retried:
        flaky.orders.next_statuses.append(status)
        answer = await site.get()
        assert answer.status == (200 if status in retried else status), status
    assert flaky.requests == 2 * len(retried) + len(not_retried)


@pytest.mark.parametrize(("condition", "retried"), [("reset", True), ("reset-before-request", False), ("5xx", True)])
async def test_a_broken_connection_is_retried_if_named(site: Site, condition: str, retried: bool) -> None:  # noqa: FBT001 - a row of the table
    (bad,) = await site.start("bad")
    await site.live(http=rule(f"retries: {{attempts: 1, retryOn: {condition}}}"))
    bad.orders.hang_up = True
    assert (await site.get()).status == 503
    assert bad.requests == (2 if retried else 1)


async def test_an_error_status_is_not_retried_by_default(site: Site) -> None:
    (bad,) = await site.start("bad")
    await site.live()
    bad.orders.next_statuses.append(503)
    assert (await site.get()).status == 503
    assert bad.requests == 1


async def test_a_failed_connection_is_retried_elsewhere_by_default(site: Site) -> None:
    await site.start("good")
    site.add(Backend("gone"), "127.0.1.2", free_port())
    await site.live(policy="loadBalancer: {simple: ROUND_ROBIN}")
    assert await site.many(20, at_once=1) == {"good": 20}
    assert await site.stat("upstream_rq_retry_success") > 0


async def test_nothing_is_retried_when_there_shall_be_no_attempts(site: Site) -> None:
    await site.start("good")
    site.add(Backend("gone"), "127.0.1.2", free_port())
    await site.live(http=rule("retries: {attempts: 0}"), policy="loadBalancer: {simple: ROUND_ROBIN}")
    shares = await site.many(20, at_once=1)
    assert shares.pop("good") == 10
    assert await site.stat("upstream_rq_retry") == 0


async def test_a_try_that_takes_too_long_is_given_up_for_another(site: Site) -> None:
    slow, _ = await site.start("slow", "fast")
    await site.live(
        http=rule("timeout: 10s, retries: {attempts: 1, perTryTimeout: 50ms, retryOn: gateway-error}"),
        policy="loadBalancer: {simple: ROUND_ROBIN}",
    )
    with slow.holding():
        assert await site.many(4, at_once=1) == {"fast": 4}
    assert await site.stat("upstream_rq_per_try_timeout") > 0


async def test_the_timeout_of_the_route_covers_all_tries(site: Site) -> None:
    (slow,) = await site.start("slow")
    await site.live(http=rule("timeout: 250ms, retries: {attempts: 50, perTryTimeout: 100ms, retryOn: 5xx}"))
    with slow.holding():
        answer = await site.get()
    assert (answer.status, answer.body) == (504, b"upstream request timeout")
    assert 2 <= slow.requests <= 3


async def test_a_retry_goes_to_a_backend_that_has_not_been_tried(site: Site) -> None:
    good, bad = await site.start("good", "bad")
    bad.orders.status = 503
    await site.live(http=rule("retries: {attempts: 1, retryOn: '503'}"), policy="loadBalancer: {simple: ROUND_ROBIN}")
    assert await site.many(20, at_once=1) == {"good": 20}
    assert good.requests == 20


async def test_a_retry_stays_with_the_backend_of_a_key_unless_told(site: Site) -> None:
    _, bad = await site.start("good", "bad")
    bad.orders.status = 503
    sticky = "loadBalancer: {consistentHash: {httpHeaderName: x-user}}"
    await site.live(http=rule("retries: {attempts: 1, retryOn: '503'}"), policy=sticky)
    failures = await failures_of_users(site)
    assert 0 < failures < USERS
    await site.live(http=rule("retries: {attempts: 1, retryOn: '503', retryIgnorePreviousHosts: true}"), policy=sticky)
    # Envoy looks for another backend five times, by other hashes: one time in 32 it finds none.
    assert await failures_of_users(site) < failures / 3


async def failures_of_users(site: Site) -> int:
    """Ask once for each user; count the answers of the bad backend."""
    answers = [str(await site.get(x_user=str(user))) for user in range(USERS)]
    assert set(answers) <= {"good", "503 bad"}
    return answers.count("503 bad")


async def test_the_pause_between_tries_is_what_is_written(site: Site, edge: Edge) -> None:
    await site.start("a")
    await site.live(http=rule("retries: {attempts: 3, retryOn: 5xx, backoff: 40ms}"))
    policy = await retry_policy_of(edge, site.host)
    assert policy["retry_back_off"] == {"base_interval": "0.040s"}
    assert policy["num_retries"] == 3


async def retry_policy_of(edge: Edge, host: str) -> dict[str, Any]:
    """Read what the proxy has been told."""
    async with edge.admin() as admin:
        dumps = [each for each in await admin.config_dump() if each["@type"].endswith(".RoutesConfigDump")]
    found = (
        virtual_host["routes"][0]["route"]["retry_policy"]
        for entry in dumps[0]["dynamic_route_configs"]
        for virtual_host in entry["route_config"]["virtual_hosts"]
        if host in virtual_host["domains"]
    )
    policy: dict[str, Any] = next(found)
    return policy


async def test_a_request_body_is_sent_again(site: Site) -> None:
    (flaky,) = await site.start("flaky")
    await site.live(http=rule("retries: {attempts: 1, retryOn: '503'}"))
    flaky.orders.next_statuses.append(503)
    assert (await site.send("POST", "/", b"x" * 1000)).status == 200
    assert [request.body for request in flaky.seen] == [b"x" * 1000] * 2


async def test_many_slow_requests_do_not_hinder_fast_ones(site: Site) -> None:
    slow, _ = await site.start("slow", "fast")
    await site.live(policy="loadBalancer: {simple: LEAST_REQUEST}")
    with slow.holding():
        waiting = [asyncio.create_task(site.get()) for _ in range(20)]
        await slow.until_requests(1)
    assert {(await each).status for each in waiting} == {200}
