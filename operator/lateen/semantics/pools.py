"""Connection pools and ejection of a cluster (istio-semantics §1.3.4, §1.3.5, §2.13).

A limit of 0 means "no limit" everywhere: nobody can forbid connections by a pool.
"""

from typing import Final

from lateen.ir.cluster import (
    CircuitBreaker,
    Ejection,
    RetryBudget,
    TcpKeepalive,
    UpstreamHttp,
    UpstreamProtocol,
)
from lateen.model import destinationrule as dr
from lateen.model.protocols import Protocol

_NO_HTTP: Final = dr.HttpPool()
_NO_TCP: Final = dr.TcpPool()
_NO_LIMITS: Final = CircuitBreaker()
_PLAIN: Final = {protocol: UpstreamHttp(protocol=protocol) for protocol in UpstreamProtocol}
"""Most clusters have no policy: what they all share is made once."""

_BUDGET_PERCENT: Final = 20.0
_BUDGET_CONCURRENCY: Final = 3


def lower_breaker(pool: dr.ConnectionPool | None, budget: dr.RetryBudget | None) -> CircuitBreaker:
    """Lower the limits of connections, waiting and open requests, and retries."""
    if pool is None and budget is None:
        return _NO_LIMITS
    http, tcp = _http(pool), _tcp(pool)
    return CircuitBreaker(
        max_connections=_limit(tcp.max_connections),
        max_pending_requests=_limit(http.http1_max_pending_requests),
        max_requests=_limit(http.http2_max_requests),
        max_retries=_limit(http.max_retries),
        retry_budget=_budget(budget) if budget is not None else None,
    )


def lower_keepalive(pool: dr.ConnectionPool | None) -> TcpKeepalive | None:
    """Lower TCP keep-alive; an empty block still switches it on. Times lose their fractions of seconds."""
    keepalive = _tcp(pool).tcp_keepalive
    if keepalive is None:
        return None
    return TcpKeepalive(
        probes=keepalive.probes or None,
        time=None if keepalive.time is None else int(keepalive.time),
        interval=None if keepalive.interval is None else int(keepalive.interval),
    )


def connect_timeout(pool: dr.ConnectionPool | None, default: float) -> float:
    """The time to open a connection, in seconds."""
    written = _tcp(pool).connect_timeout
    return default if written is None else written


def upstream_protocol(
    pool: dr.ConnectionPool | None, protocol: Protocol, *, mirrors_client: bool = False
) -> UpstreamProtocol:
    """Which HTTP the endpoints get: the client's, HTTP/2 by the port or by upgrade, else HTTP/1.1.

    `mirrors_client`: ports of unknown protocol get what the client speaks, as next to a client.
    """
    http = _http(pool)
    if http.use_client_protocol:
        return UpstreamProtocol.DOWNSTREAM
    if protocol.is_http2 or http.h2_upgrade_policy is dr.H2UpgradePolicy.UPGRADE:
        return UpstreamProtocol.HTTP2
    if mirrors_client and protocol is Protocol.UNSUPPORTED:
        return UpstreamProtocol.DOWNSTREAM
    return UpstreamProtocol.DEFAULT


def lower_http(
    pool: dr.ConnectionPool | None,
    protocol: UpstreamProtocol,
    *,
    auto_sni: bool = False,
    auto_san_validation: bool = False,
    ejection_status_codes: tuple[int, ...] = (),
) -> UpstreamHttp:
    """Lower the HTTP options; those of HTTP/2 count only where HTTP/2 is certain."""
    if pool is None and not (auto_sni or auto_san_validation or ejection_status_codes):
        return _PLAIN[protocol]
    http, tcp = _http(pool), _tcp(pool)
    http2 = protocol is UpstreamProtocol.HTTP2
    keepalive = http.http2_keep_alive if http2 else None
    return UpstreamHttp(
        protocol=protocol,
        idle_timeout=tcp.idle_timeout if http.idle_timeout is None else http.idle_timeout,
        max_connection_duration=tcp.max_connection_duration,
        max_requests_per_connection=_limit(http.max_requests_per_connection),
        max_concurrent_streams=_limit(http.max_concurrent_streams) if http2 else None,
        keepalive_interval=keepalive.interval if keepalive is not None else None,
        keepalive_timeout=keepalive.timeout if keepalive is not None else None,
        auto_sni=auto_sni,
        auto_san_validation=auto_san_validation,
        ejection_status_codes=ejection_status_codes,
    )


def lower_ejection(outlier: dr.OutlierDetection) -> Ejection:
    """Lower outlier detection. The deprecated `consecutiveErrors` has no effect."""
    split = outlier.split_external_local_origin_errors
    return Ejection(
        consecutive_5xx=outlier.consecutive_5xx_errors,
        consecutive_gateway_errors=outlier.consecutive_gateway_errors,
        consecutive_local_failures=(outlier.consecutive_local_origin_failures or None) if split else None,
        split_local_errors=split,
        interval=outlier.interval,
        base_time=outlier.base_ejection_time,
        max_percent=_limit(outlier.max_ejection_percent),
    )


def _budget(budget: dr.RetryBudget) -> RetryBudget:
    return RetryBudget(
        percent=_BUDGET_PERCENT if budget.percent is None else budget.percent,
        min_concurrency=budget.min_retry_concurrency or _BUDGET_CONCURRENCY,
        interval=budget.budget_interval,
    )


def _limit(value: int) -> int | None:
    """Read a limit whose 0 means none."""
    return value if value > 0 else None


def _http(pool: dr.ConnectionPool | None) -> dr.HttpPool:
    return pool.http if pool is not None and pool.http is not None else _NO_HTTP


def _tcp(pool: dr.ConnectionPool | None) -> dr.TcpPool:
    return pool.tcp if pool is not None and pool.tcp is not None else _NO_TCP
