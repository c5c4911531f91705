"""Rules for traffic policies (istio-semantics §1.3.4 to §1.3.6, §4.4)."""

from collections.abc import Sequence
from typing import Final

from lateen.model.hosts import is_ip_address
from lateen.model.trafficpolicy import (
    CircuitBreaker,
    OutlierDetection,
    PortTrafficPolicy,
    RetryBudget,
    TrafficPolicy,
    Tunnel,
)
from lateen.validation.clienttls import check_client_tls
from lateen.validation.connectionpool import check_connection_pool
from lateen.validation.loadbalancer import check_load_balancer
from lateen.validation.report import Report
from lateen.validation.syntax import check_duration, check_fqdn, check_percent, check_port

PORT_POLICIES: Final = 4096
"""Most `portLevelSettings` of one policy."""


def check_traffic_policy(policy: TrafficPolicy, namespace: str) -> Report:
    """All blocks of one policy.

    Args:
        policy: the policy of a rule or of a subset.
        namespace: that of the DestinationRule.
    """
    report = Report()
    if policy == TrafficPolicy():
        report.error("a traffic policy needs at least one block")
    _check_blocks(policy, namespace, report)
    report.include(_check_port_policies(policy.port_level_settings, namespace), "portLevelSettings")
    if policy.tunnel is not None:
        report.include(_check_tunnel(policy.tunnel), "tunnel")
        if policy.proxy_protocol is not None:
            report.error("tunnel and proxyProtocol exclude each other", "proxyProtocol")
    if policy.retry_budget is not None:
        report.include(_check_retry_budget(policy.retry_budget), "retryBudget")
        pool = policy.connection_pool
        if pool is not None and pool.http is not None and pool.http.max_retries:
            report.warn("maxRetries has no effect next to retryBudget", "connectionPool", "http", "maxRetries")
    return report


def _check_blocks(policy: TrafficPolicy | PortTrafficPolicy, namespace: str, report: Report) -> None:
    """The blocks that a policy and the policy of a port have in common."""
    if policy.load_balancer is not None:
        has_ejection = policy.outlier_detection is not None or policy.circuit_breaker is not None
        report.include(check_load_balancer(policy.load_balancer, has_ejection=has_ejection), "loadBalancer")
    if policy.connection_pool is not None:
        report.include(check_connection_pool(policy.connection_pool), "connectionPool")
    if policy.outlier_detection is not None:
        report.include(check_outlier_detection(policy.outlier_detection), "outlierDetection")
    if policy.circuit_breaker is not None:
        if policy.outlier_detection is not None:
            report.error("circuitBreaker is the older spelling of outlierDetection; give one of them", "circuitBreaker")
        else:
            report.inform(
                "circuitBreaker is honoured as ejection; the modern spelling is outlierDetection, "
                "its consecutiveErrors is consecutive5xxErrors there",
                "circuitBreaker",
            )
        report.include(_check_circuit_breaker(policy.circuit_breaker), "circuitBreaker")
    if policy.tls is not None:
        report.include(check_client_tls(policy.tls, namespace), "tls")


def check_outlier_detection(detection: OutlierDetection) -> Report:
    """Durations, percentages, statuses, and detectors that are switched on."""
    report = Report()
    _check_ejection(detection, report)
    report.include(check_percent(detection.min_health_percent), "minHealthPercent")
    if detection.consecutive_errors:
        report.warn(
            "consecutiveErrors is deprecated and has no effect; consecutive5xxErrors is the field that ejects",
            "consecutiveErrors",
        )
    if detection.consecutive_local_origin_failures and not detection.split_external_local_origin_errors:
        report.error(
            "consecutiveLocalOriginFailures needs splitExternalLocalOriginErrors", "consecutiveLocalOriginFailures"
        )
    for index, code in enumerate(detection.outlier_detection_http_error_codes):
        if not 100 <= code <= 599:
            report.error(
                f"an HTTP status lies between 100 and 599, not {code}", "outlierDetectionHttpErrorCodes", index
            )
    return report


def _check_circuit_breaker(breaker: CircuitBreaker) -> Report:
    report = Report()
    _check_ejection(breaker, report)
    return report


def _check_ejection(ejection: OutlierDetection | CircuitBreaker, report: Report) -> None:
    if ejection.interval is not None:
        report.include(check_duration(ejection.interval), "interval")
    if ejection.base_ejection_time is not None:
        report.include(check_duration(ejection.base_ejection_time), "baseEjectionTime")
    report.include(check_percent(ejection.max_ejection_percent), "maxEjectionPercent")


def _check_port_policies(policies: Sequence[PortTrafficPolicy], namespace: str) -> Report:
    report = Report()
    if len(policies) > PORT_POLICIES:
        report.error(f"at most {PORT_POLICIES} ports can have a policy, not {len(policies)}")
    seen: set[int] = set()
    for index, policy in enumerate(policies):
        if policy.port is None:
            report.error("port is required", index, "port")
        else:
            report.include(check_port(policy.port.number), index, "port", "number")
            if policy.port.number in seen:
                report.warn(f"this policy has no effect: port {policy.port.number} has one already", index, "port")
            seen.add(policy.port.number)
        if policy == PortTrafficPolicy(port=policy.port):
            report.error("the policy of a port needs at least one block", index)
        blocks = Report()
        _check_blocks(policy, namespace, blocks)
        report.include(blocks, index)
    return report


def _check_tunnel(tunnel: Tunnel) -> Report:
    report = Report()
    if tunnel.protocol not in ("", "CONNECT", "POST"):
        report.error(f"a tunnel's protocol is CONNECT or POST, not {tunnel.protocol!r}", "protocol")
    if not is_ip_address(tunnel.target_host):
        report.include(check_fqdn(tunnel.target_host), "targetHost")
    report.include(check_port(tunnel.target_port), "targetPort")
    return report


def _check_retry_budget(budget: RetryBudget) -> Report:
    report = Report()
    if budget.percent is not None:
        report.include(check_percent(budget.percent), "percent")
    if budget.budget_interval is not None and budget.budget_interval < 0:
        report.error("an interval cannot be negative", "budgetInterval")
    return report
