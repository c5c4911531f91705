"""What a resource means: Envoy's messages without spelling, so that two control planes can be compared.

Two messages mean the same when Envoy does the same with traffic. Left out, on both sides, is what only
names or observes (statistics, tracing, metadata) and what the reference's own build of Envoy adds.
"""

import json
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any, Final, TypeAlias

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from envoy.extensions.filters.http.cors.v3 import cors_pb2 as _cors  # noqa: F401 - known inside Any
from envoy.extensions.filters.http.fault.v3 import fault_pb2 as _fault  # noqa: F401 - the same
from envoy.extensions.filters.network.http_connection_manager.v3 import http_connection_manager_pb2 as _hcm
from envoy.extensions.filters.network.tcp_proxy.v3 import tcp_proxy_pb2 as _tcp  # noqa: F401 - the same
from envoy.extensions.retry.host.previous_hosts.v3 import previous_hosts_pb2 as _hosts  # noqa: F401 - the same
from envoy.extensions.transport_sockets.tls.v3 import tls_pb2 as _tls
from envoy.extensions.upstreams.http.v3 import http_protocol_options_pb2 as _options  # noqa: F401 - the same
from google.protobuf.json_format import MessageToDict, ParseDict

Json: TypeAlias = Any

_SILENT: Final = frozenset({"altStatName", "decorator", "metadata", "observabilityName", "statPrefix", "tracing"})
"""Fields that name and observe."""

_DEFAULTS: Final[Mapping[str, Json]] = {"caseSensitive": True}
"""Fields that say what is so anyway."""

_CERTIFICATE: Final = "file-cert:"
_TRUST: Final = "file-root:"
"""How the reference names what an agent beside the proxy reads from files (istio-semantics §2.8)."""

_UNORDERED: Final = frozenset({"valueMatchers", "dynamicMetadata", "headers", "queryParameters"})
"""Lists of conditions, all or any of which must hold."""

_PERCENT: Final = {"HUNDRED": 100, "TEN_THOUSAND": 10_000, "MILLION": 1_000_000}

_CONFIGURATION_FIELDS: Final = ("ignorePortInHostMatching", "maxDirectResponseBodySizeBytes", "validateClusters")
"""What is compared of a route configuration besides its virtual hosts."""

_LISTENER_FIELDS: Final = ("address", "trafficDirection", "maxConnectionsToAcceptPerSocketEvent")
"""What is compared of a listener besides its chains."""

_AUTHORITY: Final = "|%REQ(:authority)%"

_HTTP_FIELDS: Final = (
    "useRemoteAddress",
    "normalizePath",
    "pathWithEscapedSlashesAction",
    "streamIdleTimeout",
    "proxy100Continue",
    "upgradeConfigs",
    "forwardClientCertDetails",
    "setCurrentClientCertDetails",
)
"""What is compared of an HTTP connection manager besides its routes."""

_CLUSTER_FIELDS: Final = (
    "type",
    "connectTimeout",
    "lbPolicy",
    "ringHashLbConfig",
    "maglevLbConfig",
    "leastRequestLbConfig",
    "roundRobinLbConfig",
    "commonLbConfig",
    "circuitBreakers",
    "outlierDetection",
    "upstreamConnectionOptions",
    "typedExtensionProtocolOptions",
    "maxRequestsPerConnection",
    "respectDnsTtl",
)
"""What is compared of a cluster; TLS is compared apart."""


def parse(json_form: Json, message_type: type[Any]) -> Json:
    """Bring a JSON form into the spelling of this version's messages."""
    return MessageToDict(ParseDict(json_form, message_type(), ignore_unknown_fields=True))


def route_meaning(config: Json) -> dict[str, Json]:
    """What a route configuration does, by domain."""
    plain = parse(_plain(config), RouteConfiguration)
    shared = {name: plain.get(name) for name in _CONFIGURATION_FIELDS}
    return {
        domain: {
            **shared,
            "includeRequestAttemptCount": host.get("includeRequestAttemptCount"),
            "requireTls": host.get("requireTls", "NONE"),
            "routes": host.get("routes", []),
        }
        for host in plain.get("virtualHosts", ())
        if not host["name"].startswith("blackhole:")
        for domain in host["domains"]
    }


