"""What is said about a Gateway: refused servers, taken ports, missing credentials."""

from collections.abc import Iterator
from dataclasses import dataclass

from lateen.compile.codes import Code
from lateen.compile.inputs import Inputs
from lateen.compile.listeners import ListenerTables, is_supported, makes_chain, port_holder
from lateen.compile.names import ListenerKey
from lateen.compile.placement import Placement
from lateen.compile.secrets import material, secret_location
from lateen.engine import Reads
from lateen.ir.finding import Finding
from lateen.ir.listener import SecretRef
from lateen.model.gateway import ServerTls
from lateen.model.keys import Key
from lateen.model.objects import FieldPath
from lateen.semantics.secrets import UnusableSecretError, read_certificate, read_trust
from lateen.semantics.server_tls import TRUST_SUFFIX, lower_server_tls, names_config_map
from lateen.semantics.servers import PlacedServer


@dataclass(frozen=True, slots=True)
class GatewayFindings:
    """Looks at one Gateway on all its proxies."""

    inputs: Inputs
    placement: Placement
    listeners: ListenerTables
    one_host: bool
    """All proxies share a machine."""

    def about(self, reads: Reads, key: Key) -> Iterator[Finding]:
        """All findings; one that holds on several proxies comes several times."""
        for proxy_id in reads.get(self.placement.placements, key) or ():
            servers = reads.get(self.placement.proxy_servers, proxy_id)
            for refusal in servers.refused.get(key, ()) if servers is not None else ():
                yield Code.SERVER_REFUSED.about(key, refusal.reason, ("spec", "servers", refusal.index))
        for server in reads.get(self.placement.gateway_servers, key) or ():
            yield from self._server(reads, server)

    def _server(self, reads: Reads, server: PlacedServer) -> Iterator[Finding]:
        path: FieldPath = ("spec", "servers", server.index)
        if self.one_host:
            holder = port_holder(reads, self.listeners.claims, server)
            if holder != server.proxy:
                message = f"port {server.port} of this machine belongs to the proxy of an older Gateway ({holder.name})"
                yield Code.PORT_TAKEN.about(server.gateway, message, (*path, "port", "number"))
        tls = server.server.tls
        if tls is None:
            return
        if not is_supported(server):
            message = f"{tls.mode.value} needs the certificates of a mesh, which Lateen does not issue yet; "
            yield Code.UNSUPPORTED.about(server.gateway, f"{message}the server is left out", (*path, "tls", "mode"))
            return
        proxy = reads.get(self.placement.proxies, server.proxy)
        if not server.terminates_tls or proxy is None:
            return
        yield from self._lost_names(reads, server)
        for field, ref in _credentials(tls):
            yield from self._secret(reads, server, ref, proxy.namespace, (*path, "tls", *field))

    def _lost_names(self, reads: Reads, server: PlacedServer) -> Iterator[Finding]:
        """Server names that an older chain has, such as one made of a VirtualService's `tls` rule."""
        for lost in reads.get(self.listeners.lost_names, ListenerKey(server.proxy, server.listener)) or ():
            if makes_chain(server, lost.chain):
                message = f"{lost} on port {server.port}"
                yield Code.SERVER_REFUSED.about(server.gateway, message, ("spec", "servers", server.index, "hosts"))

    def _secret(
        self, reads: Reads, server: PlacedServer, ref: SecretRef, namespace: str, path: FieldPath
    ) -> Iterator[Finding]:
        if names_config_map(ref.name):
            message = "authorities are read from Secrets, not from ConfigMaps; handshakes fail"
            yield Code.UNSUPPORTED.about(server.gateway, message, path)
            return
        location, is_trust = secret_location(ref.name, namespace)
        secret = reads.get(self.inputs.secrets, location)
        if secret is None and is_trust:
            location = location._replace(name=location.name.removesuffix(TRUST_SUFFIX))
            secret = reads.get(self.inputs.secrets, location)
        name = f"{location.namespace}/{location.name}"
        if location.namespace != namespace:
            message = f"Secret {name} is not in the proxy's namespace {namespace}, so the proxy does not get it"
            yield Code.SECRET_NOT_FOUND.about(server.gateway, f"{message}; handshakes fail", path)
            return
        if secret is None:
            message = f"there is no Secret {name} in the proxy's namespace; handshakes fail"
            yield Code.SECRET_NOT_FOUND.about(server.gateway, message, path)
            return
        try:
            (read_trust if is_trust else read_certificate)(ref.name, material(secret))
        except UnusableSecretError as error:
            message = f"Secret {name} cannot be used: {error}; the last good one stays in use"
            yield Code.SECRET_UNUSABLE.about(server.gateway, message, path)


def _credentials(tls: ServerTls) -> Iterator[tuple[FieldPath, SecretRef]]:
    """What is delivered by name, with the field that names it."""
    lowered = lower_server_tls(tls)
    for index, ref in enumerate(lowered.certificates):
        if ref.name:
            yield ("credentialNames", index) if tls.credential_names else ("credentialName",), ref
    trust = lowered.trust
    if trust is not None and trust.name:
        if tls.ca_cert_credential_name:
            yield ("caCertCredentialName",), trust
        else:
            yield ("credentialNames", 0) if tls.credential_names else ("credentialName",), trust
