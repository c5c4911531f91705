"""The registry: Kubernetes Services and ServiceEntries seen as one list of services by host.

Several objects may describe one host; `preferred` orders them and `service_for` chooses for
one viewer (istio-semantics §1.4, §2.9, §2.12). Addresses of services are left out: proxies
reach services by name only.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

from lateen.model.keys import Key, Kind
from lateen.model.objects import Object
from lateen.model.protocols import Protocol, parse_protocol
from lateen.model.service import ServiceSpec
from lateen.model.serviceentry import Resolution, ServiceEntrySpec
from lateen.semantics.protocol import protocol_of_port
from lateen.semantics.visibility import EVERYBODY, PUBLIC, exported_namespaces, sees

EXPORT_ANNOTATION: Final = "networking.istio.io/exportTo"
_DISTRIBUTION_ANNOTATION: Final = "networking.istio.io/traffic-distribution"


@dataclass(frozen=True, slots=True)
class ServicePort:
    """A port of a service. `target` is a number, a port name of the workload, or None: the same number."""

    number: int
    name: str
    protocol: Protocol
    target: int | str | None = None


Labels: TypeAlias = tuple[tuple[str, str], ...]
"""Labels as sorted pairs: comparable and hashable."""


@dataclass(frozen=True, slots=True)
class RegisteredService:
    """One host of one Service or ServiceEntry."""

    host: str
    namespace: str
    ports: tuple[ServicePort, ...]
    resolution: Resolution
    origin: Key
    exported_to: frozenset[str]
    """Namespaces that see it, `*` for all; empty: nobody does."""
    age_order: tuple[str, str, str] = ("", "", "")
    selector: Labels = ()
    """Labels of the workloads behind it; empty: none are selected."""
    alias: str = ""
    """The host meant instead (ExternalName); such a service has no cluster of its own."""
    subject_alt_names: tuple[str, ...] = ()
    traffic_distribution: str = ""

    def visible_to(self, namespace: str) -> bool:
        """Whether proxies of the namespace see it."""
        return sees(self.exported_to, namespace)

    def port(self, number: int) -> ServicePort | None:
        """The port of that number, which is never one of UDP."""
        for port in self.ports:
            if port.number == number and port.protocol is not Protocol.UDP:
                return port
        return None

    @property
    def is_kubernetes(self) -> bool:
        """Whether it comes from a Kubernetes Service."""
        return self.origin.kind is Kind.SERVICE


def hosts_of(obj: Object[ServiceSpec] | Object[ServiceEntrySpec], domain: str) -> tuple[str, ...]:
    """The hosts that one object registers: a Service one, a ServiceEntry each of its own."""
    if isinstance(obj.spec, ServiceSpec):
        return (service_host(obj.key.namespace, obj.key.name, domain),)
    return tuple(dict.fromkeys(obj.spec.hosts))


def register(obj: Object[ServiceSpec] | Object[ServiceEntrySpec], host: str) -> RegisteredService:
    """Read what an object registers for one of its hosts."""
    if isinstance(obj.spec, ServiceSpec):
        return _from_service(obj, obj.spec, host)
    return _from_entry(obj, obj.spec, host)


def service_host(namespace: str, name: str, domain: str) -> str:
    """The host of a Kubernetes Service, which is what its short name stands for."""
    return f"{name}.{namespace}.svc.{domain}" if domain else f"{name}.{namespace}"


def preferred(services: Iterable[RegisteredService]) -> tuple[RegisteredService, ...]:
    """Order the services of one host: Kubernetes before ServiceEntries, then the oldest."""
    return tuple(sorted(services, key=lambda service: (not service.is_kubernetes, service.age_order)))


def visible(candidates: Iterable[RegisteredService], viewer: str) -> list[RegisteredService]:
    """The services that a namespace sees, best first: Kubernetes, then exported to it by name, then public."""
    seen = [service for service in candidates if service.visible_to(viewer)]
    if len(seen) > 1:
        seen.sort(key=lambda service: (not service.is_kubernetes, PUBLIC in service.exported_to))
    return seen


def service_for(candidates: Iterable[RegisteredService], viewer: str, port: int) -> RegisteredService | None:
    """The service behind `outbound|port||host` for proxies of a namespace; None: there is no such cluster.

    A later service of the same host still contributes the ports that better ones lack.
    """
    for service in visible(candidates, viewer):
        if not service.alias and service.port(port) is not None:
            return service
    return None


def service_for_rule(
    candidates: Iterable[RegisteredService], viewer: str, rule_namespace: str
) -> RegisteredService | None:
    """The service that a VirtualService's destination means: that of its own namespace if the proxy sees it.

    It decides the default port and the alias only (istio-semantics §2.9).
    """
    seen = visible(candidates, viewer)
    if len(seen) > 1:
        return next((service for service in seen if service.namespace == rule_namespace), seen[0])
    return seen[0] if seen else None


def default_port(service: RegisteredService | None, listener_port: int) -> int:
    """The port of a destination that names none (istio-semantics §1.2.9)."""
    if service is not None and len(service.ports) == 1:
        return service.ports[0].number
    return listener_port


def siblings(
    candidates: Iterable[RegisteredService], chosen: RegisteredService, viewer: str, port: int
) -> tuple[RegisteredService, ...]:
    """The services whose endpoints are united, the chosen one first.

    These are the visible ServiceEntries of one host, namespace, port and resolution.
    """
    if chosen.is_kubernetes:
        return (chosen,)
    others = (
        service
        for service in visible(candidates, viewer)
        if service.origin != chosen.origin
        and not service.is_kubernetes
        and service.namespace == chosen.namespace
        and service.resolution is chosen.resolution
        and service.port(port) is not None
    )
    return (chosen, *others)


def _annotated_export(text: str, owner: str) -> frozenset[str]:
    return exported_namespaces((part.strip() for part in text.split(",") if part.strip()), owner)


def _from_service(
    obj: Object[ServiceSpec] | Object[ServiceEntrySpec], spec: ServiceSpec, host: str
) -> RegisteredService:
    annotation = obj.meta.annotations.get(EXPORT_ANNOTATION, "")
    return RegisteredService(
        host=host,
        namespace=obj.key.namespace,
        ports=tuple(
            ServicePort(
                number=port.port,
                name=port.name,
                protocol=protocol_of_port(port.port, port.name, port.app_protocol, port.protocol),
                target=port.target_port or None,
            )
            for port in spec.ports
        ),
        resolution=Resolution.STATIC,
        origin=obj.key,
        exported_to=_annotated_export(annotation, obj.key.namespace) if annotation else EVERYBODY,
        age_order=obj.meta.age_order,
        selector=tuple(sorted(spec.selector.items())),
        alias=spec.external_name if spec.is_alias else "",
        traffic_distribution=spec.traffic_distribution or obj.meta.annotations.get(_DISTRIBUTION_ANNOTATION, ""),
    )


def _from_entry(
    obj: Object[ServiceSpec] | Object[ServiceEntrySpec], spec: ServiceEntrySpec, host: str
) -> RegisteredService:
    selector = spec.workload_selector.labels if spec.workload_selector is not None else {}
    return RegisteredService(
        host=host,
        namespace=obj.key.namespace,
        ports=tuple(
            ServicePort(port.number, port.name, parse_protocol(port.protocol), port.target_port or None)
            for port in spec.ports
        ),
        resolution=spec.resolution,
        origin=obj.key,
        exported_to=exported_namespaces(spec.export_to, obj.key.namespace),
        age_order=obj.meta.age_order,
        selector=tuple(sorted(selector.items())),
        subject_alt_names=spec.subject_alt_names,
    )
