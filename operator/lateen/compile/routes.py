"""Stages 6 to 8: from bindings to encoded routes (ADR 0002).

In the SCOPED layout each exact host is a resource of its own; the wildcard hosts of a chain stand
together, because Envoy itself picks the longest of them. In the SINGLE layout all hosts stand together.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from lateen.compile.bindings import Binding, Bindings
from lateen.compile.destinations import TrackedDestinations
from lateen.compile.inputs import Inputs
from lateen.compile.names import HostKey, JoinedKey, RouteListKey
from lateen.compile.placement import Placement
from lateen.compile.services import ServiceTables
from lateen.engine import Derived, Engine, Index, Reads
from lateen.envoy.route import (
    build_scoped_route,
    build_single_route,
    build_wildcard_route,
    route_needs,
    route_origins,
    virtual_host_fragment,
)
from lateen.envoy.scope import build_scope
from lateen.ir.listener import RouteLayout
from lateen.ir.resource import Resource, ResourceKey
from lateen.ir.route import Route, VirtualHost
from lateen.model.keys import Key
from lateen.semantics.gateways import strip_namespace
from lateen.semantics.routes import RoutePlace, build_routes, order_routes
from lateen.semantics.servers import PlacedServer

HostIndex = Index[Key, tuple[Binding, ...], HostKey]
RedirectIndex = Index[Key, tuple[PlacedServer, ...], HostKey]


@dataclass(frozen=True, slots=True)
class Fragment:
    """One virtual host among those that stand together."""

    body: bytes
    """The framed virtual host."""
    needs: frozenset[ResourceKey]
    origins: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class RouteTables:
    """Route lists, and every table of encoded routes and scopes."""

    lists: Derived[RouteListKey, tuple[Route, ...]]
    alone: Derived[HostKey, Resource]
    """A RouteConfiguration per exact host."""
    alone_scopes: Derived[HostKey, Resource]
    joined: Derived[JoinedKey, Resource]
    """A RouteConfiguration for hosts that stand together."""
    joined_scopes: Derived[JoinedKey, Resource]


def add_routes(
    engine: Engine, inputs: Inputs, placement: Placement, bindings: Bindings, services: ServiceTables
) -> RouteTables:
    """Add the tables."""
    lists = _add_lists(engine, inputs, placement, bindings, services)

    def redirects(*, alone: bool) -> RedirectIndex:
        return engine.index(
            f"redirecting_{'alone' if alone else 'joined'}",
            placement.gateway_servers,
            lambda _, servers: [key for key, layout in redirected(servers) if key.stands_alone(layout) is alone],
        )

    redirecting_alone, redirecting_joined = redirects(alone=True), redirects(alone=False)

    def alone(reads: Reads, key: HostKey) -> Resource | None:
        host = virtual_host(reads, key, lists, bindings.alone, redirecting_alone)
        return build_scoped_route(key.chain, key.host, host) if host is not None else None

    def fragment(reads: Reads, key: HostKey) -> Fragment | None:
        host = virtual_host(reads, key, lists, bindings.joined, redirecting_joined)
        if host is None:
            return None
        return Fragment(virtual_host_fragment(host), route_needs(host), route_origins(host))

    fragments = engine.derive("fragments", 7, fragment, group=(bindings.joined, redirecting_joined))
    joined, joined_scopes = _add_joined(engine, placement, fragments)
    host_routes = engine.derive("host_routes", 7, alone, group=(bindings.alone, redirecting_alone))
    return RouteTables(
        lists=lists,
        alone=host_routes,
        # A scope without its route would keep a new listener waiting.
        alone_scopes=engine.derive("host_scopes", 8, lambda _, key: build_scope(key.chain, key.host), each=host_routes),
        joined=joined,
        joined_scopes=joined_scopes,
    )


def virtual_host(
    reads: Reads,
    key: HostKey,
    lists: Derived[RouteListKey, tuple[Route, ...]],
    bound: HostIndex,
    redirecting: RedirectIndex,
) -> VirtualHost | None:
    """The routes of all VirtualServices on one host; None when there are none and nothing redirects.

    A VirtualService whose rules all hold elsewhere has no say here, as if it did not name the host.
    A server that redirects a host for one namespace redirects the routes of that namespace, and
    everybody's requests where there are no routes.
    """
    found = [b for _, value in reads.values(bound, key) for b in value if b.host == key]
    found.sort(key=lambda binding: binding.order)
    served = [(b, routes) for b in found if (routes := reads.get(lists, b.routes))]
    redirects = [
        server
        for _, servers in reads.values(redirecting, key)
        for server in servers
        if any(name == key for name, _ in redirected([server]))
    ]
    if served:
        port = served[0][0].port
        require_tls = any(b.redirects for b, _ in served) or any(_opens_to_all(server, key) for server in redirects)
    elif redirects:
        port = min(redirects, key=lambda server: server.order).server.port.number
        require_tls = True
    else:
        return None
    return VirtualHost(
        name=f"{key.host}:{port}",
        domains=(key.host,),
        routes=order_routes([routes for _, routes in served]),
        require_tls=require_tls,
    )


def _opens_to_all(server: PlacedServer, key: HostKey) -> bool:
    """Whether a server names a host without a namespace."""
    return any(host.lower() == key.host for host in server.hosts)


def redirected(servers: Iterable[PlacedServer]) -> list[tuple[HostKey, RouteLayout]]:
    """The hosts that servers redirect to https, with or without routes (istio-semantics §2.3.6)."""
    return [
        (HostKey(server.proxy, server.chain, strip_namespace(host).lower()), server.layout)
        for server in servers
        if server.redirects and server.is_http
        for host in server.hosts
    ]


def _add_lists(
    engine: Engine, inputs: Inputs, placement: Placement, bindings: Bindings, services: ServiceTables
) -> Derived[RouteListKey, tuple[Route, ...]]:
    def build(reads: Reads, key: RouteListKey) -> tuple[Route, ...] | None:
        rule = reads.get(inputs.virtual_services, key.rule)
        proxy = reads.get(placement.proxies, key.proxy)
        if rule is None or proxy is None:
            return None
        domain = services.settings.domain
        place = RoutePlace(key.gateway, key.port, key.tls, proxy.labels, proxy.namespace, domain)
        return build_routes(rule, place, TrackedDestinations(reads, services, proxy), inputs.delegates(reads)) or None

    return engine.derive("route_lists", 6, build, group=bindings.by_routes)


def _add_joined(
    engine: Engine, placement: Placement, fragments: Derived[HostKey, Fragment]
) -> tuple[Derived[JoinedKey, Resource], Derived[JoinedKey, Resource]]:
    """One RouteConfiguration for each chain that names all its hosts, even without any, and for wildcards."""
    chains = engine.index(
        "single_chains",
        placement.gateway_servers,
        lambda _, servers: {
            JoinedKey(s.proxy, s.chain, wildcards=False)
            for s in servers
            if s.is_http and s.layout is RouteLayout.SINGLE
        },
    )
    by_chain = engine.index(
        "fragments_of_chain",
        fragments,
        lambda key, _: [JoinedKey(key.proxy, key.chain, wildcards=wildcards) for wildcards in (False, True)],
    )

    def join(reads: Reads, key: JoinedKey) -> Resource | None:
        # A chain is of one layout, so its fragments are all wanted by one of the two keys.
        if key.wildcards == bool(reads.bucket(chains, key._replace(wildcards=False))):
            return None
        found = [value for _, value in reads.values(by_chain, key)]
        build = build_wildcard_route if key.wildcards else build_single_route
        return build(
            key.chain,
            [value.body for value in found],
            frozenset[ResourceKey]().union(*(value.needs for value in found)),
            dict.fromkeys(origin for value in found for origin in value.origins),
        )

    joined = engine.derive("joined_routes", 8, join, group=(chains, by_chain))

    def scope(_: Reads, key: JoinedKey) -> Resource | None:
        return build_scope(key.chain, "*") if key.wildcards else None

    return joined, engine.derive("joined_scopes", 9, scope, each=joined)
