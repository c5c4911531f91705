"""What is said about a VirtualService: Gateways, delegates and destinations that are not there."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from lateen.compile.bindings import Bindings, expand_hosts, gateway_keys
from lateen.compile.codes import Code
from lateen.compile.destinations import TrackedDestinations
from lateen.compile.inputs import Inputs
from lateen.compile.listeners import ListenerTables, l4_chain_name
from lateen.compile.mesh import MeshTables, applies_to_mesh, mesh_proxy
from lateen.compile.names import ListenerKey
from lateen.compile.placement import Placement
from lateen.compile.services import ServiceTables
from lateen.engine import Reads
from lateen.ir.finding import Finding
from lateen.ir.proxy import MESH_GATEWAY, Proxy, ProxyId
from lateen.model.hosts import fqdn, is_wildcard, matches
from lateen.model.keys import Key
from lateen.model.objects import FieldPath, Object
from lateen.model.virtualservice import Destination, VirtualServiceSpec
from lateen.semantics.delegate import lost_delegates, unmet_rules
from lateen.semantics.references import Missing, find_gap
from lateen.semantics.visibility import is_visible

_CODES: Final[Mapping[Missing, Code]] = {
    Missing.HOST: Code.SERVICE_NOT_FOUND,
    Missing.VISIBILITY: Code.SERVICE_NOT_FOUND,
    Missing.PORT: Code.PORT_NOT_FOUND,
    Missing.RULE: Code.SUBSET_NOT_FOUND,
    Missing.SUBSET: Code.SUBSET_NOT_FOUND,
}


@dataclass(frozen=True, slots=True)
class RuleFindings:
    """Looks at one VirtualService from the places that it is bound to."""

    inputs: Inputs
    placement: Placement
    bindings: Bindings
    services: ServiceTables
    listeners: ListenerTables
    mesh: MeshTables

    def about(self, reads: Reads, obj: Object[VirtualServiceSpec]) -> Iterator[Finding]:
        """All findings."""
        yield from self._gateways(reads, obj)
        yield from self._mesh(reads, obj)
        yield from self._server_names(reads, obj)
        yield from self._delegates(reads, obj)
        yield from self._destinations(reads, obj)

    def _gateways(self, reads: Reads, obj: Object[VirtualServiceSpec]) -> Iterator[Finding]:
        key, spec = obj.key, obj.spec
        if not spec.hosts or not spec.gateways:
            return
        named = list(gateway_keys(obj))
        missing = [gateway for gateway in named if reads.get(self.placement.placements, gateway) is None]
        for gateway in missing:
            message = f"there is no Gateway {gateway.namespace}/{gateway.name}"
            yield Code.GATEWAY_NOT_FOUND.about(key, message, ("spec", "gateways"))
        if len(missing) == len(named):
            return
        hidden = list(self._hidden(reads, obj, named))
        yield from hidden
        if not spec.http or MESH_GATEWAY in spec.gateways:
            return
        bound = {binding.host.host for binding in reads.get(self.bindings.table, key) or ()}
        if hidden and not bound:
            return
        for index, host in enumerate(spec.hosts):
            full = fqdn(host, key.namespace, self.services.settings.domain).lower()
            if not any(matches(full, name) for name in bound):
                message = f"no server of the Gateways named here is open to {host} from namespace {key.namespace}"
                yield Code.HOST_NOT_SERVED.about(key, message, ("spec", "hosts", index))

    def _hidden(self, reads: Reads, obj: Object[VirtualServiceSpec], gateways: list[Key]) -> Iterator[Finding]:
        """Proxies of the Gateways in namespaces that the object is not exported to (istio-semantics §6.53)."""
        if not obj.spec.export_to:
            return
        ids = dict.fromkeys(
            each for gateway in gateways for each in reads.get(self.placement.placements, gateway) or ()
        )
        viewers = (proxy for each in ids if (proxy := reads.get(self.placement.proxies, each)) is not None)
        for proxy in viewers:
            if not is_visible(obj.spec.export_to, obj.key.namespace, proxy.namespace):
                message = f"proxy {proxy.id.name} is in namespace {proxy.namespace}, which this is not exported to"
                yield Code.HOST_NOT_SERVED.about(obj.key, message, ("spec", "exportTo"))

    def _mesh(self, reads: Reads, obj: Object[VirtualServiceSpec]) -> Iterator[Finding]:
        """On the mesh one VirtualService has a host alone (istio-semantics §2.7)."""
        spec = obj.spec
        if not applies_to_mesh(obj):
            return
        if not self.services.settings.mesh_port:
            if not spec.gateways:
                message = "this is for calls between services, and no outbound proxy runs that could serve it"
                yield Code.NOTE.about(obj.key, message, ("spec",))
            return
        for name in ("tls", "tcp"):
            if getattr(spec, name):
                message = "the outbound proxy routes HTTP by its Host header: these rules have no effect on it"
                yield Code.UNSUPPORTED.about(obj.key, message, ("spec", name))
        for index, host in enumerate(expand_hosts(obj, self.services.settings.domain) if spec.http else ()):
            owners = self.mesh.rules.owners(reads, host) if not is_wildcard(host) else ()
            if owners and owners[0].key != obj.key:
                message = f"calls to {host} between services already follow {owners[0].key}, which goes before"
                yield Code.HOST_TAKEN.about(obj.key, message, ("spec", "hosts", index))

    def _server_names(self, reads: Reads, obj: Object[VirtualServiceSpec]) -> Iterator[Finding]:
        """Matches of pass-through connections whose names an older chain has: they are left out."""
        if not obj.spec.tls:
            return
        matches = [(rule, match) for rule, each in enumerate(obj.spec.tls) for match in range(len(each.match))]
        servers = [
            server
            for gateway in gateway_keys(obj)
            for server in reads.get(self.placement.gateway_servers, gateway) or ()
        ]
        for server in servers:
            lost = reads.get(self.listeners.lost_names, ListenerKey(server.proxy, server.listener)) or ()
            found = {each.chain.name: each for each in lost if each.chain.tls is None}
            for rule, match in matches if found else ():
                own = found.get(l4_chain_name(server.order, obj.key, (rule, match)))
                if own is not None:
                    path: FieldPath = ("spec", "tls", rule, "match", match, "sniHosts")
                    yield Code.SERVER_NAME_TAKEN.about(obj.key, f"{own}; the match is left out", path)

    def _delegates(self, reads: Reads, obj: Object[VirtualServiceSpec]) -> Iterator[Finding]:
        find = self.inputs.delegates(reads)
        for index, name in lost_delegates(obj, find):
            message = (
                f"the delegate VirtualService {name} does not exist, has hosts of its own, or is not exported here"
            )
            yield Code.DELEGATE_NOT_FOUND.about(obj.key, message, ("spec", "http", index, "delegate"))
        for index, name, position in unmet_rules(obj, find):
            message = (
                f"http[{position}] of the delegate {name} is left out: its matches and those here exclude each other"
            )
            yield Code.QUESTIONABLE_FIELD.about(obj.key, message, ("spec", "http", index, "delegate"))

    def _destinations(self, reads: Reads, obj: Object[VirtualServiceSpec]) -> Iterator[Finding]:
        """Check each destination once per object, as the proxies see it that have its routes."""
        seen: dict[Destination, None] = {}
        places = self._places(reads, obj)
        for path, destination in destinations_of(obj):
            if destination in seen:
                continue
            seen[destination] = None
            for destinations, port in places:
                found = self._gap(destinations, obj.key, destination, path, port)
                if found is not None:
                    yield found
                    break

    def _places(self, reads: Reads, obj: Object[VirtualServiceSpec]) -> list[tuple[TrackedDestinations, int]]:
        """The proxies that serve the object, with the port that a destination without one falls back to."""
        bound = {(b.routes.proxy, b.routes.port): None for b in reads.get(self.bindings.table, obj.key) or ()}
        places = [
            (TrackedDestinations(reads, self.services, proxy), port)
            for proxy_id, port in bound
            if (proxy := reads.get(self.placement.proxies, proxy_id)) is not None
        ]
        if not places and applies_to_mesh(obj):
            places.append((TrackedDestinations(reads, self.services, mesh_proxy(self.services.settings)), 0))
        if not places:
            nobody = Proxy(ProxyId(obj.key.namespace, ""), {}, obj.key.namespace)
            places.append((TrackedDestinations(reads, self.services, nobody), 0))
        return places

    def _gap(
        self, destinations: TrackedDestinations, key: Key, destination: Destination, path: FieldPath, port: int
    ) -> Finding | None:
        cluster = destinations.cluster(destination, key.namespace, port)
        gap = find_gap(
            cluster,
            self.services.candidates(destinations.reads, cluster.host),
            destinations.rule_of(cluster) if cluster.subset else None,
            destinations.proxy.namespace,
        )
        written = destination.port is not None
        if gap is None or (gap.what is Missing.PORT and not (written or port)):
            return None
        field: dict[Missing, FieldPath] = {
            Missing.PORT: (*path, "port", "number") if written else path,
            Missing.RULE: (*path, "subset"),
            Missing.SUBSET: (*path, "subset"),
        }
        where = field.get(gap.what, (*path, "host"))
        return _CODES[gap.what].about(key, f"{gap.message}; requests get 503", where)


def destinations_of(obj: Object[VirtualServiceSpec]) -> Iterator[tuple[FieldPath, Destination]]:
    """Every destination with its path."""
    for index, http in enumerate(obj.spec.http):
        base: FieldPath = ("spec", "http", index)
        for position, entry in enumerate(http.route):
            yield (*base, "route", position, "destination"), entry.destination
        if http.mirror is not None:
            yield (*base, "mirror"), http.mirror
        for position, mirror in enumerate(http.mirrors):
            yield (*base, "mirrors", position, "destination"), mirror.destination
    for index, tcp in enumerate(obj.spec.tcp):
        for position, target in enumerate(tcp.route):
            yield ("spec", "tcp", index, "route", position, "destination"), target.destination
    for index, tls in enumerate(obj.spec.tls):
        for position, target in enumerate(tls.route):
            yield ("spec", "tls", index, "route", position, "destination"), target.destination
