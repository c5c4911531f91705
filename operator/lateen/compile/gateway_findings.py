"""What is said about a Gateway: refused servers, taken ports, missing credentials."""

from collections.abc import Iterator
from dataclasses import dataclass

from lateen.compile.codes import Code, finding_of, secret_code
from lateen.compile.deployments import DeploymentTables
from lateen.compile.inputs import Inputs
from lateen.compile.listeners import ListenerTables, is_supported, makes_chain, port_holder
from lateen.compile.names import ListenerKey
from lateen.compile.placement import Placement
from lateen.compile.secrets import read_material
from lateen.compile.settings import CompileSettings
from lateen.engine import Reads
from lateen.ir.finding import Finding
from lateen.ir.listener import SecretRef
from lateen.model.gateway import ServerTls
from lateen.model.keys import Key
from lateen.model.objects import FieldPath, Problem
from lateen.semantics.proxy_options import check_options, wishes_of
from lateen.semantics.secrets import SecretError, UnusableSecretError
from lateen.semantics.server_tls import lower_server_tls
from lateen.semantics.servers import PlacedServer
from lateen.validation.syntax import check_labels, under


@dataclass(frozen=True, slots=True)
class GatewayFindings:
    """Looks at one Gateway on all its proxies."""

    inputs: Inputs
    placement: Placement
    deployments: DeploymentTables
    listeners: ListenerTables
    settings: CompileSettings

    def about(self, reads: Reads, key: Key) -> Iterator[Finding]:
        """All findings; one that holds on several proxies comes several times."""
        for proxy_id in reads.get(self.placement.placements, key) or ():
            servers = reads.get(self.placement.proxy_servers, proxy_id)
            for refusal in servers.refused.get(key, ()) if servers is not None else ():
                yield Code.SERVER_REFUSED.about(key, refusal.reason, ("spec", "servers", refusal.index))
        for server in reads.get(self.placement.gateway_servers, key) or ():
            yield from self._server(reads, server)
        for problem in self._pods(reads, key):
            yield finding_of(key, problem, Code.INVALID_FIELD)

    def _pods(self, reads: Reads, key: Key) -> Iterator[Problem]:
        """What pods cannot be: labelled with any text, and as somebody wishes in vain."""
        gateway = reads.get(self.inputs.gateways, key)
        if gateway is None:
            return
        if self.settings.deploys:
            yield from under(check_labels(gateway.spec.selector), "spec", "selector")
        if any(wishes_of(gateway)):
            for proxy_id in reads.get(self.placement.placements, key) or ():
                chosen = reads.get(self.deployments.options, proxy_id) or {}
                yield from check_options(gateway, chosen, self.settings.permission)

    def _server(self, reads: Reads, server: PlacedServer) -> Iterator[Finding]:
        path: FieldPath = ("spec", "servers", server.index)
        if self.settings.one_host:
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
                message = f"{lost} on port {server.port_words}"
                yield Code.SERVER_REFUSED.about(server.gateway, message, ("spec", "servers", server.index, "hosts"))

    def _secret(
        self, reads: Reads, server: PlacedServer, ref: SecretRef, namespace: str, path: FieldPath
    ) -> Iterator[Finding]:
        try:
            read_material(reads, self.inputs, ref.name, namespace, self.settings.check_pair)
        except SecretError as error:
            kept = isinstance(error, UnusableSecretError)
            effect = (
                "the last good one stays in use" if kept else "handshakes fail, unless proxies have one from before"
            )
            yield secret_code(error).about(server.gateway, f"{error}; {effect}", path)


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
