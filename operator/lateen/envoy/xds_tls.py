"""How a proxy proves itself to the control plane, and checks it: certificates in files that are replaced while it runs.

The files lie in a mounted Secret. A kubelet replaces all of them at once, by turning a link in
their folder around; Envoy watches the folder, reads them again, and uses them for its next
connection. It watches only what discovery names, so each is named by a file of discovery that
never changes.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from lateen.envoy.wire import TYPE_URL_PREFIX, Fields

CERTIFICATE: Final = "client.json"
AUTHORITIES: Final = "authorities.json"
"""Names of the files of discovery."""

_CONTEXT: Final = "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"
_SECRET: Final = "envoy.extensions.transport_sockets.tls.v3.Secret"  # noqa: S105 - the name of a message


@dataclass(frozen=True, slots=True)
class XdsTls:
    """Where certificates lie, and who the control plane has to be."""

    server_name: str
    """Name that it is asked for, and that its certificate has to carry."""

    folder: str
    """Where the files of `discovery_files` lie."""


def xds_socket(tls: XdsTls) -> Fields:
    """Return the transport socket of the cluster that reaches the control plane."""
    checks = {"match_typed_subject_alt_names": [{"san_type": "DNS", "matcher": {"exact": tls.server_name}}]}
    common = {
        # Envoy as a client stops at 1.2 by default.
        "tls_params": {"tls_minimum_protocol_version": "TLSv1_3", "tls_maximum_protocol_version": "TLSv1_3"},
        "alpn_protocols": ["h2"],
        "tls_certificate_sds_secret_configs": [_named(tls, CERTIFICATE)],
        "combined_validation_context": {
            "default_validation_context": checks,
            "validation_context_sds_secret_config": _named(tls, AUTHORITIES),
        },
    }
    context = {"@type": TYPE_URL_PREFIX + _CONTEXT, "sni": tls.server_name, "common_tls_context": common}
    return {"name": "envoy.transport_sockets.tls", "typed_config": context}


def discovery_files(folder: str) -> Mapping[str, str]:
    """Return the files of discovery, text by name.

    Args:
        folder: where the Secret is mounted.
    """
    watched = {"watched_directory": {"path": folder}}
    certificate = {
        "certificate_chain": {"filename": f"{folder}/tls.crt"},
        "private_key": {"filename": f"{folder}/tls.key"},
        **watched,
    }
    authorities = {"trusted_ca": {"filename": f"{folder}/ca.crt"}, **watched}
    return {
        CERTIFICATE: _discovered(CERTIFICATE, "tls_certificate", certificate),
        AUTHORITIES: _discovered(AUTHORITIES, "validation_context", authorities),
    }


def _named(tls: XdsTls, file: str) -> Fields:
    source = {"path": f"{tls.folder}/{file}"}
    return {"name": file, "sds_config": {"path_config_source": source, "resource_api_version": "V3"}}


def _discovered(name: str, kind: str, value: Fields) -> str:
    secret = {"@type": TYPE_URL_PREFIX + _SECRET, "name": name, kind: value}
    return json.dumps({"resources": [secret]}, indent=2) + "\n"
