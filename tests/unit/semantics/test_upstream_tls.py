"""TLS towards endpoints."""

from typing import Any

import pytest
from tests.unit.semantics.objects import decode

from lateen.ir.cluster import UpstreamTls
from lateen.ir.listener import SecretKind, SecretRef
from lateen.model.destinationrule import ClientTls
from lateen.semantics.upstream_tls import (
    asks_host_for_sni,
    lower_tls,
    refusal,
    speaks_tls,
    verifies_host,
)

TRUST = SecretRef("kubernetes://web-cacert", SecretKind.TRUST)


def tls(mode: str = "SIMPLE", **fields: Any) -> ClientTls:
    return decode(ClientTls, {"mode": mode, **fields})


def lower(mode: str = "SIMPLE", *, http2: bool = False, names: tuple[str, ...] = (), **fields: Any) -> UpstreamTls:
    return lower_tls(tls(mode, **fields), service_names=names, http2=http2)


def test_simple_without_more_verifies_against_the_systems_authorities_and_the_host_header() -> None:
    settings = tls()
    assert lower() == UpstreamTls(system_trust=True)
    assert asks_host_for_sni(settings)
    assert verifies_host(settings)


def test_a_written_server_name_is_asked_for_and_verified_by_nobody_else() -> None:
    settings = tls(sni="api.example.com")
    assert lower(sni="api.example.com").sni == "api.example.com"
    assert not asks_host_for_sni(settings)
    assert not verifies_host(settings)


def test_the_names_of_the_rule_beat_those_of_the_service() -> None:
    assert lower(names=("svc",)).subject_alt_names == ("svc",)
    assert lower(names=("svc",), subjectAltNames=["rule"]).subject_alt_names == ("rule",)
    assert not verifies_host(tls(subjectAltNames=["rule"]))


def test_files_are_read_by_the_proxy() -> None:
    found = lower("MUTUAL", clientCertificate="/c", privateKey="/k", caCertificates="/ca", caCrl="/crl")
    assert found.certificate == SecretRef("", SecretKind.CERTIFICATE, certificate_file="/c", key_file="/k")
    assert found.trust == SecretRef("", SecretKind.TRUST, trust_file="/ca")
    assert found.crl_file == "/crl"
    assert not found.system_trust


def test_a_credential_gives_authorities_to_both_modes_and_a_certificate_to_mutual() -> None:
    assert (lower(credentialName="web").certificate, lower(credentialName="web").trust) == (None, TRUST)
    found = lower("MUTUAL", credentialName="web")
    assert found.certificate == SecretRef("kubernetes://web", SecretKind.CERTIFICATE)
    assert found.trust == TRUST


def test_skipping_verification_leaves_nothing_to_verify() -> None:
    found = lower(insecureSkipVerify=True, names=("svc",))
    assert (found.trust, found.system_trust, found.subject_alt_names) == (None, False, ())
    assert not verifies_host(tls(insecureSkipVerify=True))


def test_alpn_asks_for_http2_where_it_is_certain() -> None:
    assert lower(http2=True).alpn == ("h2",)
    assert lower().alpn == ()


def test_disable_is_plaintext_on_purpose() -> None:
    assert not speaks_tls(tls("DISABLE"))
    assert refusal(tls("DISABLE")) == ""


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (tls("ISTIO_MUTUAL"), "issued by a mesh"),
        (tls("SIMPLE", credentialName="configmap://ns/name"), "names a Secret"),
        (tls("MUTUAL", clientCertificate="/c"), "needs a credentialName"),
    ],
)
def test_what_cannot_be_configured_is_refused_with_a_reason(settings: ClientTls, reason: str) -> None:
    assert reason in refusal(settings)
