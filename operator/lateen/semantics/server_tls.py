"""TLS that a gateway server terminates (istio-semantics §1.1.2, §2.8)."""

from typing import Final

from lateen.ir.listener import DownstreamTls, SecretKind, SecretRef, TlsParameters
from lateen.model.gateway import ServerTls
from lateen.semantics.credentials import certificate_ref, trust_ref

_CLIENT_MODES: Final = frozenset({"MUTUAL", "OPTIONAL_MUTUAL"})
_CIPHERS: Final = frozenset(
    {
        *(
            f"ECDHE-{key}-AES{bits}-GCM-SHA{digest}"
            for key in ("ECDSA", "RSA")
            for bits, digest in ((128, 256), (256, 384))
        ),
        *(f"ECDHE-{key}-CHACHA20-POLY1305" for key in ("ECDSA", "RSA")),
        *(f"ECDHE-{key}-AES{bits}-SHA" for key in ("ECDSA", "RSA") for bits in (128, 256)),
        "AES128-GCM-SHA256",
        "AES256-GCM-SHA384",
        "AES128-SHA",
        "AES256-SHA",
        "DES-CBC3-SHA",
    }
)
"""Cipher names that Envoy's TLS library knows."""


def lower_server_tls(tls: ServerTls) -> DownstreamTls:
    """Lower the settings of a server in a mode that terminates."""
    credentials = tls.credential_names or ((tls.credential_name,) if tls.credential_name else ())
    by_secret = bool(credentials)
    if by_secret:
        certificates = tuple(certificate_ref(name) for name in credentials)
    else:
        certificates = tuple(
            SecretRef("", SecretKind.CERTIFICATE, certificate_file=pair[0], key_file=pair[1])
            for pair in (
                *((entry.server_certificate, entry.private_key) for entry in tls.tls_certificates),
                *(((tls.server_certificate, tls.private_key),) if tls.server_certificate else ()),
            )
        )
    asks_client = tls.mode in _CLIENT_MODES
    return DownstreamTls(
        certificates=certificates,
        trust=_trust(tls, credentials) if asks_client else None,
        require_client_certificate=tls.mode == "MUTUAL",
        subject_alt_names=tls.subject_alt_names if asks_client else (),
        certificate_spki=tls.verify_certificate_spki if by_secret and asks_client else (),
        certificate_hashes=tls.verify_certificate_hash if by_secret and asks_client else (),
        crl_file=tls.ca_crl or "",
        accept_untrusted=bool(tls.insecure_skip_verify),
        parameters=TlsParameters(
            min_version=_version(tls.min_protocol_version),
            max_version=_version(tls.max_protocol_version),
            ciphers=tuple(dict.fromkeys(filter(_is_cipher, tls.cipher_suites))),
            curves=tuple(tls.ecdh_curves),
        ),
    )


def _version(written: str | None) -> str:
    return "" if written in {None, "TLS_AUTO"} else str(written)


def _is_cipher(name: str) -> bool:
    """Whether Envoy may be given it; expressions such as `ALL` or `-AES256-SHA` are not looked into (§1.1.2)."""
    return name in _CIPHERS or name == "ALL" or (name != "" and not name[0].isalnum())


def _trust(tls: ServerTls, credentials: tuple[str, ...]) -> SecretRef | None:
    """Authorities for client certificates: named, or beside the certificate, or a file."""
    if tls.ca_cert_credential_name:
        return trust_ref(tls.ca_cert_credential_name)
    if credentials:
        return trust_ref(credentials[0])
    if tls.ca_certificates:
        return SecretRef("", SecretKind.TRUST, trust_file=tls.ca_certificates)
    return None
