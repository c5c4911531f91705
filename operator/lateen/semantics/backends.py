"""Backends: endpoints together with what decides who may use them and how close they are.

A backend is an `ir.Endpoint` before it is sorted into localities; subsets and failover
look at its labels, locality rules at its place. Places are `region/zone/subzone`, shorter
when less is known, empty when nothing is (istio-semantics §1.5, §2.15).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from lateen.ir.endpoint import Endpoint

REGION_LABEL: Final = "topology.kubernetes.io/region"
ZONE_LABEL: Final = "topology.kubernetes.io/zone"
SUBZONE_LABEL: Final = "topology.istio.io/subzone"
NETWORK_LABEL: Final = "topology.istio.io/network"
HOST_LABEL: Final = "kubernetes.io/hostname"
_PLACE_LABELS: Final = ("topology.istio.io/locality", "istio-locality")


@dataclass(frozen=True, slots=True)
class Backend:
    """One endpoint of a service, with its labels (topology included) and its place."""

    endpoint: Endpoint
    labels: Mapping[str, str] = field(default_factory=dict)
    place: str = ""


def split_place(place: str) -> tuple[str, str, str]:
    """Split `region/zone/subzone`; missing parts are empty."""
    parts = place.split("/", 2)
    return (parts[0], parts[1] if len(parts) > 1 else "", parts[2] if len(parts) > 2 else "")


def join_place(region: str, zone: str, subzone: str = "") -> str:
    """Join the parts of a place, without trailing slashes."""
    return f"{region}/{zone}/{subzone}".rstrip("/")


def place_from_labels(labels: Mapping[str, str], written: str = "", zone: str = "") -> str:
    """Find where a workload is.

    `written` is an explicit locality and wins; then the locality labels (whose dots stand for
    slashes unless there is a slash), then the topology labels, with `zone` for a missing zone.
    """
    if written:
        return written
    for label in _PLACE_LABELS:
        text = labels.get(label, "")
        if text:
            return text if "/" in text else text.replace(".", "/")
    return join_place(labels.get(REGION_LABEL, ""), labels.get(ZONE_LABEL, "") or zone, labels.get(SUBZONE_LABEL, ""))


def with_topology(labels: Mapping[str, str], place: str, node: str = "") -> Mapping[str, str]:
    """Add what the place and the node say to a workload's labels; the workload's own labels win."""
    region, zone, subzone = split_place(place)
    topology = {REGION_LABEL: region, ZONE_LABEL: zone, SUBZONE_LABEL: subzone, HOST_LABEL: node}
    known = {label: value for label, value in topology.items() if value}
    return {**known, **labels} if known else labels
