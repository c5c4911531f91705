"""Limits of Sidecars (istio-semantics §1.6, §4.5)."""

from collections.abc import Mapping
from typing import Any, Final

from lateen.crds.constraints import (
    MOST,
    PORT,
    PORT_OR_ZERO,
    Block,
    each,
    entries,
    has_entries,
    has_text,
    inside,
    pattern,
    rule,
    together,
)
from lateen.crds.gateway import TLS
from lateen.crds.serviceentry import PROTOCOL
from lateen.model.sidecar import EgressListener, IngressListener, OutboundTrafficPolicy, SidecarPort, SidecarSpec

_SAYS_SOMETHING: Final = f"""
    {has_entries("ingress")} || {has_entries("egress")}
    || has(self.outboundTrafficPolicy) || has(self.inboundConnectionPool)
"""
_REST_LAST: Final = """
    size(self.filter(e, !has(e.port))) == 0
    || (size(self.filter(e, !has(e.port))) == 1 && !has(self[size(self) - 1].port))
"""
_NO_MESH_TLS: Final = f"""
    !has(self.tls)
    || !({has_entries("tls.subjectAltNames")} || {has_text("tls.credentialName")}
         || {has_entries("tls.credentialNames")} || {has_entries("tls.tlsCertificates")}
         || (has(self.tls.httpsRedirect) && self.tls.httpsRedirect)
         || (has(self.tls.mode) && self.tls.mode in ['ISTIO_MUTUAL', 'AUTO_PASSTHROUGH']))
"""
_TLS_PROTOCOL: Final = f"""
    !has(self.tls) || (has(self.port.protocol) && self.port.protocol.matches('(?i)^(?:{TLS})$'))
"""
_NUMBERED: Final = "!has(self.port) || (has(self.port.number) && self.port.number > 0)"

LIMITS: Final[Mapping[type[Any], Block]] = {
    SidecarSpec: Block(
        fields={
            "ingress": entries(most=MOST),
            "egress": together(
                entries(most=MOST),
                rule(_REST_LAST, "only the last listener goes without port: it takes all the rest"),
            ),
        },
        whole=rule(_SAYS_SOMETHING, "ingress, egress, outboundTrafficPolicy or inboundConnectionPool is needed"),
    ),
    SidecarPort: Block(
        fields={
            "number": PORT_OR_ZERO,
            "protocol": PROTOCOL,
            "targetPort": rule("self == 0", "targetPort has no effect on Sidecars"),
        }
    ),
    IngressListener: Block(
        fields={"port": together({"required": ["number"]}, inside(number=PORT))},
        whole=together(
            rule(_TLS_PROTOCOL, "tls settings are for the protocols HTTPS and TLS"),
            rule(
                _NO_MESH_TLS,
                "a Sidecar's tls has neither credentials, tlsCertificates, subjectAltNames nor httpsRedirect, "
                "and not the modes ISTIO_MUTUAL and AUTO_PASSTHROUGH",
            ),
        ),
    ),
    EgressListener: Block(
        fields={"hosts": together(entries(least=1), each(pattern("[^/]+/.+")))},
        whole=together(
            rule(
                f"{_NUMBERED} || (has(self.bind) && self.bind.startsWith('unix://'))",
                "a listener without port number binds to a unix socket",
            ),
            rule(
                f"{_NUMBERED} || !has(self.captureMode) || self.captureMode != 'IPTABLES'",
                "the kernel redirects nothing to a unix socket",
            ),
        ),
    ),
    OutboundTrafficPolicy: Block(
        fields={"egressProxy": {"required": ["port"]}},
        whole=rule(
            "!has(self.egressProxy) || (has(self.mode) && self.mode == 'ALLOW_ANY')",
            "an egressProxy needs the mode ALLOW_ANY",
        ),
    ),
}
