"""What an Envoy writes to its event log, line by line: ejections, returns, overflows.

Two writers share the log: outlier detection (`data.cluster.v3.OutlierDetectionEvent` as JSON) and the
access log of overflows (`lateen.envoy.overflow`). Whatever else stands there is nobody's event.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final, TypeAlias

from lateen.envoy.overflow import MARK

BEGINNING: Final = b"{"
"""Every line that is an event begins so."""

_OVERFLOW: Final = b'"lateen":"' + MARK.encode() + b'"'
_REMEMBERED: Final = 4096
"""Different lines of overflows: as many as there are clusters, twice at most."""


class Cause(StrEnum):
    """Why a host was ejected, in Envoy's words."""

    CONSECUTIVE_5XX = "CONSECUTIVE_5XX"
    CONSECUTIVE_GATEWAY_FAILURE = "CONSECUTIVE_GATEWAY_FAILURE"
    CONSECUTIVE_LOCAL_ORIGIN_FAILURE = "CONSECUTIVE_LOCAL_ORIGIN_FAILURE"
    OTHER = "OTHER"
    """By its success rate, which Lateen never configures, or in a way that is not known yet."""


class Limit(StrEnum):
    """Which sort of limit was reached."""

    CONNECTION = "connection"
    """A TCP connection was closed, as there was no place for another one."""
    REQUEST = "request"
    """A request was answered 503, as there was no place for another one."""
    RETRY = "retry"
    """A request that failed was not sent again, as too many retries were under way."""


@dataclass(frozen=True, slots=True)
class HostEjected:
    """A host gets no requests for a while."""

    at: float
    """Seconds since 1970, by the proxy's clock."""
    cluster: str
    address: str
    """`10.1.2.3:8080`, `[fd00::1]:8080`."""
    cause: Cause
    number: int = 1
    """How often it was ejected since the proxy knows it."""
    rested: float | None = None
    """Seconds since it returned from the ejection before; None: there was none."""


@dataclass(frozen=True, slots=True)
class HostReturned:
    """An ejected host gets requests again."""

    at: float
    cluster: str
    address: str


@dataclass(frozen=True, slots=True)
class PoolOverflowed:
    """A limit of a cluster kept one request, connection or retry from being made."""

    cluster: str
    limit: Limit


ProxyEvent: TypeAlias = HostEjected | HostReturned | PoolOverflowed


def read_event(line: bytes) -> ProxyEvent | None:
    """Take one line apart; None: it is no event. Never raises."""
    if not line.startswith(BEGINNING):
        return None
    return _read_overflow(line) if _OVERFLOW in line else _read_outlier(_decode(line))


@lru_cache(_REMEMBERED)
def _read_overflow(line: bytes) -> PoolOverflowed | None:
    """Equal lines come in thousands, so each is taken apart once."""
    fields = _decode(line)
    cluster, details = fields.get("cluster"), fields.get("details")
    if fields.get("lateen") != MARK or not isinstance(cluster, str):
        return None
    if not isinstance(details, str):
        return PoolOverflowed(cluster, Limit.CONNECTION)
    return PoolOverflowed(cluster, Limit.REQUEST if "overflow" in details else Limit.RETRY)


def _read_outlier(fields: Mapping[str, Any]) -> HostEjected | HostReturned | None:
    at, cluster, address = _time(fields.get("timestamp")), fields.get("cluster_name"), fields.get("upstream_url")
    if at is None or not isinstance(cluster, str) or not isinstance(address, str):
        return None
    match fields.get("action"):
        case "UNEJECT":
            return HostReturned(at, cluster, address)
        case "EJECT" if fields.get("enforced") is True:
            rested = _number(fields.get("secs_since_last_action"))
            number = _number(fields.get("num_ejections")) or 1
            return HostEjected(at, cluster, address, _cause(fields.get("type")), number, rested)
    return None


def _decode(line: bytes) -> Mapping[str, Any]:
    try:
        decoded = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return decoded if isinstance(decoded, dict) else {}


def _cause(name: object) -> Cause:
    try:
        return Cause(str(name))
    except ValueError:
        return Cause.OTHER


def _number(value: object) -> int | None:
    """Read a number; 64-bit ones are text in JSON."""
    if isinstance(value, str) and value.isdecimal() and len(value) < 20:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _time(text: object) -> float | None:
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
