"""Limits of Gateways (istio-semantics §1.1, §4.2)."""

from collections.abc import Mapping
from typing import Any, Final

from lateen.crds.constraints import (
    MOST,
    PORT_OR_ZERO,
    Block,
    each,
    entries,
    has_entries,
    has_text,
    letters,
    pattern,
    rule,
    together,
)
from lateen.model.gateway import GatewaySpec, Server, ServerPort, ServerTls

HTTP: Final = "HTTP|HTTP2|GRPC|GRPC-WEB|HTTP_PROXY"
TLS: Final = "HTTPS|TLS"
TCP: Final = "TCP|MONGO|REDIS|MYSQL|UDP"
"""Declared protocols by what a proxy does with them, as RE2 expressions; letter case does not matter."""

PROTOCOL: Final = together(letters(most=16), pattern(f"(?i:{HTTP}|{TLS}|{TCP})"))

_FORWARDS: Final = "(!has(self.mode) || self.mode in ['PASSTHROUGH', 'AUTO_PASSTHROUGH'])"
_CREDENTIAL: Final = f"({has_text('credentialName')} || {has_entries('credentialNames')})"
_ON_UNIX: Final = "(has(self.bind) && self.bind.startsWith('unix://'))"


def speaks(protocols: str) -> str:
    """Write in CEL that the protocol of `self.port` is one of these."""
    return f"self.port.protocol.matches('(?i)^(?:{protocols})$')"


_PLAINTEXT_TLS: Final = f"""
    !has(self.tls) || !{speaks(HTTP)}
    || ((!has(self.tls.mode) || self.tls.mode in ['PASSTHROUGH', 'AUTO_PASSTHROUGH'])
        && !{has_text("tls.serverCertificate")} && !{has_text("tls.privateKey")} && !{has_text("tls.caCertificates")})
"""

_SERVER: Final = Block(
    fields={"hosts": together(entries(least=1), each(pattern(r"(?:[^/]+/)?(?:\*|[^/]*\.[^/]*)")))},
    whole=together(
        rule(
            f"self.port.number > 0 || {_ON_UNIX}",
            "a port number lies between 1 and 65535; 0 goes together with a unix:// bind only",
        ),
        rule(f"self.port.number == 0 || !{_ON_UNIX}", "the port number of a unix socket is 0"),
        rule(f"has(self.tls) || !{speaks(TLS)}", "HTTPS and TLS need tls settings"),
        rule(f"!has(self.tls) || !{speaks(TCP)}", "the protocol has no use for tls settings"),
        rule(_PLAINTEXT_TLS, "the protocol is plaintext HTTP: of tls only httpsRedirect is possible"),
    ),
)

_SOURCES: Final = f"""
    ({has_text("serverCertificate")} && {has_text("privateKey")} ? 1 : 0)
    + ({has_text("credentialName")} ? 1 : 0)
    + ({has_entries("credentialNames")} ? 1 : 0)
    + ({has_entries("tlsCertificates")} ? 1 : 0) <= 1
"""
_MESH_CERTIFICATE: Final = f"""
    !has(self.mode) || self.mode != 'ISTIO_MUTUAL'
    || !({has_text("serverCertificate")} || {has_text("privateKey")} || {has_text("caCertificates")}
         || {_CREDENTIAL} || {has_entries("tlsCertificates")})
"""
_CHECKED_CLIENTS: Final = f"""
    !has(self.mode) || !(self.mode in ['MUTUAL', 'OPTIONAL_MUTUAL'])
    || {_CREDENTIAL} || {has_text("caCertificates")}
"""
_OWN_CERTIFICATE: Final = f"""
    {_FORWARDS} || self.mode == 'ISTIO_MUTUAL' || {_CREDENTIAL} || {has_entries("tlsCertificates")}
    || ({has_text("serverCertificate")} && {has_text("privateKey")})
"""
_WHOLE_PAIRS: Final = f"""
    {_FORWARDS} || self.mode == 'ISTIO_MUTUAL' || {_CREDENTIAL} || !has(self.tlsCertificates)
    || self.tlsCertificates.all(c, has(c.serverCertificate) && c.serverCertificate != ''
                                   && has(c.privateKey) && c.privateKey != '')
"""
_REVOCATION: Final = f"""
    !{has_text("caCrl")} || !has(self.mode) || self.mode != 'SIMPLE' || {_CREDENTIAL}
"""

_SERVER_TLS: Final = Block(
    fields={
        "credentialNames": entries(least=1, most=2),
        "tlsCertificates": entries(least=1, most=2),
    },
    whole=together(
        rule(
            _SOURCES,
            "certificates come from one place: serverCertificate with privateKey, credentialName, "
            "credentialNames or tlsCertificates",
        ),
        rule(_MESH_CERTIFICATE, "ISTIO_MUTUAL uses the certificates of the mesh: no others are possible"),
        rule(_CHECKED_CLIENTS, "to check clients, caCertificates or a credential is needed"),
        rule(_OWN_CERTIFICATE, "the mode needs serverCertificate and privateKey, or a credential"),
        rule(_WHOLE_PAIRS, "each of tlsCertificates has a serverCertificate and a privateKey"),
        rule(_REVOCATION, "SIMPLE asks for no client certificates that could be revoked by caCrl"),
    ),
)

LIMITS: Final[Mapping[type[Any], Block]] = {
    GatewaySpec: Block(required=("servers",), fields={"servers": entries(least=1, most=MOST)}),
    Server: _SERVER,
    ServerPort: Block(
        fields={
            "number": PORT_OR_ZERO,
            "protocol": PROTOCOL,
            "name": letters(least=1),
            "targetPort": rule("self == 0", "targetPort has no effect on Gateways"),
        }
    ),
    ServerTls: _SERVER_TLS,
}
