"""TLS material out of Secrets: which keys count, and what cannot be used."""

import pytest

from lateen.ir.secret import Certificate, Trust
from lateen.semantics.secrets import UnusableSecretError, read_certificate, read_trust

PEM = b"-----BEGIN X-----"
OLD = b"-----BEGIN OLD-----"


@pytest.mark.parametrize(
    ("data", "chain", "key", "staple"),
    [
        ({"tls.crt": PEM, "tls.key": OLD}, PEM, OLD, b""),
        ({"tls.crt": PEM, "tls.key": PEM, "tls.ocsp-staple": b"staple"}, PEM, PEM, b"staple"),
        ({"cert": OLD, "key": OLD, "tls.crt": PEM, "tls.key": PEM, "tls.ocsp-staple": b"staple"}, OLD, OLD, b""),
        ({"cert": OLD, "tls.crt": PEM, "tls.key": PEM}, PEM, PEM, b""),
        ({"cert": OLD, "key": b"", "tls.crt": PEM, "tls.key": PEM}, PEM, PEM, b""),
    ],
    ids=["typed", "with staple", "generic first", "half a pair", "empty is missing"],
)
def test_a_key_pair_is_generic_or_typed(data: dict[str, bytes], chain: bytes, key: bytes, staple: bytes) -> None:
    assert read_certificate("sds", data) == Certificate("sds", chain, key, staple)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({}, "neither tls.crt and tls.key nor cert and key"),
        ({"tls.crt": PEM}, "neither tls.crt and tls.key nor cert and key"),
        ({"tls.crt": b"garbage", "tls.key": PEM}, "tls.crt and tls.key are not in PEM form"),
        ({"cert": PEM, "key": b"garbage"}, "cert and key are not in PEM form"),
    ],
)
def test_a_secret_without_a_key_pair_says_what_it_lacks(data: dict[str, bytes], reason: str) -> None:
    with pytest.raises(UnusableSecretError, match=reason):
        read_certificate("sds", data)


@pytest.mark.parametrize(
    ("data", "authorities", "crl"),
    [
        ({"ca.crt": PEM}, PEM, b""),
        ({"ca.crt": PEM, "ca.crl": b"revoked", "crl": b"other"}, PEM, b"revoked"),
        ({"cacert": OLD, "crl": b"revoked", "ca.crt": PEM}, OLD, b"revoked"),
        ({"cacert": b"", "ca.crt": PEM}, PEM, b""),
    ],
)
def test_authorities_are_generic_or_typed(data: dict[str, bytes], authorities: bytes, crl: bytes) -> None:
    assert read_trust("sds", data) == Trust("sds", authorities, crl)


@pytest.mark.parametrize(
    ("data", "reason"),
    [({"tls.crt": PEM}, "neither ca.crt nor cacert"), ({"ca.crt": b"x"}, "ca.crt is not in PEM form")],
)
def test_a_secret_without_authorities_says_what_it_lacks(data: dict[str, bytes], reason: str) -> None:
    with pytest.raises(UnusableSecretError, match=reason):
        read_trust("sds", data)


def test_a_key_is_never_printed() -> None:
    assert "KEY" not in repr(read_certificate("sds", {"tls.crt": PEM, "tls.key": b"-----BEGIN KEY-----"}))
