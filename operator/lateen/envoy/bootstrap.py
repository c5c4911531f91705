"""The bootstrap: the little that Envoy knows before it reaches the control plane.

Written as JSON, because a person may have to read it beside Envoy's log.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any, Final

from lateen.envoy.endpoint import place
from lateen.envoy.names import XDS_CLUSTER
from lateen.envoy.pool import HTTP_OPTIONS
from lateen.envoy.status_pages import status_cluster, status_listener
from lateen.envoy.wire import TYPE_URL_PREFIX, Fields
from lateen.envoy.xds_tls import XdsTls, xds_socket
from lateen.errors import InputError

_RUNTIME: Final[Fields] = {
    # A VirtualService may hold an expression of 1024 bytes; Envoy's limit of 100 refuses far smaller ones.
    "re2.max_program_size.error_level": 32768,
    # A fragment in a path is removed instead of answered with 400 (istio-semantics Appendix G).
    "envoy.reloadable_features.http_reject_path_with_fragment": False,
}

_STATISTICS: Final = (
    "[a-z0-9]+_",
    r"external\.upstream_",
    r"zone\.[^.]+\.[^.]+\.upstream_",
    r"http[1-3]\.[a-z0-9_]+$",
    r"ssl\.(?:handshake|session_reused|no_certificate|fail_|ciphers|curves|sigalgs|versions|ocsp_|was_)",
    r"default\.total_match_count$",
    "version$",
)
_LABELS: Final = rf"[^.|]+(?:\.(?!(?:{'|'.join(_STATISTICS)}))[^.|]+)*"
_CLUSTER_NAME: Final = rf"^cluster\.((outbound\|[0-9]+\|[^|]*\|{_LABELS}|{_LABELS})\.)"
"""Names of clusters hold dots; they end at the dot after which the name of a statistic begins.

Envoy tries this on each of the hundred statistics of a cluster, so it looks ahead at dots only:
at every character, it took half of the time to load ten thousand clusters.

Hosts have no underscores, nearly all statistics do. A host that ends in `.internal` keeps its
whole name, because no client counts as internal (istio-semantics §2.14).
"""

_DEFAULT_TAGS: Final = (
    "envoy.response_code",
    "envoy.response_code_class",
    "envoy.http_conn_manager_prefix",
    "envoy.listener_address",
    "envoy.tcp_prefix",
    "envoy.ssl_cipher",
    "envoy.ssl_version",
    "envoy.worker_id",
)

_UNWANTED_STATS: Final = ".vcluster."
"""Every virtual host has a dozen statistics of a feature that Istio's API does not have."""


@dataclass(frozen=True, slots=True)
class BootstrapOptions:
    """What differs between one bootstrap and another."""

    xds_address: str
    """`host:port`, `[::1]:port`, `unix:/path` or `/path` of the control plane."""

    node_cluster: str
    """The proxy's class, `namespace/name`, where several Envoys of one class are told apart by `node_id`."""

    node_id: str = ""
    """Name of this very proxy; empty: Envoy is told by `--service-node`."""

    admin_address: str = "127.0.0.1"
    """IP address of the admin pages; loopback, because they can stop the proxy."""

    admin_port: int = 0
    """0 takes any free port, which Envoy writes to the file of `--admin-address-path`."""

    status_port: int = 0
    """Port, open to everybody, of whether the proxy is ready and of its statistics (`status_pages`); 0: none.

    It is answered by the admin pages, so these need a port that is known.
    """

    dual_stack: bool = False
    """The status port is reached by IPv6 as well."""

    xds_tls: XdsTls | None = None
    """What the proxy shows the control plane, and whom it trusts; None: no TLS."""

    event_log: str = ""
    """File that ejections of hosts are written to, as JSON; empty: none."""

    locality: str = ""
    """`region/zone/subzone` of this proxy, empty when unknown."""

    metadata: Mapping[str, Any] = field(default_factory=dict)
    """What the control plane should know of this very proxy."""


