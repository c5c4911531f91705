"""Rules for Gateways (istio-semantics §1.1, §4.2)."""

import re
from collections.abc import Iterator
from typing import Final

from lateen.model.gateway import GatewaySpec, Server, ServerTls, TlsMode, TlsVersion
from lateen.model.objects import Object, Problem
from lateen.model.protocols import Protocol, parse_protocol
from lateen.validation.addresses import UNIX, check_unix_path
from lateen.validation.hostnames import check_scoped_host
from lateen.validation.syntax import check_ip_address, check_port, is_dns_label, problem, under, warning

SEMANTICS: Final = "internal.istio.io/gateway-semantics"
"""Annotation of objects that a control plane made of Gateway API objects; its value is then `gateway`."""

CERTIFICATES: Final = 2
"""A server has at most one certificate per key type, of which there are two."""

CIPHER_SUITES: Final = frozenset(
    f"ECDHE-{key}-{cipher}"
    for key in ("ECDSA", "RSA")
    for cipher in ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305", "AES128-SHA", "AES256-SHA")
) | {"AES128-GCM-SHA256", "AES256-GCM-SHA384", "AES128-SHA", "AES256-SHA", "DES-CBC3-SHA"}
"""Cipher suites by their OpenSSL names, as far as the proxy knows them."""

_HASH: Final = re.compile(r"[0-9A-Fa-f]{64}|[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){31}")
_SPKI: Final = re.compile(r"[A-Za-z0-9+/]{43}=")
_FORWARDING: Final = frozenset({TlsMode.PASSTHROUGH, TlsMode.AUTO_PASSTHROUGH})
_CHECKS_CLIENTS: Final = frozenset({TlsMode.MUTUAL, TlsMode.OPTIONAL_MUTUAL})
_OLD_TLS: Final = frozenset({TlsVersion.TLSV1_0, TlsVersion.TLSV1_1})


def check_gateway(gateway: Object[GatewaySpec]) -> Iterator[Problem]:
    """Check a whole Gateway; paths start at the object."""
    generated = gateway.meta.annotations.get(SEMANTICS) == "gateway"
    if not generated and not is_dns_label(gateway.key.name):
        yield Problem(("metadata", "name"), f"a Gateway's name is one DNS label, unlike {gateway.key.name!r}")
    if not gateway.spec.servers:
        yield Problem(("spec", "servers"), "at least one server is required")
    names: set[str] = set()
    for index, server in enumerate(gateway.spec.servers):
        yield from under(_check_server(server, generated=generated), "spec", "servers", index)
        if server.port.name in names:
            message = f"the port name {server.port.name!r} is used by an earlier server"
            yield Problem(("spec", "servers", index, "port", "name"), message)
        names.add(server.port.name)


def _check_server(server: Server, *, generated: bool) -> Iterator[Problem]:
    if not server.hosts:
        yield from problem("at least one host is required", "hosts")
    for index, host in enumerate(server.hosts):
        yield from under(check_scoped_host(host, nobody=generated), "hosts", index)
    port_problems = tuple(_check_port(server))
    yield from port_problems
    yield from _check_bind(server)
    if server.tls is not None:
        yield from under(check_server_tls(server.tls), "tls")
    if not port_problems:
        yield from _check_tls_fits(server)


def _check_port(server: Server) -> Iterator[Problem]:
    port = server.port
    if parse_protocol(port.protocol) is Protocol.UNSUPPORTED:
        known = ", ".join(protocol.value for protocol in Protocol if protocol.value)
        yield from problem(f"unknown protocol {port.protocol!r}; known are {known}", "port", "protocol")
    if port.number > 0 or not server.bind.startswith(UNIX):
        yield from under(check_port(port.number), "port", "number")
    if port.target_port:
        yield from problem("targetPort has no effect on Gateways", "port", "targetPort")
    if not port.name:
        yield from problem("the port needs a name", "port", "name")


def _check_bind(server: Server) -> Iterator[Problem]:
    if server.bind.startswith(UNIX):
        yield from under(check_unix_path(server.bind.removeprefix(UNIX)), "bind")
        if server.port.number:
            yield from problem("the port number of a unix socket is 0", "port", "number")
    elif server.bind:
        yield from under(check_ip_address(server.bind), "bind")


def _check_tls_fits(server: Server) -> Iterator[Problem]:
    """Whether TLS settings are there if and only if the protocol has a use for them."""
    protocol, tls = parse_protocol(server.port.protocol), server.tls
    if tls is None:
        if protocol.is_tls:
            yield from problem(f"{server.port.protocol} needs TLS settings", "tls")
        return
    if tls.https_redirect and not protocol.is_http:
        yield from warning("httpsRedirect is meant for plaintext HTTP servers", "tls", "httpsRedirect")
    if protocol.is_tls:
        return
    if not protocol.is_http:
        yield from problem(f"{server.port.protocol} has no use for TLS settings", "tls")
    elif tls.mode not in _FORWARDING or tls.ca_certificates or tls.private_key or tls.server_certificate:
        yield from problem(f"{server.port.protocol} is plaintext: of TLS only httpsRedirect is possible", "tls")


