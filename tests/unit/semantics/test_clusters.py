"""What a cluster looks like for what its DestinationRule says."""

from typing import Any

import pytest
from tests.unit.semantics.objects import DOMAIN, entry, rule, service, services_of, subset

from lateen.ir.cluster import (
    CircuitBreaker,
    Cluster,
    Discovery,
    Ejection,
    LbPolicy,
    LoadBalancer,
    RetryBudget,
    TcpKeepalive,
    UpstreamProtocol,
    Warmup,
)
from lateen.ir.route import ClusterRef
from lateen.model.objects import Object
from lateen.model.protocols import Protocol
from lateen.model.service import ServiceSpec
from lateen.model.serviceentry import ServiceEntrySpec
from lateen.semantics.clusters import discovery_of, lower_cluster
from lateen.semantics.destination_rules import merge_rules
from lateen.semantics.policy import effective_policy
from lateen.semantics.pools import upstream_protocol

Backend = Object[ServiceSpec] | Object[ServiceEntrySpec]
CART = service("shop/cart", {"port": 80, "name": "http"}, {"port": 90, "name": "grpc"}, {"port": 70, "name": "tcp"})


def lower(
    policy: dict[str, Any] | None = None, *, port: int = 80, name: str = "", of: Backend = CART, **subsets: Any
) -> Cluster | None:
    """Lower the cluster of a service whose only rule has this policy and these subsets."""
    (registered,) = services_of(of, DOMAIN)
    written = [subset(key, value) for key, value in subsets.items()]
    (found,) = merge_rules([rule("shop/r", registered.host, policy, subsets=written)], DOMAIN)
    ref = ClusterRef(registered.host, port, name)
    effective = effective_policy(found, name, port)
    discovery = discovery_of(ref, registered, found, effective)
    if discovery is None:
        return None
    return lower_cluster(ref, registered, effective, discovery, default_connect_timeout=10.0, rules=found.origins)


def cluster(policy: dict[str, Any] | None = None, **options: Any) -> Cluster:
    lowered = lower(policy, **options)
    assert lowered is not None
    return lowered


def balancer(**settings: Any) -> LoadBalancer:
    return cluster({"loadBalancer": settings}).lb


def test_without_a_policy_a_cluster_is_eds_with_least_request_and_no_limits() -> None:
    plain = cluster()
    assert plain.discovery is Discovery.EDS
    assert plain.lb == LoadBalancer()
    assert plain.breaker == CircuitBreaker()
    assert plain.connect_timeout == 10.0
    assert plain.ejection is None
    assert [str(key) for key in plain.origins] == ["Service/shop/cart", "DestinationRule/shop/r"]


@pytest.mark.parametrize(
    ("resolution", "expected"),
    [
        ("STATIC", Discovery.EDS),
        ("NONE", Discovery.EDS),
        ("DNS", Discovery.STRICT_DNS),
        ("DNS_ROUND_ROBIN", Discovery.LOGICAL_DNS),
    ],
)
def test_the_resolution_of_a_service_entry_decides_how_endpoints_are_learnt(
    resolution: str, expected: Discovery
) -> None:
    assert cluster(of=entry("shop/e", ["x.com"], resolution=resolution)).discovery is expected


def test_dynamic_dns_a_missing_port_and_a_missing_subset_make_no_cluster() -> None:
    assert lower(of=entry("shop/e", ["*.com"], resolution="DYNAMIC_DNS")) is None
    assert lower(port=81) is None
    assert lower(name="v1") is None
    assert lower(name="v1", v1=None) is not None


@pytest.mark.parametrize(
    ("simple", "expected"),
    [
        ("UNSPECIFIED", LbPolicy.LEAST_REQUEST),
        ("LEAST_CONN", LbPolicy.LEAST_REQUEST),
        ("LEAST_REQUEST", LbPolicy.LEAST_REQUEST),
        ("ROUND_ROBIN", LbPolicy.ROUND_ROBIN),
        ("RANDOM", LbPolicy.RANDOM),
    ],
)
def test_simple_algorithms(simple: str, expected: LbPolicy) -> None:
    assert balancer(simple=simple).policy is expected


def test_passthrough_goes_to_the_original_destination() -> None:
    passing = cluster({"loadBalancer": {"simple": "PASSTHROUGH"}})
    assert passing.discovery is Discovery.ORIGINAL_DST
    assert passing.lb.policy is LbPolicy.CLUSTER_PROVIDED


