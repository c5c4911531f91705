"""What the compiled state tells about a cluster that a proxy's log names."""

from dataclasses import dataclass
from typing import NamedTuple

from lateen.compile.names import WantedCluster
from lateen.envoy.endpoint import addresses_of, split_address
from lateen.envoy.names import parse_cluster_name
from lateen.ir.cluster import CircuitBreaker, Ejection
from lateen.ir.proxy import ProxyId
from lateen.ir.resource import Resource, ResourceKey, ResourceType
from lateen.ir.route import ClusterRef
from lateen.model.keys import Key, Kind
from lateen.runtime.control import Control


class ProxyPod(NamedTuple):
    """One proxy that runs as a pod."""

    namespace: str
    name: str
    proxy: ProxyId
    """Its class."""


@dataclass(frozen=True, slots=True)
class ClusterFacts:
    """What decides about ejections and overflows of one cluster."""

    ref: ClusterRef
    version: str
    """Of the cluster as it is published: with another one a proxy forgets its ejections."""
    rules: tuple[Key, ...]
    """The DestinationRules behind it."""
    ejection: Ejection
    breaker: CircuitBreaker
    statuses: tuple[int, ...] = ()
    """Statuses that count as errors in place of 5xx."""

    @property
    def service(self) -> str:
        """`reviews.shop.svc.cluster.local/v1`, without the subset where there is none."""
        return f"{self.ref.host}/{self.ref.subset}" if self.ref.subset else self.ref.host


class Facts:
    """Finds them in what is compiled and published now."""

    def __init__(self, control: Control) -> None:
        """Look into one instance."""
        self._control = control

    def cluster(self, proxy: ProxyId, name: str) -> ClusterFacts | None:
        """Tell about a cluster; None: it is none of ours, or gone."""
        resource = self._find(proxy, ResourceType.CLUSTER, name)
        try:
            wanted = WantedCluster(proxy, parse_cluster_name(name))
        except ValueError:
            return None
        upstream = self._control.compiler.graph.clusters.upstreams.values.get(wanted)
        if resource is None or upstream is None:
            return None
        cluster = upstream.cluster
        return ClusterFacts(
            ref=cluster.ref,
            version=resource.version,
            rules=tuple(key for key in resource.origins if key.kind is Kind.DESTINATION_RULE),
            ejection=cluster.ejection or Ejection(),
            breaker=cluster.breaker,
            statuses=cluster.http.ejection_status_codes,
        )

    def has_host(self, proxy: ProxyId, cluster: str, address: str) -> bool:
        """Whether an address is one of the cluster's; what Envoy looks up by itself (DNS) always counts as one."""
        endpoints = self._find(proxy, ResourceType.ENDPOINTS, cluster)
        return endpoints is None or address in addresses_of(endpoints)

    def pod_at(self, proxy: ProxyId, cluster: str, address: str) -> str:
        """Name of the pod that has an address; empty when it is no pod's."""
        host, _ = split_address(address)
        endpoints = self._find(proxy, ResourceType.ENDPOINTS, cluster)
        inputs = self._control.compiler.graph.inputs
        for key in endpoints.origins if endpoints is not None else ():
            slice_ = inputs.endpoint_slices.values.get(key) if key.kind is Kind.ENDPOINT_SLICE else None
            for endpoint in slice_.spec.endpoints if slice_ is not None else ():
                ref = endpoint.target_ref
                if ref is not None and ref.kind == "Pod" and host in endpoint.addresses:
                    return ref.name
        # A ServiceEntry may select pods, which stand in no slice of its own.
        for pod_key, pod in inputs.pods.values.items():
            if host in pod.spec.addresses:
                return pod_key.name
        return ""

    def _find(self, proxy: ProxyId, type_: ResourceType, name: str) -> Resource | None:
        desired = self._control.cache.desired(proxy)
        return desired.get(ResourceKey(type_, name)) if desired is not None else None
