"""The whole graph on one page: every table, in the order of its stages. Read this file first.

    0  inputs            one table per kind, filled at the door
    1  placements        Gateway → the proxies it is for
       registry          host → its services
    2  proxies           proxy → labels, namespace, port translation
    3  proxy_servers     proxy → its Gateways merged, contradictions refused
       proxy_options     proxy → what its Gateways wish of how it runs
    4  gateway_servers   Gateway → its accepted servers
       open_servers      Gateway → what VirtualServices see of them
       deployments       proxy → what it takes to run it in a cluster
    5  bindings          VirtualService → hosts of HTTP chains
    6  route_lists       VirtualService at a Gateway → its routes
       l4_chains         server that routes connections → filter chains
       mesh_hosts        port of a service → its virtual host, for calls between services
    7  host_routes       host with a resource of its own → its routes, encoded
       fragments         host that stands with others → its part of their routes
       listeners         listener → what it is made of
       lost_names        listener → server names that its chains do not get
       upstreams         cluster that something names → what it is made of
       mesh_routes, mesh_scopes, mesh_wildcard_routes   the same for calls between services, encoded
       policy_findings, entry_findings, service_findings   DestinationRule, ServiceEntry, Service → what is said of it
    8  host_scopes, joined_routes   what leads to a host's routes; routes of hosts that stand together
       listener_resources, clusters, endpoints, secret_resources   the rest, encoded
       mesh_listener, mesh_wildcard_scopes   the same for calls between services
       rule_findings, gateway_findings   VirtualService, Gateway → what is said of it
    9  joined_scopes     what leads to routes of hosts that stand together

A table's function reads earlier stages only, through `Reads`, so that what depends on what
is recorded, never declared (ADR 0001).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lateen.compile.bindings import Bindings, add_bindings
from lateen.compile.clusters import ClusterTables, add_upstreams
from lateen.compile.deployments import DeploymentTables, add_deployments
from lateen.compile.findings import FindingTables, add_findings
from lateen.compile.inputs import Inputs, add_inputs
from lateen.compile.listeners import ListenerTables, add_listeners
from lateen.compile.mesh import MESH_PROXY, MeshTables, add_mesh, mesh_proxy
from lateen.compile.names import WantedCluster
from lateen.compile.placement import Placement, add_placement
from lateen.compile.routes import RouteTables, add_routes
from lateen.compile.secrets import SecretTables, add_secrets
from lateen.compile.services import ServiceTables, add_services
from lateen.compile.settings import CompileSettings
from lateen.engine import Derived, Engine, Index
from lateen.ir.listener import FilterChain
from lateen.ir.proxy import ProxyId
from lateen.ir.resource import Resource
from lateen.ir.route import Route


@dataclass(frozen=True, slots=True)
class Graph:
    """All tables of one compiler."""

    engine: Engine
    inputs: Inputs
    services: ServiceTables
    placement: Placement
    deployments: DeploymentTables
    bindings: Bindings
    routes: RouteTables
    listeners: ListenerTables
    mesh: MeshTables
    clusters: ClusterTables
    secrets: SecretTables
    findings: FindingTables

    def resources(self) -> Iterator[Derived[Any, Resource]]:
        """Every table of encoded resources; the first part of its keys is the proxy."""
        yield from (self.clusters.clusters, self.clusters.endpoints, self.secrets.encoded, self.listeners.encoded)
        routes = self.routes
        mesh = self.mesh
        yield from (mesh.routes, mesh.scopes, mesh.wildcard_routes, mesh.wildcard_scopes, mesh.listener)
        yield from (routes.alone, routes.alone_scopes, routes.joined, routes.joined_scopes)


def wanted_by(
    engine: Engine, routes: RouteTables, listeners: ListenerTables, mesh: MeshTables
) -> tuple[Index[Any, Any, WantedCluster], ...]:
    """Clusters exist while something names them: route lists, TCP chains, the outbound proxy."""

    def of_routes(proxy: ProxyId, found: tuple[Route, ...]) -> set[WantedCluster]:
        return {WantedCluster(proxy, cluster) for route in found for cluster in route.clusters}

    def of_chains(proxy: ProxyId, chains: tuple[FilterChain, ...]) -> set[WantedCluster]:
        return {WantedCluster(proxy, target.cluster) for chain in chains if chain.tcp for target in chain.tcp.targets}

    return (
        engine.index("clusters_of_routes", routes.lists, lambda key, found: of_routes(key.proxy, found)),
        engine.index("clusters_of_chains", listeners.l4_chains, lambda key, found: of_chains(key.proxy, found)),
        engine.index("clusters_of_mesh", mesh.hosts, lambda key, found: of_routes(key.proxy, found.host.routes)),
    )


def proxy_of(key: tuple[Any, ...]) -> ProxyId:
    """The proxy that a key of a resource table belongs to: the key itself, or its first part."""
    proxy: ProxyId = key if isinstance(key, ProxyId) else key[0]
    return proxy


def build_graph(settings: CompileSettings) -> Graph:
    """Make an engine with all tables; the proxies of the settings are put in."""
    engine = Engine()
    inputs = add_inputs(engine)
    services = add_services(engine, inputs, settings)
    placement = add_placement(engine, inputs, settings)
    deployments = add_deployments(engine, inputs, placement, settings)
    bindings = add_bindings(engine, inputs, placement, settings.domain)
    routes = add_routes(engine, inputs, placement, bindings, services)
    listeners = add_listeners(engine, inputs, placement, services, settings)
    mesh = add_mesh(engine, inputs, services)
    clusters = add_upstreams(engine, inputs, placement.proxies, services, wanted_by(engine, routes, listeners, mesh))
    secrets = add_secrets(engine, inputs, placement, listeners, clusters, settings.check_pair)
    findings = add_findings(engine, inputs, placement, deployments, bindings, services, listeners, mesh)
    for proxy in settings.proxies:
        engine.set(inputs.proxies, proxy.id, proxy)
    if settings.mesh_port:
        engine.set(inputs.proxies, MESH_PROXY, mesh_proxy(settings))
    return Graph(
        engine, inputs, services, placement, deployments, bindings, routes, listeners, mesh, clusters, secrets, findings
    )
