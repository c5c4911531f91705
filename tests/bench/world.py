"""A configuration of any size: one Gateway, and hosts that each have a VirtualService, a Service and endpoints.

Host `h7.example.com` sends `/api` in shares to `s7` and `s8`, and everything else to `s7`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from lateen.compile.compiler import Compiler
from lateen.compile.settings import CompileSettings
from lateen.model.keys import Key
from lateen.model.objects import Change
from lateen.validation.intake import Intake

NAMESPACE = "shop"
GATEWAY_PORT = 80

Address: TypeAlias = tuple[str, int]
Raw: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class World:
    """So many hosts."""

    hosts: int
    port: int = GATEWAY_PORT
    """Of the Gateway."""
    addresses: Sequence[Address] = ()
    """Service number i is at address i modulo their number; none: services have no endpoints."""

    def objects(self) -> list[Raw]:
        """Everything."""
        every = range(self.hosts)
        out = [self.gateway(), *map(self.virtual_service, every), *map(service, every)]
        if self.addresses:
            out += (endpoint_slice(number, self.addresses[number % len(self.addresses)]) for number in every)
        return out

    def gateway(self, **server: Any) -> Raw:
        """The Gateway of all hosts; keyword arguments are more fields of its server."""
        port = {"number": self.port, "name": "http", "protocol": "HTTP"}
        servers = [{"port": port, "hosts": ["*"], **server}]
        return istio("Gateway", "gw", {"selector": {"istio": "ingressgateway"}, "servers": servers})

    def virtual_service(self, number: int, *, weight: int = 90, headers: Mapping[str, str] | None = None) -> Raw:
        """The rules of one host.

        Args:
            number: of the host.
            weight: share of its own service under `/api`, in percent.
            headers: set in every response.
        """
        own, next_one = destination(number), destination((number + 1) % self.hosts)
        marks: Raw = {"headers": {"response": {"set": dict(headers)}}} if headers else {}
        split = [{"destination": own, "weight": weight}, {"destination": next_one, "weight": 100 - weight}]
        rules = [
            {"match": [{"uri": {"prefix": "/api"}}], "timeout": "5s", "route": split, **marks},
            {"route": [{"destination": own}], **marks},
        ]
        return istio("VirtualService", f"v{number}", {"hosts": [host(number)], "gateways": ["gw"], "http": rules})


def host(number: int) -> str:
    """The host of that number."""
    return f"h{number}.example.com"


def destination(number: int) -> Raw:
    """The service of that number, as a destination."""
    return {"host": f"s{number}", "port": {"number": 80}}


def service(number: int) -> Raw:
    """The Service of that number."""
    return core("v1", "Service", f"s{number}", spec={"ports": [{"name": "http", "port": 80}]})


def endpoint_slice(number: int, address: Address) -> Raw:
    """The only endpoint of a Service."""
    name, port = address
    return core(
        "discovery.k8s.io/v1",
        "EndpointSlice",
        f"s{number}-1",
        labels={"kubernetes.io/service-name": f"s{number}"},
        addressType="IPv4",
        ports=[{"name": "http", "port": port}],
        endpoints=[{"addresses": [name]}],
    )


def istio(kind: str, name: str, spec: Raw) -> Raw:
    """An object of Istio's kinds."""
    return core("networking.istio.io/v1", kind, name, spec=spec)


def core(version: str, kind: str, name: str, labels: Mapping[str, str] | None = None, **fields: Any) -> Raw:
    """An object of any kind."""
    metadata = {"name": name, "namespace": NAMESPACE, "labels": dict(labels or {})}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **fields}


def change(raw: Raw, intake: Intake) -> Change:
    """The change that this object appeared."""
    key = intake.identify(raw)
    if not isinstance(key, Key):
        raise TypeError(str(key))
    return Change(key, raw)


def compiler() -> tuple[Compiler, Intake]:
    """An empty compiler and its door."""
    intake = Intake()
    return Compiler(CompileSettings(), intake), intake
