"""TLS material. It never prints itself."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate chain with its private key, PEM."""

    name: str
    chain: bytes
    private_key: bytes = field(repr=False)
    ocsp_staple: bytes = b""


@dataclass(frozen=True, slots=True)
class Trust:
    """Authorities to verify peers against, PEM."""

    name: str
    authorities: bytes
    crl: bytes = b""
