"""Service-to-service traffic: an outbound proxy that routes by Host (istio-semantics §2.7, Appendix A.3).

One virtual host per port of each service, with or without a VirtualService. It answers to every
spelling of the service's name, with the port, and for one port also without.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from lateen.compile.bindings import expand_hosts
from lateen.compile.destinations import TrackedDestinations
from lateen.compile.inputs import Inputs
from lateen.compile.names import JoinedKey, MeshDomain, MeshHost
from lateen.compile.services import ServiceTables
from lateen.compile.settings import CompileSettings
from lateen.engine import Derived, Engine, Index, Reads
from lateen.envoy.listener import build_listener
from lateen.envoy.route import (
    build_scoped_route,
    build_wildcard_route,
    route_needs,
    route_origins,
    virtual_host_fragment,
)
from lateen.envoy.scope import WILDCARDS, build_scope
from lateen.ir.listener import FilterChain, HttpChain, Listener
from lateen.ir.proxy import MESH_GATEWAY, Proxy, ProxyId
from lateen.ir.resource import Resource, ResourceKey
from lateen.ir.route import ClusterRef, Forward, Route, RouteMatch, Target, VirtualHost
from lateen.model.hosts import is_wildcard, more_specific, subset_of
from lateen.model.keys import Key
from lateen.model.objects import Object
from lateen.model.virtualservice import VirtualServiceSpec
from lateen.semantics.gateways import resolve_gateway_name
from lateen.semantics.registry import RegisteredService, service_for, visible
from lateen.semantics.retry import lower_retries
from lateen.semantics.routes import RoutePlace, build_routes
from lateen.semantics.visibility import is_visible, rule_order

MESH_PROXY = ProxyId("shared", "mesh")
CHAIN = "mesh"
HTTP_PORT = 80
ANY_HOST = "*"


@dataclass(frozen=True, slots=True)
class MeshRoutes:
    """The virtual host of one port of one service, and the service behind it."""

    host: VirtualHost
    origins: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class MeshTables:
    """Virtual hosts, and what they are encoded to."""

    rules: "MeshRules"
    hosts: Derived[MeshHost, MeshRoutes]
    routes: Derived[MeshHost, Resource]
    scopes: Derived[MeshDomain, Resource]
    wildcard_routes: Derived[JoinedKey, Resource]
    """One RouteConfiguration of all wildcard hosts."""
    wildcard_scopes: Derived[JoinedKey, Resource]
    listener: Derived[ProxyId, Resource]


def mesh_proxy(settings: CompileSettings) -> Proxy:
    """The outbound proxy, as the compiler sees it."""
    return Proxy(MESH_PROXY, {}, settings.mesh_namespace)


def applies_to_mesh(rule: Object[VirtualServiceSpec]) -> bool:
    """Whether a VirtualService is for service-to-service traffic: it names `mesh`, or no gateway at all."""
    names = rule.spec.gateways
    return bool(rule.spec.hosts) and (
        not names or any(resolve_gateway_name(name, rule.key.namespace) == MESH_GATEWAY for name in names)
    )


@dataclass(frozen=True, slots=True)
class MeshRules:
    """VirtualServices of the mesh, by host."""

    inputs: Inputs
    services: ServiceTables
    proxy: Proxy
    by_host: Index[Key, Object[VirtualServiceSpec], str]
    """By exact host in lower case; all with a wildcard host under `*`."""

    def owners(self, reads: Reads, host: str) -> list[Object[VirtualServiceSpec]]:
        """The VirtualServices that name a host, the first in charge; else the one with the longest wildcard."""
        exact = self._visible(reads, host.lower())
        if exact:
            return sorted(exact, key=lambda rule: rule_order(rule, self.proxy.namespace))
        covering = [
            (more_specific(name), rule_order(rule, self.proxy.namespace), rule)
            for rule in self._visible(reads, ANY_HOST)
            for name in rule.spec.hosts
            if is_wildcard(name) and subset_of(host, name)
        ]
        return [min(covering, key=lambda entry: entry[:2])[2]] if covering else []

    def chosen(self, reads: Reads, host: str, port: int) -> tuple[Object[VirtualServiceSpec] | None, tuple[Route, ...]]:
        """The first VirtualService with routes for a port of a host, and these; one alone counts (§2.7)."""
        for rule in self.owners(reads, host):
            routes = self.routes(reads, rule, port)
            if routes:
                return rule, routes
        return None, ()

    def routes(self, reads: Reads, rule: Object[VirtualServiceSpec], port: int) -> tuple[Route, ...]:
        """The rule's routes on one port of the mesh."""
        place = RoutePlace(
            MESH_GATEWAY,
            port,
            tls=False,
            labels={},
            namespace=self.proxy.namespace,
            domain=self.services.settings.domain,
        )
        destinations = TrackedDestinations(reads, self.services, self.proxy)
        return build_routes(rule, place, destinations, self.inputs.delegates(reads))

    def _visible(self, reads: Reads, group: str) -> list[Object[VirtualServiceSpec]]:
        return [
            rule
            for _, rule in reads.values(self.by_host, group)
            if is_visible(rule.spec.export_to, rule.key.namespace, self.proxy.namespace)
        ]


