"""What people call the networking kinds on the command line, and what a listing shows of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from lateen.crds import destinationrule, gateway, serviceentry, sidecar, virtualservice
from lateen.crds.constraints import Block
from lateen.model.destinationrule import DestinationRuleSpec
from lateen.model.gateway import GatewaySpec
from lateen.model.keys import Kind
from lateen.model.serviceentry import ServiceEntrySpec
from lateen.model.sidecar import SidecarSpec
from lateen.model.virtualservice import VirtualServiceSpec
from lateen.model.workloadentry import WorkloadEntrySpec

GROUP: Final = "networking.istio.io"
VERSIONS: Final = ("v1", "v1beta1", "v1alpha3")
"""All are served with one schema; the first is stored."""

CATEGORIES: Final = ("istio-io", "networking-istio-io")
"""`kubectl get istio-io` lists all kinds together."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of `kubectl get`."""

    name: str
    path: str
    """Where its value stands, as JSONPath; only the first result is shown."""

    description: str
    type: str = "string"
    """How it is printed: `string` as it is, `date` as an age."""


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind as an API server knows it."""

    kind: Kind
    plural: str
    spec: type[Any]
    limits: Mapping[type[Any], Block]
    short_names: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()
    """Columns of its own; `Programmed` and `Age` follow."""

    @property
    def name(self) -> str:
        """Name of its definition."""
        return f"{self.plural}.{GROUP}"

    @property
    def singular(self) -> str:
        """How one object is called on the command line."""
        return self.kind.lower()


PROGRAMMED: Final = Column(
    "Programmed",
    '.status.conditions[?(@.type=="Programmed")].status',
    "Whether all proxies that need the object have acknowledged it",
)
AGE: Final = Column("Age", ".metadata.creationTimestamp", "Time since the object was created", type="date")

RESOURCES: Final = (
    Resource(Kind.GATEWAY, "gateways", GatewaySpec, gateway.LIMITS, ("gw",)),
    Resource(
        Kind.VIRTUAL_SERVICE,
        "virtualservices",
        VirtualServiceSpec,
        virtualservice.LIMITS,
        ("vs",),
        (
            Column("Gateways", ".spec.gateways", "Gateways that the rules hold at"),
            Column("Hosts", ".spec.hosts", "Names that clients call"),
        ),
    ),
    Resource(
        Kind.DESTINATION_RULE,
        "destinationrules",
        DestinationRuleSpec,
        {**virtualservice.LIMITS, **destinationrule.LIMITS},
        ("dr",),
        (Column("Host", ".spec.host", "The service that the rule is about"),),
    ),
    Resource(
        Kind.SERVICE_ENTRY,
        "serviceentries",
        ServiceEntrySpec,
        serviceentry.LIMITS,
        ("se",),
        (
            Column("Hosts", ".spec.hosts", "Names of the service"),
            Column("Location", ".spec.location", "Whether the service belongs to the mesh"),
            Column("Resolution", ".spec.resolution", "How addresses are found"),
        ),
    ),
    Resource(
        Kind.WORKLOAD_ENTRY,
        "workloadentries",
        WorkloadEntrySpec,
        serviceentry.LIMITS,
        ("we",),
        (Column("Address", ".spec.address", "Where the workload is reached"),),
    ),
    Resource(
        Kind.SIDECAR,
        "sidecars",
        SidecarSpec,
        {
            **virtualservice.LIMITS,
            **destinationrule.LIMITS,
            **gateway.LIMITS,
            **serviceentry.LIMITS,
            **sidecar.LIMITS,
        },
    ),
)
"""Every kind of the group that Lateen reads."""
