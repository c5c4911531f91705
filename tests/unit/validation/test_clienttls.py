"""Which credentials go with which mode of TLS: a snippet, and what is found where."""

import pytest
from tests.unit.validation.judging import traffic_policy

CASES = [
    ("{}", []),
    ("{mode: DISABLE}", []),
    ("{mode: SIMPLE}", []),
    ("{mode: SIMPLE, caCertificates: ca.pem, subjectAltNames: [a], sni: a}", []),
    ("{mode: SIMPLE, credentialName: ca}", []),
    ("{mode: MUTUAL, clientCertificate: c.pem, privateKey: k.pem}", []),
    ("{mode: MUTUAL, credentialName: client}", []),
    ("{mode: MUTUAL, credentialName: client, insecureSkipVerify: true}", []),
    ("{mode: ISTIO_MUTUAL, sni: a}", []),
    ("{mode: SOMETIMES}", ["error tls.mode"]),
    ("{mode: MUTUAL, privateKey: k.pem}", ["error tls.clientCertificate"]),
    ("{mode: MUTUAL, clientCertificate: c.pem}", ["error tls.privateKey"]),
    ("{mode: MUTUAL}", ["error tls.clientCertificate", "error tls.privateKey"]),
    ("{mode: SIMPLE, insecureSkipVerify: true, caCertificates: ca.pem}", ["error tls.caCertificates"]),
    ("{mode: SIMPLE, insecureSkipVerify: true, subjectAltNames: [a]}", ["error tls.subjectAltNames"]),
    ("{mode: SIMPLE, insecureSkipVerify: true, credentialName: ca}", ["error tls.credentialName"]),
    (
        "{mode: MUTUAL, credentialName: c, insecureSkipVerify: true, subjectAltNames: [a]}",
        ["error tls.subjectAltNames"],
    ),
    ("{mode: SIMPLE, credentialName: ca, caCertificates: ca.pem}", ["error tls.caCertificates"]),
    ("{mode: SIMPLE, credentialName: ca, caCrl: crl.pem}", ["error tls.caCrl"]),
    ("{mode: MUTUAL, credentialName: c, clientCertificate: c.pem}", ["error tls.clientCertificate"]),
    ("{mode: MUTUAL, credentialName: c, privateKey: k.pem}", ["error tls.privateKey"]),
    ("{mode: SIMPLE, credentialName: configmap://shop/ca}", []),
    ("{mode: SIMPLE, credentialName: configmap://other/ca}", ["error tls.credentialName"]),
    ("{mode: SIMPLE, credentialName: configmap://ca}", ["error tls.credentialName"]),
    ("{mode: SIMPLE, clientCertificate: c.pem}", ["warning tls.mode"]),
    ("{mode: ISTIO_MUTUAL, caCertificates: ca.pem}", ["warning tls.caCertificates"]),
    ("{sni: a}", ["warning tls.sni"]),
]


@pytest.mark.parametrize(("tls", "expected"), CASES)
def test_each_mode_takes_its_credentials_from_one_source(tls: str, expected: list[str]) -> None:
    assert traffic_policy(f"tls: {tls}") == expected
