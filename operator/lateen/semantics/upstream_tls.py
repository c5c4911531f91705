"""TLS towards endpoints: what a proxy shows, trusts and asks for (istio-semantics §1.3.6).

Certificates come by name from Secrets (SDS `kubernetes://name`), or from files that Envoy reads
itself. ISTIO_MUTUAL needs the certificates of a mesh, which nobody issues here: `refusal`
says so, and the cluster is left out rather than sent in plaintext.
"""

from typing import Final

from lateen.ir.cluster import UpstreamTls
from lateen.ir.listener import SecretKind, SecretRef
from lateen.model.destinationrule import ClientTls, TlsMode
from lateen.semantics.credentials import certificate_ref, trust_ref

_ENCRYPTED: Final = frozenset({TlsMode.SIMPLE, TlsMode.MUTUAL})


def speaks_tls(tls: ClientTls | None) -> bool:
    """Whether the settings ask for TLS that can be configured."""
    return tls is not None and tls.mode in _ENCRYPTED


def refusal(tls: ClientTls | None) -> str:
    """Why there can be no cluster with these settings; empty: there can."""
    if tls is None:
        return ""
    if tls.mode is TlsMode.ISTIO_MUTUAL:
        return "mode ISTIO_MUTUAL needs certificates issued by a mesh; use SIMPLE, or MUTUAL with a credentialName"
    if tls.mode in _ENCRYPTED and "://" in tls.credential_name:
        return f"credentialName names a Secret, {tls.credential_name!r} is not one"
    if tls.mode is TlsMode.MUTUAL and not tls.credential_name and not (tls.client_certificate and tls.private_key):
        return "mode MUTUAL needs a credentialName, or clientCertificate and privateKey"
    return ""


def lower_tls(tls: ClientTls, *, service_names: tuple[str, ...], http2: bool) -> UpstreamTls:
    """Lower SIMPLE or MUTUAL.

    `service_names` are verified when the rule lists none. `http2`: the endpoints are known to
    speak HTTP/2, so ALPN asks for it.
    """
    skip = bool(tls.insecure_skip_verify)
    trust = None if skip else _trust(tls)
    return UpstreamTls(
        sni=tls.sni,
        certificate=_certificate(tls) if tls.mode is TlsMode.MUTUAL else None,
        trust=trust,
        system_trust=not skip and trust is None,
        subject_alt_names=() if skip else tls.subject_alt_names or service_names,
        alpn=("h2",) if http2 else (),
        crl_file="" if skip else tls.ca_crl,
    )


def asks_host_for_sni(tls: ClientTls) -> bool:
    """Whether the server name is the Host header of each request."""
    return not tls.sni


def verifies_host(tls: ClientTls) -> bool:
    """Whether the certificate must fit the Host header: nobody said which names or whether."""
    return not tls.sni and not tls.subject_alt_names and not tls.insecure_skip_verify


def _certificate(tls: ClientTls) -> SecretRef:
    if tls.credential_name:
        return certificate_ref(tls.credential_name)
    return SecretRef("", SecretKind.CERTIFICATE, certificate_file=tls.client_certificate, key_file=tls.private_key)


def _trust(tls: ClientTls) -> SecretRef | None:
    if tls.credential_name:
        return trust_ref(tls.credential_name)
    if tls.ca_certificates:
        return SecretRef("", SecretKind.TRUST, trust_file=tls.ca_certificates)
    return None