def check_server_tls(tls: ServerTls) -> Iterator[Problem]:
    """Check the TLS settings of a server by themselves; paths start at the settings."""
    yield from _check_parameters(tls)
    yield from _check_fingerprints(tls)
    if tls.mode is TlsMode.ISTIO_MUTUAL:
        yield from _check_mesh_certificate(tls)
        return
    if tls.mode in _FORWARDING and _has_certificates(tls):
        yield from warning(f"{tls.mode} uses no certificates: they have no effect", "mode")
    sources = _sources(tls)
    if len(sources) > 1:
        yield from problem(f"certificates come from one place only, not from {' and '.join(sources)}", sources[-1])
    for name, listed in (("credentialNames", tls.credential_names), ("tlsCertificates", tls.tls_certificates)):
        if len(listed) > CERTIFICATES:
            yield from problem(f"at most {CERTIFICATES} are possible, one for each type of key", name)
    has_credential = bool(tls.credential_name or tls.credential_names)
    if tls.mode not in _FORWARDING:
        if has_credential:
            yield from _check_beside_credential(tls)
            return  # everything else is in the credential
        yield from _check_files(tls)
    if tls.ca_crl and has_credential and tls.credential_name:
        yield from problem("a revocation list belongs into the credential", "caCrl")
    if tls.ca_crl and tls.mode is TlsMode.SIMPLE:
        yield from problem("SIMPLE asks for no client certificates that could be revoked", "caCrl")


def _check_beside_credential(tls: ServerTls) -> Iterator[Problem]:
    """A list that cannot be read costs every server with this credential its clients: the proxy refuses the Secret."""
    if tls.ca_crl and tls.mode in _CHECKS_CLIENTS:
        yield from problem("a revocation list belongs into the credential, as ca.crl", "caCrl")


def _check_parameters(tls: ServerTls) -> Iterator[Problem]:
    if tls.min_protocol_version in _OLD_TLS and not tls.cipher_suites:
        message = "TLS older than 1.2 needs cipherSuites: by default there is none that it can use"
        yield from warning(message, "minProtocolVersion")
    seen: set[str] = set()
    for index, suite in enumerate(tls.cipher_suites):
        if suite in seen:
            yield from warning(f"{suite!r} is listed twice", "cipherSuites", index)
        elif suite[:1].isalnum() and suite != "ALL" and suite not in CIPHER_SUITES:
            yield from warning(f"{suite!r} is not known and has no effect", "cipherSuites", index)
        seen.add(suite)


def _check_fingerprints(tls: ServerTls) -> Iterator[Problem]:
    """The API takes any text."""
    for index, fingerprint in enumerate(tls.verify_certificate_hash):
        if not _HASH.fullmatch(fingerprint):
            message = "the proxy refuses the listener: a SHA-256 fingerprint has 64 hexadecimal digits"
            yield from warning(message, "verifyCertificateHash", index)
    for index, fingerprint in enumerate(tls.verify_certificate_spki):
        if not _SPKI.fullmatch(fingerprint):
            message = "the proxy refuses the listener: a SHA-256 fingerprint has 44 characters in base64"
            yield from warning(message, "verifyCertificateSpki", index)


def _check_mesh_certificate(tls: ServerTls) -> Iterator[Problem]:
    given = {
        "serverCertificate": tls.server_certificate,
        "privateKey": tls.private_key,
        "caCertificates": tls.ca_certificates,
        "tlsCertificates": tls.tls_certificates,
        "credentialName": tls.credential_name,
        "credentialNames": tls.credential_names,
    }
    for name, value in given.items():
        if value:
            yield from problem(f"ISTIO_MUTUAL uses the certificates of the mesh: {name} is not possible", name)


def _has_certificates(tls: ServerTls) -> bool:
    return bool(
        tls.ca_crl
        or tls.server_certificate
        or tls.private_key
        or tls.ca_certificates
        or tls.tls_certificates
        or tls.credential_name
        or tls.credential_names
    )


def _sources(tls: ServerTls) -> list[str]:
    """Fields that each name a certificate with its key; half a pair does not count."""
    given = {
        "serverCertificate": bool(tls.server_certificate and tls.private_key),
        "credentialName": bool(tls.credential_name),
        "credentialNames": bool(tls.credential_names),
        "tlsCertificates": bool(tls.tls_certificates),
    }
    return [name for name, is_set in given.items() if is_set]


def _check_files(tls: ServerTls) -> Iterator[Problem]:
    """A server that decrypts needs a certificate with its key, and a CA if it checks clients."""
    if tls.mode in _CHECKS_CLIENTS and not tls.ca_certificates:
        yield from problem(f"{tls.mode} needs caCertificates (or a credential) to check clients", "caCertificates")
    if not tls.tls_certificates:
        if not tls.server_certificate:
            yield from problem(f"{tls.mode} needs a serverCertificate (or a credential)", "serverCertificate")
        if not tls.private_key:
            yield from problem(f"{tls.mode} needs a privateKey (or a credential)", "privateKey")
    for index, certificate in enumerate(tls.tls_certificates):
        if not certificate.server_certificate:
            yield from problem("a serverCertificate is required", "tlsCertificates", index, "serverCertificate")
        if not certificate.private_key:
            yield from problem("a privateKey is required", "tlsCertificates", index, "privateKey")
