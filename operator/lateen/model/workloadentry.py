"""WorkloadEntry: an endpoint that is not a pod; also the shape of inline endpoints (istio-semantics §1.5)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from lateen.model.schema import SPEC
from lateen.model.values import Labels, Text, UInt32


@dataclass(frozen=True, slots=True)
class WorkloadEntrySpec:
    """A machine or process that serves a ServiceEntry or a Service."""

    __pydantic_config__ = SPEC

    address: Text = ""
    """IP address, domain name (if the service resolves by DNS) or `unix://` path. Required without `network`."""

    ports: Mapping[Text, UInt32] = field(default_factory=dict)
    """Port numbers by the names of the service's ports, where they differ from the service's."""

    labels: Labels = field(default_factory=dict)
    """Labels that selectors and subsets look at; those of the object's metadata win."""

    network: Text = ""
    """Name of the network the address belongs to; endpoints of one network reach each other directly."""

    locality: Text = ""
    """Where the endpoint is: `region/zone/subzone`, shorter if less is known."""

    weight: UInt32 = 0
    """Share of the traffic compared to other endpoints; 0 counts as 1."""

    service_account: Text = ""
    """Service account of the workload, for the identity in its certificate."""
