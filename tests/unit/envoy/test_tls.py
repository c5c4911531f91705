"""TLS on both sides, and secrets."""

from typing import Any

import pytest
from envoy.extensions.transport_sockets.tls.v3.common_pb2 import CertificateValidationContext, SubjectAltNameMatcher
from envoy.extensions.transport_sockets.tls.v3.common_pb2 import TlsParameters as TlsParametersMessage
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret
from envoy.extensions.transport_sockets.tls.v3.tls_pb2 import DownstreamTlsContext, UpstreamTlsContext
from google.protobuf.any_pb2 import Any as AnyMessage

from lateen.envoy.tls import build_secret, downstream_socket, upstream_socket
from lateen.ir.cluster import UpstreamTls
from lateen.ir.listener import DownstreamTls, SecretKind, SecretRef, TlsParameters
from lateen.ir.resource import ResourceKey, ResourceType
from lateen.ir.secret import Certificate, Trust
from lateen.model.keys import Key, Kind

DELIVERED = SecretRef("kubernetes://shop", SecretKind.CERTIFICATE)
DELIVERED_TRUST = SecretRef("kubernetes://shop-cacert", SecretKind.TRUST)
FILES = SecretRef("", SecretKind.CERTIFICATE, certificate_file="/tls/tls.crt", key_file="/tls/tls.key")
TRUST_FILE = SecretRef("", SecretKind.TRUST, trust_file="/ca/ca.crt")


def downstream(**options: Any) -> DownstreamTlsContext:
    context = DownstreamTlsContext()
    socket = downstream_socket(DownstreamTls(**{"certificates": (DELIVERED,), **options}))
    assert AnyMessage(**socket["typed_config"]).Unpack(context)
    return context


def upstream(system_trust_file: str = "/system.crt", **options: Any) -> UpstreamTlsContext:
    context = UpstreamTlsContext()
    assert AnyMessage(**upstream_socket(UpstreamTls(**options), system_trust_file)["typed_config"]).Unpack(context)
    return context


def test_a_certificate_is_asked_for_by_name() -> None:
    context = downstream()
    (config,) = context.common_tls_context.tls_certificate_sds_secret_configs
    assert config.name == "kubernetes://shop"
    assert config.sds_config.HasField("ads")
    assert not config.sds_config.HasField("initial_fetch_timeout")
    assert list(context.common_tls_context.alpn_protocols) == ["h2", "http/1.1"]
    assert not context.require_client_certificate.value
    assert not context.common_tls_context.HasField("tls_params")
    assert context.common_tls_context.WhichOneof("validation_context_type") is None


def test_files_are_read_by_envoy() -> None:
    (certificate,) = downstream(certificates=(FILES,)).common_tls_context.tls_certificates
    assert certificate.certificate_chain.filename == "/tls/tls.crt"
    assert certificate.private_key.filename == "/tls/tls.key"


def test_clients_are_verified_against_delivered_authorities() -> None:
    context = downstream(trust=DELIVERED_TRUST, require_client_certificate=True, subject_alt_names=("a.org",))
    combined = context.common_tls_context.combined_validation_context
    assert context.require_client_certificate.value
    assert combined.validation_context_sds_secret_config.name == "kubernetes://shop-cacert"
    (matcher,) = combined.default_validation_context.match_typed_subject_alt_names
    assert matcher.matcher.exact == "a.org"


def test_clients_are_verified_against_files_and_pins() -> None:
    context = downstream(
        trust=TRUST_FILE,
        crl_file="/ca/crl.pem",
        certificate_spki=("spki",),
        certificate_hashes=("hash",),
        accept_untrusted=True,
    )
    validation = context.common_tls_context.validation_context
    assert validation.trusted_ca.filename == "/ca/ca.crt"
    assert validation.crl.filename == "/ca/crl.pem"
    assert list(validation.verify_certificate_spki) == ["spki"]
    assert list(validation.verify_certificate_hash) == ["hash"]
    assert validation.trust_chain_verification == CertificateValidationContext.ACCEPT_UNTRUSTED