@pytest.mark.parametrize(
    ("consistent", "policy", "ring", "table"),
    [
        ({}, LbPolicy.RING_HASH, 1024, 0),
        ({"minimumRingSize": 9}, LbPolicy.RING_HASH, 9, 0),
        ({"ringHash": {}}, LbPolicy.RING_HASH, 0, 0),
        ({"ringHash": {"minimumRingSize": 7}}, LbPolicy.RING_HASH, 7, 0),
        ({"ringHash": {"minimumRingSize": 9_000_000}}, LbPolicy.RING_HASH, 8_388_608, 0),
        ({"maglev": {}}, LbPolicy.MAGLEV, 0, 0),
        ({"maglev": {"tableSize": 65537}}, LbPolicy.MAGLEV, 0, 65537),
    ],
)
def test_consistent_hashing_uses_a_ring_unless_maglev_is_asked_for(
    consistent: dict[str, Any], policy: LbPolicy, ring: int, table: int
) -> None:
    found = balancer(consistentHash={"httpHeaderName": "x", **consistent})
    assert (found.policy, found.ring_size, found.table_size) == (policy, ring, table)


def test_warmup_counts_for_least_request_and_round_robin_only() -> None:
    warmup = {"duration": "30s", "minimumPercent": 20, "aggression": 1.5}
    assert balancer(simple="ROUND_ROBIN", warmup=warmup).warmup == Warmup(30.0, 20.0, 1.5)
    assert balancer(warmupDurationSecs="10s").warmup == Warmup(10.0)
    assert balancer(warmup=warmup, warmupDurationSecs="10s").warmup == Warmup(30.0, 20.0, 1.5)
    assert balancer(simple="RANDOM", warmup=warmup).warmup is None


def test_connection_pool_limits_and_their_zeroes() -> None:
    pool = {
        "tcp": {"maxConnections": 1, "connectTimeout": "250ms"},
        "http": {"http1MaxPendingRequests": 2, "http2MaxRequests": 3, "maxRetries": 4, "maxRequestsPerConnection": 5},
    }
    found = cluster({"connectionPool": pool})
    assert found.breaker == CircuitBreaker(1, 2, 3, 4)
    assert found.connect_timeout == 0.25
    assert found.http.max_requests_per_connection == 5
    zero = cluster({"connectionPool": {"tcp": {"maxConnections": 0}, "http": {"maxRetries": 0}}})
    assert zero.breaker == CircuitBreaker()


def test_keepalive_loses_fractions_and_an_empty_block_switches_it_on() -> None:
    keepalive = {"probes": 3, "time": "7200s", "interval": "500ms"}
    assert cluster({"connectionPool": {"tcp": {"tcpKeepalive": keepalive}}}).keepalive == TcpKeepalive(3, 7200, 0)
    assert cluster({"connectionPool": {"tcp": {"tcpKeepalive": {}}}}).keepalive == TcpKeepalive()
    assert cluster({"connectionPool": {"tcp": {}}}).keepalive is None


def test_the_tcp_idle_timeout_stands_in_for_the_http_one() -> None:
    assert cluster({"connectionPool": {"tcp": {"idleTimeout": "5s"}}}).http.idle_timeout == 5.0
    both = {"tcp": {"idleTimeout": "5s", "maxConnectionDuration": "1m"}, "http": {"idleTimeout": "6s"}}
    found = cluster({"connectionPool": both}).http
    assert (found.idle_timeout, found.max_connection_duration) == (6.0, 60.0)


@pytest.mark.parametrize(
    ("port", "http", "expected"),
    [
        (80, {}, UpstreamProtocol.DEFAULT),
        (90, {}, UpstreamProtocol.HTTP2),
        (90, {"h2UpgradePolicy": "DO_NOT_UPGRADE"}, UpstreamProtocol.HTTP2),
        (80, {"h2UpgradePolicy": "UPGRADE"}, UpstreamProtocol.HTTP2),
        (70, {"h2UpgradePolicy": "UPGRADE"}, UpstreamProtocol.HTTP2),
        (80, {"h2UpgradePolicy": "DEFAULT"}, UpstreamProtocol.DEFAULT),
        (90, {"useClientProtocol": True}, UpstreamProtocol.DOWNSTREAM),
    ],
)
def test_which_http_is_spoken_to_endpoints(port: int, http: dict[str, Any], expected: UpstreamProtocol) -> None:
    assert cluster({"connectionPool": {"http": {"maxRetries": 1, **http}}}, port=port).http.protocol is expected


