"""TLS that a server ends: certificates, trust in clients, versions and ciphers."""

from typing import Any

import pytest
from tests.unit.semantics.objects import decode

from lateen.ir.listener import DownstreamTls, SecretKind, SecretRef, TlsParameters
from lateen.model.gateway import ServerTls
from lateen.semantics.server_tls import lower_server_tls


def lower(mode: str = "SIMPLE", **fields: Any) -> DownstreamTls:
    return lower_server_tls(decode(ServerTls, {"mode": mode, **fields}))


def by_name(*names: str) -> tuple[SecretRef, ...]:
    return tuple(SecretRef(name, SecretKind.CERTIFICATE) for name in names)


@pytest.mark.parametrize(
    ("fields", "certificates"),
    [
        ({"credentialName": "cert"}, by_name("kubernetes://cert")),
        ({"credentialNames": ["rsa", "ecdsa"]}, by_name("kubernetes://rsa", "kubernetes://ecdsa")),
        (
            {"serverCertificate": "/c", "privateKey": "/k"},
            (SecretRef("", SecretKind.CERTIFICATE, certificate_file="/c", key_file="/k"),),
        ),
        (
            {"tlsCertificates": [{"serverCertificate": "/1", "privateKey": "/a", "caCertificates": "/unused"}]},
            (SecretRef("", SecretKind.CERTIFICATE, certificate_file="/1", key_file="/a"),),
        ),
    ],
)
def test_certificates_come_by_name_or_from_files(fields: dict[str, Any], certificates: tuple[SecretRef, ...]) -> None:
    assert lower(**fields) == DownstreamTls(certificates)


@pytest.mark.parametrize(
    ("fields", "trust"),
    [
        ({"credentialName": "cert"}, SecretRef("kubernetes://cert-cacert", SecretKind.TRUST)),
        ({"credentialNames": ["rsa", "ecdsa"]}, SecretRef("kubernetes://rsa-cacert", SecretKind.TRUST)),
        (
            {"credentialName": "cert", "caCertCredentialName": "partners"},
            SecretRef("kubernetes://partners-cacert", SecretKind.TRUST),
        ),
        (
            {"credentialName": "cert", "caCertCredentialName": "partners-cacert"},
            SecretRef("kubernetes://partners-cacert", SecretKind.TRUST),
        ),
        (
            {"serverCertificate": "/c", "privateKey": "/k", "caCertificates": "/ca"},
            SecretRef("", SecretKind.TRUST, trust_file="/ca"),
        ),
        ({"serverCertificate": "/c", "privateKey": "/k"}, None),
    ],
)
@pytest.mark.parametrize("mode", ["MUTUAL", "OPTIONAL_MUTUAL"])
def test_authorities_are_named_or_stand_beside_the_certificate(
    mode: str, fields: dict[str, Any], trust: SecretRef | None
) -> None:
    assert lower(mode, **fields).trust == trust


@pytest.mark.parametrize(
    ("mode", "asked", "required"), [("SIMPLE", False, False), ("OPTIONAL_MUTUAL", True, False), ("MUTUAL", True, True)]
)
def test_the_mode_says_whether_clients_need_certificates(mode: str, *, asked: bool, required: bool) -> None:
    tls = lower(mode, credentialName="cert")
    assert (tls.trust is not None, tls.require_client_certificate) == (asked, required)


def test_client_certificates_are_checked_only_where_they_are_asked_for() -> None:
    checks = {"subjectAltNames": ["a"], "verifyCertificateSpki": ["s"], "verifyCertificateHash": ["h"]}
    mutual, simple = lower("MUTUAL", credentialName="cert", **checks), lower("SIMPLE", credentialName="cert", **checks)
    assert (mutual.subject_alt_names, mutual.certificate_spki, mutual.certificate_hashes) == (("a",), ("s",), ("h",))
    assert (simple.subject_alt_names, simple.certificate_spki, simple.certificate_hashes) == ((), (), ())


def test_fingerprints_hold_for_credentials_and_not_for_files() -> None:
    files = {"serverCertificate": "/c", "privateKey": "/k", "caCertificates": "/ca", "caCrl": "/crl"}
    tls = lower("MUTUAL", subjectAltNames=["a"], verifyCertificateSpki=["s"], verifyCertificateHash=["h"], **files)
    assert (tls.subject_alt_names, tls.certificate_spki, tls.certificate_hashes) == (("a",), (), ())
    assert tls.crl_file == "/crl"


def test_any_client_certificate_will_do_where_verification_is_skipped() -> None:
    assert lower("MUTUAL", credentialName="cert", insecureSkipVerify=True).accept_untrusted
    assert not lower("MUTUAL", credentialName="cert").accept_untrusted


def test_versions_are_written_only_when_they_are_chosen() -> None:
    assert lower(credentialName="cert").parameters == TlsParameters()
    parameters = lower(credentialName="cert", minProtocolVersion="TLSV1_2", maxProtocolVersion="TLSV1_3").parameters
    assert (parameters.min_version, parameters.max_version) == ("TLSV1_2", "TLSV1_3")
    assert lower(credentialName="cert", minProtocolVersion="TLS_AUTO").parameters.min_version == ""


def test_unknown_and_repeated_ciphers_are_left_out_and_expressions_are_passed_on() -> None:
    known = ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-CHACHA20-POLY1305", "DES-CBC3-SHA"]
    suites = [*known, known[0], "MADE-UP", "", "ALL", "-AES256-SHA"]
    parameters = lower(credentialName="cert", cipherSuites=suites, ecdhCurves=["P-256"]).parameters
    assert parameters.ciphers == (*known, "ALL", "-AES256-SHA")
    assert parameters.curves == ("P-256",)
