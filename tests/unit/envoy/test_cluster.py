"""Clusters: discovery, balancing, limits, ejection, the way to endpoints."""

from typing import Any

import pytest
from envoy.config.cluster.v3.circuit_breaker_pb2 import CircuitBreakers
from envoy.config.cluster.v3.cluster_pb2 import Cluster as ClusterMessage
from envoy.config.cluster.v3.outlier_detection_pb2 import OutlierDetection
from envoy.extensions.clusters.dns.v3.dns_cluster_pb2 import DnsCluster
from envoy.extensions.transport_sockets.proxy_protocol.v3.upstream_proxy_protocol_pb2 import (
    ProxyProtocolUpstreamTransport,
)
from envoy.extensions.upstreams.http.v3.http_protocol_options_pb2 import HttpProtocolOptions

from lateen.envoy.cluster import build_cluster
from lateen.envoy.ejection import outlier_detection
from lateen.ir.cluster import (
    CircuitBreaker,
    Cluster,
    Discovery,
    Ejection,
    LbPolicy,
    LoadBalancer,
    RetryBudget,
    TcpKeepalive,
    UpstreamHttp,
    UpstreamProtocol,
    UpstreamTls,
    Warmup,
)
from lateen.ir.endpoint import Endpoint, Endpoints, Locality
from lateen.ir.resource import ResourceKey, ResourceType
from lateen.ir.route import ClusterRef
from lateen.model.keys import Key, Kind

WEB = ClusterRef("web.shop.svc.cluster.local", 80, "v1")
NAME = "outbound|80|v1|web.shop.svc.cluster.local"
UNLIMITED = 4_294_967_295


def built(**options: Any) -> ClusterMessage:
    return ClusterMessage.FromString(build_cluster(Cluster(WEB, **options)).body)


def http_of(http: UpstreamHttp) -> HttpProtocolOptions:
    options = HttpProtocolOptions()
    typed = built(http=http).typed_extension_protocol_options
    assert typed["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"].Unpack(options)
    return options


def threshold(**options: Any) -> CircuitBreakers.Thresholds:
    (found,) = built(**options).circuit_breakers.thresholds
    return found


def ejection_of(**options: Any) -> OutlierDetection:
    return OutlierDetection(**outlier_detection(Ejection(**options)))


def test_a_cluster_is_its_name_and_its_objects() -> None:
    service = Key(Kind.SERVICE, "shop", "web")
    made = build_cluster(Cluster(WEB, origins=(service,)))
    assert made.key == ResourceKey(ResourceType.CLUSTER, NAME)
    assert made.origins == (service,)
    assert made.needs == {ResourceKey(ResourceType.ENDPOINTS, NAME)}


def test_endpoints_are_awaited_without_end() -> None:
    message = built()
    assert message.type == ClusterMessage.EDS
    assert message.eds_cluster_config.service_name == NAME
    assert message.eds_cluster_config.eds_config.HasField("ads")
    assert message.eds_cluster_config.eds_config.HasField("initial_fetch_timeout")
    assert message.eds_cluster_config.eds_config.initial_fetch_timeout.ToMilliseconds() == 0


def test_nothing_is_limited_unless_someone_says_so() -> None:
    limits = threshold()
    assert limits.max_connections.value == UNLIMITED
    assert limits.max_pending_requests.value == UNLIMITED
    assert limits.max_requests.value == UNLIMITED
    assert limits.max_retries.value == UNLIMITED
    assert not limits.HasField("retry_budget")


def test_written_limits_hold() -> None:
    limits = threshold(breaker=CircuitBreaker(100, 50, 200, 3))
    assert limits.max_connections.value == 100
    assert limits.max_pending_requests.value == 50
    assert limits.max_requests.value == 200
    assert limits.max_retries.value == 3


def test_a_budget_of_retries() -> None:
    budget = threshold(breaker=CircuitBreaker(retry_budget=RetryBudget(12.5, 4))).retry_budget
    assert budget.budget_percent.value == 12.5
    assert budget.min_retry_concurrency.value == 4


def test_the_interval_of_a_budget_is_written_by_its_number() -> None:
    without = threshold(breaker=CircuitBreaker(retry_budget=RetryBudget(20, 3))).retry_budget
    budget = threshold(breaker=CircuitBreaker(retry_budget=RetryBudget(20, 3, 1.5))).retry_budget
    interval = b"\x1a\x08" + b"\x08\x01\x10\x80\xca\xb5\xee\x01"
    assert budget.SerializeToString() == without.SerializeToString() + interval


def test_panic_is_off_unless_a_share_is_written() -> None:
    assert built().common_lb_config.HasField("healthy_panic_threshold")
    assert built().common_lb_config.healthy_panic_threshold.value == 0
    assert built(panic_percent=30).common_lb_config.healthy_panic_threshold.value == 30


