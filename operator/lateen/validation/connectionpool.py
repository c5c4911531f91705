"""Rules for limits of connections and requests (istio-semantics §1.3.4)."""

from lateen.model.trafficpolicy import ConnectionPool, H2UpgradePolicy, Http2KeepAlive, HttpPool, TcpKeepalive, TcpPool
from lateen.validation.report import Report
from lateen.validation.syntax import check_duration


def check_connection_pool(pool: ConnectionPool) -> Report:
    """At least one block; limits that are not negative; durations of at least a millisecond."""
    report = Report()
    if pool.tcp is None and pool.http is None:
        report.error("a connection pool needs tcp or http")
    if pool.tcp is not None:
        report.include(_check_tcp(pool.tcp), "tcp")
    if pool.http is not None:
        report.include(_check_http(pool.http), "http")
    return report


def _refuse_negative(report: Report, field: str, number: int) -> None:
    if number < 0:
        report.error(f"a limit cannot be negative ({number})", field)


def _check_tcp(pool: TcpPool) -> Report:
    report = Report()
    _refuse_negative(report, "maxConnections", pool.max_connections)
    if pool.connect_timeout is not None:
        report.include(check_duration(pool.connect_timeout), "connectTimeout")
    if pool.max_connection_duration is not None:
        report.include(check_duration(pool.max_connection_duration), "maxConnectionDuration")
    if pool.idle_timeout is not None and int(pool.idle_timeout * 1000):  # less than 1ms means: never
        report.include(check_duration(pool.idle_timeout), "idleTimeout")
    if pool.tcp_keepalive is not None:
        report.include(_check_tcp_keepalive(pool.tcp_keepalive), "tcpKeepalive")
    return report


def _check_tcp_keepalive(keepalive: TcpKeepalive) -> Report:
    report = Report()
    for field, duration in (("time", keepalive.time), ("interval", keepalive.interval)):
        if duration is None:
            continue
        wrong = check_duration(duration)
        report.include(wrong, field)
        if not wrong and duration % 1:
            report.warn(f"only whole seconds count: {duration:g}s is taken as {int(duration)}s", field)
    return report


def _check_http(pool: HttpPool) -> Report:
    report = Report()
    _refuse_negative(report, "http1MaxPendingRequests", pool.http1_max_pending_requests)
    _refuse_negative(report, "http2MaxRequests", pool.http2_max_requests)
    _refuse_negative(report, "maxRequestsPerConnection", pool.max_requests_per_connection)
    _refuse_negative(report, "maxRetries", pool.max_retries)
    _refuse_negative(report, "maxConcurrentStreams", pool.max_concurrent_streams)
    if pool.idle_timeout is not None:
        report.include(check_duration(pool.idle_timeout), "idleTimeout")
    if pool.use_client_protocol and pool.h2_upgrade_policy is H2UpgradePolicy.UPGRADE:
        report.error("useClientProtocol and h2UpgradePolicy UPGRADE exclude each other", "useClientProtocol")
    if pool.http2_keep_alive is not None:
        report.include(_check_http2_keepalive(pool.http2_keep_alive), "http2KeepAlive")
    return report


def _check_http2_keepalive(keepalive: Http2KeepAlive) -> Report:
    report = Report()
    for field, duration in (("interval", keepalive.interval), ("timeout", keepalive.timeout)):
        if duration is None:
            report.error(f"{field} is required", field)
        else:
            report.include(check_duration(duration), field)
    return report
