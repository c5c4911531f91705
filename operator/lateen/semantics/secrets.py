"""TLS material out of Kubernetes Secrets (istio-semantics §2.8)."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from lateen.errors import LateenError
from lateen.ir.secret import Certificate, Trust


class SecretError(LateenError):
    """Material cannot be delivered; what was delivered last stays in use."""


class MissingSecretError(SecretError):
    """A Secret does not exist, or not where the proxy may have it."""


class UnsupportedSecretError(SecretError):
    """Material is named that Lateen does not read."""


class UnusableSecretError(SecretError):
    """A Secret lacks what it is named for."""


CheckPair: TypeAlias = Callable[[bytes, bytes], str]
"""Says what is wrong with a certificate and its key, both PEM; empty: nothing."""


def accept_pair(_certificate: bytes, _key: bytes, /) -> str:
    """Leave it to the proxies."""
    return ""


def read_certificate(name: str, data: Mapping[str, bytes], check: CheckPair = accept_pair) -> Certificate:
    """Read a key pair: `cert` and `key`, else `tls.crt` and `tls.key`.

    Raises:
        UnusableSecretError: neither pair is complete, or `check` finds fault with it.
    """
    for chain, key, staple in (("cert", "key", ""), ("tls.crt", "tls.key", "tls.ocsp-staple")):
        if data.get(chain) and data.get(key):
            if b"-----BEGIN" not in data[chain] or b"-----BEGIN" not in data[key]:
                raise UnusableSecretError(f"{chain} and {key} are not in PEM form")
            if fault := check(data[chain], data[key]):
                raise UnusableSecretError(f"{chain} and {key}: {fault}")
            return Certificate(name, data[chain], data[key], data.get(staple, b""))
    raise UnusableSecretError("it has neither tls.crt and tls.key nor cert and key")


def read_trust(name: str, data: Mapping[str, bytes]) -> Trust:
    """Read authorities: `cacert`, else `ca.crt`.

    Raises:
        UnusableSecretError: neither is there.
    """
    for authorities, crl in (("cacert", "crl"), ("ca.crt", "ca.crl")):
        if data.get(authorities):
            if b"-----BEGIN" not in data[authorities]:
                raise UnusableSecretError(f"{authorities} is not in PEM form")
            return Trust(name, data[authorities], data.get(crl, b""))
    raise UnusableSecretError("it has neither ca.crt nor cacert")
