"""Objects for tests, written as users write them and decoded as the program decodes them."""

from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter

from lateen.ir.proxy import Proxy, ProxyId
from lateen.model.destinationrule import DestinationRuleSpec
from lateen.model.endpointslice import SERVICE_LABEL, EndpointSliceSpec
from lateen.model.gateway import GatewaySpec, Server
from lateen.model.keys import Key, Kind
from lateen.model.objects import Meta, Object
from lateen.model.pod import PodSpec
from lateen.model.service import ServiceSpec
from lateen.model.serviceentry import ServiceEntrySpec
from lateen.model.virtualservice import HttpRule, VirtualServiceSpec
from lateen.model.workloadentry import WorkloadEntrySpec
from lateen.semantics.registry import RegisteredService, hosts_of, register

SpecT = TypeVar("SpecT")
DOMAIN = "cluster.local"
ROOT = "istio-system"


@cache
def _adapter(spec_type: Any) -> TypeAdapter[Any]:
    return TypeAdapter(spec_type)


def decode(spec_type: type[SpecT], value: Any) -> SpecT:
    """Decode a value; making the decoder takes longer than decoding, so each is made once."""
    wanted: Any = spec_type  # mypy does not take a type variable's class for hashable
    decoded: SpecT = _adapter(wanted).validate_python(value)
    return decoded


def make(
    kind: Kind,
    spec_type: type[SpecT],
    spec: Mapping[str, Any],
    path: str,
    *,
    created: str = "",
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
) -> Object[SpecT]:
    """Make an object; `path` is `namespace/name`."""
    namespace, name = path.split("/")
    meta = Meta(namespace, name, labels or {}, annotations or {}, created)
    return Object(Key(kind, namespace, name), meta, decode(spec_type, spec))


def service(path: str, *ports: Mapping[str, Any], **options: Any) -> Object[ServiceSpec]:
    annotations = options.pop("annotations", None)
    created = options.pop("created", "")
    spec = {"ports": list(ports or ({"port": 80, "name": "http"},)), **options}
    return make(Kind.SERVICE, ServiceSpec, spec, path, annotations=annotations, created=created)


def entry(path: str, hosts: list[str], *, created: str = "", **spec: Any) -> Object[ServiceEntrySpec]:
    ports = spec.pop("ports", [{"number": 80, "name": "http", "protocol": "HTTP"}])
    resolution = spec.pop("resolution", "STATIC")
    return make(
        Kind.SERVICE_ENTRY,
        ServiceEntrySpec,
        {"hosts": hosts, "ports": ports, "resolution": resolution, **spec},
        path,
        created=created,
    )


def rule(path: str, host: str, policy: Mapping[str, Any] | None = None, **options: Any) -> Object[DestinationRuleSpec]:
    created = options.pop("created", "")
    spec = {"host": host, **({"trafficPolicy": policy} if policy is not None else {}), **options}
    return make(Kind.DESTINATION_RULE, DestinationRuleSpec, spec, path, created=created)


def subset(name: str, policy: Mapping[str, Any] | None = None, **labels: str) -> dict[str, Any]:
    return {"name": name, "labels": labels or {"version": name}, **({"trafficPolicy": policy} if policy else {})}


def workload(path: str, address: str, **spec: Any) -> Object[WorkloadEntrySpec]:
    return make(Kind.WORKLOAD_ENTRY, WorkloadEntrySpec, {"address": address, **spec}, path)


def pod(
    path: str, address: str, labels: Mapping[str, str] | None = None, *, ready: bool | None = True
) -> Object[PodSpec]:
    conditions = [] if ready is None else [{"type": "Ready", "status": str(ready)}]
    status = {"podIP": address, "phase": "Running", "conditions": conditions}
    return make(Kind.POD, PodSpec, {"status": status}, path, labels=labels)


def address(ip: str, **options: Any) -> dict[str, Any]:
    """Write one endpoint of a slice; `pod` names the Pod behind it."""
    name = options.pop("pod", None)
    reference = {"targetRef": {"kind": "Pod", "name": name}} if name else {}
    return {"addresses": [ip], **reference, **options}


def endpoint_slice(
    path: str,
    service_name: str,
    endpoints: list[dict[str, Any]],
    *,
    port: int = 8080,
    port_name: str = "http",
    kind: str = "IPv4",
) -> Object[EndpointSliceSpec]:
    spec = {"addressType": kind, "endpoints": endpoints, "ports": [{"name": port_name, "port": port}]}
    return make(Kind.ENDPOINT_SLICE, EndpointSliceSpec, spec, path, labels={SERVICE_LABEL: service_name})


def proxy(namespace: str = "edge", locality: str = "", **labels: str) -> Proxy:
    return Proxy(ProxyId(namespace, "istio=ingressgateway"), labels, namespace, locality=locality)


def server_fields(number: int, protocol: str, *hosts: str, name: str = "", **options: Any) -> dict[str, Any]:
    """Write one server of a Gateway; its port is named after the protocol unless `name` says otherwise."""
    port = {"number": number, "protocol": protocol, "name": name or f"{protocol.lower()}-{number}"}
    return {"port": port, "hosts": list(hosts or ("*",)), **options}


def server(number: int, protocol: str, *hosts: str, **options: Any) -> Server:
    return decode(Server, server_fields(number, protocol, *hosts, **options))


def gateway(path: str, *servers: Mapping[str, Any], created: str = "", **selector: str) -> Object[GatewaySpec]:
    spec = {"selector": selector or {"istio": "ingressgateway"}, "servers": list(servers)}
    return make(Kind.GATEWAY, GatewaySpec, spec, path, created=created)


def virtual_service(path: str, *hosts: str, created: str = "", **spec: Any) -> Object[VirtualServiceSpec]:
    return make(Kind.VIRTUAL_SERVICE, VirtualServiceSpec, {"hosts": list(hosts), **spec}, path, created=created)


def http_rule(**fields: Any) -> HttpRule:
    return decode(HttpRule, fields)


def to(host: str, weight: int = 0, *, port: int = 0, subset: str = "", **options: Any) -> dict[str, Any]:
    """Write one destination of a rule."""
    destination: dict[str, Any] = {"host": host}
    if port:
        destination["port"] = {"number": port}
    if subset:
        destination["subset"] = subset
    return {"destination": destination, **({"weight": weight} if weight else {}), **options}


def services_of(obj: Object[ServiceSpec] | Object[ServiceEntrySpec], domain: str) -> tuple[RegisteredService, ...]:
    """Everything that one object registers."""
    return tuple(register(obj, host) for host in hosts_of(obj, domain))
