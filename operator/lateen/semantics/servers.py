"""Merging the Gateways of one proxy into listeners that do not contradict each other.

Rules: istio-semantics §2.3.2 to §2.3.5. Where the reference produces configuration
that Envoy refuses (§6.8, §6.88), the oldest claim wins here.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from typing import Final, NamedTuple

from lateen.ir.listener import RouteLayout
from lateen.ir.proxy import Proxy, ProxyId
from lateen.model.gateway import GatewaySpec, Server
from lateen.model.hosts import is_wildcard
from lateen.model.keys import Key
from lateen.model.objects import Object
from lateen.semantics.gateways import sanitize_hosts, strip_namespace

HTTP_FAMILY = frozenset({"HTTP", "HTTP2", "GRPC", "GRPC-WEB", "HTTP_PROXY"})
PASSTHROUGH_MODES = frozenset({"PASSTHROUGH", "AUTO_PASSTHROUGH"})
PRIVILEGED = 1024
UNIX: Final = "unix://"
"""What the bind of a Unix domain socket begins with."""


class ServerOrder(NamedTuple):
    """Merge order of servers: by age of the Gateway, then position in it."""

    created: str
    name: str
    namespace: str
    position: int


@dataclass(frozen=True, slots=True)
class PortRules:
    """How the port of a server becomes the port that is bound."""

    bind: str = "0.0.0.0"  # noqa: S104 - a proxy's address; a laptop says 127.0.0.1
    shift: int = 0
    """Added to ports under 1024, for proxies that may not bind them."""
    reserved: frozenset[int] = frozenset()
    """Ports that proxies need for themselves."""
    dual_stack: bool = False
    """Proxies have addresses of IPv6: what is open at all addresses is open at those of both families."""


@dataclass(frozen=True, slots=True)
class PlacedServer:
    """One server of one Gateway, accepted on one port of one proxy."""

    proxy: ProxyId
    gateway: Key
    order: ServerOrder
    server: Server
    hosts: tuple[str, ...]
    """Sanitised, still with namespace prefixes."""
    protocol: str
    """Upper case."""
    address: str
    port: int
    """What is bound; `server.port.number` is what was written."""
    chain: str
    """Route configuration name of an HTTP chain; empty for TCP and pass-through."""
    layout: RouteLayout

    @property
    def index(self) -> int:
        """Position in the Gateway's `servers`."""
        return self.order.position

    @property
    def listener(self) -> str:
        """Name of the listener (§2.3.5)."""
        return f"{self.address}_{self.port}"

    @property
    def port_words(self) -> str:
        """The port as it was written, for messages, with the one that is bound if it is another."""
        written = self.server.port.number
        return str(written) if written == self.port else f"{written} ({self.port} at the proxy)"

    @property
    def pipe(self) -> str:
        """Path of the Unix domain socket to listen on; empty for an address with a port."""
        return self.address.removeprefix(UNIX) if self.address.startswith(UNIX) else ""

    @property
    def is_http(self) -> bool:
        """Whether requests are routed by virtual hosts."""
        return bool(self.chain)

    @property
    def is_encrypted(self) -> bool:
        """Whether clients speak TLS, be it terminated or passed through; not where TLS settings only redirect."""
        return self.server.tls is not None and self.protocol not in HTTP_FAMILY

    @property
    def terminates_tls(self) -> bool:
        """Whether this chain decrypts."""
        return terminates_tls(self.server, self.protocol)

    @property
    def redirects(self) -> bool:
        """Whether plaintext requests are answered with a redirect to https (§2.3.6)."""
        return self.server.tls is not None and bool(self.server.tls.https_redirect)

    @property
    def server_names(self) -> tuple[str, ...]:
        """SNI of the chain; empty when any name will do (§2.4)."""
        names = sorted({strip_namespace(host) for host in self.hosts})
        return () if "*" in names else tuple(names)


@dataclass(frozen=True, slots=True)
class RefusedServer:
    """A server that is not served on a proxy, and why."""

    gateway: Key
    index: int
    reason: str


@dataclass(frozen=True, slots=True)
class MergedServers:
    """The outcome for one proxy."""

    servers: tuple[PlacedServer, ...] = ()
    refused: tuple[RefusedServer, ...] = ()


def terminates_tls(server: Server, protocol: str) -> bool:
    """Whether the server has a certificate to show: TLS settings that neither pass through nor only redirect."""
    return server.tls is not None and protocol not in HTTP_FAMILY and server.tls.mode not in PASSTHROUGH_MODES


def bound_port(number: int, proxy: Proxy, rules: PortRules) -> int:
    """The port that is bound for a server on `number` (§2.3.2): a Service's target port, else the number itself."""
    for target in proxy.port_targets:
        if target.port == number:
            return target.target
    return number + rules.shift if 0 < number < PRIVILEGED else number


def chain_name(server: Server, protocol: str, gateway: Key, port: int) -> str:
    """Name of the route configuration (§2.3.4); empty where nothing is routed by host."""
    bind = f".{server.bind}" if server.bind else ""
    if protocol in HTTP_FAMILY:
        return f"http.{port}{bind}"
    if protocol == "HTTPS" and terminates_tls(server, protocol):
        return f"https.{server.port.number}.{server.port.name}.{gateway.name}.{gateway.namespace}{bind}"
    return ""


