"""Rules for destinations and for how they share traffic (istio-semantics §1.2.9)."""

from collections.abc import Sequence
from typing import TypeVar

from lateen.model.virtualservice import Destination, HttpDestination, RouteDestination
from lateen.validation.report import Report
from lateen.validation.syntax import check_dns_label, check_port, check_wildcard_domain

DestinationT = TypeVar("DestinationT", HttpDestination, RouteDestination)


def check_destination(destination: Destination) -> Report:
    """A host, perhaps a subset and a port. Whether they exist is not looked at here."""
    report = Report()
    if destination.host == "*":
        report.error("a destination is one host, not '*'", "host")
    else:
        report.include(check_wildcard_domain(destination.host), "host")
    if destination.subset:
        report.include(check_dns_label(destination.subset), "subset")
    if destination.port is not None:
        report.include(check_port(destination.port.number), "port", "number")
    return report


def check_shares(route: Sequence[DestinationT]) -> Report:
    """All destinations of a rule and the sum of their weights. Paths are relative to the list."""
    report = Report()
    for index, shared in enumerate(route):
        report.include(check_destination(shared.destination), index, "destination")
        if shared.weight < 0:
            report.error(f"a weight cannot be negative ({shared.weight})", index, "weight")
    if len(route) > 1 and sum(shared.weight for shared in route) == 0:
        report.error("the weights add up to 0: no destination would get anything")
    return report
