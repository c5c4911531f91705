"""Retries (istio-semantics §1.2.7)."""

from lateen.ir.route import Retry
from lateen.model.routeaction import RetriesSpec

DEFAULT_ATTEMPTS = 2
DEFAULT_CONDITIONS = (
    "connect-failure",
    "refused-stream",
    "unavailable",
    "cancelled",
    "retriable-status-codes",
)
"""No status code is listed, so a plain 503 is not retried by default."""
STATUS_CODES = "retriable-status-codes"


def lower_retries(spec: RetriesSpec | None, *, sticky: bool) -> Retry | None:
    """Lower a `retries` block, or the default when there is none; `attempts: 0` means no retries.

    `sticky` says that a consistent hash picks the host of a single destination:
    then another host is tried only on request.
    """
    if spec is None:
        return Retry(DEFAULT_ATTEMPTS, DEFAULT_CONDITIONS, avoid_previous_hosts=not sticky)
    if (spec.attempts or 0) <= 0:
        return None
    conditions, codes = split_conditions(spec.retry_on) if spec.retry_on else (DEFAULT_CONDITIONS, ())
    wanted = spec.retry_ignore_previous_hosts
    return Retry(
        attempts=spec.attempts or 0,
        on=conditions,
        status_codes=codes,
        per_try_timeout=spec.per_try_timeout,
        backoff=spec.backoff,
        avoid_previous_hosts=not sticky if wanted is None else wanted,
        other_localities=bool(spec.retry_remote_localities),
    )


def split_conditions(text: str) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Split `503,gateway-error` into Envoy's conditions and the status codes."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    codes = tuple(int(part) for part in parts if part.isdigit())
    conditions = [part for part in parts if not part.isdigit()]
    if codes and STATUS_CODES not in conditions:
        conditions.append(STATUS_CODES)
    return tuple(conditions), codes
