"""Rules for TLS towards endpoints (istio-semantics §1.3.6)."""

from lateen.model.trafficpolicy import ClientTls, TlsMode
from lateen.validation.report import Report

_CONFIG_MAP = "configmap://"


def check_client_tls(tls: ClientTls, namespace: str) -> Report:
    """Credentials that fit the mode, and each from one source only.

    Args:
        tls: the block.
        namespace: that of the DestinationRule; ConfigMaps are read from nowhere else.
    """
    report = Report()
    if tls.mode in (TlsMode.DISABLE, TlsMode.ISTIO_MUTUAL):
        _warn_of_idle_fields(tls, report)
        return report
    if tls.insecure_skip_verify:
        _check_unverified(tls, report)
    if tls.credential_name:
        _check_credential(tls, namespace, report)
    elif tls.mode is TlsMode.MUTUAL:
        if not tls.client_certificate:
            report.error("mode MUTUAL needs clientCertificate or credentialName", "clientCertificate")
        if not tls.private_key:
            report.error("mode MUTUAL needs privateKey or credentialName", "privateKey")
    elif tls.client_certificate or tls.private_key:
        report.warn("mode SIMPLE shows no certificate; for that use MUTUAL", "mode")
    return report


def _files(tls: ClientTls) -> dict[str, bool]:
    return {
        "clientCertificate": bool(tls.client_certificate),
        "privateKey": bool(tls.private_key),
        "caCertificates": bool(tls.ca_certificates),
        "caCrl": bool(tls.ca_crl),
    }


def _warn_of_idle_fields(tls: ClientTls, report: Report) -> None:
    idle = _files(tls) | {"credentialName": bool(tls.credential_name)}
    if tls.mode is TlsMode.DISABLE:
        idle |= {
            "sni": bool(tls.sni),
            "subjectAltNames": bool(tls.subject_alt_names),
            "insecureSkipVerify": bool(tls.insecure_skip_verify),
        }
    for field, given in idle.items():
        if given:
            report.warn(f"{field} has no effect in mode {tls.mode}", field)


def _check_unverified(tls: ClientTls, report: Report) -> None:
    """Without verification there is nothing to verify with or against."""
    verifying = {"caCertificates": bool(tls.ca_certificates), "subjectAltNames": bool(tls.subject_alt_names)}
    if tls.mode is TlsMode.SIMPLE:
        verifying["credentialName"] = bool(tls.credential_name)
    for field, given in verifying.items():
        if given:
            report.error(f"insecureSkipVerify and {field} exclude each other", field)


def _check_credential(tls: ClientTls, namespace: str, report: Report) -> None:
    for field, given in _files(tls).items():
        if given:
            report.error(f"credentialName and {field} exclude each other", field)
    if tls.credential_name.startswith(_CONFIG_MAP):
        parts = tls.credential_name.removeprefix(_CONFIG_MAP).split("/")
        if len(parts) != 2 or not all(parts):
            report.error("a ConfigMap is named configmap://<namespace>/<name>", "credentialName")
        elif parts[0] != namespace:
            report.error(f"a ConfigMap has to be in the rule's own namespace {namespace!r}", "credentialName")
