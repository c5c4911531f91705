"""Stage 0: one table per kind, holding what the door let in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lateen.engine import Engine, Reads, Table
from lateen.ir.proxy import Proxy, ProxyId
from lateen.model.destinationrule import DestinationRuleSpec
from lateen.model.endpointslice import EndpointSliceSpec
from lateen.model.gateway import GatewaySpec
from lateen.model.keys import Key, Kind
from lateen.model.objects import Object
from lateen.model.pod import PodSpec
from lateen.model.secret import SecretSpec
from lateen.model.service import ServiceSpec
from lateen.model.serviceentry import ServiceEntrySpec
from lateen.model.virtualservice import VirtualServiceSpec
from lateen.model.workloadentry import WorkloadEntrySpec
from lateen.semantics.delegate import FindDelegate


@dataclass(frozen=True, slots=True)
class Inputs:
    """The input tables, by kind."""

    gateways: Table[Key, Object[GatewaySpec]]
    virtual_services: Table[Key, Object[VirtualServiceSpec]]
    destination_rules: Table[Key, Object[DestinationRuleSpec]]
    services: Table[Key, Object[ServiceSpec]]
    service_entries: Table[Key, Object[ServiceEntrySpec]]
    workload_entries: Table[Key, Object[WorkloadEntrySpec]]
    endpoint_slices: Table[Key, Object[EndpointSliceSpec]]
    pods: Table[Key, Object[PodSpec]]
    secrets: Table[Key, Object[SecretSpec]]
    proxies: Table[ProxyId, Proxy]
    """Proxies that somebody else runs; empty when Lateen makes one per selector."""

    by_kind: Mapping[Kind, Table[Key, Any]] = field(init=False)
    """Only kinds that are compiled."""

    def __post_init__(self) -> None:
        """Gather the tables by kind."""
        tables: dict[Kind, Table[Key, Any]] = {
            Kind.GATEWAY: self.gateways,
            Kind.VIRTUAL_SERVICE: self.virtual_services,
            Kind.DESTINATION_RULE: self.destination_rules,
            Kind.SERVICE: self.services,
            Kind.SERVICE_ENTRY: self.service_entries,
            Kind.WORKLOAD_ENTRY: self.workload_entries,
            Kind.ENDPOINT_SLICE: self.endpoint_slices,
            Kind.POD: self.pods,
            Kind.SECRET: self.secrets,
        }
        object.__setattr__(self, "by_kind", tables)

    def delegates(self, reads: Reads) -> FindDelegate:
        """How rules find the VirtualServices that they delegate to."""

        def find(namespace: str, name: str) -> Object[VirtualServiceSpec] | None:
            return reads.get(self.virtual_services, Key(Kind.VIRTUAL_SERVICE, namespace, name))

        return find

    def table(self, kind: Kind) -> Table[Key, Any] | None:
        """The table of a kind; None for kinds that are checked but not compiled."""
        return self.by_kind.get(kind)


def add_inputs(engine: Engine) -> Inputs:
    """Create the input tables."""
    return Inputs(
        gateways=engine.input("gateways"),
        virtual_services=engine.input("virtual_services"),
        destination_rules=engine.input("destination_rules"),
        services=engine.input("services"),
        service_entries=engine.input("service_entries"),
        workload_entries=engine.input("workload_entries"),
        endpoint_slices=engine.input("endpoint_slices"),
        pods=engine.input("pods"),
        secrets=engine.input("secrets"),
        proxies=engine.input("given_proxies"),
    )
