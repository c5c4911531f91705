"""How long ejections last, and how they are told. Pure."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from lateen.infra.proxy_events import Cause, HostEjected, Limit
from lateen.ir.cluster import Ejection
from lateen.runtime.ejections.facts import ClusterFacts

# Envoy's defaults (1.40), where a DestinationRule says nothing.
_BASE_SECONDS: Final = 30.0
_INTERVAL_SECONDS: Final = 10.0
_LONGEST_SECONDS: Final = 300.0
"""Istio's API cannot change it; a longer base time counts in its place."""
_ERRORS: Final = 5

_NAMED: Final = 3
"""Proxies that are named; more are counted."""

_DELAY: Final = 30.0
"""Seconds that a log may be late, before an ejection that should have ended counts as ended."""


def interval(ejection: Ejection) -> float:
    """Seconds between two looks of a proxy at its hosts: an ejection ends at the first one after its time."""
    return _INTERVAL_SECONDS if ejection.interval is None else ejection.interval


def multiplier(event: HostEjected, before: int | None, ejection: Ejection) -> int:
    """By what the base time is multiplied: one more with each ejection, one less with each look at a healthy host.

    Args:
        event: the ejection.
        before: the multiplier of the ejection before; None: unknown, at most the number of ejections.
        ejection: what was configured.
    """
    highest = event.number - 1 if before is None else min(before, event.number - 1)
    looks = int((event.rested or 0.0) / max(interval(ejection), 0.001))
    return max(highest - looks, 0) + 1


def duration(times: int, ejection: Ejection) -> float:
    """Seconds that an ejection lasts at least."""
    base = _BASE_SECONDS if ejection.base_time is None else ejection.base_time
    return min(base * times, max(base, _LONGEST_SECONDS))


def grace(ejection: Ejection) -> float:
    """Seconds after the time of an ejection in which its end must have been told."""
    return 2 * interval(ejection) + _DELAY


def cause_text(cause: Cause, facts: ClusterFacts) -> str:
    """Say why: `5 consecutive 5xx answers or failed connections`."""
    ejection = facts.ejection
    failed = "" if ejection.split_local_errors else " or failed connections"
    match cause:
        case Cause.CONSECUTIVE_5XX:
            answers = f"answers with status {_either(facts.statuses)}" if facts.statuses else "5xx answers"
            return f"{ejection.consecutive_5xx or _ERRORS} consecutive {answers}{failed}"
        case Cause.CONSECUTIVE_GATEWAY_FAILURE:
            count = ejection.consecutive_gateway_errors or _ERRORS
            return f"{count} consecutive answers with status 502, 503 or 504{failed}"
        case Cause.CONSECUTIVE_LOCAL_ORIGIN_FAILURE:
            return f"{ejection.consecutive_local_failures or _ERRORS} consecutive failed connections"
    return "its answers were worse than those of other hosts"


def limits_text(limit: Limit, facts: ClusterFacts) -> str:
    """Name the limits that can have been reached, with the fields that set them."""
    return " or ".join(_limits(limit, facts)) or "a limit that no DestinationRule sets"


def _limits(limit: Limit, facts: ClusterFacts) -> Iterator[str]:
    breaker = facts.breaker
    if limit is Limit.RETRY:
        if breaker.retry_budget is not None:
            yield f"retryBudget.percent {breaker.retry_budget.percent:g}"
        elif breaker.max_retries is not None:
            yield f"connectionPool.http.maxRetries {breaker.max_retries}"
        return
    if breaker.max_connections is not None:
        yield f"connectionPool.tcp.maxConnections {breaker.max_connections}"
    if limit is Limit.REQUEST:
        if breaker.max_pending_requests is not None:
            yield f"connectionPool.http.http1MaxPendingRequests {breaker.max_pending_requests}"
        if breaker.max_requests is not None:
            yield f"connectionPool.http.http2MaxRequests {breaker.max_requests}"


def host_text(address: str, pod: str) -> str:
    """`pod reviews-v1-abc (10.1.2.3:9080)`, or `host 10.1.2.3:9080`."""
    return f"pod {pod} ({address})" if pod else f"host {address}"


def proxies_text(names: Sequence[str]) -> str:
    """`proxy a`, `proxies a, b, c and 2 more`."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{'proxy' if len(names) == 1 else 'proxies'} {', '.join(names[:_NAMED])}{more}"


def seconds_text(seconds: float) -> str:
    """`30 s`, `1.5 s`."""
    return f"{round(seconds, 1):g} s" if seconds < 10_000 else f"{round(seconds)} s"


def rfc3339(moment: float) -> str:
    """Print seconds since 1970 to the second, as Kubernetes does."""
    return datetime.fromtimestamp(round(moment), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _either(statuses: tuple[int, ...]) -> str:
    *others, last = map(str, statuses)
    return f"{', '.join(others)} or {last}" if others else last
