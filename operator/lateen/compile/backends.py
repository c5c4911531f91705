"""Finding the endpoints of a service: by name for Kubernetes Services, by labels for those that select.

An EndpointSlice touches its own service only; WorkloadEntries are found by one label of the
selector, Pods one by one where their labels matter, and by namespace where a ServiceEntry selects them.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from lateen.compile.inputs import Inputs
from lateen.engine import Engine, Index, Reads
from lateen.model.endpointslice import SERVICE_LABEL, EndpointSliceSpec
from lateen.model.keys import Key
from lateen.model.objects import Object
from lateen.model.pod import PodSpec
from lateen.model.workloadentry import WorkloadEntrySpec
from lateen.semantics.backends import Backend
from lateen.semantics.endpoints import from_entries, from_host, from_pods, from_slices, from_workloads
from lateen.semantics.registry import RegisteredService, ServicePort

Label: TypeAlias = tuple[str, str]
ANY: Final[Label] = ("", "")
"""Stands for all workloads of a namespace."""

Gathered: TypeAlias = tuple[Sequence[Backend], tuple[Key, ...]]
"""Backends, and the objects they come from."""


@dataclass(frozen=True, slots=True)
class BackendTables:
    """The indexes of everything that can be an endpoint."""

    inputs: Inputs
    slices_by_service: Index[Key, Object[EndpointSliceSpec], tuple[str, str]]
    """(namespace, name of the Service)."""
    workloads_by_label: Index[Key, Object[WorkloadEntrySpec], tuple[str, Label]]
    """(namespace, one label), and (namespace, ANY)."""
    pods_by_namespace: Index[Key, Object[PodSpec], str]

    def gather(
        self, reads: Reads, service: RegisteredService, port: ServicePort, *, labels: bool, names: bool = False
    ) -> Gathered:
        """Everything behind one port of one service, of all subsets.

        `labels`: labels and places of Pods are needed. `names`: addresses may be names that DNS resolves.
        """
        if service.is_kubernetes:
            return self._of_kubernetes(reads, service, port, labels=labels)
        entry = reads.get(self.inputs.service_entries, service.origin)
        if entry is None:
            return (), ()
        found = list(from_entries(entry.spec.endpoints, port, names_allowed=names))
        if entry.spec.workload_selector is not None:
            found += self._workloads(reads, service, port, names=names)
            pods = (obj for _, obj in reads.values(self.pods_by_namespace, service.namespace))
            found += from_pods(pods, dict(service.selector), port)
        elif names and not entry.spec.endpoints:
            found += from_host(service, port)
        return found, (service.origin,)

    def _of_kubernetes(self, reads: Reads, service: RegisteredService, port: ServicePort, *, labels: bool) -> Gathered:
        slices = reads.values(self.slices_by_service, (service.namespace, service.origin.name))
        pods = (lambda key: reads.get(self.inputs.pods, key)) if labels else None
        found = list(from_slices((obj for _, obj in slices), port.name, pods=pods))
        if service.selector:
            found += self._workloads(reads, service, port)
        return found, (service.origin, *(key for key, _ in slices))

    def _workloads(
        self, reads: Reads, service: RegisteredService, port: ServicePort, *, names: bool = False
    ) -> Iterable[Backend]:
        """The WorkloadEntries that the service selects; they carry the first label of the selector."""
        label = service.selector[0] if service.selector else ANY
        found = [obj for _, obj in reads.values(self.workloads_by_label, (service.namespace, label))]
        return from_workloads(found, dict(service.selector), port, names_allowed=names) if found else ()


def add_backends(engine: Engine, inputs: Inputs) -> BackendTables:
    """Add the indexes."""
    return BackendTables(
        inputs=inputs,
        slices_by_service=engine.index("slices_by_service", inputs.endpoint_slices, _service_of),
        workloads_by_label=engine.index("workloads_by_label", inputs.workload_entries, _labels_of),
        pods_by_namespace=engine.index("pods_by_namespace", inputs.pods, lambda key, _: (key.namespace,)),
    )


def _service_of(key: Key, obj: Object[EndpointSliceSpec]) -> Iterator[tuple[str, str]]:
    name = obj.meta.labels.get(SERVICE_LABEL)
    if name:
        yield key.namespace, name


def _labels_of(key: Key, obj: Object[WorkloadEntrySpec]) -> Iterator[tuple[str, Label]]:
    yield key.namespace, ANY
    for label in {**obj.spec.labels, **obj.meta.labels}.items():
        yield key.namespace, label