def build_bootstrap(options: BootstrapOptions) -> Fields:
    """Return the bootstrap as a JSON object.

    Raises:
        InputError: `xds_address` has another shape.
    """
    node: Fields = {"id": options.node_id} if options.node_id else {}
    node["cluster"] = options.node_cluster
    if options.locality:
        node["locality"] = place(options.locality)
    if options.metadata:
        node["metadata"] = dict(options.metadata)
    admin = {"socket_address": {"address": options.admin_address, "port_value": options.admin_port}}
    static: Fields = {"clusters": [_xds_cluster(options)]}
    if options.status_port:
        static["clusters"].append(status_cluster(options.admin_address, options.admin_port))
        static["listeners"] = [status_listener(options.status_port, dual_stack=options.dual_stack)]
    ejections = {"outlier_detection": {"event_log_path": options.event_log}}
    return {
        "node": node,
        "admin": {"address": admin},
        "dynamic_resources": _dynamic_resources(),
        "static_resources": static,
        **({"cluster_manager": ejections} if options.event_log else {}),
        "layered_runtime": {
            "layers": [{"name": "lateen", "static_layer": dict(_RUNTIME)}, {"name": "admin", "admin_layer": {}}]
        },
        "deferred_stat_options": {"enable_deferred_creation_stats": True},
        "stats_config": _stats(),
    }


def bootstrap_text(bootstrap: Fields) -> str:
    """Return the bootstrap as the text of a file for `envoy --config-path`, ending in `.json`."""
    return json.dumps(bootstrap, indent=2) + "\n"


def _dynamic_resources() -> Fields:
    """One delta stream carries everything; Envoy opens no port before it has heard of the first clusters."""
    source = {"ads": {}, "resource_api_version": "V3", "initial_fetch_timeout": "0s"}
    service = {
        "envoy_grpc": {
            "cluster_name": XDS_CLUSTER,
            "max_receive_message_length": 256 * 1024 * 1024,
            "retry_policy": {"retry_back_off": {"base_interval": "0.1s", "max_interval": "5s"}},
        }
    }
    return {
        "ads_config": {
            "api_type": "DELTA_GRPC",
            "transport_api_version": "V3",
            "set_node_on_first_message_only": True,
            "grpc_services": [service],
        },
        "cds_config": source,
        "lds_config": source,
    }


def _xds_cluster(options: BootstrapOptions) -> Fields:
    """HTTP/2 with keepalive: a control plane that vanished without a word is noticed within 35 seconds."""
    target, needs_dns = _parse_address(options.xds_address)
    http_options = {
        "@type": TYPE_URL_PREFIX + HTTP_OPTIONS,
        "explicit_http_config": {
            "http2_protocol_options": {"connection_keepalive": {"interval": "30s", "timeout": "5s"}}
        },
    }
    return {
        "name": XDS_CLUSTER,
        "type": "STRICT_DNS" if needs_dns else "STATIC",
        "dns_lookup_family": "V4_PREFERRED",
        "connect_timeout": "1s",
        **({"transport_socket": xds_socket(options.xds_tls)} if options.xds_tls else {}),
        "typed_extension_protocol_options": {HTTP_OPTIONS: http_options},
        "load_assignment": {
            "cluster_name": XDS_CLUSTER,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": target}}]}],
        },
    }


def _parse_address(address: str) -> tuple[Fields, bool]:
    path = address.removeprefix("unix:").removeprefix("//")
    if path.startswith(("/", "@")):
        return {"pipe": {"path": path}}, False
    host, colon, port = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isdecimal() or not 0 < int(port) < 1 << 16:
        raise InputError(f"{address!r} is neither host:port nor the path of a socket")
    return {"socket_address": {"address": host, "port_value": int(port)}}, not _is_ip(host)


def _is_ip(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _stats() -> Fields:
    """Statistics of clusters stay on; only tags of features that are never configured are left out."""
    return {
        "use_all_default_tags": False,
        "stats_tags": [
            {"tag_name": "envoy.cluster_name", "regex": _CLUSTER_NAME},
            *({"tag_name": name} for name in _DEFAULT_TAGS),
        ],
        "stats_matcher": {"exclusion_list": {"patterns": [{"contains": _UNWANTED_STATS}]}},
    }