def add_mesh(engine: Engine, inputs: Inputs, services: ServiceTables) -> MeshTables:
    """Add the tables; they stay empty unless the settings have a mesh port."""
    settings = services.settings
    proxy = mesh_proxy(settings)
    group = _mesh_hosts(engine, inputs, services)
    by_host = engine.index(
        "mesh_rules",
        inputs.virtual_services,
        lambda _, rule: [ANY_HOST if is_wildcard(host) else host.lower() for host in _rule_hosts(rule, settings)],
    )
    rules = MeshRules(inputs, services, proxy, by_host)

    def build(reads: Reads, key: MeshHost) -> MeshRoutes | None:
        candidates = services.candidates(reads, key.host)
        service = _service(candidates, proxy.namespace, key.port)
        if service is None and candidates:
            return None
        rule, routes = rules.chosen(reads, key.host, key.port)
        if not routes and service is not None:
            routes = (_default_route(service, key, TrackedDestinations(reads, services, proxy)),)
        if not routes:
            return None
        bare = service is None or key.port == bare_port(service)
        domains = tuple(spellings(key, proxy.namespace, settings.domain, bare=bare))
        origins = tuple(obj for obj in (rule and rule.key, service and service.origin) if obj)
        return MeshRoutes(VirtualHost(f"{key.host}:{key.port}", domains, routes), origins)

    return _encode(engine, inputs, rules, engine.derive("mesh_hosts", 6, build, group=group))


def _service(candidates: Iterable[RegisteredService], viewer: str, port: int) -> RegisteredService | None:
    """The service behind one port of a host, be it another's alias."""
    found = service_for(candidates, viewer, port)
    if found is None:
        found = next((each for each in visible(candidates, viewer) if each.alias and each.port(port)), None)
    return found


def _rule_hosts(rule: Object[VirtualServiceSpec], settings: CompileSettings) -> tuple[str, ...]:
    served = settings.mesh_port and rule.spec.http and applies_to_mesh(rule)
    return expand_hosts(rule, settings.domain) if served else ()


def _mesh_hosts(engine: Engine, inputs: Inputs, services: ServiceTables) -> tuple[Index[Any, Any, MeshHost], ...]:
    """Every port of every service, and hosts that only a VirtualService knows."""
    settings = services.settings

    def ports(host: str, found: tuple[RegisteredService, ...]) -> list[MeshHost]:
        if not settings.mesh_port:
            return []
        return [MeshHost(MESH_PROXY, host, port.number) for service in found for port in service.ports]

    def unregistered(_: Key, rule: Object[VirtualServiceSpec]) -> list[MeshHost]:
        return [MeshHost(MESH_PROXY, host.lower(), HTTP_PORT) for host in _rule_hosts(rule, settings)]

    return (
        engine.index("mesh_services", services.registry, ports),
        engine.index("mesh_unregistered", inputs.virtual_services, unregistered),
    )