def test_without_authorities_there_is_nothing_to_check() -> None:
    context = downstream(subject_alt_names=("a.org",), crl_file="/ca/crl.pem")
    assert context.common_tls_context.WhichOneof("validation_context_type") is None


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("spiffe://cluster.local/ns/a/sa/b", "URI"),
        ("a@example.com", "EMAIL"),
        ("10.0.0.1", "IP_ADDRESS"),
        ("::1", "IP_ADDRESS"),
        ("*.example.com", "DNS"),
    ],
)
def test_names_are_looked_for_where_certificates_hold_them(name: str, kind: str) -> None:
    context = upstream(trust=DELIVERED_TRUST, subject_alt_names=(name,))
    combined = context.common_tls_context.combined_validation_context
    (matcher,) = combined.default_validation_context.match_typed_subject_alt_names
    assert SubjectAltNameMatcher.SanType.Name(matcher.san_type) == kind
    assert matcher.matcher.exact == name


def test_versions_ciphers_and_curves() -> None:
    parameters = TlsParameters("TLSV1_0", "TLSV1_3", ("ECDHE-RSA-AES128-GCM-SHA256",), ("P-256",))
    message = downstream(parameters=parameters).common_tls_context.tls_params
    assert message.tls_minimum_protocol_version == TlsParametersMessage.TLSv1_0
    assert message.tls_maximum_protocol_version == TlsParametersMessage.TLSv1_3
    assert list(message.cipher_suites) == ["ECDHE-RSA-AES128-GCM-SHA256"]
    assert list(message.ecdh_curves) == ["P-256"]


def test_endpoints_are_spoken_to_in_tls_1_2_or_1_3() -> None:
    context = upstream(sni="a.example.com", alpn=("h2",))
    assert context.sni == "a.example.com"
    assert list(context.common_tls_context.alpn_protocols) == ["h2"]
    assert context.common_tls_context.tls_params.tls_minimum_protocol_version == TlsParametersMessage.TLSv1_2
    assert context.common_tls_context.tls_params.tls_maximum_protocol_version == TlsParametersMessage.TLSv1_3
    assert context.common_tls_context.WhichOneof("validation_context_type") is None


def test_endpoints_are_verified_against_the_system() -> None:
    context = upstream("/etc/authorities.pem", system_trust=True, subject_alt_names=("a.org",))
    validation = context.common_tls_context.validation_context
    assert validation.trusted_ca.filename == "/etc/authorities.pem"
    assert len(validation.match_typed_subject_alt_names) == 1


def test_written_authorities_go_before_those_of_the_system() -> None:
    context = upstream(trust=TRUST_FILE, system_trust=True, certificate=FILES)
    assert context.common_tls_context.validation_context.trusted_ca.filename == "/ca/ca.crt"
    assert len(context.common_tls_context.tls_certificates) == 1


def test_a_secret_is_named_as_it_is_asked_for() -> None:
    origin = Key(Kind.SECRET, "edge", "shop")
    made = build_secret(Certificate("kubernetes://shop", b"chain", b"key", b"staple"), (origin,))
    message = Secret.FromString(made.body)
    assert made.key == ResourceKey(ResourceType.SECRET, "kubernetes://shop")
    assert made.origins == (origin,)
    assert message.name == "kubernetes://shop"
    assert message.tls_certificate.certificate_chain.inline_bytes == b"chain"
    assert message.tls_certificate.private_key.inline_bytes == b"key"
    assert message.tls_certificate.ocsp_staple.inline_bytes == b"staple"


def test_authorities_are_a_secret_too() -> None:
    message = Secret.FromString(build_secret(Trust("kubernetes://shop-cacert", b"ca", b"crl")).body)
    assert message.validation_context.trusted_ca.inline_bytes == b"ca"
    assert message.validation_context.crl.inline_bytes == b"crl"


def test_a_private_key_is_never_printed() -> None:
    certificate = Certificate("kubernetes://shop", b"chain", b"private")
    assert "private" not in repr(certificate)
    assert "private" not in repr(build_secret(certificate))
