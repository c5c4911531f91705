"""The whole graph with objects put in directly, and its resources read back as Envoy would."""

from typing import Any

from envoy.config.listener.v3.listener_pb2 import Listener as ListenerMessage
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from envoy.config.route.v3.scoped_route_pb2 import ScopedRouteConfiguration
from envoy.extensions.filters.network.tcp_proxy.v3.tcp_proxy_pb2 import TcpProxy
from tests.unit.semantics.objects import make

from lateen.compile.graph import build_graph, proxy_of
from lateen.compile.settings import CompileSettings
from lateen.engine import Commit
from lateen.ir.proxy import ProxyId
from lateen.ir.resource import Resource, ResourceType
from lateen.model.keys import Key, Kind
from lateen.model.objects import Object, print_path
from lateen.model.secret import SecretSpec

EDGE = ProxyId("shared", "istio=ingressgateway")
"""The proxy of Gateways with the selector that tests use."""


class Site:
    """One graph."""

    def __init__(self, **settings: Any) -> None:
        """Start without objects."""
        self.graph = build_graph(CompileSettings(**settings))
        self.graph.engine.commit()

    def put(self, *objects: Object[Any]) -> Commit:
        for obj in objects:
            table = self.graph.inputs.table(obj.key.kind)
            assert table is not None
            self.graph.engine.set(table, obj.key, obj)
        return self.graph.engine.commit()

    def remove(self, *objects: Object[Any]) -> Commit:
        for obj in objects:
            table = self.graph.inputs.table(obj.key.kind)
            assert table is not None
            self.graph.engine.set(table, obj.key, None)
        return self.graph.engine.commit()

    def resources(self, kind: ResourceType, proxy: ProxyId = EDGE) -> dict[str, Resource]:
        """All resources of one kind that a proxy is given, by name."""
        return {
            row.key.name: row
            for table in self.graph.resources()
            for key, row in table.values.items()
            if proxy_of(key) == proxy and row.key.type is kind
        }

    def listeners(self, proxy: ProxyId = EDGE) -> dict[str, ListenerMessage]:
        found = self.resources(ResourceType.LISTENER, proxy)
        return {name: ListenerMessage.FromString(row.body) for name, row in sorted(found.items())}

    def chains(self, listener: str, proxy: ProxyId = EDGE) -> list[Any]:
        return list(self.listeners(proxy)[listener].filter_chains)

    def routes(self, proxy: ProxyId = EDGE) -> dict[str, RouteConfiguration]:
        found = self.resources(ResourceType.ROUTE, proxy)
        return {name: RouteConfiguration.FromString(row.body) for name, row in sorted(found.items())}

    def scopes(self, proxy: ProxyId = EDGE) -> list[str]:
        return sorted(self.resources(ResourceType.SCOPE, proxy))

    def routes_by_scope(self, proxy: ProxyId = EDGE) -> dict[str, str]:
        """Which route configuration each scope leads to."""
        found = self.resources(ResourceType.SCOPE, proxy)
        decoded = {name: ScopedRouteConfiguration.FromString(row.body) for name, row in found.items()}
        return {name: scope.route_configuration_name for name, scope in decoded.items()}

    def leads_to(self, name: str, proxy: ProxyId = EDGE) -> list[list[str]]:
        """For each virtual host of a route configuration, where its routes lead, in their order."""
        return [[lead(route) for route in host.routes] for host in self.routes(proxy)[name].virtual_hosts]

    def clusters(self, proxy: ProxyId = EDGE) -> list[str]:
        return sorted(self.resources(ResourceType.CLUSTER, proxy))

    def said(self, obj: Object[Any] | Key) -> list[tuple[str, str]]:
        """What is found about an object: (code, path)."""
        return [(finding.code, print_path(finding.path)) for finding in self.findings(obj)]

    def messages(self, obj: Object[Any] | Key) -> list[str]:
        return [finding.message for finding in self.findings(obj)]

    def findings(self, obj: Object[Any] | Key) -> list[Any]:
        key = obj if isinstance(obj, Key) else obj.key
        return [finding for table in self.graph.findings for finding in table.values.get(key, ())]


def lead(route: Any) -> str:
    """Where a route leads, in short: a cluster, several with weights, or the kind of its answer."""
    action = route.WhichOneof("action")
    if action != "route":
        return str(action)
    if route.route.WhichOneof("cluster_specifier") == "cluster":
        return str(route.route.cluster)
    return ", ".join(f"{entry.weight.value} {entry.name}" for entry in route.route.weighted_clusters.clusters)


def tcp_proxy(chain: Any) -> TcpProxy:
    """The TCP proxy of a filter chain."""
    message = TcpProxy()
    assert chain.filters[0].typed_config.Unpack(message)
    return message


def secret(path: str, **values: str) -> Object[SecretSpec]:
    """Make a Secret; `tls_crt` is written for the key `tls.crt`."""
    data = {name.replace("_", "."): text for name, text in values.items()}
    return make(Kind.SECRET, SecretSpec, {"stringData": data}, path)
