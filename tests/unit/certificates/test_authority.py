"""Issuing: what a certificate says, and for how long."""

import datetime as dt
from collections.abc import Callable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from lateen.certificates.authority import DAY, SKEW, Lifetimes, Usage, create_authority, issue, renewal_time
from lateen.errors import InputError

NOW = 1_800_000_000.0


def _decoded(pem: bytes) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem)


def test_an_authority_vouches_for_itself_and_signs_no_other_authority() -> None:
    made = create_authority(NOW, DAY).certificate
    constraints = _decoded(made.pem).extensions.get_extension_for_class(x509.BasicConstraints)
    assert made.is_authority
    assert made.is_issued_by(made)
    assert (constraints.critical, constraints.value.path_length) == (True, 0)


def test_no_two_authorities_have_the_same_name() -> None:
    one, two = (_decoded(create_authority(NOW, DAY).certificate.pem) for _ in range(2))
    assert one.subject != two.subject


def test_a_certificate_vouches_for_what_was_asked() -> None:
    authority = create_authority(NOW, 90 * DAY)
    issued = issue(
        authority,
        now=NOW,
        lifetime=DAY,
        usages=[Usage.SERVER, Usage.CLIENT],
        uris=["spiffe://td/x"],
        dns_names=["xds.lateen-system.svc"],
    ).certificate
    decoded = _decoded(issued.pem)
    usage = decoded.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert issued.uris == ("spiffe://td/x",)
    assert issued.dns_names == ("xds.lateen-system.svc",)
    assert issued.is_issued_by(authority.certificate)
    assert not issued.is_authority
    assert set(usage) == {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}
    assert isinstance(decoded.public_key(), ec.EllipticCurvePublicKey)


def test_certificates_begin_before_they_are_made_because_clocks_differ() -> None:
    issued = issue(create_authority(NOW, 90 * DAY), now=NOW, lifetime=DAY, usages=[Usage.CLIENT], uris=["a:b"])
    assert issued.certificate.not_before == NOW - SKEW
    assert issued.certificate.not_after == NOW + DAY
    assert _decoded(issued.certificate.pem).not_valid_after_utc == dt.datetime.fromtimestamp(NOW + DAY, dt.UTC)


def test_no_certificate_outlives_its_authority() -> None:
    issued = issue(create_authority(NOW, DAY), now=NOW, lifetime=7 * DAY, usages=[Usage.CLIENT], uris=["a:b"])
    assert issued.certificate.not_after == NOW + DAY


def test_another_authority_has_not_signed_it() -> None:
    issued = issue(create_authority(NOW, DAY), now=NOW, lifetime=DAY, usages=[Usage.CLIENT], uris=["a:b"])
    assert not issued.certificate.is_issued_by(create_authority(NOW, DAY).certificate)


def test_serial_numbers_come_from_outside() -> None:
    serial: Callable[[], int] = iter([7, 8]).__next__
    authority = create_authority(NOW, DAY, serial)
    issued = issue(authority, now=NOW, lifetime=DAY, usages=[Usage.CLIENT], uris=["a:b"], serial=serial)
    assert [_decoded(each.certificate.pem).serial_number for each in (authority, issued)] == [7, 8]


def test_certificates_are_renewed_at_two_thirds_of_their_life_at_the_latest() -> None:
    certificate = create_authority(NOW + SKEW, 300.0 - SKEW).certificate
    assert renewal_time(certificate, 0.0) == pytest.approx(NOW + 200)
    assert renewal_time(certificate, 1.0) == pytest.approx(NOW + 170)


def test_keys_are_not_printed() -> None:
    assert "PRIVATE" not in repr(create_authority(NOW, DAY))


@pytest.mark.parametrize(
    ("lifetimes", "message"),
    [
        ({"leaf": 60.0}, "certificates have to last 600 seconds at least, not 60"),
        ({"trust_delay": -1.0}, "trusted 1 seconds before"),
        ({"authority": DAY}, "authorities have to last 432000 seconds at least, not 86400"),
    ],
)
def test_lifetimes_that_do_not_fit_together_are_refused(lifetimes: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Lifetimes(**lifetimes)
