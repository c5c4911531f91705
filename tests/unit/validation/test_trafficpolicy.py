"""What a traffic policy may say about limits, ejection and tunnels: a snippet, and what is found where."""

import pytest
from tests.unit.validation.judging import traffic_policy

from lateen.model.trafficpolicy import ClientTls, PortTrafficPolicy, TrafficPolicy
from lateen.model.values import PortSelector
from lateen.validation.trafficpolicy import PORT_POLICIES, check_traffic_policy

POOLS = [
    ("{tcp: {maxConnections: 0}}", []),
    ("{http: {http2MaxRequests: 10, maxRetries: 2, h2UpgradePolicy: UPGRADE}}", []),
    ("{}", ["error connectionPool"]),
    ("{tcp: {maxConnections: -1}}", ["error connectionPool.tcp.maxConnections"]),
    ("{tcp: {connectTimeout: 0s}}", ["error connectionPool.tcp.connectTimeout"]),
    ("{tcp: {connectTimeout: 1.5ms}}", ["error connectionPool.tcp.connectTimeout"]),
    ("{tcp: {maxConnectionDuration: 1us}}", ["error connectionPool.tcp.maxConnectionDuration"]),
    ("{tcp: {idleTimeout: 0s}}", []),
    ("{tcp: {idleTimeout: 1.5ms}}", ["error connectionPool.tcp.idleTimeout"]),
    ("{tcp: {idleTimeout: -1s}}", ["error connectionPool.tcp.idleTimeout"]),
    ("{tcp: {tcpKeepalive: {}}}", []),
    ("{tcp: {tcpKeepalive: {time: 0s}}}", ["error connectionPool.tcp.tcpKeepalive.time"]),
    ("{tcp: {tcpKeepalive: {interval: 1us}}}", ["error connectionPool.tcp.tcpKeepalive.interval"]),
    ("{tcp: {tcpKeepalive: {time: 1500ms}}}", ["warning connectionPool.tcp.tcpKeepalive.time"]),
    ("{http: {http1MaxPendingRequests: -1}}", ["error connectionPool.http.http1MaxPendingRequests"]),
    ("{http: {http2MaxRequests: -1}}", ["error connectionPool.http.http2MaxRequests"]),
    ("{http: {maxRequestsPerConnection: -1}}", ["error connectionPool.http.maxRequestsPerConnection"]),
    ("{http: {maxRetries: -1}}", ["error connectionPool.http.maxRetries"]),
    ("{http: {maxConcurrentStreams: -1}}", ["error connectionPool.http.maxConcurrentStreams"]),
    ("{http: {idleTimeout: 0s}}", ["error connectionPool.http.idleTimeout"]),
    ("{http: {useClientProtocol: true, h2UpgradePolicy: UPGRADE}}", ["error connectionPool.http.useClientProtocol"]),
    ("{http: {h2UpgradePolicy: LATER}}", ["error connectionPool.http.h2UpgradePolicy"]),
    ("{http: {http2KeepAlive: {interval: 1s, timeout: 1s}}}", []),
    ("{http: {http2KeepAlive: {timeout: 1s}}}", ["error connectionPool.http.http2KeepAlive.interval"]),
    ("{http: {http2KeepAlive: {interval: 1s}}}", ["error connectionPool.http.http2KeepAlive.timeout"]),
    ("{http: {http2KeepAlive: {interval: 1us, timeout: 1s}}}", ["error connectionPool.http.http2KeepAlive.interval"]),
]

EJECTION = [
    ("outlierDetection: {}", []),
    ("outlierDetection: {consecutive5xxErrors: 0, interval: 1s, baseEjectionTime: 1m}", []),
    ("outlierDetection: {consecutive5xxErrors: '7'}", []),
    ("outlierDetection: {consecutive5xxErrors: -1}", ["error outlierDetection.consecutive5xxErrors"]),
    ("outlierDetection: {consecutiveErrors: 7}", ["warning outlierDetection.consecutiveErrors"]),
    ("outlierDetection: {interval: 0s}", ["error outlierDetection.interval"]),
    ("outlierDetection: {baseEjectionTime: 1.5ms}", ["error outlierDetection.baseEjectionTime"]),
    ("outlierDetection: {maxEjectionPercent: 101}", ["error outlierDetection.maxEjectionPercent"]),
    ("outlierDetection: {minHealthPercent: -1}", ["error outlierDetection.minHealthPercent"]),
    ("outlierDetection: {splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailures: 5}", []),
    ("outlierDetection: {consecutiveLocalOriginFailures: 0}", []),
    (
        "outlierDetection: {consecutiveLocalOriginFailures: 5}",
        ["error outlierDetection.consecutiveLocalOriginFailures"],
    ),
    ("outlierDetection: {outlierDetectionHttpErrorCodes: [429, 503]}", []),
    (
        "outlierDetection: {outlierDetectionHttpErrorCodes: [99, 600]}",
        [
            "error outlierDetection.outlierDetectionHttpErrorCodes[0]",
            "error outlierDetection.outlierDetectionHttpErrorCodes[1]",
        ],
    ),
    ("circuitBreaker: {consecutiveErrors: 5, interval: 1s}", ["info circuitBreaker"]),
    ("circuitBreaker: {maxEjectionPercent: 101}", ["error circuitBreaker.maxEjectionPercent", "info circuitBreaker"]),
    ("{circuitBreaker: {consecutiveErrors: 5}, outlierDetection: {}}", ["error circuitBreaker"]),
]

