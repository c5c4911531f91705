"""Service-to-service traffic: an outbound proxy that routes by Host (istio-semantics §2.7, Appendix A.3).

One virtual host per port of each service, with or without a VirtualService. It answers to every
spelling of the service's name, with the port, and for one port also without.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lateen.compile.bindings import expand_hosts
from lateen.compile.destinations import TrackedDestinations
from lateen.compile.inputs import Inputs
from lateen.compile.names import MeshDomain, MeshHost
from lateen.compile.services import ServiceTables
from lateen.compile.settings import CompileSettings
from lateen.engine import Derived, Engine, Index, Reads
from lateen.envoy.listener import build_listener
from lateen.envoy.route import build_scoped_route
from lateen.envoy.scope import build_scope
from lateen.ir.listener import FilterChain, HttpChain, Listener
from lateen.ir.proxy import MESH_GATEWAY, Proxy, ProxyId
from lateen.ir.resource import Resource
from lateen.ir.route import ClusterRef, Forward, Route, RouteMatch, Target, VirtualHost
from lateen.model.hosts import is_wildcard, more_specific, subset_of
from lateen.model.keys import Key, Kind
from lateen.model.objects import Object
from lateen.model.virtualservice import VirtualServiceSpec
from lateen.semantics.gateways import resolve_gateway_name
from lateen.semantics.registry import RegisteredService, service_for
from lateen.semantics.retry import lower_retries
from lateen.semantics.routes import RoutePlace, build_routes
from lateen.semantics.visibility import is_visible, oldest_first

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
    """By exact host; all with a wildcard host under `*`."""

    def rule(self, reads: Reads, host: str) -> Object[VirtualServiceSpec] | None:
        """The one VirtualService of a host: by its name, else by the longest wildcard, the oldest of equals."""
        exact = self._visible(reads, host)
        if exact:
            return oldest_first(exact)[0]
        covering = [
            (more_specific(name), rule.meta.age_order, rule)
            for rule in self._visible(reads, ANY_HOST)
            for name in rule.spec.hosts
            if is_wildcard(name) and subset_of(host, name)
        ]
        return min(covering, key=lambda entry: entry[:2])[2] if covering else None

    def routes(self, reads: Reads, rule: Object[VirtualServiceSpec], port: int) -> tuple[Route, ...]:
        """The rule's routes on one port of the mesh."""

        def find(namespace: str, name: str) -> Object[VirtualServiceSpec] | None:
            return reads.get(self.inputs.virtual_services, Key(Kind.VIRTUAL_SERVICE, namespace, name))

        place = RoutePlace(
            MESH_GATEWAY,
            port,
            tls=False,
            labels={},
            namespace=self.proxy.namespace,
            domain=self.services.settings.domain,
        )
        return build_routes(rule, place, TrackedDestinations(reads, self.services, self.proxy), find)

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
        lambda _, rule: [ANY_HOST if is_wildcard(host) else host for host in _rule_hosts(rule, settings)],
    )
    rules = MeshRules(inputs, services, proxy, by_host)

    def build(reads: Reads, key: MeshHost) -> MeshRoutes | None:
        candidates = services.candidates(reads, key.host)
        service = service_for(candidates, proxy.namespace, key.port)
        rule = rules.rule(reads, key.host)
        if service is None and candidates:
            return None
        routes = rules.routes(reads, rule, key.port) if rule is not None else ()
        if not routes and service is not None:
            routes = (_default_route(service, key, TrackedDestinations(reads, services, proxy)),)
        if not routes:
            return None
        bare = service is None or key.port == bare_port(service)
        domains = tuple(spellings(key, proxy.namespace, settings.domain, bare=bare))
        origins = tuple(obj for obj in (rule and rule.key, service and service.origin) if obj)
        return MeshRoutes(VirtualHost(f"{key.host}:{key.port}", domains, routes), origins)

    return _encode(engine, inputs, rules, engine.derive("mesh_hosts", 6, build, group=group))


def _rule_hosts(rule: Object[VirtualServiceSpec], settings: CompileSettings) -> tuple[str, ...]:
    return expand_hosts(rule, settings.domain) if settings.mesh_port and applies_to_mesh(rule) else ()


def _mesh_hosts(engine: Engine, inputs: Inputs, services: ServiceTables) -> tuple[Index[Any, Any, MeshHost], ...]:
    """Every port of every service, and hosts that only a VirtualService knows."""
    settings = services.settings

    def ports(host: str, found: tuple[RegisteredService, ...]) -> list[MeshHost]:
        if not settings.mesh_port:
            return []
        return [MeshHost(MESH_PROXY, host, port.number) for service in found for port in service.ports]

    def unregistered(_: Key, rule: Object[VirtualServiceSpec]) -> list[MeshHost]:
        return [MeshHost(MESH_PROXY, host, HTTP_PORT) for host in _rule_hosts(rule, settings) if not is_wildcard(host)]

    return (
        engine.index("mesh_services", services.registry, ports),
        engine.index("mesh_unregistered", inputs.virtual_services, unregistered),
    )


def _encode(engine: Engine, inputs: Inputs, rules: MeshRules, hosts: Derived[MeshHost, MeshRoutes]) -> MeshTables:
    settings = rules.services.settings
    by_domain = engine.index(
        "mesh_domains", hosts, lambda _, routes: [MeshDomain(MESH_PROXY, domain) for domain in routes.host.domains]
    )

    def route(reads: Reads, key: MeshHost) -> Resource | None:
        found = reads.get(hosts, key)
        return build_scoped_route(CHAIN, f"{key.host}:{key.port}", found.host) if found is not None else None

    def scope(reads: Reads, key: MeshDomain) -> Resource:
        owner = reads.bucket(by_domain, key)[0]
        return build_scope(CHAIN, key.domain, f"{owner.host}:{owner.port}")

    def listener(_: Reads, key: ProxyId) -> Resource | None:
        if key != MESH_PROXY or not settings.mesh_port:
            return None
        address = settings.ports.bind
        chain = FilterChain(CHAIN, HttpChain(CHAIN, stat_prefix="outbound_mesh", port_in_host=True))
        return build_listener(Listener(f"{address}_{settings.mesh_port}", address, settings.mesh_port, (chain,)))

    return MeshTables(
        rules=rules,
        hosts=hosts,
        routes=engine.derive("mesh_routes", 7, route, each=hosts),
        scopes=engine.derive("mesh_scopes", 7, scope, group=by_domain),
        listener=engine.derive("mesh_listener", 8, listener, each=inputs.proxies),
    )


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
    numbers = [port.number for port in service.ports]
    return HTTP_PORT if HTTP_PORT in numbers or not numbers else numbers[0]


def spellings(key: MeshHost, namespace: str, domain: str, *, bare: bool) -> Iterator[str]:
    """Every Host header that means this port: `cart`, `cart.shop`, `cart.shop.svc`, the full name; with the port."""
    names = [key.host]
    suffix = f".svc.{domain}"
    if key.host.endswith(suffix):
        short = key.host.removesuffix(suffix)
        names += [f"{short}.svc", short]
        name, _, own = short.partition(".")
        if own == namespace:
            names.append(name)
    for name in names:
        if bare:
            yield name
        yield f"{name}:{key.port}"
