"""Stage 7: what is said about objects beyond their own fields: references, conflicts, what cannot be done."""

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from lateen.compile.bindings import Bindings, gateway_keys
from lateen.compile.codes import Code
from lateen.compile.inputs import Inputs
from lateen.compile.listeners import ListenerTables, is_supported, port_holder
from lateen.compile.placement import Placement
from lateen.compile.secrets import material, secret_location
from lateen.compile.services import ServiceTables
from lateen.engine import Derived, Engine, Reads
from lateen.ir.finding import Finding
from lateen.ir.listener import SecretRef
from lateen.ir.proxy import MESH_GATEWAY, Proxy
from lateen.model.hosts import fqdn, is_wildcard
from lateen.model.keys import Key, Kind
from lateen.model.objects import FieldPath, Object
from lateen.model.virtualservice import Destination, VirtualServiceSpec
from lateen.semantics.delegate import lost_delegates
from lateen.semantics.registry import default_port, service_for_rule
from lateen.semantics.secrets import UnusableSecretError, read_certificate, read_trust
from lateen.semantics.server_tls import lower_server_tls
from lateen.semantics.servers import PlacedServer

Findings = tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class FindingTables:
    """Findings by the object they are about."""

    rules: Derived[Key, Findings]
    gateways: Derived[Key, Findings]
    destination_rules: Derived[Key, Findings]


def finding(key: Key, code: Code, message: str, path: FieldPath = ()) -> Finding:
    """Make a finding with the code's own severity."""
    return Finding(key, code.id, code.severity, message, path)


def add_findings(
    engine: Engine,
    inputs: Inputs,
    placement: Placement,
    bindings: Bindings,
    services: ServiceTables,
    listeners: ListenerTables,
) -> FindingTables:
    """Add the tables; an object without findings has no row."""

    def rule(reads: Reads, key: Key) -> Findings | None:
        obj = reads.get(inputs.virtual_services, key)
        if obj is None:
            return None
        found = [*_about_gateways(reads, obj, inputs, bindings, services.settings.domain)]
        found += _about_delegates(reads, obj, inputs)
        seen: set[tuple[str, int, str]] = set()
        for path, destination in destinations_of(obj):
            found += _about_destination(reads, obj, services, path, destination, seen)
        return tuple(found) or None

    def gateway(reads: Reads, key: Key) -> Findings | None:
        found = [*_refused(reads, key, placement)]
        for server in reads.get(placement.gateway_servers, key) or ():
            found += _about_server(reads, server, placement, inputs, listeners, one_host=services.settings.one_host)
        return tuple(dict.fromkeys(found)) or None

    def destination_rule(reads: Reads, key: Key) -> Findings | None:
        obj = reads.get(inputs.destination_rules, key)
        if obj is None or is_wildcard(obj.spec.host):
            return None
        host = fqdn(obj.spec.host, key.namespace, services.settings.domain)
        if services.candidates(reads, host):
            return None
        return (finding(key, Code.RULE_WITHOUT_SERVICE, f"no service has the host {host}", ("spec", "host")),)

    return FindingTables(
        rules=engine.derive("rule_findings", 7, rule, each=inputs.virtual_services),
        gateways=engine.derive("gateway_findings", 7, gateway, each=inputs.gateways),
        destination_rules=engine.derive(
            "destination_rule_findings", 7, destination_rule, each=inputs.destination_rules
        ),
    )


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


def _about_gateways(
    reads: Reads, obj: Object[VirtualServiceSpec], inputs: Inputs, bindings: Bindings, domain: str
) -> Iterator[Finding]:
    key, spec = obj.key, obj.spec
    if not spec.hosts or not spec.gateways:
        return
    named = list(gateway_keys(obj))
    missing = [gateway for gateway in named if reads.get(inputs.gateways, gateway) is None]
    for gateway in missing:
        message = f"there is no Gateway {gateway.namespace}/{gateway.name}"
        yield finding(key, Code.GATEWAY_NOT_FOUND, message, ("spec", "gateways"))
    if not spec.http or len(missing) == len(named) or MESH_GATEWAY in spec.gateways:
        return
    bound = {binding.host.host for binding in reads.get(bindings.table, key) or ()}
    for index, host in enumerate(spec.hosts):
        full = fqdn(host, key.namespace, domain).lower()
        if not any(full == name or _covers(full, name) or _covers(name, full) for name in bound):
            message = f"no server of the Gateways named here is open to {host} from namespace {key.namespace}"
            yield finding(key, Code.HOST_NOT_SERVED, message, ("spec", "hosts", index))


def _covers(wildcard: str, host: str) -> bool:
    return is_wildcard(wildcard) and host.endswith(wildcard[1:])


