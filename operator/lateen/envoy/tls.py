"""TLS contexts of listeners and clusters, and the secrets they refer to (istio-semantics §1.1.2, §1.3.6, §2.8)."""

from collections.abc import Iterable, Iterator
from ipaddress import ip_address
from typing import Final

from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret
from envoy.extensions.transport_sockets.tls.v3.tls_pb2 import DownstreamTlsContext, UpstreamTlsContext

from lateen.envoy.discovery import secret_source
from lateen.envoy.wire import Fields, extension, resource, serialize
from lateen.ir.cluster import UpstreamTls
from lateen.ir.listener import DownstreamTls, SecretRef, TlsParameters
from lateen.ir.resource import Resource, ResourceKey, ResourceType
from lateen.ir.secret import Certificate, Trust
from lateen.model.keys import Key

SYSTEM_TRUST_FILE: Final = "/etc/ssl/certs/ca-certificates.crt"
"""Where Debian, Ubuntu, Alpine and Envoy's own images keep the authorities of the system."""

_TLS_SOCKET: Final = "envoy.transport_sockets.tls"
_VERSIONS: Final = {"TLSV1_0": "TLSv1_0", "TLSV1_1": "TLSv1_1", "TLSV1_2": "TLSv1_2", "TLSV1_3": "TLSv1_3"}


def build_secret(material: Certificate | Trust, origins: Iterable[Key] = ()) -> Resource:
    """Build the Secret that proxies ask for by `material.name`. Its body holds the private key: never print it."""
    return resource(ResourceType.SECRET, material.name, serialize(Secret(**_secret(material))), origins=origins)


def secrets_of(refs: Iterable[SecretRef | None]) -> Iterator[ResourceKey]:
    """Name the secrets that Envoy asks for."""
    return (ResourceKey(ResourceType.SECRET, ref.name) for ref in refs if ref is not None and ref.name)


def _secret(material: Certificate | Trust) -> Fields:
    if isinstance(material, Trust):
        trust: Fields = {"trusted_ca": {"inline_bytes": material.authorities}}
        if material.crl:
            trust["crl"] = {"inline_bytes": material.crl}
        return {"name": material.name, "validation_context": trust}
    certificate: Fields = {
        "certificate_chain": {"inline_bytes": material.chain},
        "private_key": {"inline_bytes": material.private_key},
    }
    if material.ocsp_staple:
        certificate["ocsp_staple"] = {"inline_bytes": material.ocsp_staple}
    return {"name": material.name, "tls_certificate": certificate}


def downstream_socket(tls: DownstreamTls) -> Fields:
    """Return the transport socket of a chain that terminates TLS."""
    common: Fields = {"alpn_protocols": tls.alpn, **_parameters(tls.parameters), **_certificates(tls.certificates)}
    checks = _checks(tls.subject_alt_names, tls.crl_file)
    if tls.certificate_spki:
        checks["verify_certificate_spki"] = tls.certificate_spki
    if tls.certificate_hashes:
        checks["verify_certificate_hash"] = tls.certificate_hashes
    if tls.accept_untrusted:
        checks["trust_chain_verification"] = "ACCEPT_UNTRUSTED"
    common.update(_validation(tls.trust, checks))
    context = DownstreamTlsContext(
        common_tls_context=common,
        require_client_certificate={"value": tls.require_client_certificate},
    )
    return extension(_TLS_SOCKET, context)


def upstream_socket(tls: UpstreamTls, system_trust_file: str = SYSTEM_TRUST_FILE) -> Fields:
    """Return the transport socket of a cluster that speaks TLS to its endpoints."""
    common: Fields = {**_parameters(tls.parameters)}
    if tls.alpn:
        common["alpn_protocols"] = tls.alpn
    if tls.certificate is not None:
        common.update(_certificates((tls.certificate,)))
    checks = _checks(tls.subject_alt_names, tls.crl_file)
    if tls.trust is None and tls.system_trust:
        common["validation_context"] = {**checks, "trusted_ca": {"filename": system_trust_file}}
    else:
        common.update(_validation(tls.trust, checks))
    return extension(_TLS_SOCKET, UpstreamTlsContext(common_tls_context=common, sni=tls.sni))


def _parameters(parameters: TlsParameters) -> Fields:
    fields: Fields = {}
    minimum = _VERSIONS.get(parameters.min_version)
    maximum = _VERSIONS.get(parameters.max_version)
    if minimum is not None:
        fields["tls_minimum_protocol_version"] = minimum
    if maximum is not None:
        fields["tls_maximum_protocol_version"] = maximum
    if parameters.ciphers:
        fields["cipher_suites"] = parameters.ciphers
    if parameters.curves:
        fields["ecdh_curves"] = parameters.curves
    return {"tls_params": fields} if fields else {}


def _certificates(refs: Iterable[SecretRef]) -> Fields:
    delivered: list[Fields] = []
    local: list[Fields] = []
    for ref in refs:
        if ref.name:
            delivered.append(_delivered(ref))
        else:
            local.append(_local_certificate(ref))
    fields: Fields = {}
    if delivered:
        fields["tls_certificate_sds_secret_configs"] = delivered
    if local:
        fields["tls_certificates"] = local
    return fields


def _delivered(ref: SecretRef) -> Fields:
    return {"name": ref.name, "sds_config": secret_source()}


def _local_certificate(ref: SecretRef) -> Fields:
    """Envoy reads the files once, with the listener or cluster: it watches only files that SDS names."""
    return {"certificate_chain": {"filename": ref.certificate_file}, "private_key": {"filename": ref.key_file}}


def _validation(trust: SecretRef | None, checks: Fields) -> Fields:
    """Return the fields that say how a peer is verified.

    Without authorities Envoy refuses conditions on names and revocation lists, and there is
    nothing to check: the peer shows no certificate, or any is accepted. They are left out.
    """
    if trust is None:
        kept = {name: checks[name] for name in checks if name not in {"match_typed_subject_alt_names", "crl"}}
        return {"validation_context": kept} if kept else {}
    if trust.name:
        combined = {"default_validation_context": checks, "validation_context_sds_secret_config": _delivered(trust)}
        return {"combined_validation_context": combined}
    return {"validation_context": {**checks, "trusted_ca": {"filename": trust.trust_file}}}


def _checks(names: Iterable[str], crl_file: str) -> Fields:
    fields: Fields = {}
    matchers = [_name_matcher(name) for name in names]
    if matchers:
        fields["match_typed_subject_alt_names"] = matchers
    if crl_file:
        fields["crl"] = {"filename": crl_file}
    return fields


def _name_matcher(name: str) -> Fields:
    return {"san_type": _name_type(name), "matcher": {"exact": name}}


def _name_type(name: str) -> str:
    """Tell what kind of name a certificate would hold: URI, e-mail address, IP address or DNS name."""
    if "://" in name:
        return "URI"
    if "@" in name:
        return "EMAIL"
    try:
        ip_address(name)
    except ValueError:
        return "DNS"
    return "IP_ADDRESS"
