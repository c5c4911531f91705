"""Rules for WorkloadEntries, alone and as endpoints of a ServiceEntry (istio-semantics §1.5, §4.5)."""

from collections.abc import Collection, Iterator
from typing import Final

from lateen.model.hosts import is_ip_address
from lateen.model.objects import Object, Problem
from lateen.model.workloadentry import WorkloadEntrySpec
from lateen.validation.addresses import UNIX, check_ip_or_name, check_unix_path
from lateen.validation.syntax import (
    LABEL_LENGTH,
    check_dns_label,
    check_labels,
    check_port,
    problem,
    under,
    warning,
)

MOST_LABELS: Final = 256
MOST_PORTS: Final = 128
LONGEST: Final = {"address": 256, "network": 2048, "locality": 2048, "serviceAccount": 253}
"""How many characters the texts may have."""


def check_workload_entry(entry: Object[WorkloadEntrySpec]) -> Iterator[Problem]:
    """Check a WorkloadEntry that stands alone; paths start at the object."""
    yield from under(_check_address(entry.spec, names=True), "spec")
    yield from under(check_workload(entry.spec), "spec")


def check_static_endpoint(endpoint: WorkloadEntrySpec, ports: Collection[str]) -> Iterator[Problem]:
    """Check an endpoint whose address is used as it is; paths start at the endpoint.

    Args:
        endpoint: the endpoint.
        ports: names of the service's ports.
    """
    yield from _check_address(endpoint, names=False)
    yield from check_workload(endpoint, ports)
    if endpoint.address.startswith(UNIX) and len(ports) != 1:
        yield from problem("a unix socket serves exactly one port of the service", "address")


def check_resolved_endpoint(endpoint: WorkloadEntrySpec, ports: Collection[str]) -> Iterator[Problem]:
    """Check an endpoint whose address DNS resolves; the arguments are those of `check_static_endpoint`."""
    if not endpoint.address and not endpoint.network:
        yield from problem("an address is required", "address")
    else:
        yield from under(check_ip_or_name(endpoint.address), "address")
    yield from check_workload(endpoint, ports)


def _check_address(workload: WorkloadEntrySpec, *, names: bool) -> Iterator[Problem]:
    address = workload.address
    if not address:
        if workload.network:
            yield from warning(f"without an address this stands for the gateway of {workload.network!r}", "address")
        else:
            yield from problem("an address is required", "address")
    elif address.startswith(UNIX):
        yield from under(check_unix_path(address.removeprefix(UNIX)), "address")
    elif names:
        yield from under(check_ip_or_name(address), "address")
    elif not is_ip_address(address):
        yield from problem(f"{address!r} is not an IP address; names need the resolution DNS", "address")


def check_workload(workload: WorkloadEntrySpec, known_ports: Collection[str] | None = None) -> Iterator[Problem]:
    """Check ports and labels; `known_ports` are the names that the service's ports have, None: not known."""
    if workload.ports and workload.address.startswith(UNIX):
        yield from problem("a unix socket has no ports", "ports")
    for name, number in workload.ports.items():
        if known_ports is not None and name not in known_ports:
            yield from problem(f"the service has no port named {name!r}", "ports", name)
        elif len(name) >= LABEL_LENGTH:
            yield from problem(f"the name of an endpoint's port is shorter than {LABEL_LENGTH}", "ports", name)
        yield from under(check_dns_label(name), "ports", name)
        yield from under(check_port(number), "ports", name)
    if len(workload.ports) > MOST_PORTS:
        yield from problem(f"at most {MOST_PORTS} ports are possible", "ports")
    if len(workload.labels) > MOST_LABELS:
        yield from problem(f"at most {MOST_LABELS} labels are possible", "labels")
    yield from under(check_labels(workload.labels), "labels")
    texts = {
        "address": workload.address,
        "network": workload.network,
        "locality": workload.locality,
        "serviceAccount": workload.service_account,
    }
    for name, text in texts.items():
        if len(text) > LONGEST[name]:
            yield from problem(f"at most {LONGEST[name]} characters are possible", name)