@dataclass(slots=True)
class _Port:
    """What has been claimed of one bound port so far."""

    plaintext: dict[str, PlacedServer] = field(default_factory=dict)
    """address → the oldest server without encryption."""
    tls_hosts: dict[tuple[str, str], Key] = field(default_factory=dict)
    """(address, host) → Gateway that claimed it."""
    chains: set[str] = field(default_factory=set)
    """Route configurations of TLS servers."""

    def joined(self, placed: PlacedServer) -> PlacedServer:
        """Give a plaintext server the routes of the one it joins: `bind: 0.0.0.0` and none are one address."""
        oldest = self.plaintext.get(placed.address)
        return placed if oldest is None or placed.is_encrypted else replace(placed, chain=oldest.chain)


def merge_servers(proxy: Proxy, gateways: Iterable[Object[GatewaySpec]], rules: PortRules) -> MergedServers:
    """Merge all Gateways of a proxy, oldest first; what contradicts an older claim is refused with a reason."""
    ports: dict[int, _Port] = {}
    servers: list[PlacedServer] = []
    refused: list[RefusedServer] = []
    for gateway in sorted(gateways, key=lambda g: g.meta.age_order):
        for index, server in enumerate(gateway.spec.servers):
            placed = _place(proxy, gateway, index, server, rules)
            port = ports.setdefault(placed.port, _Port())
            reason = _reserved(placed, rules) or _claim(port, placed)
            if reason:
                refused.append(RefusedServer(gateway.key, index, reason))
            else:
                servers.append(port.joined(placed))
    return MergedServers(tuple(servers), tuple(refused))


def _place(proxy: Proxy, gateway: Object[GatewaySpec], index: int, server: Server, rules: PortRules) -> PlacedServer:
    protocol = server.port.protocol.upper()
    port = bound_port(server.port.number, proxy, rules)
    hosts = sanitize_hosts(server.hosts, gateway.key.namespace)
    chain = chain_name(server, protocol, gateway.key, port)
    return PlacedServer(
        proxy=proxy.id,
        gateway=gateway.key,
        order=ServerOrder(*gateway.meta.age_order, index),
        server=server,
        hosts=hosts,
        protocol=protocol,
        address=_address(server, rules),
        port=port,
        chain=chain,
        layout=choose_layout(protocol, hosts),
    )


def _address(server: Server, rules: PortRules) -> str:
    """Where a server listens. All addresses are one: a proxy of both families has a single socket for them."""
    if rules.dual_stack and server.bind and not server.bind.startswith(UNIX) and ip_address(server.bind).is_unspecified:
        return rules.bind
    return server.bind or rules.bind


def choose_layout(protocol: str, hosts: Sequence[str]) -> RouteLayout:
    """One RouteConfiguration per host, unless a TLS server names all its hosts: then the chain is small by itself."""
    if protocol in HTTP_FAMILY or any(is_wildcard(strip_namespace(host)) for host in hosts):
        return RouteLayout.SCOPED
    return RouteLayout.SINGLE


def _reserved(placed: PlacedServer, rules: PortRules) -> str:
    return f"port {placed.port_words} is the proxy's own" if placed.port in rules.reserved and not placed.pipe else ""


def _claim(port: _Port, placed: PlacedServer) -> str:
    """Record the claim of one server; a non-empty result says why it is refused (§2.3.3)."""
    address, protocol, encrypted = placed.address, placed.protocol, placed.is_encrypted
    if placed.server.tls is not None:
        duplicate = _duplicate_host(port, placed)
        if duplicate:
            return duplicate
    oldest = port.plaintext.get(address)
    if oldest is not None:
        if encrypted or protocol not in HTTP_FAMILY or oldest.protocol not in HTTP_FAMILY:
            older = oldest.protocol
            return f"port {placed.port_words} already serves {older} for an older server, which {protocol} cannot share"
    elif not encrypted:
        port.plaintext[address] = placed
    if encrypted and placed.chain:
        if placed.chain in port.chains:
            return f"an older server already uses the port name {placed.server.port.name!r} on port {placed.port_words}"
        port.chains.add(placed.chain)
    return ""


def _duplicate_host(port: _Port, placed: PlacedServer) -> str:
    """Refuse a TLS host that an older server has. Namespace prefixes do not make hosts differ: SNI has none (§6.8)."""
    claims: dict[tuple[str, str], Key] = {}
    for host in placed.hosts:
        # A redirecting HTTP server shares its port by virtual hosts, so its hosts are told apart with their prefix.
        name = strip_namespace(host) if placed.is_encrypted else host
        owner = port.tls_hosts.get((placed.address, name))
        if owner is not None:
            holder = f"Gateway {owner.namespace}/{owner.name}"
            return f"host {name!r} on port {placed.port_words} already belongs to {holder}"
        claims[placed.address, name] = placed.gateway
    port.tls_hosts.update(claims)
    return ""
