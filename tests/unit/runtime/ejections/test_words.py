"""Why hosts are ejected and requests refused, in the words of those who wrote the rule."""

import pytest
from tests.unit.runtime.ejections.scene import CLUSTER, shop
from tests.unit.runtime.stage import EDGE

from lateen.infra.proxy_events import Cause, Limit
from lateen.runtime.ejections.facts import ClusterFacts, Facts
from lateen.runtime.ejections.words import cause_text, limits_text, seconds_text

CONNECTIONS = "connectionPool.tcp.maxConnections 1"


def facts_of(policy: str) -> ClusterFacts:
    facts = Facts(shop(policy).control).cluster(EDGE, CLUSTER)
    assert facts is not None
    return facts


@pytest.mark.parametrize(
    ("policy", "cause", "text"),
    [
        ("consecutive5xxErrors: 3", Cause.CONSECUTIVE_5XX, "3 consecutive 5xx answers or failed connections"),
        ("interval: 1s", Cause.CONSECUTIVE_5XX, "5 consecutive 5xx answers or failed connections"),
        ("splitExternalLocalOriginErrors: true", Cause.CONSECUTIVE_5XX, "5 consecutive 5xx answers"),
        (
            "consecutive5xxErrors: 2, outlierDetectionHttpErrorCodes: [404, 429, 500]",
            Cause.CONSECUTIVE_5XX,
            "2 consecutive answers with status 404, 429 or 500 or failed connections",
        ),
        (
            "consecutiveGatewayErrors: 2, splitExternalLocalOriginErrors: true",
            Cause.CONSECUTIVE_GATEWAY_FAILURE,
            "2 consecutive answers with status 502, 503 or 504",
        ),
        (
            "splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailures: 4",
            Cause.CONSECUTIVE_LOCAL_ORIGIN_FAILURE,
            "4 consecutive failed connections",
        ),
        ("interval: 1s", Cause.OTHER, "its answers were worse than those of other hosts"),
    ],
)
def test_causes_are_told_with_the_number_that_was_configured(policy: str, cause: Cause, text: str) -> None:
    assert cause_text(cause, facts_of(f"outlierDetection: {{{policy}}}")) == text


@pytest.mark.parametrize(
    ("pool", "limit", "text"),
    [
        (
            "{tcp: {maxConnections: 1}, http: {http1MaxPendingRequests: 2, http2MaxRequests: 3}}",
            Limit.REQUEST,
            f"{CONNECTIONS} or connectionPool.http.http1MaxPendingRequests 2 or connectionPool.http.http2MaxRequests 3",
        ),
        (
            "{tcp: {maxConnections: 1}, http: {http1MaxPendingRequests: 2}}",
            Limit.CONNECTION,
            CONNECTIONS,
        ),
        ("{http: {maxRetries: 7}}", Limit.RETRY, "connectionPool.http.maxRetries 7"),
        ("{http: {maxRetries: 7}}", Limit.REQUEST, "a limit that no DestinationRule sets"),
    ],
)
def test_limits_are_told_with_their_fields(pool: str, limit: Limit, text: str) -> None:
    assert limits_text(limit, facts_of(f"connectionPool: {pool}")) == text


def test_a_budget_of_retries_stands_for_their_number() -> None:
    facts = facts_of("retryBudget: {percent: 12.5}, connectionPool: {http: {maxRetries: 7}}")
    assert limits_text(Limit.RETRY, facts) == "retryBudget.percent 12.5"


@pytest.mark.parametrize(
    ("seconds", "text"), [(30.0, "30 s"), (1.25, "1.2 s"), (300.0, "300 s"), (86_400.0, "86400 s")]
)
def test_seconds_are_told_without_needless_digits(seconds: float, text: str) -> None:
    assert seconds_text(seconds) == text
