"""Rules for Gateways."""

from typing import Any

import pytest

from lateen.model.keys import Key, Kind
from lateen.model.objects import Severity, print_path
from lateen.validation.intake import Admission, Intake

INTAKE = Intake()
HTTP = {"number": 80, "name": "http", "protocol": "HTTP"}
HTTPS = {"number": 443, "name": "https", "protocol": "HTTPS"}
CERTIFICATE = {"serverCertificate": "/cert", "privateKey": "/key"}


def admit(*servers: Any, name: str = "edge", **metadata: Any) -> Admission:
    raw = {"metadata": {"name": name, **metadata}, "spec": {"servers": list(servers)}}
    return INTAKE.admit(Key(Kind.GATEWAY, "shop", name), raw)


def server(port: Any = HTTP, hosts: Any = ("a.example.com",), **parts: Any) -> dict[str, Any]:
    return {"port": port, "hosts": list(hosts), **parts}


def tls(protocol: str = "HTTPS", **settings: Any) -> Admission:
    return admit(server({**HTTPS, "protocol": protocol}, tls=settings))


def errors(admission: Admission) -> list[str]:
    found = [print_path(each.path) for each in admission.problems if each.severity is Severity.ERROR]
    assert bool(found) == (admission.object is None)
    return found


def warnings(admission: Admission) -> list[str]:
    return [print_path(each.path) for each in admission.problems if each.severity is Severity.WARNING]


def test_a_gateways_name_is_one_label() -> None:
    assert errors(admit(server(), name="edge.shop")) == ["metadata.name"]


def test_objects_that_a_control_plane_generates_are_named_and_scoped_freely() -> None:
    generated = {"internal.istio.io/gateway-semantics": "gateway"}
    assert not errors(admit(server(hosts=["~/a.com"]), name="edge.shop", annotations=generated))
    assert errors(admit(server(hosts=["~/a.com"])))


def test_a_gateway_needs_a_server_and_a_server_needs_a_host() -> None:
    assert errors(admit()) == ["spec.servers"]
    assert errors(admit(server(hosts=[]))) == ["spec.servers[0].hosts"]


@pytest.mark.parametrize(
    "host",
    ["*", "*/*", "./*", "shop/a.com", "*/*.a.com", "*.a.com", "a.com", "10.0.0.1", "shop/10.0.0.1", "a.com."],
)
def test_hosts_are_names_with_a_dot_possibly_in_a_namespace(host: str) -> None:
    assert not errors(admit(server(hosts=[host])))


@pytest.mark.parametrize(
    "host",
    ["", "short", "shop/short", "/a.com", "shop/", "a.b/a.com", "~/a.com", "*a.com", "*-x.a.com", "a.*.com", "a_b.com"],
)
def test_short_names_and_partial_wildcards_are_no_hosts(host: str) -> None:
    assert set(errors(admit(server(hosts=["ok.com", host])))) == {"spec.servers[0].hosts[1]"}


def test_port_names_are_unique_within_a_gateway() -> None:
    assert errors(admit(server(), server())) == ["spec.servers[1].port.name"]


@pytest.mark.parametrize("protocol", ["http", "HTTP2", "Grpc", "grpc-web", "TCP", "MONGO", "redis", "mysql", "UDP"])
def test_protocols_are_known_in_any_case(protocol: str) -> None:
    assert not errors(admit(server({**HTTP, "protocol": protocol})))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"protocol": "SCTP"}, "protocol"),
        ({"protocol": ""}, "protocol"),
        ({"number": 0}, "number"),
        ({"number": 65536}, "number"),
        ({"name": ""}, "name"),
        ({"targetPort": 8080}, "targetPort"),
    ],
)
def test_a_wrong_port_is_refused(change: Any, field: str) -> None:
    assert errors(admit(server({**HTTP, **change}))) == [f"spec.servers[0].port.{field}"]


def test_a_server_binds_to_an_address_or_to_a_socket_without_port() -> None:
    assert not errors(admit(server(bind="10.0.0.1")))
    assert not errors(admit(server({**HTTP, "number": 0}, bind="unix:///run/a.sock")))
    assert not errors(admit(server({**HTTP, "number": 0}, bind="unix://@a")))
    assert errors(admit(server(bind="a.com"))) == ["spec.servers[0].bind"]
    assert errors(admit(server(bind="unix:///run/a.sock"))) == ["spec.servers[0].port.number"]
    assert errors(admit(server({**HTTP, "number": 0}, bind="unix://run/"))) == ["spec.servers[0].bind"]


def test_tls_settings_belong_to_tls_protocols() -> None:
    assert errors(admit(server(HTTPS))) == ["spec.servers[0].tls"]
    assert errors(tls("TCP")) == ["spec.servers[0].tls"]
    assert not errors(tls("TLS"))


def test_of_tls_a_plaintext_server_can_only_redirect() -> None:
    assert not errors(tls("HTTP", httpsRedirect=True))
    assert errors(tls("HTTP", httpsRedirect=True, mode="SIMPLE", credentialName="a")) == ["spec.servers[0].tls"]
    assert errors(tls("HTTP", serverCertificate="/cert")) == ["spec.servers[0].tls"]
    assert warnings(tls("HTTPS", httpsRedirect=True)) == ["spec.servers[0].tls.httpsRedirect"]


