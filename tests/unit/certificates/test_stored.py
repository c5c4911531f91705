"""Secrets: what is written is read again, and what is broken is named."""

from base64 import b64decode, b64encode

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from lateen.certificates.authority import DAY, Lifetimes, Usage, create_authority, issue
from lateen.certificates.certificate import PEM, CertificateError
from lateen.certificates.rotation import AuthorityState, advance
from lateen.certificates.stored import (
    Bearer,
    decode_authority,
    decode_bearer,
    encode_authority,
    encode_bearer,
    find_fault,
)
from lateen.semantics.secrets import UnusableSecretError, read_certificate

NOW = 1_800_000_000.0
LIFETIMES = Lifetimes()
WHO = "spiffe://td/ns/shop/lateen-proxy/all"


def _state(now: float = NOW) -> AuthorityState:
    return AuthorityState(create_authority(now, LIFETIMES.authority))


def _rotated(state: AuthorityState, *hours: float) -> AuthorityState:
    for hour in hours:
        state = advance(
            state, NOW + hour * 3600, LIFETIMES, lambda: create_authority(NOW, LIFETIMES.authority), wanted=True
        )
    return state


def _bearer(state: AuthorityState, uri: str = WHO) -> Bearer:
    pair = issue(state.signer, now=NOW, lifetime=DAY, usages=[Usage.CLIENT], uris=[uri])
    return Bearer(pair, state.bundle)


def _broken(state: AuthorityState, **entries: str | None) -> dict[str, str]:
    data = encode_authority(state)
    for name, text in entries.items():
        entry = name.replace("_", ".")
        data.pop(entry, None)
        if text is not None:
            data[entry] = b64encode(text.encode()).decode()
    return data


@pytest.mark.parametrize("hours", [(), (0,), (0, 17), (0, 17, 18)], ids=["quiet", "announced", "promoted", "again"])
def test_an_authority_is_read_as_it_was_written(hours: tuple[float, ...]) -> None:
    state = _rotated(_state(), *hours)
    assert decode_authority(encode_authority(state)) == state


def test_a_secret_without_data_is_empty() -> None:
    assert decode_authority(None) is None
    assert decode_authority({}) is None


def test_an_authority_of_ones_own_needs_certificate_and_key_only() -> None:
    state = _state()
    data = encode_authority(state)
    assert decode_authority({"signer.crt": data["signer.crt"], "signer.key": data["signer.key"]}) == state


def test_times_that_were_lost_delay_a_rotation_rather_than_break_trust() -> None:
    state = _rotated(_state(), 0, 17, 18)
    found = decode_authority(_broken(state, rotation_json=None))
    assert found is not None
    assert found.trusted == state.trusted
    assert [each.until for each in found.retired] == [state.retired[0].certificate.not_after]


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"signer_crt": None}, "signer.crt is missing"),
        ({"signer_key": ""}, "signer.key is missing"),
        ({"signer_crt": "x"}, "signer.crt and signer.key: no certificate in PEM"),
        ({"signer_key": "x"}, "signer.crt and signer.key: the key is no private key"),
        ({"next_key": None}, "next.key is missing"),
        ({"retired_crt": "x"}, "retired.crt: no certificates in PEM"),
        ({"rotation_json": "{"}, "rotation.json: no JSON"),
        ({"rotation_json": "[]"}, "rotation.json: an object is expected"),
        ({"rotation_json": '{"next": "soon"}'}, "rotation.json: next: seconds since 1970"),
        ({"rotation_json": '{"retired": 1}'}, "rotation.json: retired is a map"),
    ],
)
def test_a_broken_entry_is_named(entries: dict[str, str | None], message: str) -> None:
    state = _rotated(_state(), 0, 17, 18)
    with pytest.raises(CertificateError, match=message):
        decode_authority(_broken(state, **entries))


def test_entries_that_are_no_base64_are_named() -> None:
    with pytest.raises(CertificateError, match=r"tls\.crt: no base64"):
        decode_authority({"tls.crt": "?"})


def test_a_key_that_is_another_ones_is_refused() -> None:
    data = encode_authority(_state()) | {"signer.key": encode_authority(_state())["signer.key"]}
    with pytest.raises(CertificateError, match="the key is not the certificate's"):
        decode_authority(data)


def test_a_key_that_not_everybody_knows_is_refused() -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    pem = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    data = encode_authority(_state()) | {"signer.key": b64encode(pem).decode()}
    with pytest.raises(CertificateError, match="neither elliptic nor RSA"):
        decode_authority(data)


def test_a_certificate_that_must_not_sign_is_no_authority() -> None:
    leaf = encode_bearer(_bearer(_state()))
    with pytest.raises(CertificateError, match="not the certificate of an authority"):
        decode_authority({"signer.crt": leaf["tls.crt"], "signer.key": leaf["tls.key"]})


def test_everybody_who_is_trusted_is_written_for_others() -> None:
    state = _rotated(_state(), 0)
    assert b64decode(encode_authority(state)["ca.crt"]) == state.bundle


def test_a_gateway_that_names_the_authority_does_not_get_its_key() -> None:
    state = _rotated(_state(), 0)
    data = {name: b64decode(value) for name, value in encode_authority(state).items()}
    with pytest.raises(UnusableSecretError):
        read_certificate("lateen-ca", data)


def test_a_certificate_is_read_as_it_was_written() -> None:
    bearer = _bearer(_state())
    assert decode_bearer(encode_bearer(bearer)) == bearer


def test_a_fresh_certificate_is_good() -> None:
    state = _state()
    assert find_fault(_bearer(state), state, WHO, NOW) is None


def test_a_certificate_for_another_one_has_to_be_issued_again() -> None:
    state = _state()
    assert find_fault(_bearer(state, "spiffe://td/x"), state, WHO, NOW) == "it is for spiffe://td/x"


@pytest.mark.parametrize("now", [NOW - DAY, NOW + DAY])
def test_a_certificate_whose_time_is_not_now_has_to_be_issued_again(now: float) -> None:
    state = _state()
    assert find_fault(_bearer(state), state, WHO, now) == "its time is over, or has not come"


def test_a_certificate_of_an_authority_that_is_not_trusted_has_to_be_issued_again() -> None:
    state, other = _state(), _state()
    bearer = Bearer(_bearer(other).pair, state.bundle)
    assert find_fault(bearer, state, WHO, NOW) == "no authority of today has signed it"


def test_a_certificate_beside_an_old_bundle_has_to_be_issued_again() -> None:
    state = _state()
    bearer = _bearer(state)
    fault = find_fault(bearer, _rotated(state, 0), WHO, NOW)
    assert fault == "the authorities beside it are not those of today"
