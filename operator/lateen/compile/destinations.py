"""What routes and chains ask about their destinations, every answer a recorded dependency."""

from dataclasses import dataclass, field

from lateen.compile.services import ServiceTables
from lateen.engine import Reads
from lateen.ir.proxy import Proxy
from lateen.ir.route import ClusterRef, HashPolicy
from lateen.model.hosts import fqdn
from lateen.model.virtualservice import Destination
from lateen.semantics.destination_rules import EffectiveRule
from lateen.semantics.hashing import TcpSettings, hash_policies, tcp_settings
from lateen.semantics.registry import default_port, service_for_rule


@dataclass(frozen=True, slots=True)
class TrackedDestinations:
    """Destinations as one proxy sees them."""

    reads: Reads
    tables: ServiceTables
    proxy: Proxy
    _rules: dict[str, EffectiveRule | None] = field(default_factory=dict)
    """What has been found, by host: many rules of one object lead to the same few hosts."""

    def cluster(self, destination: Destination, namespace: str, port: int) -> ClusterRef:
        """The cluster meant by a destination written in `namespace` (istio-semantics §1.2.9)."""
        host = fqdn(destination.host, namespace, self.tables.settings.domain)
        service = service_for_rule(self.tables.candidates(self.reads, host), self.proxy.namespace, namespace)
        written = destination.port.number if destination.port is not None else 0
        number = written or default_port(service, port)
        if service is not None and service.alias:
            host = service.alias
        return ClusterRef(host, number, destination.subset)

    def hash_policies(self, destination: Destination, cluster: ClusterRef) -> tuple[HashPolicy, ...]:
        """What requests to the destination are hashed by (istio-semantics §1.3.2, §6.91)."""
        written = destination.port.number if destination.port is not None else 0
        return self.hash_policies_of(cluster, written)

    def hash_policies_of(self, cluster: ClusterRef, port: int) -> tuple[HashPolicy, ...]:
        """The same by cluster; settings of a port count only when it is named, which `port` 0 does not."""
        return hash_policies(self.rule_of(cluster), cluster.subset, port or None)

    def tcp_settings(self, cluster: ClusterRef, *, weighted: bool) -> TcpSettings:
        """Timeouts, hash and tunnel of a chain whose first destination is this cluster."""
        return tcp_settings(self.rule_of(cluster), cluster.subset, weighted=weighted)

    def rule_of(self, cluster: ClusterRef) -> EffectiveRule | None:
        """The DestinationRule in effect for a cluster."""
        host = cluster.host
        if host not in self._rules:
            self._rules[host] = self._find_rule(host)
        return self._rules[host]

    def _find_rule(self, host: str) -> EffectiveRule | None:
        """The rule of a visible service; others have none (istio-semantics §6.93)."""
        namespace = self.proxy.namespace
        service = service_for_rule(self.tables.candidates(self.reads, host), namespace, namespace)
        return self.tables.rule(self.reads, self.proxy, host, service.namespace) if service is not None else None
