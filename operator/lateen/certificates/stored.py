"""Authorities and certificates as the data of Kubernetes Secrets.

The authority's Secret holds, next to what the signer needs, who is trusted besides and since when:

| entry | meaning |
|---|---|
| `signer.crt`, `signer.key` | who signs |
| `next.crt`, `next.key` | who signs next |
| `retired.crt` | who signed before |
| `ca.crt` | all of these: what others are to trust. Written, never read |
| `rotation.json` | when the next one was made known, and when retired ones are forgotten |

Whoever brings an authority of their own writes `signer.crt` and `signer.key`, the rest is made.

No entry has the name under which a Gateway's Secret holds a key: a Gateway that names this Secret
must not bring the authority's key to its proxies.
"""

import json
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from lateen.certificates.certificate import CertificateError, KeyPair, read_certificates
from lateen.certificates.rotation import AuthorityState, Retired, Successor

CERTIFICATE: Final = "tls.crt"
KEY: Final = "tls.key"
TRUSTED: Final = "ca.crt"
_SIGNER_CERTIFICATE: Final = "signer.crt"
_SIGNER_KEY: Final = "signer.key"
_NEXT_CERTIFICATE: Final = "next.crt"
_NEXT_KEY: Final = "next.key"
_RETIRED: Final = "retired.crt"
_ROTATION: Final = "rotation.json"


@dataclass(frozen=True, slots=True)
class Bearer:
    """What a process proves itself with, and whom it trusts: everything TLS needs on either side."""

    pair: KeyPair
    trusted: bytes
    """Certificates of authorities, PEM."""


def encode_authority(state: AuthorityState) -> dict[str, str]:
    """Return the data of the authority's Secret."""
    data = {_SIGNER_CERTIFICATE: state.signer.certificate.pem, _SIGNER_KEY: state.signer.key, TRUSTED: state.bundle}
    rotation: dict[str, Any] = {}
    if state.successor is not None:
        data |= {_NEXT_CERTIFICATE: state.successor.pair.certificate.pem, _NEXT_KEY: state.successor.pair.key}
        rotation["next"] = state.successor.since
    if state.retired:
        data[_RETIRED] = b"".join(each.certificate.pem for each in state.retired)
        rotation["retired"] = {each.certificate.fingerprint: each.until for each in state.retired}
    if rotation:
        data[_ROTATION] = json.dumps(rotation, sort_keys=True).encode()
    return _encode(data)


def decode_authority(data: Mapping[str, str] | None) -> AuthorityState | None:
    """Read the data of the authority's Secret; None: it is empty.

    Raises:
        CertificateError: it holds something that cannot be used; names the entry.
    """
    if not data:
        return None
    decoded = _decode(data)
    signer = _authority(decoded, _SIGNER_CERTIFICATE, _SIGNER_KEY)
    rotation = _rotation(decoded.get(_ROTATION, b"{}"))
    successor = None
    if decoded.get(_NEXT_CERTIFICATE):
        pair = _authority(decoded, _NEXT_CERTIFICATE, _NEXT_KEY)
        successor = Successor(pair, _time(rotation, "next", pair.certificate.not_before))
    try:
        retired = read_certificates(decoded.get(_RETIRED, b""))
    except CertificateError as error:
        raise CertificateError(f"{_RETIRED}: {error}") from error
    until = rotation.get("retired", {})
    if not isinstance(until, dict):
        raise CertificateError(f"{_ROTATION}: retired is a map of times")
    return AuthorityState(
        signer, successor, tuple(Retired(each, _time(until, each.fingerprint, each.not_after)) for each in retired)
    )


def encode_bearer(bearer: Bearer) -> dict[str, str]:
    """Return the data of a Secret that is mounted where TLS is spoken."""
    return _encode({CERTIFICATE: bearer.pair.certificate.pem, KEY: bearer.pair.key, TRUSTED: bearer.trusted})


def decode_bearer(data: Mapping[str, str] | None) -> Bearer:
    """Read such a Secret.

    Raises:
        CertificateError: it holds something that cannot be used; names the entry.
    """
    decoded = _decode(data or {})
    return Bearer(_pair(decoded, CERTIFICATE, KEY), decoded.get(TRUSTED, b""))


def find_fault(bearer: Bearer, state: AuthorityState, uri: str, now: float) -> str | None:
    """Tell why a certificate has to be issued again, in words that follow "because"; None: it is good."""
    certificate = bearer.pair.certificate
    if certificate.uris != (uri,):
        return f"it is for {', '.join(certificate.uris) or 'nobody'}"
    if not certificate.not_before <= now < certificate.not_after:
        return "its time is over, or has not come"
    if bearer.trusted != state.bundle:
        return "the authorities beside it are not those of today"
    if not state.vouches_for(certificate):
        return "no authority of today has signed it"
    return None


def _pair(data: Mapping[str, bytes], certificate: str, key: str) -> KeyPair:
    for entry in (certificate, key):
        if not data.get(entry):
            raise CertificateError(f"{entry} is missing")
    try:
        return KeyPair.read(data[certificate], data[key])
    except CertificateError as error:
        raise CertificateError(f"{certificate} and {key}: {error}") from error


def _authority(data: Mapping[str, bytes], certificate: str, key: str) -> KeyPair:
    pair = _pair(data, certificate, key)
    if not pair.certificate.is_authority or not pair.certificate.is_issued_by(pair.certificate):
        raise CertificateError(f"{certificate} is not the certificate of an authority that vouches for itself")
    return pair


def _rotation(text: bytes) -> dict[str, Any]:
    try:
        decoded = json.loads(text)
    except ValueError as error:
        raise CertificateError(f"{_ROTATION}: no JSON: {error}") from error
    if not isinstance(decoded, dict):
        raise CertificateError(f"{_ROTATION}: an object is expected")
    return decoded


def _time(times: Mapping[str, Any], name: str, default: float) -> float:
    value = times.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise CertificateError(f"{_ROTATION}: {name}: seconds since 1970 are expected")
    return float(value)


def _encode(data: Mapping[str, bytes]) -> dict[str, str]:
    return {entry: b64encode(value).decode() for entry, value in data.items()}


def _decode(data: Mapping[str, str]) -> dict[str, bytes]:
    decoded = {}
    for entry, value in data.items():
        try:
            decoded[entry] = b64decode(value, validate=True)
        except (Base64Error, TypeError) as error:
            raise CertificateError(f"{entry}: no base64: {error}") from error
    return decoded
