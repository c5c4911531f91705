"""Destinations for tests: every cluster is what was written, and hosts in `hashed` have a hash policy."""

from dataclasses import dataclass

from lateen.ir.route import ClusterRef, HashPolicy, HashSource
from lateen.model.virtualservice import Destination


@dataclass(frozen=True, slots=True)
class Written:
    """Looks nothing up."""

    hashed: tuple[str, ...] = ()

    def cluster(self, destination: Destination, namespace: str, port: int) -> ClusterRef:
        del namespace
        number = destination.port.number if destination.port is not None else port
        return ClusterRef(destination.host, number, destination.subset)

    def hash_policies(self, destination: Destination, cluster: ClusterRef) -> tuple[HashPolicy, ...]:
        del cluster
        return (HashPolicy(HashSource.HEADER, "x-user"),) if destination.host in self.hashed else ()
