"""Stage 5: which hosts of which chains a VirtualService has a say in (istio-semantics §2.3.6)."""

from collections.abc import Iterator
from dataclasses import dataclass

from lateen.compile.inputs import Inputs
from lateen.compile.names import HostKey, RouteListKey
from lateen.compile.placement import OpenServer, Placement
from lateen.engine import Derived, Engine, Index, Reads
from lateen.ir.listener import RouteLayout
from lateen.ir.proxy import MESH_GATEWAY
from lateen.model.hosts import fqdn
from lateen.model.keys import Key, Kind
from lateen.model.objects import Object
from lateen.model.virtualservice import VirtualServiceSpec
from lateen.semantics.gateways import hosts_open_to, intersect, resolve_gateway_name
from lateen.semantics.servers import ServerOrder
from lateen.semantics.visibility import RuleOrder, is_visible, rule_order


@dataclass(frozen=True, slots=True)
class Binding:
    """One VirtualService on one host of one chain."""

    host: HostKey
    layout: RouteLayout
    routes: RouteListKey
    order: tuple[ServerOrder, RuleOrder]
    """Whose routes come first on the host."""
    port: int
    """As written in the server that opened the host."""
    redirects: bool
    """A server of the host sends plaintext to https."""


@dataclass(frozen=True, slots=True)
class Bindings:
    """The table and the ways to look into it."""

    table: Derived[Key, tuple[Binding, ...]]
    alone: Index[Key, tuple[Binding, ...], HostKey]
    """By host, where the host has a resource of its own."""
    joined: Index[Key, tuple[Binding, ...], HostKey]
    """By host, where it stands with others."""
    by_routes: Index[Key, tuple[Binding, ...], RouteListKey]


def gateway_keys(obj: Object[VirtualServiceSpec]) -> Iterator[Key]:
    """The Gateways that a VirtualService names, each once however it is spelled; the mesh is not one."""
    for resolved in dict.fromkeys(resolve_gateway_name(name, obj.key.namespace) for name in obj.spec.gateways):
        if resolved != MESH_GATEWAY:
            namespace, _, short = resolved.partition("/")
            yield Key(Kind.GATEWAY, namespace, short)


def add_bindings(engine: Engine, inputs: Inputs, placement: Placement, domain: str) -> Bindings:
    """Add the table of bindings."""

    def bind(reads: Reads, key: Key) -> tuple[Binding, ...]:
        rule = reads.get(inputs.virtual_services, key)
        if rule is None or not rule.spec.http or not rule.spec.hosts:
            return ()
        out: list[Binding] = []
        for gateway in gateway_keys(rule):
            servers = reads.get(placement.open_servers, gateway) or ()
            viewers = {
                proxy.id: proxy.namespace
                for proxy_id in {server.proxy for server in servers}
                if (proxy := reads.get(placement.proxies, proxy_id))
            }
            for proxy_id, viewer in sorted(viewers.items()):
                if is_visible(rule.spec.export_to, key.namespace, viewer):
                    order = rule_order(rule, viewer)
                    out += _bind_servers(rule, [s for s in servers if s.proxy == proxy_id], order, domain)
        return tuple(out)

    table = engine.derive("bindings", 5, bind, each=inputs.virtual_services)

    def hosts(*, alone: bool) -> Index[Key, tuple[Binding, ...], HostKey]:
        return engine.index(
            "hosts_alone" if alone else "hosts_joined",
            table,
            lambda _, bindings: {b.host for b in bindings if b.host.stands_alone(b.layout) is alone},
        )

    return Bindings(
        table=table,
        alone=hosts(alone=True),
        joined=hosts(alone=False),
        by_routes=engine.index("rules_by_routes", table, lambda _, bindings: {b.routes for b in bindings}),
    )


def _bind_servers(
    rule: Object[VirtualServiceSpec], servers: list[OpenServer], order: RuleOrder, domain: str
) -> Iterator[Binding]:
    """Bind to the servers of one Gateway on one proxy.

    The routes are lowered once per chain, with the port of the first server that opens a host;
    a host that several servers open is bound by the first.
    """
    wanted = expand_hosts(rule, domain)
    lists: dict[str, RouteListKey] = {}
    bound: dict[HostKey, Binding] = {}
    for server in servers:
        for host in intersect(hosts_open_to(server.hosts, rule.key.namespace), wanted):
            gateway = f"{server.gateway.namespace}/{server.gateway.name}"
            routes = lists.setdefault(
                server.chain,
                RouteListKey(server.proxy, server.chain, rule.key, gateway, server.port, server.has_tls),
            )
            key = HostKey(server.proxy, server.chain, host.lower())
            first = bound.get(key)
            if first is None:
                bound[key] = Binding(key, server.layout, routes, (server.order, order), server.port, server.redirects)
            elif server.redirects and not first.redirects:
                bound[key] = Binding(key, first.layout, first.routes, first.order, first.port, redirects=True)
    yield from bound.values()


def expand_hosts(rule: Object[VirtualServiceSpec], domain: str) -> tuple[str, ...]:
    """The hosts of a VirtualService with short names written out (istio-semantics §2.1)."""
    return tuple(fqdn(host, rule.key.namespace, domain) for host in rule.spec.hosts)
