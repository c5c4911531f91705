"""Issuing: authorities that vouch for themselves, and the short-lived certificates they sign.

Keys are elliptic (P-256): made in a fraction of a millisecond, so no key is ever kept to be
used again. Every authority has a name of its own, because those who check a signature look
for the signer by name, and try no other one of that name.
"""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lateen.certificates.certificate import PEM, Certificate, KeyPair, load_key
from lateen.errors import InputError

DAY: Final = 86_400.0
SKEW: Final = 300.0
"""Seconds by which clocks may differ: certificates begin so much before they are made."""

SHORTEST_LEAF: Final = 600.0
"""Seconds; a renewed file takes up to two minutes to a pod."""

_RENEWAL: Final = 2 / 3
_JITTER: Final = 0.1
_ORGANIZATION: Final = "Lateen"


class Usage(Enum):
    """What a certificate is good for; values are the object identifiers that say so."""

    SERVER = ExtendedKeyUsageOID.SERVER_AUTH
    CLIENT = ExtendedKeyUsageOID.CLIENT_AUTH


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long certificates last, in seconds."""

    authority: float = 365 * DAY
    """A year: long enough that an operator which is away for a month breaks nothing, short enough that
    rotation is everyday business and not an event of once in ten years that fails then."""

    leaf: float = DAY
    """A stolen key is worth little: nothing has to be revoked."""

    trust_delay: float = _RENEWAL * DAY
    """From the moment that a new authority is trusted to the one that it signs: as long as it takes
    until every certificate was renewed, and with it the list of authorities beside it."""

    def __post_init__(self) -> None:
        """Check that they fit together.

        Raises:
            InputError: an authority could expire before the next one is trusted.
        """
        if self.leaf < SHORTEST_LEAF:
            raise InputError(f"certificates have to last {SHORTEST_LEAF:.0f} seconds at least, not {self.leaf:g}")
        if self.trust_delay < 0:
            raise InputError(f"a new authority cannot be trusted {-self.trust_delay:g} seconds before it is made")
        least = (self.trust_delay + self.leaf) / (1 - _RENEWAL)
        if self.authority < least:
            raise InputError(f"authorities have to last {least:.0f} seconds at least, not {self.authority:g}")


def renewal_time(certificate: Certificate, chance: float) -> float:
    """Tell when a certificate is to be replaced: at two thirds of its life or a bit before.

    Args:
        certificate: what is to be replaced.
        chance: from 0 to 1; spreads what was made together.
    """
    return certificate.not_before + certificate.lifetime * (_RENEWAL - _JITTER * chance)


def create_authority(now: float, lifetime: float, serial: Callable[[], int] = x509.random_serial_number) -> KeyPair:
    """Make an authority that vouches for itself, and may sign no other authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key()
    number = serial()
    name = _name(f"Lateen authority {number % (1 << 32):08x}")
    certificate = (
        _builder(name, name, public, number, (now, now + lifetime))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    return KeyPair(Certificate.of(certificate), _private_pem(key))


def issue(
    signer: KeyPair,
    *,
    now: float,
    lifetime: float,
    usages: Sequence[Usage],
    uris: Sequence[str] = (),
    dns_names: Sequence[str] = (),
    serial: Callable[[], int] = x509.random_serial_number,
) -> KeyPair:
    """Sign a certificate for a new key.

    Args:
        signer: the authority.
        now: the present.
        lifetime: seconds; cut where the authority's own time ends.
        usages: what it is good for.
        uris: identities it vouches for.
        dns_names: host names it vouches for.
        serial: gives its number.
    """
    authority = x509.load_pem_x509_certificate(signer.certificate.pem)
    authority_key = load_key(signer.key)
    key = ec.generate_private_key(ec.SECP256R1())
    names = [*map(x509.UniformResourceIdentifier, uris), *map(x509.DNSName, dns_names)]
    period = (now, min(now + lifetime, signer.certificate.not_after))
    certificate = (
        # Who it is stands in the alternative names alone, which therefore are critical (RFC 5280, 4.2.1.6).
        _builder(x509.Name([]), authority.subject, key.public_key(), serial(), period)
        .add_extension(x509.SubjectAlternativeName(names), critical=True)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage.value for usage in usages]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()),
            critical=False,
        )
        .sign(authority_key, hashes.SHA256())
    )
    return KeyPair(Certificate.of(certificate), _private_pem(key))


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public: ec.EllipticCurvePublicKey,
    serial: int,
    period: tuple[float, float],
) -> x509.CertificateBuilder:
    begin, end = period
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(serial)
        .not_valid_before(_moment(begin - SKEW))
        .not_valid_after(_moment(end))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _moment(seconds: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(int(seconds), dt.UTC)


def _name(text: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, _ORGANIZATION),
            x509.NameAttribute(NameOID.COMMON_NAME, text),
        ]
    )


def _key_usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