@pytest.mark.parametrize(
    "settings",
    [
        {"mode": "SIMPLE", **CERTIFICATE},
        {"mode": "SIMPLE", "credentialName": "a"},
        {"mode": "SIMPLE", "credentialNames": ["a", "b"]},
        {"mode": "SIMPLE", "credentialName": "a", "serverCertificate": "/cert"},
        {"mode": "SIMPLE", "credentialName": "a", "caCrl": "/crl"},
        {"mode": "SIMPLE", "tlsCertificates": [CERTIFICATE, CERTIFICATE]},
        {"mode": "MUTUAL", **CERTIFICATE, "caCertificates": "/ca", "caCrl": "/crl"},
        {"mode": "MUTUAL", "credentialName": "a"},
        {"mode": "OPTIONAL_MUTUAL", "credentialName": "a", "caCertificates": "/ca"},
        {"mode": "ISTIO_MUTUAL", "subjectAltNames": ["a"]},
        {"mode": "PASSTHROUGH"},
        {"mode": "AUTO_PASSTHROUGH"},
        {},
    ],
)
def test_a_certificate_comes_from_one_place(settings: Any) -> None:
    assert not errors(tls(**settings))


@pytest.mark.parametrize(
    ("settings", "fields"),
    [
        ({"mode": "SIMPLE"}, ["serverCertificate", "privateKey"]),
        ({"mode": "SIMPLE", "serverCertificate": "/cert"}, ["privateKey"]),
        ({"mode": "SIMPLE", **CERTIFICATE, "caCrl": "/crl"}, ["caCrl"]),
        ({"mode": "SIMPLE", **CERTIFICATE, "credentialName": "a"}, ["credentialName"]),
        ({"mode": "SIMPLE", "credentialName": "a", "credentialNames": ["b"]}, ["credentialNames"]),
        ({"mode": "SIMPLE", "credentialNames": ["a", "b", "c"]}, ["credentialNames"]),
        ({"mode": "SIMPLE", "tlsCertificates": [{"privateKey": "/key"}]}, ["tlsCertificates[0].serverCertificate"]),
        ({"mode": "SIMPLE", "tlsCertificates": [CERTIFICATE] * 3}, ["tlsCertificates"]),
        ({"mode": "MUTUAL", **CERTIFICATE}, ["caCertificates"]),
        ({"mode": "MUTUAL", "credentialName": "a", "caCrl": "/crl"}, ["caCrl"]),
        ({"mode": "OPTIONAL_MUTUAL", "credentialNames": ["a"], "caCrl": "/crl"}, ["caCrl"]),
        ({"mode": "OPTIONAL_MUTUAL"}, ["caCertificates", "serverCertificate", "privateKey"]),
        ({"mode": "ISTIO_MUTUAL", **CERTIFICATE}, ["serverCertificate", "privateKey"]),
        ({"mode": "ISTIO_MUTUAL", "caCertificates": "/ca"}, ["caCertificates"]),
        ({"mode": "ISTIO_MUTUAL", "credentialNames": ["a"]}, ["credentialNames"]),
        ({"mode": "PASSTHROUGH", "credentialName": "a", "caCrl": "/crl"}, ["caCrl"]),
        ({"mode": "PASSTHROUGH", "credentialNames": ["a"], "tlsCertificates": [CERTIFICATE]}, ["tlsCertificates"]),
    ],
)
def test_missing_or_competing_certificates_are_refused(settings: Any, fields: list[str]) -> None:
    assert errors(tls(**settings)) == [f"spec.servers[0].tls.{field}" for field in fields]


def test_certificates_of_a_server_that_forwards_have_no_effect() -> None:
    assert warnings(tls(credentialName="a")) == ["spec.servers[0].tls.mode"]
    assert not warnings(tls())


def test_old_tls_versions_need_ciphers_of_their_own() -> None:
    old = {"mode": "SIMPLE", "credentialName": "a", "minProtocolVersion": "TLSV1_1"}
    assert warnings(tls(**old)) == ["spec.servers[0].tls.minProtocolVersion"]
    assert not warnings(tls(**old, cipherSuites=["AES128-SHA"]))


def test_unknown_and_repeated_ciphers_have_no_effect_but_operators_pass() -> None:
    suites = ["ALL", "-AES128-SHA", "", "AES128-SHA", "AES128-SHA", "ROT13"]
    found = tls(mode="SIMPLE", credentialName="a", cipherSuites=suites)
    assert warnings(found) == ["spec.servers[0].tls.cipherSuites[4]", "spec.servers[0].tls.cipherSuites[5]"]


@pytest.mark.parametrize("fingerprint", ["ab" * 32, ":".join(["AB"] * 32)])
def test_certificates_are_pinned_by_hexadecimal_fingerprints(fingerprint: str) -> None:
    assert warnings(tls(mode="MUTUAL", credentialName="c", verifyCertificateHash=[fingerprint])) == []


@pytest.mark.parametrize("fingerprint", ["", "ab", "zz" * 32, "ab" * 33])
def test_a_certificates_fingerprint_of_another_shape_is_warned_of(fingerprint: str) -> None:
    admission = tls(mode="MUTUAL", credentialName="c", verifyCertificateHash=["ab" * 32, fingerprint])
    assert warnings(admission) == ["spec.servers[0].tls.verifyCertificateHash[1]"]


def test_a_keys_fingerprint_has_44_characters() -> None:
    admission = tls(mode="MUTUAL", credentialName="c", verifyCertificateSpki=["A" * 43 + "=", "A" * 43, ""])
    path = "spec.servers[0].tls.verifyCertificateSpki"
    assert warnings(admission) == [f"{path}[1]", f"{path}[2]"]