def listener_meaning(listener: Json) -> dict[str, Json]:
    """What a listener does, by the server names of its chains."""
    chains = {}
    for chain in listener.get("filterChains", ()):
        match = chain.get("filterChainMatch", {})
        chains[" ".join(sorted(match.get("serverNames", ()))) or "any"] = {
            "tls": server_tls_meaning(chain.get("transportSocket")),
            "handshake": chain.get("transportSocketConnectTimeout"),
            "filter": _filter_meaning(chain["filters"][-1]["typedConfig"]),
        }
    kept = {name: listener[name] for name in _LISTENER_FIELDS if name in listener}
    return {**parse(kept, Listener), "chains": chains}


def endpoint_meaning(assignment: Json) -> list[Json]:
    """The endpoints of a cluster, with what their share of requests depends on."""
    found = []
    for group in parse(_plain(assignment), ClusterLoadAssignment).get("endpoints", ()):
        place = {name: group.get(name) or None for name in ("locality", "priority", "loadBalancingWeight")}
        for each in group.get("lbEndpoints", ()):
            status = each.get("healthStatus", "HEALTHY").replace("UNKNOWN", "HEALTHY")
            weight = each.get("loadBalancingWeight", 1)
            address = each["endpoint"]["address"]
            found.append({"address": address, "status": status, "weight": weight, "group": place})
    return sorted(found, key=json.dumps)


def cluster_meaning(cluster: Json) -> dict[str, Json]:
    """What a cluster does; its endpoints apart."""
    kept = {name: cluster[name] for name in _CLUSTER_FIELDS if name in cluster} | _dns_meaning(cluster)
    plain = parse(_plain(kept), Cluster)
    for threshold in plain.get("circuitBreakers", {}).get("thresholds", ()):
        threshold.pop("trackRemaining", None)
    seconds = float(plain.get("connectTimeout", "0s").removesuffix("s"))
    plain["connectTimeout"] = f"{round(seconds * 1000)} ms"
    ejection = plain.get("outlierDetection", {})
    if "maxEjectionPercent" not in ejection:
        # Said to newer Envoys, which would eject none of a few where older ones ejected one (Appendix F).
        ejection.pop("alwaysEjectOneHost", None)
    plain["tls"] = _tls_meaning(cluster.get("transportSocket"), _tls.UpstreamTlsContext)
    return dict(plain)


def _dns_meaning(cluster: Json) -> dict[str, Json]:
    """Spell a cluster of the DNS extension as the older types do."""
    config = cluster.get("clusterType", {}).get("typedConfig", {})
    if not str(config.get("@type", "")).endswith(".DnsCluster"):
        return {}
    kind = "LOGICAL_DNS" if config.get("allAddressesInSingleEndpoint") else "STRICT_DNS"
    return {"type": kind, "respectDnsTtl": config.get("respectDnsTtl", False)}


def server_tls_meaning(socket: Json) -> Json:
    """What a transport socket of a listener does."""
    return _tls_meaning(socket, _tls.DownstreamTlsContext)


def _tls_meaning(socket: Json, message_type: type[Any]) -> Json:
    if not socket:
        return None
    config = {name: value for name, value in socket["typedConfig"].items() if name != "@type"}
    plain = parse(_plain(config), message_type)
    shared = plain.get("commonTlsContext", {})
    _read_certificate_files(shared)
    _read_trust_files(shared)
    return plain


def _read_certificate_files(shared: Json) -> None:
    """Spell certificates that an agent would read from files as files."""
    served = shared.pop("tlsCertificateSdsSecretConfigs", [])
    files = [each["name"].removeprefix(_CERTIFICATE).split("~") for each in served if _is_file(each)]
    inline = [{"certificateChain": {"filename": one}, "privateKey": {"filename": other}} for one, other in files]
    for name, found in (
        ("tlsCertificateSdsSecretConfigs", [each for each in served if not _is_file(each)]),
        ("tlsCertificates", [*shared.pop("tlsCertificates", []), *inline]),
    ):
        if found:
            shared[name] = found