PORTS = [
    ("[{port: {number: 80}, tls: {mode: SIMPLE}}]", []),
    ("[{tls: {mode: SIMPLE}}]", ["error portLevelSettings[0].port"]),
    ("[{port: {}, tls: {mode: SIMPLE}}]", ["error portLevelSettings[0].port.number"]),
    ("[{port: {number: 80}}]", ["error portLevelSettings[0]"]),
    ("[{port: {number: 80}, connectionPool: {}}]", ["error portLevelSettings[0].connectionPool"]),
    (
        "[{port: {number: 80}, tls: {mode: SIMPLE}}, {port: {number: 80}, tls: {mode: SIMPLE}}]",
        ["warning portLevelSettings[1].port"],
    ),
    ("[null]", ["error portLevelSettings[0]"]),
    (
        "[{port: {number: 80}, circuitBreaker: {}, outlierDetection: {}}]",
        ["error portLevelSettings[0].circuitBreaker"],
    ),
]

OTHERS = [
    ("tunnel: {targetHost: a.example.com, targetPort: 443}", []),
    ("tunnel: {protocol: POST, targetHost: '10.0.0.1', targetPort: 443}", []),
    ("tunnel: {protocol: GET, targetHost: a.example.com, targetPort: 443}", ["error tunnel.protocol"]),
    ("tunnel: {targetHost: '*.example.com', targetPort: 443}", ["error tunnel.targetHost"]),
    ("tunnel: {targetHost: a.example.com, targetPort: 0}", ["error tunnel.targetPort"]),
    ("tunnel: {targetHost: a.example.com}", ["error tunnel.targetPort"]),
    ("tunnel: {targetPort: 443}", ["error tunnel.targetHost"]),
    ("{tunnel: {targetHost: a.b, targetPort: 443}, proxyProtocol: {version: V2}}", ["error proxyProtocol"]),
    ("proxyProtocol: {version: V1}", []),
    ("proxyProtocol: {version: V3}", ["error proxyProtocol.version"]),
    ("retryBudget: {percent: 20, minRetryConcurrency: 3, budgetInterval: 10s}", []),
    ("retryBudget: {percent: 101}", ["error retryBudget.percent"]),
    ("retryBudget: {percent: -1}", ["error retryBudget.percent"]),
    ("retryBudget: {budgetInterval: -1s}", ["error retryBudget.budgetInterval"]),
    ("{retryBudget: {}, connectionPool: {http: {maxRetries: 3}}}", ["warning connectionPool.http.maxRetries"]),
]


@pytest.mark.parametrize(("block", "expected"), POOLS)
def test_a_connection_pool_has_limits_and_durations(block: str, expected: list[str]) -> None:
    assert traffic_policy(f"connectionPool: {block}") == expected


@pytest.mark.parametrize(("policy", "expected"), EJECTION)
def test_ejection_has_detectors_that_work(policy: str, expected: list[str]) -> None:
    assert traffic_policy(policy) == expected


@pytest.mark.parametrize(("ports", "expected"), PORTS)
def test_the_policy_of_a_port_names_the_port_and_says_something(ports: str, expected: list[str]) -> None:
    assert traffic_policy(f"portLevelSettings: {ports}") == expected


def test_the_number_of_ports_with_a_policy_is_limited() -> None:
    ports = tuple(
        PortTrafficPolicy(port=PortSelector(number), tls=ClientTls()) for number in range(1, PORT_POLICIES + 2)
    )
    assert not check_traffic_policy(TrafficPolicy(port_level_settings=ports[:-1]), "shop")
    (problem,) = check_traffic_policy(TrafficPolicy(port_level_settings=ports), "shop")
    assert problem.path == ("portLevelSettings",)


@pytest.mark.parametrize(("policy", "expected"), OTHERS)
def test_tunnels_proxy_protocol_and_retry_budgets_are_checked(policy: str, expected: list[str]) -> None:
    assert traffic_policy(policy) == expected
