"""Resources of many proxies in one bootstrap, so that one process of Envoy judges them all.

Names of listeners, clusters and secrets are put into a space of their own for each proxy, and
ports are numbered through; what a listener asks for by discovery is put inside.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from envoy.config.route.v3.scoped_route_pb2 import ScopedRouteConfiguration
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpConnectionManager,
)
from envoy.extensions.http.early_header_mutation.header_mutation.v3.header_mutation_pb2 import HeaderMutation
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret
from google.protobuf import json_format
from tests.integration.envoy.static_envoy import StaticEnvoy

from lateen.ir.resource import Resource, ResourceType

_FIRST_PORT = 20_000


def add_to_bootstrap(proxy: StaticEnvoy, space: str, resources: Iterable[Resource], certificates: Path) -> None:
    """Add all resources of one proxy.

    Certificates that clusters name by a path are looked for in the directory `certificates`: Envoy reads them, and
    not every machine has them.
    """
    static = proxy.static
    by_type: dict[ResourceType, list[Resource]] = {type_: [] for type_ in ResourceType}
    for resource in resources:
        by_type[resource.key.type].append(resource)
    for resource in by_type[ResourceType.CLUSTER]:
        text = json_format.MessageToJson(Cluster.FromString(resource.body))
        text = re.sub(r'"/etc/[^"]*/([^"/]+)"', rf'"{certificates}/\1"', text)
        cluster = json_format.Parse(text, Cluster())
        cluster.name = f"{space} {cluster.name}"
        static.clusters.append(cluster)
    for resource in by_type[ResourceType.ENDPOINTS]:
        # Endpoints have no place of their own in a bootstrap: a cluster holds them.
        assignment = ClusterLoadAssignment.FromString(resource.body)
        name = f"{space} endpoints of {assignment.cluster_name}"
        assignment.cluster_name = name
        static.clusters.append(Cluster(name=name, type=Cluster.DiscoveryType.STATIC, load_assignment=assignment))
    for resource in by_type[ResourceType.SECRET]:
        secret = Secret.FromString(resource.body)
        secret.name = f"{space} {secret.name}"
        static.secrets.append(secret)
    routes = {each.key.name: RouteConfiguration.FromString(each.body) for each in by_type[ResourceType.ROUTE]}
    scopes = [ScopedRouteConfiguration.FromString(each.body) for each in by_type[ResourceType.SCOPE]]
    for resource in by_type[ResourceType.LISTENER]:
        listener = Listener.FromString(resource.body)
        listener.name = f"{space} {listener.name}"
        listener.address.socket_address.port_value = _FIRST_PORT + len(static.listeners)
        for chain in listener.filter_chains:
            for filter_ in chain.filters:
                _inline_routes(filter_, routes, scopes)
        static.listeners.append(listener)


def _inline_routes(filter_: Any, routes: dict[str, Any], scopes: Iterable[Any]) -> None:
    """Put routes into an HTTP connection manager; leave other filters as they are."""
    manager = HttpConnectionManager()
    if not filter_.typed_config.Unpack(manager):
        return
    if manager.HasField("rds"):
        name = manager.rds.route_config_name
        manager.ClearField("rds")
        manager.route_config.CopyFrom(routes[name])
    else:
        # The filter that finds the scope is told the name of its chain, and puts it before each host.
        mutation = HeaderMutation()
        assert manager.early_header_mutation_extensions[0].typed_config.Unpack(mutation)
        chain, _, _ = mutation.mutations[0].append.header.value.partition("|")
        _inline_scopes(manager, chain, routes, scopes)
    filter_.typed_config.Pack(manager)


def _inline_scopes(manager: Any, chain: str, routes: dict[str, Any], scopes: Iterable[Any]) -> None:
    manager.scoped_routes.ClearField("scoped_rds")
    manager.scoped_routes.ClearField("rds_config_source")
    inlined = manager.scoped_routes.scoped_route_configurations_list.scoped_route_configurations
    for scope in scopes:
        if scope.key.fragments[0].string_key.startswith(f"{chain}|"):
            copy = inlined.add()
            copy.CopyFrom(scope)
            copy.ClearField("route_configuration_name")
            copy.route_configuration.CopyFrom(routes[scope.route_configuration_name])
