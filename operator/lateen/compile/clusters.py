"""Stages 7 and 8: the clusters that routes and chains name, with their endpoints.

    7 upstreams   wanted cluster → what it is made of: service, policy, the cluster as IR
    8 clusters    wanted cluster → the cluster, encoded
    8 endpoints   wanted cluster → its endpoints, encoded, if they are delivered (EDS)

A cluster exists while something names it. An EndpointSlice reruns the endpoints of its own
service, a DestinationRule the clusters of its host.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from lateen.compile.backends import BackendTables, add_backends
from lateen.compile.inputs import Inputs
from lateen.compile.names import WantedCluster, WantedSecret
from lateen.compile.services import ServiceTables
from lateen.engine import Derived, Engine, Index, Reads, Table
from lateen.envoy.cluster import build_cluster
from lateen.envoy.endpoint import build_endpoints
from lateen.ir.cluster import Cluster, Discovery
from lateen.ir.endpoint import Endpoints
from lateen.ir.proxy import MESH_GATEWAY, Proxy, ProxyId
from lateen.ir.resource import Resource
from lateen.ir.route import ClusterRef
from lateen.model.keys import Key
from lateen.semantics.backends import Backend
from lateen.semantics.clusters import DNS, discovery_of, lower_cluster
from lateen.semantics.endpoints import assemble, needs_labels
from lateen.semantics.policy import EffectivePolicy, effective_policy
from lateen.semantics.registry import Labels, RegisteredService, service_for, siblings

Wanted: TypeAlias = tuple[Index[Any, Any, WantedCluster], ...]
"""Indexes whose groups are the clusters that something names."""


@dataclass(frozen=True, slots=True)
class Upstream:
    """A cluster and what its endpoints depend on."""

    cluster: Cluster
    sources: tuple[RegisteredService, ...]
    """The services whose endpoints are united; the first decides everything else."""
    policy: EffectivePolicy
    subset_labels: Labels = ()


@dataclass(frozen=True, slots=True)
class ClusterTables:
    """Clusters as IR; clusters and endpoints encoded."""

    upstreams: Derived[WantedCluster, Upstream]
    clusters: Derived[WantedCluster, Resource]
    endpoints: Derived[WantedCluster, Resource]


def add_upstreams(
    engine: Engine, inputs: Inputs, proxies: Table[ProxyId, Proxy], services: ServiceTables, wanted: Wanted
) -> ClusterTables:
    """Add the tables for the clusters that are groups of these indexes."""
    backends = add_backends(engine, inputs)

    def resolve(reads: Reads, key: WantedCluster) -> Upstream | None:
        return _resolve(reads, key.cluster, reads.get(proxies, key.proxy), services, backends)

    upstreams = engine.derive("upstreams", 7, resolve, group=wanted)

    def encode_cluster(reads: Reads, key: WantedCluster) -> Resource | None:
        upstream = reads.get(upstreams, key)
        return build_cluster(upstream.cluster, services.settings.system_trust_file) if upstream is not None else None

    def encode_endpoints(reads: Reads, key: WantedCluster) -> Resource | None:
        upstream = reads.get(upstreams, key)
        proxy = reads.get(proxies, key.proxy)
        if upstream is None or proxy is None or upstream.cluster.discovery is not Discovery.EDS:
            return None
        return build_endpoints(_assign(reads, upstream, proxy, backends))

    return ClusterTables(
        upstreams=upstreams,
        clusters=engine.derive("clusters", 8, encode_cluster, each=upstreams),
        endpoints=engine.derive("endpoints", 8, encode_endpoints, each=upstreams),
    )


def cluster_secrets(key: WantedCluster, upstream: Upstream) -> Iterator[WantedSecret]:
    """The TLS material that a cluster names."""
    tls = upstream.cluster.tls
    if tls is not None:
        for ref in (tls.certificate, tls.trust):
            if ref is not None and ref.name:
                yield WantedSecret(key.proxy, ref.name)


def _resolve(
    reads: Reads, ref: ClusterRef, proxy: Proxy | None, services: ServiceTables, backends: BackendTables
) -> Upstream | None:
    """Work out one cluster; None: it does not exist, requests to it get 503."""
    if proxy is None:
        return None
    candidates = services.candidates(reads, ref.host)
    service = service_for(candidates, proxy.namespace, ref.port)
    if service is None:
        return None
    rule = services.rule(reads, proxy, ref.host, service.namespace)
    policy = effective_policy(rule, ref.subset, ref.port)
    discovery = discovery_of(ref, service, rule, policy)
    if discovery is None:
        return None
    subset = rule.subset(ref.subset) if rule is not None and ref.subset else None
    cluster = lower_cluster(
        ref,
        service,
        policy,
        discovery,
        default_connect_timeout=services.settings.connect_timeout,
        mirrors_client=proxy.id.name == MESH_GATEWAY,
        rules=rule.origins if rule is not None else (),
    )
    upstream = Upstream(
        cluster=cluster,
        sources=siblings(candidates, service, proxy.namespace, ref.port) if len(candidates) > 1 else (service,),
        policy=policy,
        subset_labels=tuple(sorted(subset.labels.items())) if subset is not None else (),
    )
    if discovery not in DNS:
        return upstream
    endpoints = _assign(reads, upstream, proxy, backends)
    if not endpoints.localities:
        return None
    return replace(upstream, cluster=replace(cluster, dns_endpoints=endpoints))


def _assign(reads: Reads, upstream: Upstream, proxy: Proxy, backends: BackendTables) -> Endpoints:
    """Gather the endpoints of a cluster; there may be none."""
    cluster, service = upstream.cluster, upstream.sources[0]
    labels = needs_labels(service, upstream.policy, proxy, cluster.ref.subset)
    dns = cluster.discovery in DNS
    found: list[Backend] = []
    origins: tuple[Key, ...] = ()
    for source in upstream.sources:
        port = source.port(cluster.ref.port)
        if port is not None:
            gathered, keys = backends.gather(reads, source, port, labels=labels, names=dns)
            found += gathered
            origins += keys
    return assemble(
        cluster.ref,
        found,
        service,
        upstream.policy,
        proxy,
        subset_labels=dict(upstream.subset_labels),
        only_one=cluster.discovery is Discovery.LOGICAL_DNS,
        origins=origins,
    )