def _read_trust_files(shared: Json) -> None:
    """Spell trust that an agent would read from a file as a file; names of peers may be of any sort."""
    combined = shared.get("combinedValidationContext", {})
    served = combined.get("validationContextSdsSecretConfig", {})
    if _is_file(served):
        trusted = {"trustedCa": {"filename": served["name"].removeprefix(_TRUST)}}
        shared["validationContext"] = {**combined.get("defaultValidationContext", {}), **trusted}
        del shared["combinedValidationContext"]
    for context in (shared.get("validationContext"), combined.get("defaultValidationContext")):
        typed = (context or {}).pop("matchTypedSubjectAltNames", [])
        if typed:
            names = {json.dumps(each["matcher"]): each["matcher"] for each in typed}
            context["matchSubjectAltNames"] = list(names.values())


def _is_file(served: Json) -> bool:
    return str(served.get("name", "")).startswith((_CERTIFICATE, _TRUST))


def _filter_meaning(config: Json) -> Json:
    if "statPrefix" not in config:
        return config
    if config["@type"].endswith("TcpProxy"):
        return _plain({name: value for name, value in config.items() if name != "accessLog"})
    kept = {name: config[name] for name in _HTTP_FIELDS if name in config}
    filters = [each["name"] for each in config["httpFilters"] if each["name"] == "envoy.filters.http.grpc_web"]
    return {**parse(kept, _hcm.HttpConnectionManager), "filters": filters, "routes": _chain_name(config)}


def _chain_name(manager: Json) -> str:
    """Name of the chain whose routes are used: of the one route configuration, or before the host in all scopes."""
    if "rds" in manager:
        return str(manager["rds"]["routeConfigName"])
    [extension] = manager["earlyHeaderMutationExtensions"]
    [mutation] = extension["typedConfig"]["mutations"]
    return str(mutation["append"]["header"]["value"]).removesuffix(_AUTHORITY)


def _plain(value: Json) -> Json:
    """Spell equal things equally."""
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if not isinstance(value, dict):
        return value
    out = {
        name: _plain(each) for name, each in value.items() if name not in _SILENT and _DEFAULTS.get(name, value) != each
    }
    if out.get("maxGrpcTimeout") == "0s":  # the older spelling
        out["maxStreamDuration"] = {"grpcTimeoutHeaderMax": out.pop("maxGrpcTimeout")}
    elif "maxGrpcTimeout" in out and out["maxGrpcTimeout"] == out.get("timeout"):
        # Deprecated, and where there is a timeout its successor would take the timeout's place. It is
        # left out on purpose: a client with a shorter deadline ends its call itself.
        del out["maxGrpcTimeout"]
    if "denominator" in out or set(out) == {"numerator"}:
        part = Fraction(out.get("numerator", 0), _PERCENT[out.get("denominator", "HUNDRED")])
        out = {"numerator": int(part * 1_000_000), "denominator": "MILLION"}
    if "slowStartWindow" in out:
        aggression = out.pop("aggression", {}).get("defaultValue", 1.0)
        out = {"aggression": {"defaultValue": aggression}, "minWeightPercent": {"value": 10.0}} | out
    for name in _UNORDERED & set(out):
        if isinstance(out[name], list):
            out[name] = sorted(out[name], key=json.dumps)
    return out


def differences(expected: Json, got: Json, path: str = "") -> Iterator[str]:
    """Name each place where two forms differ."""
    if isinstance(expected, dict) and isinstance(got, dict):
        for name in sorted({*expected, *got}):
            place = f"{path}.{name}" if path else name
            if name not in got:
                yield f"{place}: missing, expected {_short(expected[name])}"
            elif name not in expected:
                yield f"{place}: not expected, got {_short(got[name])}"
            else:
                yield from differences(expected[name], got[name], place)
    elif isinstance(expected, list) and isinstance(got, list) and len(expected) == len(got):
        for index, (one, other) in enumerate(zip(expected, got, strict=True)):
            yield from differences(one, other, f"{path}[{index}]")
    elif expected != got:
        yield f"{path}: expected {_short(expected)}, got {_short(got)}"


def _short(value: Json) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 160 else f"{text[:160]}…"
