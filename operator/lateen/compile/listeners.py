"""Stages 6 and 7: TCP chains, and listeners put together from the servers on one port."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lateen.compile.bindings import expand_hosts, gateway_keys
from lateen.compile.destinations import TrackedDestinations
from lateen.compile.inputs import Inputs
from lateen.compile.names import ListenerKey, ServerKey
from lateen.compile.placement import Placement
from lateen.compile.services import ServiceTables
from lateen.compile.settings import CompileSettings
from lateen.engine import Derived, Engine, Index, Reads
from lateen.envoy.listener import build_listener
from lateen.envoy.names import cluster_name
from lateen.ir.listener import DownstreamTls, FilterChain, HttpChain, Listener, TcpChain
from lateen.ir.proxy import ProxyId
from lateen.ir.resource import Resource
from lateen.ir.route import Target
from lateen.model.keys import Key
from lateen.semantics.chains import LostNames, arrange
from lateen.semantics.l4 import L4Route, l4_routes
from lateen.semantics.server_tls import lower_server_tls
from lateen.semantics.servers import PlacedServer, ServerOrder
from lateen.semantics.visibility import is_visible, rule_order

UNSUPPORTED_MODES = frozenset({"ISTIO_MUTUAL", "AUTO_PASSTHROUGH"})


@dataclass(frozen=True, slots=True)
class PortClaim:
    """A proxy wants to bind an address and port of the machine that all proxies share."""

    address: str
    port: int


@dataclass(frozen=True, slots=True)
class ListenerTables:
    """TCP chains by server, listeners as IR and encoded."""

    l4_chains: Derived[ServerKey, tuple[FilterChain, ...]]
    lost_names: Derived[ListenerKey, tuple[LostNames, ...]]
    """Server names that chains of a listener do not get; a listener where nothing is lost has no row."""
    listeners: Derived[ListenerKey, Listener]
    encoded: Derived[ListenerKey, Resource]
    claims: Index[Key, tuple[PlacedServer, ...], PortClaim]


def add_listeners(
    engine: Engine, inputs: Inputs, placement: Placement, services: ServiceTables, settings: CompileSettings
) -> ListenerTables:
    """Add the tables."""
    l4_chains = _add_l4_chains(engine, inputs, placement, services, settings)
    claims = engine.index(
        "port_claims",
        placement.gateway_servers,
        lambda _, servers: {PortClaim(server.address, server.port) for server in servers},
    )

    def build(reads: Reads, key: ListenerKey) -> Listener | None:
        servers = servers_of_listener(reads, placement, key)
        if settings.one_host and port_holder(reads, claims, servers[0]) != key.proxy:
            return None
        chains = arrange(chains_of(reads, servers, l4_chains)).chains
        if not chains:
            return None
        first, rules = servers[0], settings.ports
        dual_stack = rules.dual_stack and first.address == rules.bind
        return Listener(key.listener, first.address, first.port, chains, first.pipe, dual_stack)

    def lose(reads: Reads, key: ListenerKey) -> tuple[LostNames, ...] | None:
        servers = servers_of_listener(reads, placement, key)
        if not any(server.is_encrypted for server in servers):
            return None
        return arrange(chains_of(reads, servers, l4_chains)).lost or None

    listeners = engine.derive("listeners", 7, build, group=placement.by_listener)
    return ListenerTables(
        l4_chains=l4_chains,
        lost_names=engine.derive("lost_names", 7, lose, group=placement.by_listener),
        listeners=listeners,
        encoded=_add_encoded(engine, listeners, settings.event_log),
        claims=claims,
    )


def _add_encoded(
    engine: Engine, listeners: Derived[ListenerKey, Listener], event_log: str
) -> Derived[ListenerKey, Resource]:

    def encode(reads: Reads, key: ListenerKey) -> Resource | None:
        listener = reads.get(listeners, key)
        return build_listener(listener, event_log) if listener is not None else None

    return engine.derive("listener_resources", 8, encode, each=listeners)


def servers_of_listener(reads: Reads, placement: Placement, key: ListenerKey) -> list[PlacedServer]:
    """All servers on one listener, in merge order."""
    found = [
        server
        for _, servers in reads.values(placement.by_listener, key)
        for server in servers
        if server.proxy == key.proxy and server.listener == key.listener
    ]
    return sorted(found, key=lambda server: server.order)


def port_holder(reads: Reads, claims: Index[Key, tuple[PlacedServer, ...], PortClaim], wanted: PlacedServer) -> ProxyId:
    """Where proxies share a machine: the one whose server claimed the port first."""
    claim = PortClaim(wanted.address, wanted.port)
    rivals = [
        server
        for _, servers in reads.values(claims, claim)
        for server in servers
        if (server.address, server.port) == (claim.address, claim.port)
    ]
    return min(rivals, key=lambda server: (server.order, server.proxy)).proxy


def chains_of(
    reads: Reads,
    servers: Iterable[PlacedServer],
    l4_chains: Derived[ServerKey, tuple[FilterChain, ...]],
) -> Iterator[FilterChain]:
    """What the servers of one listener ask for, in merge order; names may be asked for twice."""
    supported = [server for server in servers if is_supported(server)]
    sharing: dict[str, dict[Key, None]] = {}
    for server in supported:
        if server.is_http and not server.terminates_tls:
            sharing.setdefault(server.chain, {})[server.gateway] = None
    for server in supported:
        if not server.is_http:
            yield from reads.get(l4_chains, _key_of(server)) or ()
        elif server.terminates_tls:
            yield _http_chain(server, (server.gateway,))
        elif gateways := sharing.pop(server.chain, None):
            yield _http_chain(server, tuple(gateways))


def _key_of(server: PlacedServer) -> ServerKey:
    return ServerKey(server.proxy, server.gateway, server.index)


def is_supported(server: PlacedServer) -> bool:
    """Whether Lateen can serve it: modes that need the certificates of a mesh it cannot."""
    return server.server.tls is None or server.server.tls.mode not in UNSUPPORTED_MODES


def _http_chain(server: PlacedServer, gateways: tuple[Key, ...]) -> FilterChain:
    named = server.server.name if server.terminates_tls else ""
    return FilterChain(
        name=server.chain,
        http=HttpChain(
            route_name=server.chain,
            stat_prefix=named or f"outbound_{server.listener}",
            layout=server.layout,
            grpc_web=server.protocol == "GRPC-WEB",
        ),
        server_names=server.server_names if server.terminates_tls else (),
        tls=_tls(server),
        only_tls=server.is_encrypted and not server.server_names,
        origins=gateways,
    )


def _tls(server: PlacedServer) -> DownstreamTls | None:
    if not server.terminates_tls or server.server.tls is None:
        return None
    return lower_server_tls(server.server.tls)


def _add_l4_chains(
    engine: Engine, inputs: Inputs, placement: Placement, services: ServiceTables, settings: CompileSettings
) -> Derived[ServerKey, tuple[FilterChain, ...]]:
    """Chains of servers that route connections."""
    l4_rules = engine.index(
        "l4_rules_of_gateway",
        inputs.virtual_services,
        lambda _, rule: gateway_keys(rule) if rule.spec.tcp or rule.spec.tls else (),
    )
    servers_by_id = engine.index(
        "l4_servers",
        placement.gateway_servers,
        lambda _, servers: [_key_of(server) for server in servers if not server.is_http],
    )

    def build(reads: Reads, key: ServerKey) -> tuple[FilterChain, ...]:
        proxy = reads.get(placement.proxies, key.proxy)
        servers = reads.get(placement.gateway_servers, key.gateway) or ()
        server = next((server for server in servers if _key_of(server) == key), None)
        if proxy is None or server is None:
            return ()
        rules = [
            rule
            for _, rule in reads.values(l4_rules, key.gateway)
            if is_visible(rule.spec.export_to, rule.key.namespace, proxy.namespace)
        ]
        rules.sort(key=lambda rule: rule_order(rule, proxy.namespace))
        found = l4_routes(server, rules, [expand_hosts(rule, settings.domain) for rule in rules])
        destinations = TrackedDestinations(reads, services, proxy)
        return tuple(_l4_chain(server, route, destinations) for route in found)

    return engine.derive("l4_chains", 6, build, group=servers_by_id)


def _l4_chain(server: PlacedServer, route: L4Route, destinations: TrackedDestinations) -> FilterChain:
    owner, number = route.rule.key, server.server.port.number
    weighted = len(route.route) > 1
    clusters = [destinations.cluster(entry.destination, owner.namespace, number) for entry in route.route]
    targets = tuple(
        Target(cluster, entry.weight or 1)
        for cluster, entry in zip(clusters, route.route, strict=True)
        if not weighted or entry.weight
    )
    settings = destinations.tcp_settings(clusters[0], weighted=weighted)
    server_names = server.server_names if server.terminates_tls else route.server_names
    return FilterChain(
        name=l4_chain_name(server.order, owner, route.index),
        tcp=TcpChain(
            targets=targets,
            stat_prefix=f"{owner.name}.{owner.namespace}" if weighted else cluster_name(clusters[0]),
            weighted=weighted,
            idle_timeout=settings.idle_timeout,
            max_connection_duration=settings.max_connection_duration,
            hash_source_ip=settings.hash_source_ip,
            tunnel=settings.tunnel,
        ),
        server_names=server_names,
        tls=_tls(server),
        only_tls=server.is_encrypted and not server_names,
        origins=(server.gateway, owner),
    )


def l4_chain_name(order: ServerOrder, owner: Key, index: tuple[int, int]) -> str:
    """Name of the chain that a server makes of one (rule, match) of a VirtualService; unique within a listener."""
    rule, match = index
    return f"{_l4_prefix(order)}{owner.namespace}/{owner.name}/{rule}/{match}"


def _l4_prefix(order: ServerOrder) -> str:
    return f"{order.namespace}/{order.name}/{order.position}/"


def makes_chain(server: PlacedServer, chain: FilterChain) -> bool:
    """Whether a chain of the server's listener is the server's own."""
    return chain.name == server.chain if server.is_http else chain.name.startswith(_l4_prefix(server.order))
