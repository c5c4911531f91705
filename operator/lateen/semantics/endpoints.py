"""Endpoints of one port of a service, from slices, inline entries, WorkloadEntries and Pods.

Each `from_…` function yields backends of one source; `assemble` keeps those of a subset and
sorts them into localities (istio-semantics §1.5, §2.15, §3.6).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeAlias

from lateen.ir.endpoint import Endpoint, Endpoints, Health
from lateen.ir.proxy import Proxy
from lateen.ir.route import ClusterRef
from lateen.model.endpointslice import EndpointSliceSpec, SliceEndpoint
from lateen.model.hosts import is_ip_address
from lateen.model.keys import Key, Kind
from lateen.model.objects import Object
from lateen.model.pod import PodSpec
from lateen.model.workloadentry import WorkloadEntrySpec
from lateen.semantics.backends import NETWORK_LABEL, Backend, place_from_labels, with_topology
from lateen.semantics.balancing import proximity_of
from lateen.semantics.clusters import panic_percent
from lateen.semantics.locality import arrange, looks_at_labels
from lateen.semantics.policy import EffectivePolicy
from lateen.semantics.registry import RegisteredService, ServicePort
from lateen.semantics.selectors import selects

PodLookup: TypeAlias = Callable[[Key], Object[PodSpec] | None]
"""Finds the pod behind an endpoint of a slice."""

_SOCKET = "unix://"
_FQDN = "FQDN"


def from_slices(
    slices: Iterable[Object[EndpointSliceSpec]],
    port_name: str,
    *,
    pods: PodLookup | None,
) -> Iterator[Backend]:
    """Read the slices of a Service. Ports belong together by name; endpoints with a name for an address are skipped.

    `pods` is None where labels and places do not matter. An endpoint that is being shut down goes
    at once; requests that it is answering are finished.
    """
    for obj in slices:
        if obj.spec.address_type == _FQDN:
            continue
        number = next((port.port for port in obj.spec.ports if port.name == port_name), None)
        if number is None:
            continue
        for endpoint in obj.spec.endpoints:
            health = _slice_health(endpoint)
            if health is not None and endpoint.addresses:
                yield _slice_backend(endpoint, obj.key.namespace, number, health, pods)


def from_entries(entries: Iterable[WorkloadEntrySpec], port: ServicePort, *, names_allowed: bool) -> Iterator[Backend]:
    """Read endpoints that are written in a ServiceEntry. `names_allowed`: DNS may resolve addresses."""
    for entry in entries:
        number = workload_port(entry, port)
        if number is not None and _is_usable(entry.address, names_allowed=names_allowed):
            yield _workload_backend(entry, entry.labels, number)


def from_workloads(
    workloads: Iterable[Object[WorkloadEntrySpec]],
    selector: Mapping[str, str],
    port: ServicePort,
    *,
    names_allowed: bool = False,
) -> Iterator[Backend]:
    """Read the WorkloadEntries that a selector chooses; labels of the object win over those of the spec."""
    for obj in workloads:
        labels = {**obj.spec.labels, **obj.meta.labels}
        if not selects(selector, labels):
            continue
        number = workload_port(obj.spec, port)
        if number is not None and _is_usable(obj.spec.address, names_allowed=names_allowed):
            yield _workload_backend(obj.spec, labels, number)


def from_pods(pods: Iterable[Object[PodSpec]], selector: Mapping[str, str], port: ServicePort) -> Iterator[Backend]:
    """Read the Pods that a ServiceEntry's selector chooses; those without an address or already ended are skipped."""
    for obj in pods:
        status = obj.spec.status
        addresses = obj.spec.addresses
        if not addresses or status.phase in {"Succeeded", "Failed"} or not selects(selector, obj.meta.labels):
            continue
        number = _pod_port(obj.spec, port)
        if number is None:
            continue
        place = place_from_labels(obj.meta.labels)
        stated = any(condition.type == "Ready" for condition in status.conditions)
        yield Backend(
            Endpoint(
                addresses[0],
                number,
                health=Health.HEALTHY if obj.spec.is_ready or not stated else Health.UNHEALTHY,
            ),
            labels=with_topology(obj.meta.labels, place, obj.spec.spec.node_name),
            place=place,
        )


