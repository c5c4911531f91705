"""Certificates and keys as text (PEM), with what Lateen asks of them."""

from dataclasses import dataclass, field
from typing import Final, Self, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from lateen.errors import LateenError

PEM: Final = serialization.Encoding.PEM
_Extension = TypeVar("_Extension", bound=x509.ExtensionType)


class CertificateError(LateenError):
    """A certificate or a key cannot be used."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """One certificate."""

    pem: bytes
    fingerprint: str
    """SHA-256 of its binary form, in hex."""
    not_before: float
    """Seconds since 1970, as all times here."""
    not_after: float
    uris: tuple[str, ...] = ()
    """Identities it vouches for."""
    dns_names: tuple[str, ...] = ()
    """Host names it vouches for."""
    is_authority: bool = False
    """Whether it may sign others."""

    @classmethod
    def read(cls, pem: bytes) -> Self:
        """Read the first certificate of a text.

        Raises:
            CertificateError: there is none.
        """
        return cls.of(_load(pem))

    @classmethod
    def of(cls, certificate: x509.Certificate) -> Self:
        """Take what is asked of a decoded certificate."""
        names = _extension(certificate, x509.SubjectAlternativeName)
        constraints = _extension(certificate, x509.BasicConstraints)
        return cls(
            pem=certificate.public_bytes(PEM),
            fingerprint=certificate.fingerprint(hashes.SHA256()).hex(),
            not_before=certificate.not_valid_before_utc.timestamp(),
            not_after=certificate.not_valid_after_utc.timestamp(),
            uris=() if names is None else tuple(names.get_values_for_type(x509.UniformResourceIdentifier)),
            dns_names=() if names is None else tuple(names.get_values_for_type(x509.DNSName)),
            is_authority=constraints is not None and constraints.ca,
        )

    @property
    def lifetime(self) -> float:
        """Seconds from its first to its last moment."""
        return self.not_after - self.not_before

    def is_issued_by(self, authority: "Certificate") -> bool:
        """Whether the authority's key has signed it."""
        try:
            _load(self.pem).verify_directly_issued_by(_load(authority.pem))
        except (ValueError, TypeError, InvalidSignature):
            return False
        return True


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate and the key that belongs to it."""

    certificate: Certificate
    key: bytes = field(repr=False)
    """Private, PEM; never printed."""

    @classmethod
    def read(cls, certificate: bytes, key: bytes) -> Self:
        """Read both.

        Raises:
            CertificateError: either cannot be read, or they do not belong together.
        """
        private = load_key(key)
        decoded = _load(certificate)
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        if private.public_key().public_bytes(PEM, form) != decoded.public_key().public_bytes(PEM, form):
            raise CertificateError("the key is not the certificate's")
        return cls(Certificate.of(decoded), key)


def find_fault_in_pair(certificate: bytes, key: bytes) -> str:
    """Say what is wrong with a certificate and a key, both PEM; empty: nothing."""
    try:
        KeyPair.read(certificate, key)
    except CertificateError as error:
        return str(error)
    return ""


def load_key(pem: bytes) -> ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey:
    """Decode a private key.

    Raises:
        CertificateError: it is none, or none of a sort that TLS is spoken with everywhere.
    """
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise CertificateError("the key is no private key in PEM without a password") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise CertificateError("the key is neither elliptic nor RSA")
    return key


def read_certificates(pem: bytes) -> tuple[Certificate, ...]:
    """Read all certificates of a text, which may hold none at all.

    Raises:
        CertificateError: there is something else in it.
    """
    if not pem.strip():
        return ()
    try:
        return tuple(Certificate.of(each) for each in x509.load_pem_x509_certificates(pem))
    except ValueError as error:
        raise CertificateError(f"no certificates in PEM: {error}") from error


def _load(pem: bytes) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(pem)
    except ValueError as error:
        raise CertificateError(f"no certificate in PEM: {error}") from error


def _extension(certificate: x509.Certificate, kind: type[_Extension]) -> _Extension | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
