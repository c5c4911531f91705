"""TCP and pass-through chains of a gateway server (istio-semantics §1.2.11, §2.3.3, §2.4)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from lateen.model.hosts import matches
from lateen.model.matching import L4Match, TlsMatch
from lateen.model.objects import Object
from lateen.model.virtualservice import RouteDestination, VirtualServiceSpec
from lateen.semantics.gateways import hosts_open_to, resolve_gateway_name
from lateen.semantics.servers import PASSTHROUGH_MODES, PlacedServer


@dataclass(frozen=True, slots=True)
class L4Route:
    """One block of a VirtualService that a server uses."""

    rule: Object[VirtualServiceSpec]
    route: tuple[RouteDestination, ...]
    server_names: tuple[str, ...] = ()
    """SNI of a pass-through chain."""
    index: tuple[int, int] = (0, 0)
    """(rule, match): makes the chain's name unique."""


def routes_by_sni(server: PlacedServer) -> bool:
    """Whether the chains come from `tls` rules: the connection stays encrypted."""
    tls = server.server.tls
    return tls is not None and tls.mode in PASSTHROUGH_MODES


def l4_routes(
    server: PlacedServer, rules: Sequence[Object[VirtualServiceSpec]], hosts: Iterable[tuple[str, ...]]
) -> tuple[L4Route, ...]:
    """The chains of one server; `rules` in order of precedence, `hosts` their hosts written out."""
    attached = [
        rule
        for rule, names in zip(rules, hosts, strict=True)
        if any(
            matches(open_host, name) for open_host in hosts_open_to(server.hosts, rule.key.namespace) for name in names
        )
    ]
    if routes_by_sni(server):
        return tuple(_by_sni(server, attached))
    found = next(_by_port(server, attached), None)
    return () if found is None else (found,)


def _by_port(server: PlacedServer, rules: Sequence[Object[VirtualServiceSpec]]) -> Iterator[L4Route]:
    """Only the first block of the oldest VirtualService is used; nothing is merged."""
    for rule in rules:
        for index, block in enumerate(rule.spec.tcp):
            if not block.match or any(_holds(match, server, rule) for match in block.match):
                yield L4Route(rule, block.route, index=(index, 0))


def _by_sni(server: PlacedServer, rules: Sequence[Object[VirtualServiceSpec]]) -> Iterator[L4Route]:
    """One chain for each match entry; `chains.arrange` leaves out those that repeat a name of an older one."""
    for rule in rules:
        for index, block in enumerate(rule.spec.tls):
            for position, match in enumerate(block.match):
                names = tuple(sorted(set(match.sni_hosts)))
                if _holds(match, server, rule):
                    yield L4Route(rule, block.route, () if "*" in names else names, (index, position))


def _holds(match: L4Match | TlsMatch, server: PlacedServer, rule: Object[VirtualServiceSpec]) -> bool:
    """Port and gateway decide; subnets and sources are not looked at on a gateway."""
    if match.port and match.port != server.server.port.number:
        return False
    gateway = f"{server.gateway.namespace}/{server.gateway.name}"
    return not match.gateways or gateway in {resolve_gateway_name(name, rule.key.namespace) for name in match.gateways}