def from_host(service: RegisteredService, port: ServicePort) -> Iterator[Backend]:
    """The host itself as endpoint: a DNS service that names no others."""
    yield Backend(Endpoint(service.host, port.target if isinstance(port.target, int) else port.number))


def workload_port(entry: WorkloadEntrySpec, port: ServicePort) -> int | None:
    """The number of a port on a workload: sockets have none (0), then its own list, the target, the same number.

    None: the Service's port leads to a named port that the workload does not have.
    """
    if entry.address.startswith(_SOCKET):
        return 0
    number = entry.ports.get(port.name)
    if number is None and isinstance(port.target, str):
        return entry.ports.get(port.target)
    if number is not None:
        return number
    return port.target if isinstance(port.target, int) else port.number


def needs_labels(service: RegisteredService, policy: EffectivePolicy, proxy: Proxy, subset: str) -> bool:
    """Whether labels and places of endpoints matter, so that Pods have to be read."""
    if subset:
        return True
    proximity = proximity_of(policy.load_balancer, service.traffic_distribution)
    return looks_at_labels(proximity, proxy, ejects=policy.ejection is not None)


def assemble(
    ref: ClusterRef,
    backends: Iterable[Backend],
    service: RegisteredService,
    policy: EffectivePolicy,
    proxy: Proxy,
    *,
    subset_labels: Mapping[str, str],
    only_one: bool = False,
    origins: tuple[Key, ...] = (),
) -> Endpoints:
    """Make the endpoints of a cluster; nothing left is an assignment without endpoints (503 UH).

    Where the policy may panic, endpoints that are not ready are withheld: panic would use them.
    `only_one`: the cluster takes a single endpoint, the first.
    """
    withhold = panic_percent(service, policy) > 0
    kept = [
        backend
        for backend in backends
        if not (withhold and backend.endpoint.health is Health.UNHEALTHY) and selects(subset_labels, backend.labels)
    ]
    if only_one:
        del kept[1:]
    if len(kept) > 1:
        kept = sorted(
            {_identity(backend): backend for backend in reversed(kept)}.values(),
            key=_identity,
        )
    localities = arrange(
        kept,
        proximity_of(policy.load_balancer, service.traffic_distribution),
        proxy,
        ejects=policy.ejection is not None,
    )
    return Endpoints(ref, localities, origins)


def _identity(backend: Backend) -> tuple[str, int, str]:
    """What makes two backends one: while Kubernetes moves an endpoint to another slice, it is in both."""
    return (backend.endpoint.host, backend.endpoint.port, backend.place)


def _slice_health(endpoint: SliceEndpoint) -> Health | None:
    """Read the conditions; None: the endpoint is not used at all."""
    if endpoint.is_ready:
        return Health.HEALTHY
    return None if endpoint.conditions.terminating else Health.UNHEALTHY


def _slice_backend(
    endpoint: SliceEndpoint, namespace: str, port: int, health: Health, pods: PodLookup | None
) -> Backend:
    address = Endpoint(endpoint.addresses[0], port, health=health)
    if pods is None:
        return Backend(address)
    reference = endpoint.target_ref
    pod = None
    if reference is not None and reference.kind == "Pod":
        pod = pods(Key(Kind.POD, reference.namespace or namespace, reference.name))
    labels = pod.meta.labels if pod is not None else {}
    place = place_from_labels(labels, zone=endpoint.zone)
    return Backend(address, with_topology(labels, place, endpoint.node_name), place)


def _workload_backend(entry: WorkloadEntrySpec, labels: Mapping[str, str], port: int) -> Backend:
    place = place_from_labels(labels, entry.locality)
    if entry.network:
        labels = {NETWORK_LABEL: entry.network, **labels}
    return Backend(
        Endpoint(entry.address, port, weight=entry.weight or 1),
        with_topology(labels, place),
        place,
    )


def _pod_port(pod: PodSpec, port: ServicePort) -> int | None:
    """The number of a port on a pod; a named target is looked up among its containers' ports."""
    if not isinstance(port.target, str):
        return port.number if port.target is None else port.target
    named = (each for container in pod.spec.containers for each in container.ports if each.name == port.target)
    found = next(named, None)
    return found.container_port if found is not None else None


def _is_usable(address: str, *, names_allowed: bool) -> bool:
    """Whether an address can be an endpoint: EDS takes no names to resolve."""
    if not address:
        return False
    return names_allowed or address.startswith(_SOCKET) or is_ip_address(address)