def _encode(engine: Engine, inputs: Inputs, rules: MeshRules, hosts: Derived[MeshHost, MeshRoutes]) -> MeshTables:
    settings = rules.services.settings
    by_domain = engine.index(
        "mesh_domains",
        hosts,
        lambda key, routes: (
            () if is_wildcard(key.host) else [MeshDomain(MESH_PROXY, domain) for domain in routes.host.domains]
        ),
    )

    def route(reads: Reads, key: MeshHost) -> Resource | None:
        found = reads.get(hosts, key)
        if found is None or is_wildcard(key.host):
            return None
        return build_scoped_route(CHAIN, f"{key.host}:{key.port}", found.host)

    def scope(reads: Reads, key: MeshDomain) -> Resource:
        owner = reads.bucket(by_domain, key)[0]
        return build_scope(CHAIN, key.domain, f"{owner.host}:{owner.port}")

    def listener(_: Reads, key: ProxyId) -> Resource | None:
        if key != MESH_PROXY or not settings.mesh_port:
            return None
        address = settings.ports.bind
        chain = FilterChain(CHAIN, HttpChain(CHAIN, stat_prefix="outbound_mesh", port_in_host=True))
        mesh = Listener(f"{address}_{settings.mesh_port}", address, settings.mesh_port, (chain,))
        return build_listener(mesh, settings.event_log)

    wildcard_routes = _add_wildcards(engine, hosts)
    return MeshTables(
        rules=rules,
        hosts=hosts,
        routes=engine.derive("mesh_routes", 7, route, each=hosts),
        scopes=engine.derive("mesh_scopes", 7, scope, group=by_domain),
        wildcard_routes=wildcard_routes,
        wildcard_scopes=engine.derive(
            "mesh_wildcard_scopes", 8, lambda _, key: build_scope(key.chain, WILDCARDS), each=wildcard_routes
        ),
        listener=engine.derive("mesh_listener", 8, listener, each=inputs.proxies),
    )


def _add_wildcards(engine: Engine, hosts: Derived[MeshHost, MeshRoutes]) -> Derived[JoinedKey, Resource]:
    """Wildcard hosts stand together, as on gateways (ADR 0002)."""
    together = JoinedKey(MESH_PROXY, CHAIN, wildcards=True)
    wildcards = engine.index("mesh_wildcards", hosts, lambda key, _: (together,) if is_wildcard(key.host) else ())

    def join(reads: Reads, key: JoinedKey) -> Resource:
        taken: set[str] = set()
        found: list[VirtualHost] = []
        for _, routes in reads.values(wildcards, key):
            domains = tuple(domain for domain in routes.host.domains if domain not in taken)
            taken.update(domains)
            found.append(replace(routes.host, domains=domains))  # its port is in one domain at least
        return build_wildcard_route(
            CHAIN,
            [virtual_host_fragment(host) for host in found],
            frozenset[ResourceKey]().union(*map(route_needs, found)),
            dict.fromkeys(origin for host in found for origin in route_origins(host)),
            port_in_host=True,
        )

    return engine.derive("mesh_wildcard_routes", 7, join, group=wildcards)


def _default_route(service: RegisteredService, key: MeshHost, destinations: TrackedDestinations) -> Route:
    """What a service gets without a VirtualService: every request goes to it, with the default retries."""
    cluster = ClusterRef(service.alias or key.host, key.port)
    policies = destinations.hash_policies_of(cluster, key.port)
    return Route(
        match=RouteMatch(),
        action=Forward(
            targets=(Target(cluster),),
            retry=lower_retries(None, sticky=bool(policies)),
            hash_policies=policies,
        ),
        origin=service.origin,
        name="default",
        operation=f"{cluster.host}:{cluster.port}/*",
    )


def bare_port(service: RegisteredService) -> int:
    """The port of a Host header without one: 80 if the service has it, else its first."""
    numbers = [port.number for port in service.ports if service.port(port.number) is not None]
    return HTTP_PORT if HTTP_PORT in numbers or not numbers else numbers[0]


def spellings(key: MeshHost, namespace: str, domain: str, *, bare: bool) -> Iterator[str]:
    """Every Host header that means this port: `cart`, `cart.shop`, `cart.shop.svc`, the full name; with the port.

    Lower case, as Host headers are compared. A full name may end with a dot.
    """
    host = key.host.lower()
    names = [host] if is_wildcard(host) else [host, f"{host}."]
    suffix = f".svc.{domain}"
    if host.endswith(suffix) and not is_wildcard(host):
        short = host.removesuffix(suffix)
        names += [f"{short}.svc", short]
        name, _, own = short.partition(".")
        if own == namespace:
            names.append(name)
    for name in names:
        if bare:
            yield name
        yield f"{name}:{key.port}"