def test_connecting_takes_ten_seconds_at_most() -> None:
    assert built().connect_timeout.ToMilliseconds() == 10_000
    assert built(connect_timeout=0.25).connect_timeout.ToMilliseconds() == 250


@pytest.mark.parametrize("policy", list(LbPolicy))
def test_every_algorithm_has_its_name(policy: LbPolicy) -> None:
    message = built(lb=LoadBalancer(policy))
    assert ClusterMessage.LbPolicy.Name(message.lb_policy) == policy.name
    assert message.WhichOneof("lb_config") is None


def test_sizes_of_rings_and_tables() -> None:
    assert (
        built(lb=LoadBalancer(LbPolicy.RING_HASH, ring_size=4096)).ring_hash_lb_config.minimum_ring_size.value == 4096
    )
    assert built(lb=LoadBalancer(LbPolicy.MAGLEV, table_size=65537)).maglev_lb_config.table_size.value == 65537


def test_endpoints_warm_up() -> None:
    warmup = Warmup(30, 20, 1.5)
    slow = built(lb=LoadBalancer(LbPolicy.ROUND_ROBIN, warmup=warmup)).round_robin_lb_config.slow_start_config
    assert slow.slow_start_window.seconds == 30
    assert slow.min_weight_percent.value == 20
    assert slow.aggression.default_value == 1.5
    bare = built(lb=LoadBalancer(warmup=Warmup(1))).least_request_lb_config.slow_start_config
    assert not bare.HasField("aggression")
    assert not bare.HasField("min_weight_percent")


def test_a_random_choice_does_not_warm_up() -> None:
    assert built(lb=LoadBalancer(LbPolicy.RANDOM, warmup=Warmup(1))).WhichOneof("lb_config") is None


def test_localities_and_zones() -> None:
    weighted = built(lb=LoadBalancer(locality_weighted=True)).common_lb_config
    assert weighted.WhichOneof("locality_config_specifier") == "locality_weighted_lb_config"
    zones = built(lb=LoadBalancer(zone_aware=True, zone_min_cluster_size=3)).common_lb_config.zone_aware_lb_config
    assert zones.min_cluster_size.value == 3
    off = built(lb=LoadBalancer(zone_aware=False)).common_lb_config.zone_aware_lb_config
    assert off.HasField("routing_enabled")
    assert off.routing_enabled.value == 0
    assert built().common_lb_config.WhichOneof("locality_config_specifier") is None


@pytest.mark.parametrize(("discovery", "one"), [(Discovery.STRICT_DNS, False), (Discovery.LOGICAL_DNS, True)])
def test_names_are_resolved_with_ipv4_first(discovery: Discovery, one: bool) -> None:  # noqa: FBT001 - a row of the table
    endpoints = Endpoints(WEB, (Locality((Endpoint("web.example.com", 8080),)),))
    message = built(discovery=discovery, dns_endpoints=endpoints)
    dns = DnsCluster()
    assert message.cluster_type.typed_config.Unpack(dns)
    assert dns.all_addresses_in_single_endpoint == one
    assert dns.dns_lookup_family == 4
    assert dns.dns_refresh_rate.seconds == 60
    assert dns.respect_dns_ttl
    (endpoint,) = message.load_assignment.endpoints[0].lb_endpoints
    assert endpoint.endpoint.address.socket_address.address == "web.example.com"
    assert message.load_assignment.cluster_name == NAME


def test_the_original_destination_balances_itself() -> None:
    message = built(discovery=Discovery.ORIGINAL_DST)
    assert message.type == ClusterMessage.ORIGINAL_DST
    assert message.lb_policy == ClusterMessage.CLUSTER_PROVIDED
    assert not message.HasField("eds_cluster_config")


def test_plain_http_needs_no_options() -> None:
    assert not built().typed_extension_protocol_options


def test_options_without_a_protocol_are_http_1() -> None:
    options = http_of(UpstreamHttp(idle_timeout=60, max_connection_duration=600, max_requests_per_connection=2))
    assert options.explicit_http_config.WhichOneof("protocol_config") == "http_protocol_options"
    assert options.common_http_protocol_options.idle_timeout.seconds == 60
    assert options.common_http_protocol_options.max_connection_duration.seconds == 600
    assert options.common_http_protocol_options.max_requests_per_connection.value == 2


def test_http_2_has_streams_and_keepalive() -> None:
    http = UpstreamHttp(UpstreamProtocol.HTTP2, max_concurrent_streams=100, keepalive_interval=30, keepalive_timeout=5)
    http2 = http_of(http).explicit_http_config.http2_protocol_options
    assert http2.max_concurrent_streams.value == 100
    assert http2.connection_keepalive.interval.seconds == 30
    assert http2.connection_keepalive.timeout.seconds == 5


