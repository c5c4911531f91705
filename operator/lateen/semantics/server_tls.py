"""TLS that a gateway server terminates (istio-semantics §1.1.2, §2.8)."""

from typing import Final

from lateen.ir.listener import DownstreamTls, SecretKind, SecretRef, TlsParameters
from lateen.model.gateway import ServerTls

_KUBERNETES: Final = "kubernetes://"
TRUST_SUFFIX: Final = "-cacert"
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
_CONFIG_MAP: Final = "configmap://"


def sds_name(credential: str) -> str:
    """`name` → `kubernetes://name`; a name with a scheme stays."""
    return credential if "://" in credential else f"{_KUBERNETES}{credential}"


def certificate_name(sds: str) -> str:
    """`kubernetes://[namespace/]name` → the Secret's name, with its namespace if one is written."""
    return sds.partition("://")[2]


def lower_server_tls(tls: ServerTls) -> DownstreamTls:
    """Lower the settings of a server in a mode that terminates."""
    credentials = tls.credential_names or ((tls.credential_name,) if tls.credential_name else ())
    by_secret = bool(credentials)
    if by_secret:
        certificates = tuple(SecretRef(sds_name(name), SecretKind.CERTIFICATE) for name in credentials)
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
        # The ending tells everybody what is asked for; the Secret may have it or not.
        name = sds_name(tls.ca_cert_credential_name)
        return SecretRef(name if name.endswith(TRUST_SUFFIX) else name + TRUST_SUFFIX, SecretKind.TRUST)
    if credentials:
        return SecretRef(sds_name(credentials[0]) + TRUST_SUFFIX, SecretKind.TRUST)
    if tls.ca_certificates:
        return SecretRef("", SecretKind.TRUST, trust_file=tls.ca_certificates)
    return None


def names_config_map(sds: str) -> bool:
    """Whether the name is that of a ConfigMap, of which Lateen reads none."""
    return sds.startswith(_CONFIG_MAP)
