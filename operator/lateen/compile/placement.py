"""Stages 1 to 4: which proxies there are, which Gateway is for which, and what is left after merging."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from lateen.compile.inputs import Inputs
from lateen.compile.names import ListenerKey
from lateen.compile.settings import CompileSettings, ProxyScope
from lateen.engine import Derived, Engine, Index, Reads
from lateen.ir.deployment import PROXY_LABEL
from lateen.ir.listener import RouteLayout
from lateen.ir.proxy import PortTarget, Proxy, ProxyId
from lateen.model.gateway import GatewaySpec
from lateen.model.keys import Key
from lateen.model.objects import Object
from lateen.model.service import ServiceSpec
from lateen.semantics.proxy_options import choose_options, read_option
from lateen.semantics.selectors import selector_name, selects
from lateen.semantics.servers import MergedServers, PlacedServer, RefusedServer, ServerOrder, merge_servers

SHARED_NAMESPACE = "shared"
"""Namespace in the id of a proxy that Gateways of several namespaces share, where no setting names one."""

UNTRANSLATED = "experimental.istio.io/disable-gateway-port-translation"
"""Label of a Service whose target ports do not move Gateway ports (istio-semantics §2.3.2)."""


@dataclass(frozen=True, slots=True)
class ProxyServers:
    """The merged servers of one proxy, by Gateway."""

    accepted: Mapping[Key, tuple[PlacedServer, ...]]
    refused: Mapping[Key, tuple[RefusedServer, ...]]

    @classmethod
    def of(cls, merged: MergedServers) -> "ProxyServers":
        """Group by Gateway."""
        accepted: dict[Key, tuple[PlacedServer, ...]] = {}
        for server in merged.servers:
            accepted[server.gateway] = (*accepted.get(server.gateway, ()), server)
        refused: dict[Key, tuple[RefusedServer, ...]] = {}
        for refusal in merged.refused:
            refused[refusal.gateway] = (*refused.get(refusal.gateway, ()), refusal)
        return cls(accepted, refused)


@dataclass(frozen=True, slots=True)
class OpenServer:
    """What VirtualServices see of an HTTP server; when anything else of it changes, they are not looked at again."""

    proxy: ProxyId
    gateway: Key
    order: ServerOrder
    chain: str
    layout: RouteLayout
    hosts: tuple[str, ...]
    port: int
    """As written."""
    has_tls: bool
    redirects: bool

    @classmethod
    def of(cls, server: PlacedServer) -> "OpenServer":
        """See a server as VirtualServices do."""
        return cls(
            proxy=server.proxy,
            gateway=server.gateway,
            order=server.order,
            chain=server.chain,
            layout=server.layout,
            hosts=server.hosts,
            port=server.server.port.number,
            has_tls=server.server.tls is not None,
            redirects=server.redirects,
        )


@dataclass(frozen=True, slots=True)
class Placement:
    """Tables that say what stands where."""

    placements: Derived[Key, tuple[ProxyId, ...]]
    """Gateway → the proxies it is for."""
    selected_by: Index[Key, tuple[ProxyId, ...], ProxyId]
    """Gateways of a proxy."""
    proxies: Derived[ProxyId, Proxy]
    proxy_servers: Derived[ProxyId, ProxyServers]
    gateway_servers: Derived[Key, tuple[PlacedServer, ...]]
    """Gateway → its accepted servers on all proxies."""
    open_servers: Derived[Key, tuple[OpenServer, ...]]
    """Gateway → those of them that serve HTTP, as VirtualServices see them."""
    by_listener: Index[Key, tuple[PlacedServer, ...], ListenerKey]
    """Gateways with a server on a listener."""


def add_placement(engine: Engine, inputs: Inputs, settings: CompileSettings) -> Placement:
    """Add the tables."""
    scope = settings.proxy_scope

    def place(reads: Reads, key: Key) -> tuple[ProxyId, ...]:
        gateway = reads.get(inputs.gateways, key)
        if gateway is None:
            return ()
        if settings.proxies:
            return tuple(proxy.id for proxy in settings.proxies if selects(gateway.spec.selector, proxy.labels))
        shared = settings.shared_namespace or SHARED_NAMESPACE
        namespace = key.namespace if scope is ProxyScope.NAMESPACE else shared
        return (ProxyId(namespace, selector_name(gateway.spec.selector)),)

    placements = engine.derive("placements", 1, place, each=inputs.gateways)
    selected_by = engine.index("gateways_of_proxy", placements, lambda _, proxies: proxies)
    proxies = _add_proxies(engine, inputs, selected_by, settings)

    def merge(reads: Reads, proxy_id: ProxyId) -> ProxyServers | None:
        proxy = reads.get(proxies, proxy_id)
        if proxy is None:
            return None
        gateways = (reads.get(inputs.gateways, key) for key in reads.bucket(selected_by, proxy_id))
        return ProxyServers.of(merge_servers(proxy, (g for g in gateways if g is not None), settings.ports))

    proxy_servers = engine.derive("proxy_servers", 3, merge, group=selected_by)

    def gather(reads: Reads, key: Key) -> tuple[PlacedServer, ...]:
        found = [reads.get(proxy_servers, proxy_id) for proxy_id in reads.get(placements, key) or ()]
        return tuple(server for servers in found if servers is not None for server in servers.accepted.get(key, ()))

    def open_to_rules(reads: Reads, key: Key) -> tuple[OpenServer, ...]:
        return tuple(OpenServer.of(server) for server in gather(reads, key) if server.is_http)

    gateway_servers = engine.derive("gateway_servers", 4, gather, each=inputs.gateways)
    open_servers = engine.derive("open_servers", 4, open_to_rules, each=inputs.gateways)
    by_listener = engine.index(
        "gateways_of_listener",
        gateway_servers,
        lambda _, servers: {ListenerKey(server.proxy, server.listener) for server in servers},
    )
    return Placement(placements, selected_by, proxies, proxy_servers, gateway_servers, open_servers, by_listener)


def _add_proxies(
    engine: Engine,
    inputs: Inputs,
    selected_by: Index[Key, tuple[ProxyId, ...], ProxyId],
    settings: CompileSettings,
) -> Derived[ProxyId, Proxy]:
    """Proxies given from outside, and one per selector that a Gateway has."""
    given = engine.index("given_proxy_ids", inputs.proxies, lambda key, _: [key])
    selecting = engine.index(
        "services_by_label",
        inputs.services,
        lambda key, service: [(key.namespace, min(service.spec.selector.items()))] if service.spec.selector else [],
    )

    def complete(reads: Reads, proxy: Proxy) -> Proxy:
        """Add the port translations of the Services that select a proxy, which has all its labels."""
        services = [
            service
            for pair in sorted(proxy.labels.items())
            for _, service in reads.values(selecting, (proxy.namespace, pair))
            if selects(service.spec.selector, proxy.labels)
        ]
        return replace(proxy, port_targets=tuple(port_targets(services, named=not settings.deploys)))

    def describe(reads: Reads, proxy_id: ProxyId) -> Proxy | None:
        proxy = reads.get(inputs.proxies, proxy_id)
        if proxy is not None:
            return proxy if proxy.port_targets else complete(reads, proxy)
        gateways = [g for key in reads.bucket(selected_by, proxy_id) if (g := reads.get(inputs.gateways, key))]
        if not gateways:
            return None
        oldest = min(gateways, key=lambda gateway: gateway.meta.age_order)
        namespace = (settings.proxy_scope is ProxyScope.SHARED and settings.shared_namespace) or oldest.key.namespace
        proxy = Proxy(proxy_id, dict(oldest.spec.selector), namespace)
        if not settings.deploys:
            return proxy
        return complete(reads, replace(proxy, labels=pod_labels(proxy.labels, gateways, settings)))

    return engine.derive("proxies", 2, describe, group=(selected_by, given))


def pod_labels(
    selector: Mapping[str, str], gateways: Iterable[Object[GatewaySpec]], settings: CompileSettings
) -> Mapping[str, str]:
    """The labels of the pods of a class: its selector, and what settings and Gateways add to it."""
    wish = choose_options(gateways, settings.permission).get("pod-labels")
    wished: Mapping[str, str] = read_option("pod-labels", wish.text) if wish is not None else {}
    return {**settings.pod_labels, **wished, **selector}


def port_targets(services: Iterable[Object[ServiceSpec]], *, named: bool = True) -> Iterable[PortTarget]:
    """The port translations of the Services that select a proxy, oldest Service first (istio-semantics §2.3.2).

    Args:
        services: those that select it.
        named: whether the proxy's ports may have the names that target ports have; they stand for the number.
    """
    for service in sorted(services, key=lambda s: s.meta.age_order):
        # Lateen's own Service follows the ports that proxies bind; if it set them, they could never change.
        if UNTRANSLATED in service.meta.labels or PROXY_LABEL in service.meta.labels:
            continue
        for port in service.spec.ports:
            target = port.target_port
            if isinstance(target, str) and not named:
                continue
            yield PortTarget(port.port, target if isinstance(target, int) and target else port.port)
