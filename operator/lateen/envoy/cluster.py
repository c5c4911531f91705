"""Clusters (istio-semantics §3.5)."""

from collections.abc import Iterator
from functools import cache
from typing import Final

from envoy.config.cluster.v3.cluster_pb2 import Cluster as ClusterMessage
from envoy.extensions.clusters.dns.v3.dns_cluster_pb2 import DnsCluster
from envoy.extensions.transport_sockets.proxy_protocol.v3.upstream_proxy_protocol_pb2 import (
    ProxyProtocolUpstreamTransport,
)
from envoy.extensions.transport_sockets.raw_buffer.v3.raw_buffer_pb2 import RawBuffer

from lateen.envoy.discovery import patient_source
from lateen.envoy.ejection import outlier_detection
from lateen.envoy.endpoint import load_assignment
from lateen.envoy.names import cluster_name
from lateen.envoy.pool import HTTP_OPTIONS, budget_interval, circuit_breakers, http_options, tcp_keepalive
from lateen.envoy.tls import SYSTEM_TRUST_FILE, secrets_of, upstream_socket
from lateen.envoy.wire import Fields, duration, extension, resource, serialize
from lateen.ir.cluster import Cluster, Discovery, LbPolicy, LoadBalancer, Warmup
from lateen.ir.endpoint import Endpoints
from lateen.ir.resource import Resource, ResourceKey, ResourceType

_DNS_REFRESH_SECONDS: Final = 60
_DNS_JITTER_SECONDS: Final = 0.1
_AGGRESSION_KEY: Final = "lateen.warmup_aggression"
_PROXY_PROTOCOLS: Final = ("V1", "V2")


def build_cluster(cluster: Cluster, system_trust_file: str = SYSTEM_TRUST_FILE) -> Resource:
    """Build a cluster. `system_trust_file` is where the proxy's machine keeps its authorities.

    Raises:
        ValueError: the cluster asks for a PROXY protocol that does not exist.
    """
    name = cluster_name(cluster.ref)
    fields: Fields = {
        "name": name,
        "connect_timeout": duration(cluster.connect_timeout),
        "circuit_breakers": circuit_breakers(cluster.breaker),
        "common_lb_config": _common_balancing(cluster),
        **_discovery(cluster, name),
        **_balancing(cluster),
    }
    if cluster.ejection is not None:
        fields["outlier_detection"] = outlier_detection(cluster.ejection)
    if cluster.keepalive is not None:
        fields["upstream_connection_options"] = tcp_keepalive(cluster.keepalive)
    options = http_options(cluster.http)
    if options is not None:
        fields["typed_extension_protocol_options"] = {HTTP_OPTIONS: options}
    socket = _transport_socket(cluster, system_trust_file)
    if socket is not None:
        fields["transport_socket"] = socket
    message = ClusterMessage(**fields)
    budget = cluster.breaker.retry_budget
    if budget is not None and budget.interval is not None:
        message.circuit_breakers.thresholds[0].retry_budget.MergeFromString(budget_interval(budget.interval))
    return resource(ResourceType.CLUSTER, name, serialize(message), _needs(cluster, name), cluster.origins)


def _needs(cluster: Cluster, name: str) -> Iterator[ResourceKey]:
    """Name what Envoy asks for after it has heard of the cluster."""
    if cluster.discovery is Discovery.EDS:
        yield ResourceKey(ResourceType.ENDPOINTS, name)
    if cluster.tls is not None:
        yield from secrets_of((cluster.tls.certificate, cluster.tls.trust))


def _discovery(cluster: Cluster, name: str) -> Fields:
    if cluster.discovery is Discovery.EDS:
        return {"type": "EDS", "eds_cluster_config": {"service_name": name, "eds_config": patient_source()}}
    if cluster.discovery is Discovery.ORIGINAL_DST:
        return {"type": "ORIGINAL_DST"}
    endpoints = cluster.dns_endpoints or Endpoints(cluster.ref)
    return {
        "cluster_type": _dns(all_addresses_are_one=cluster.discovery is Discovery.LOGICAL_DNS),
        "load_assignment": load_assignment(endpoints),
    }


@cache
def _dns(*, all_addresses_are_one: bool) -> Fields:
    """Return the DNS cluster extension. IPv4 goes first: what listens on `localhost` often listens there only."""
    config = DnsCluster(
        dns_refresh_rate=duration(_DNS_REFRESH_SECONDS),
        dns_jitter=duration(_DNS_JITTER_SECONDS),
        respect_dns_ttl=True,
        dns_lookup_family="V4_PREFERRED",
        all_addresses_in_single_endpoint=all_addresses_are_one,
    )
    return extension("envoy.cluster.dns", config)


def _common_balancing(cluster: Cluster) -> Fields:
    """The panic threshold is always written: left out it would be 50 %."""
    fields: Fields = {"healthy_panic_threshold": {"value": cluster.panic_percent}}
    balancer = cluster.lb
    if balancer.locality_weighted:
        fields["locality_weighted_lb_config"] = {}
    elif balancer.zone_aware is False:
        fields["zone_aware_lb_config"] = {"routing_enabled": {"value": 0}}
    elif balancer.zone_aware:
        smallest = balancer.zone_min_cluster_size
        fields["zone_aware_lb_config"] = {} if smallest is None else {"min_cluster_size": {"value": smallest}}
    return fields


def _balancing(cluster: Cluster) -> Fields:
    if cluster.discovery is Discovery.ORIGINAL_DST:
        return {"lb_policy": LbPolicy.CLUSTER_PROVIDED.name}
    balancer = cluster.lb
    return {"lb_policy": balancer.policy.name, **_parameters(balancer)}


def _parameters(balancer: LoadBalancer) -> Fields:
    if balancer.policy is LbPolicy.RING_HASH and balancer.ring_size:
        return {"ring_hash_lb_config": {"minimum_ring_size": {"value": balancer.ring_size}}}
    if balancer.policy is LbPolicy.MAGLEV and balancer.table_size:
        return {"maglev_lb_config": {"table_size": {"value": balancer.table_size}}}
    if balancer.warmup is not None and balancer.policy is LbPolicy.LEAST_REQUEST:
        return {"least_request_lb_config": {"slow_start_config": _slow_start(balancer.warmup)}}
    if balancer.warmup is not None and balancer.policy is LbPolicy.ROUND_ROBIN:
        return {"round_robin_lb_config": {"slow_start_config": _slow_start(balancer.warmup)}}
    return {}


def _slow_start(warmup: Warmup) -> Fields:
    fields: Fields = {"slow_start_window": duration(warmup.duration)}
    if warmup.minimum_percent is not None:
        fields["min_weight_percent"] = {"value": warmup.minimum_percent}
    if warmup.aggression is not None:
        fields["aggression"] = {"default_value": warmup.aggression, "runtime_key": _AGGRESSION_KEY}
    return fields


def _transport_socket(cluster: Cluster, system_trust_file: str) -> Fields | None:
    socket = None if cluster.tls is None else upstream_socket(cluster.tls, system_trust_file)
    if not cluster.proxy_protocol:
        return socket
    if cluster.proxy_protocol not in _PROXY_PROTOCOLS:
        raise ValueError(f"PROXY protocol {cluster.proxy_protocol!r} is neither V1 nor V2")
    wrapped = ProxyProtocolUpstreamTransport(
        config={"version": cluster.proxy_protocol},
        transport_socket=socket or _plain_socket(),
    )
    return extension("envoy.transport_sockets.upstream_proxy_protocol", wrapped)


@cache
def _plain_socket() -> Fields:
    return extension("envoy.transport_sockets.raw_buffer", RawBuffer())