def test_the_clients_protocol_is_kept() -> None:
    config = http_of(UpstreamHttp(UpstreamProtocol.DOWNSTREAM)).use_downstream_protocol_config
    assert config.HasField("http_protocol_options")
    assert config.HasField("http2_protocol_options")


def test_names_of_endpoints_come_from_requests() -> None:
    options = http_of(UpstreamHttp(auto_sni=True, auto_san_validation=True)).upstream_http_protocol_options
    assert options.auto_sni
    assert options.auto_san_validation


def test_statuses_that_count_as_errors() -> None:
    one = http_of(UpstreamHttp(ejection_status_codes=(503,))).outlier_detection.error_matcher
    (header,) = one.http_response_headers_match.headers
    assert (header.name, header.string_match.exact) == (":status", "503")
    two = http_of(UpstreamHttp(ejection_status_codes=(500, 503))).outlier_detection.error_matcher
    assert len(two.or_match.rules) == 2


def test_keepalive_of_connections() -> None:
    assert built(keepalive=TcpKeepalive()).upstream_connection_options.HasField("tcp_keepalive")
    keepalive = built(keepalive=TcpKeepalive(3, 30, 5)).upstream_connection_options.tcp_keepalive
    assert keepalive.keepalive_probes.value == 3
    assert keepalive.keepalive_time.value == 30
    assert keepalive.keepalive_interval.value == 5
    assert not built().HasField("upstream_connection_options")


def test_nobody_is_ejected_without_a_policy() -> None:
    assert not built().HasField("outlier_detection")
    assert built(ejection=Ejection()).HasField("outlier_detection")


def test_an_empty_policy_leaves_envoys_detectors() -> None:
    message = ejection_of()
    assert message.HasField("enforcing_success_rate")
    assert message.enforcing_success_rate.value == 0
    assert not message.HasField("consecutive_5xx")
    assert not message.HasField("consecutive_gateway_failure")
    assert not message.HasField("interval")
    assert not message.HasField("base_ejection_time")


def test_a_detector_is_on_with_a_number_and_off_with_zero() -> None:
    on = ejection_of(consecutive_5xx=3, consecutive_gateway_errors=2)
    assert (on.consecutive_5xx.value, on.enforcing_consecutive_5xx.value) == (3, 100)
    assert (on.consecutive_gateway_failure.value, on.enforcing_consecutive_gateway_failure.value) == (2, 100)
    off = ejection_of(consecutive_5xx=0)
    assert off.HasField("enforcing_consecutive_5xx")
    assert (off.consecutive_5xx.value, off.enforcing_consecutive_5xx.value) == (0, 0)


def test_failures_of_this_side_count_only_when_they_are_split() -> None:
    together = ejection_of(consecutive_local_failures=4)
    assert not together.HasField("consecutive_local_origin_failure")
    split = ejection_of(consecutive_local_failures=4, split_local_errors=True)
    assert split.split_external_local_origin_errors
    assert split.HasField("enforcing_local_origin_success_rate")
    assert split.consecutive_local_origin_failure.value == 4
    assert split.enforcing_consecutive_local_origin_failure.value == 100


def test_times_and_share_of_ejection() -> None:
    message = ejection_of(interval=0.5, base_time=30, max_percent=50)
    assert message.interval.ToMilliseconds() == 500
    assert message.base_ejection_time.seconds == 30
    assert message.max_ejection_percent.value == 50
    assert not message.HasField("always_eject_one_host")


def test_one_endpoint_may_go_unless_a_share_is_written() -> None:
    message = ejection_of()
    assert message.always_eject_one_host.value
    assert not message.HasField("max_ejection_percent")


def test_tls_has_a_transport_socket() -> None:
    assert built(tls=UpstreamTls()).transport_socket.name == "envoy.transport_sockets.tls"
    assert not built().HasField("transport_socket")


@pytest.mark.parametrize(
    ("tls", "inner"),
    [(None, "envoy.transport_sockets.raw_buffer"), (UpstreamTls(), "envoy.transport_sockets.tls")],
)
def test_a_proxy_protocol_wraps_what_is_spoken(tls: UpstreamTls | None, inner: str) -> None:
    wrapped = ProxyProtocolUpstreamTransport()
    assert built(proxy_protocol="V2", tls=tls).transport_socket.typed_config.Unpack(wrapped)
    assert wrapped.config.version == wrapped.config.V2
    assert wrapped.transport_socket.name == inner


def test_another_proxy_protocol_is_refused() -> None:
    with pytest.raises(ValueError, match="V3"):
        build_cluster(Cluster(WEB, proxy_protocol="V3"))