def _about_delegates(reads: Reads, obj: Object[VirtualServiceSpec], inputs: Inputs) -> Iterator[Finding]:
    def find(namespace: str, name: str) -> Object[VirtualServiceSpec] | None:
        return reads.get(inputs.virtual_services, Key(Kind.VIRTUAL_SERVICE, namespace, name))

    for index, name in lost_delegates(obj, find):
        message = f"the delegate VirtualService {name} does not exist, has hosts of its own, or is not exported here"
        yield finding(obj.key, Code.DELEGATE_NOT_FOUND, message, ("spec", "http", index, "delegate"))


def _about_destination(
    reads: Reads,
    obj: Object[VirtualServiceSpec],
    services: ServiceTables,
    path: FieldPath,
    destination: Destination,
    seen: set[tuple[str, int, str]],
) -> Iterator[Finding]:
    """Check host, port and subset of one destination; each only once per object."""
    namespace = obj.key.namespace
    written = destination.port.number if destination.port is not None else 0
    host = fqdn(destination.host, namespace, services.settings.domain)
    if (host, written, destination.subset) in seen:
        return
    seen.add((host, written, destination.subset))
    candidates = services.candidates(reads, host)
    service = service_for_rule(candidates, namespace, namespace) or next(iter(candidates), None)
    if service is None:
        message = f"no Service or ServiceEntry has the host {host}; requests get 503"
        yield finding(obj.key, Code.SERVICE_NOT_FOUND, message, (*path, "host"))
        return
    if service.alias:
        return
    number = written or default_port(service, 0)
    known = sorted({port.number for candidate in candidates for port in candidate.ports})
    if number and number not in known:
        message = f"{host} has no port {number}, only {', '.join(map(str, known)) or 'none'}; requests get 503"
        yield finding(obj.key, Code.PORT_NOT_FOUND, message, (*path, "port", "number") if written else path)
    if destination.subset:
        proxy = Proxy(id=("", ""), labels={}, namespace=namespace)  # type: ignore[arg-type]  # any proxy of the namespace
        rule = services.rule(reads, proxy, host, service.namespace)
        names = [subset.name for subset in rule.subsets] if rule is not None else []
        if destination.subset not in names:
            near = get_close_matches(destination.subset, names, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            message = f"no DestinationRule defines subset {destination.subset!r} of {host}; requests get 503{hint}"
            yield finding(obj.key, Code.SUBSET_NOT_FOUND, message, (*path, "subset"))


def _refused(reads: Reads, key: Key, placement: Placement) -> Iterator[Finding]:
    for proxy_id in reads.get(placement.placements, key) or ():
        servers = reads.get(placement.proxy_servers, proxy_id)
        for refusal in servers.refused.get(key, ()) if servers is not None else ():
            yield finding(key, Code.SERVER_REFUSED, refusal.reason, ("spec", "servers", refusal.index))


def _about_server(
    reads: Reads,
    server: PlacedServer,
    placement: Placement,
    inputs: Inputs,
    listeners: ListenerTables,
    *,
    one_host: bool,
) -> Iterator[Finding]:
    path: FieldPath = ("spec", "servers", server.index)
    if one_host:
        holder = port_holder(reads, listeners.claims, server)
        if holder != server.proxy:
            message = f"port {server.port} of this machine is taken by the proxy of an older Gateway ({holder.name})"
            yield finding(server.gateway, Code.PORT_TAKEN, message, (*path, "port", "number"))
    if server.server.tls is None:
        return
    if not is_supported(server):
        mode = server.server.tls.mode.value
        message = f"{mode} needs the certificates of a mesh, which Lateen does not issue yet; the server is left out"
        yield finding(server.gateway, Code.UNSUPPORTED, message, (*path, "tls", "mode"))
        return
    if not server.terminates_tls:
        return
    proxy = reads.get(placement.proxies, server.proxy)
    lowered = lower_server_tls(server.server.tls)
    for ref in (*lowered.certificates, lowered.trust):
        if ref is not None and ref.name and proxy is not None:
            yield from _about_secret(reads, server, ref, inputs, proxy.namespace)


def _about_secret(
    reads: Reads, server: PlacedServer, ref: SecretRef, inputs: Inputs, namespace: str
) -> Iterator[Finding]:
    path: FieldPath = ("spec", "servers", server.index, "tls", "credentialName")
    location, is_trust = secret_location(ref.name, namespace)
    secret = reads.get(inputs.secrets, location)
    if secret is None and is_trust:
        location = location._replace(name=location.name.removesuffix("-cacert"))
        secret = reads.get(inputs.secrets, location)
    if secret is None or location.namespace != namespace:
        message = f"there is no Secret {location.namespace}/{location.name} in the proxy's namespace; handshakes fail"
        yield finding(server.gateway, Code.SECRET_NOT_FOUND, message, path)
        return
    try:
        (read_trust if is_trust else read_certificate)(ref.name, material(secret))
    except UnusableSecretError as error:
        message = f"Secret {location.namespace}/{location.name} cannot be used: {error}; the last good one stays"
        yield finding(server.gateway, Code.SECRET_UNUSABLE, message, path)
