"""Connection pools: limits, keepalive, and the HTTP that is spoken to endpoints (istio-semantics §1.3.4)."""

from typing import Final

from envoy.extensions.upstreams.http.v3.http_protocol_options_pb2 import HttpProtocolOptions
from google.protobuf.duration_pb2 import Duration

from lateen.envoy.wire import Fields, duration, framed, packed, serialize
from lateen.ir.cluster import PLAIN_HTTP, CircuitBreaker, TcpKeepalive, UpstreamHttp, UpstreamProtocol

HTTP_OPTIONS: Final = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
"""Key of the HTTP options among a cluster's typed options."""

_BUDGET_INTERVAL_FIELD: Final = 3

UNLIMITED: Final = 4_294_967_295
"""Envoy's own defaults (1024, three retries) would limit what nobody limited."""


def circuit_breakers(breaker: CircuitBreaker) -> Fields:
    """Return the fields of `CircuitBreakers`: one threshold, the priority HIGH is used by no route."""
    threshold: Fields = {
        "max_connections": _limit(breaker.max_connections),
        "max_pending_requests": _limit(breaker.max_pending_requests),
        "max_requests": _limit(breaker.max_requests),
        "max_retries": _limit(breaker.max_retries),
    }
    budget = breaker.retry_budget
    if budget is not None:
        threshold["retry_budget"] = {
            "budget_percent": {"value": budget.percent},
            "min_retry_concurrency": {"value": budget.min_concurrency},
        }
    return {"thresholds": [threshold]}


def budget_interval(seconds: float) -> bytes:
    """Return a `RetryBudget` with its interval alone, encoded, to be merged into the budget of a threshold.

    Envoy knows the field, the generated messages do not yet: it is written by its number.
    """
    return framed(_BUDGET_INTERVAL_FIELD, serialize(Duration(**duration(seconds))))


def _limit(limit: int | None) -> Fields:
    return {"value": UNLIMITED if limit is None else limit}


def tcp_keepalive(keepalive: TcpKeepalive) -> Fields:
    """Return the fields of `UpstreamConnectionOptions`; an empty block still turns keepalive on."""
    fields: Fields = {}
    if keepalive.probes is not None:
        fields["keepalive_probes"] = {"value": keepalive.probes}
    if keepalive.time is not None:
        fields["keepalive_time"] = {"value": keepalive.time}
    if keepalive.interval is not None:
        fields["keepalive_interval"] = {"value": keepalive.interval}
    return {"tcp_keepalive": fields}


def http_options(http: UpstreamHttp) -> Fields | None:
    """Return the packed HTTP options of a cluster, or None when Envoy's defaults are meant."""
    if http == PLAIN_HTTP:
        return None
    fields: Fields = _protocol(http)
    common = _connection_limits(http)
    if common:
        fields["common_http_protocol_options"] = common
    if http.auto_sni or http.auto_san_validation:
        fields["upstream_http_protocol_options"] = {
            "auto_sni": http.auto_sni,
            "auto_san_validation": http.auto_san_validation,
        }
    if http.ejection_status_codes:
        fields["outlier_detection"] = {"error_matcher": _status_matcher(http.ejection_status_codes)}
    return packed(HttpProtocolOptions(**fields))


def _protocol(http: UpstreamHttp) -> Fields:
    if http.protocol is UpstreamProtocol.DOWNSTREAM:
        return {"use_downstream_protocol_config": {"http_protocol_options": {}, "http2_protocol_options": {}}}
    if http.protocol is UpstreamProtocol.HTTP2:
        return {"explicit_http_config": {"http2_protocol_options": _http2(http)}}
    return {"explicit_http_config": {"http_protocol_options": {}}}


def _http2(http: UpstreamHttp) -> Fields:
    fields: Fields = {}
    if http.max_concurrent_streams:
        fields["max_concurrent_streams"] = {"value": http.max_concurrent_streams}
    if http.keepalive_interval is not None and http.keepalive_timeout is not None:
        fields["connection_keepalive"] = {
            "interval": duration(http.keepalive_interval),
            "timeout": duration(http.keepalive_timeout),
        }
    return fields


def _connection_limits(http: UpstreamHttp) -> Fields:
    fields: Fields = {}
    if http.idle_timeout is not None:
        fields["idle_timeout"] = duration(http.idle_timeout)
    if http.max_connection_duration is not None:
        fields["max_connection_duration"] = duration(http.max_connection_duration)
    if http.max_requests_per_connection:
        fields["max_requests_per_connection"] = {"value": http.max_requests_per_connection}
    return fields


def _status_matcher(codes: tuple[int, ...]) -> Fields:
    matchers = [_one_status(code) for code in codes]
    return matchers[0] if len(matchers) == 1 else {"or_match": {"rules": matchers}}


def _one_status(code: int) -> Fields:
    header = {"name": ":status", "string_match": {"exact": str(code)}}
    return {"http_response_headers_match": {"headers": [header]}}