def test_a_port_of_unknown_protocol_gets_http1_from_gateways_and_the_clients_http_in_a_mesh() -> None:
    assert upstream_protocol(None, Protocol.UNSUPPORTED) is UpstreamProtocol.DEFAULT
    assert upstream_protocol(None, Protocol.UNSUPPORTED, mirrors_client=True) is UpstreamProtocol.DOWNSTREAM
    assert upstream_protocol(None, Protocol.HTTP, mirrors_client=True) is UpstreamProtocol.DEFAULT


def test_http2_options_count_only_where_http2_is_certain() -> None:
    pool = {"http": {"maxConcurrentStreams": 8, "http2KeepAlive": {"interval": "10s", "timeout": "2s"}}}
    certain = cluster({"connectionPool": pool}, port=90).http
    assert (certain.max_concurrent_streams, certain.keepalive_interval, certain.keepalive_timeout) == (8, 10.0, 2.0)
    plain = cluster({"connectionPool": pool}).http
    assert (plain.max_concurrent_streams, plain.keepalive_interval) == (None, None)


def test_an_empty_outlier_detection_ejects_by_envoys_defaults() -> None:
    assert cluster({"outlierDetection": {}}).ejection == Ejection()


def test_every_field_of_outlier_detection_arrives() -> None:
    found = cluster(
        {
            "outlierDetection": {
                "consecutive5xxErrors": 7,
                "consecutiveGatewayErrors": 0,
                "consecutiveErrors": 1,
                "splitExternalLocalOriginErrors": True,
                "consecutiveLocalOriginFailures": 4,
                "interval": "5s",
                "baseEjectionTime": "1m",
                "maxEjectionPercent": 100,
                "minHealthPercent": 30,
                "outlierDetectionHttpErrorCodes": [429, 503],
            }
        }
    )
    assert found.ejection == Ejection(7, 0, 4, split_local_errors=True, interval=5.0, base_time=60.0, max_percent=100)
    assert found.panic_percent == 30
    assert found.http.ejection_status_codes == (429, 503)


def test_local_failures_count_only_when_split_and_an_ejection_share_of_zero_is_the_default() -> None:
    found = cluster({"outlierDetection": {"consecutiveLocalOriginFailures": 4, "maxEjectionPercent": 0}})
    assert found.ejection == Ejection()


def test_a_service_that_prefers_near_endpoints_never_panics() -> None:
    near = service("shop/cart", trafficDistribution="PreferClose")
    found = cluster({"outlierDetection": {"minHealthPercent": 30}}, of=near)
    assert found.panic_percent == 0
    assert found.lb.locality_weighted


def test_the_older_circuit_breaker_ejects_after_errors_in_a_row() -> None:
    breaker = {"consecutiveErrors": 3, "interval": "30s", "baseEjectionTime": "30s", "maxEjectionPercent": 50}
    assert cluster({"circuitBreaker": breaker}).ejection == Ejection(3, interval=30.0, base_time=30.0, max_percent=50)


def test_a_retry_budget_has_defaults_for_what_it_leaves_out() -> None:
    assert cluster({"retryBudget": {"minRetryConcurrency": 0}}).breaker.retry_budget == RetryBudget(20.0, 3)
    given = cluster({"retryBudget": {"percent": 5, "minRetryConcurrency": 9, "budgetInterval": "2s"}})
    assert given.breaker.retry_budget == RetryBudget(5.0, 9, 2.0)


def test_the_proxy_protocol_is_told_by_version() -> None:
    assert cluster({"proxyProtocol": {"version": "V2"}}).proxy_protocol == "V2"
    assert cluster().proxy_protocol == ""


def test_locality_weights_are_honoured_when_shares_or_takeovers_are_written() -> None:
    share = {"distribute": [{"from": "a", "to": {"b": 100}}]}
    takeover = {"failover": [{"from": "a", "to": "b"}]}
    assert balancer(localityLbSetting=share).locality_weighted
    assert not balancer(localityLbSetting=takeover).locality_weighted
    with_ejection = cluster({"loadBalancer": {"localityLbSetting": takeover}, "outlierDetection": {}})
    assert with_ejection.lb.locality_weighted
    assert not cluster({"outlierDetection": {}}).lb.locality_weighted


def test_zone_aware_routing_can_be_asked_for_and_switched_off() -> None:
    assert balancer(zoneAwareLbSetting={"minClusterSize": 3}).zone_min_cluster_size == 3
    assert balancer(zoneAwareLbSetting={}).zone_aware is True
    assert balancer(zoneAwareLbSetting={"enabled": False}).zone_aware is False
    assert balancer(simple="RANDOM").zone_aware is None
