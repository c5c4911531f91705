"""Stages 3 and 4: what it takes to run the proxies of each class in a cluster."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address

from lateen.compile.inputs import Inputs
from lateen.compile.placement import Placement
from lateen.compile.settings import CompileSettings
from lateen.engine import Derived, Engine, Reads
from lateen.ir.deployment import ProxyDeployment, ServicePort
from lateen.ir.proxy import ProxyId
from lateen.semantics.proxy_options import Wish, choose_options
from lateen.semantics.servers import PlacedServer

_NAMES: Mapping[str, str] = {
    "GRPC": "grpc",
    "GRPC-WEB": "grpc-web",
    "HTTP": "http",
    "HTTP2": "http2",
    "HTTPS": "https",
    "TLS": "tls",
}
"""How a Service's port is called, before its number; `tcp` for the rest."""


@dataclass(frozen=True, slots=True)
class DeploymentTables:
    """Classes of proxies that Lateen runs."""

    options: Derived[ProxyId, Mapping[str, Wish]]
    """What the Gateways of a class wish, and who does."""
    deployments: Derived[ProxyId, ProxyDeployment]


def add_deployments(
    engine: Engine, inputs: Inputs, placement: Placement, settings: CompileSettings
) -> DeploymentTables:
    """Add the tables. Proxies that somebody else runs have no rows."""

    def choose(reads: Reads, proxy: ProxyId) -> Mapping[str, Wish] | None:
        gateways = (reads.get(inputs.gateways, key) for key in reads.bucket(placement.selected_by, proxy))
        return choose_options((each for each in gateways if each is not None), settings.permission)

    def describe(reads: Reads, proxy_id: ProxyId) -> ProxyDeployment | None:
        proxy = reads.get(placement.proxies, proxy_id)
        servers = reads.get(placement.proxy_servers, proxy_id)
        gateways = (reads.get(inputs.gateways, key) for key in reads.bucket(placement.selected_by, proxy_id))
        gateway = next((each for each in gateways if each is not None), None)
        if not proxy or not servers or not gateway or reads.get(inputs.proxies, proxy_id) is not None:
            return None
        wishes = reads.get(options, proxy_id) or {}
        return ProxyDeployment(
            proxy=proxy_id,
            namespace=proxy.namespace,
            labels=gateway.spec.selector,
            ports=service_ports(server for each in servers.accepted.values() for server in each),
            options={name: wish.text for name, wish in wishes.items()},
        )

    options = engine.derive("proxy_options", 3, choose, group=placement.selected_by)
    return DeploymentTables(options, engine.derive("deployments", 4, describe, group=placement.selected_by))


def service_ports(servers: Iterable[PlacedServer]) -> tuple[ServicePort, ...]:
    """The ports that clients call, named after their oldest servers; sockets and loopback are out of their reach."""
    found: dict[int, ServicePort] = {}
    for server in sorted(servers, key=lambda each: each.order):
        number = server.server.port.number
        if not server.pipe and not ip_address(server.address).is_loopback and number not in found:
            found[number] = ServicePort(f"{_NAMES.get(server.protocol, 'tcp')}-{number}", number, server.port)
    return tuple(found[number] for number in sorted(found))
