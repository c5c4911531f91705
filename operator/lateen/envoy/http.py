"""HTTP connection managers and their filters (istio-semantics §2.14, §3.3).

The `server` header stays Envoy's own, `envoy`: the name in it identifies the proxy, and the
proxy is an unmodified Envoy. Filters that exist only in istio-proxy builds (peer metadata,
ALPN override, telemetry) are left out; routing does not depend on them.
"""

from functools import cache
from typing import Final

from envoy.extensions.filters.http.cors.v3.cors_pb2 import Cors
from envoy.extensions.filters.http.fault.v3.fault_pb2 import HTTPFault
from envoy.extensions.filters.http.grpc_web.v3.grpc_web_pb2 import GrpcWeb
from envoy.extensions.filters.http.router.v3.router_pb2 import Router
from envoy.extensions.filters.network.http_connection_manager.v3 import http_connection_manager_pb2 as hcm

from lateen.envoy.cors import CORS_FILTER
from lateen.envoy.discovery import patient_source
from lateen.envoy.fault import FAULT_FILTER
from lateen.envoy.names import SCOPES
from lateen.envoy.overflow import overflow_log
from lateen.envoy.scope import SCOPE_HEADER, scope_filter, scope_mutation
from lateen.envoy.wire import Fields, duration, extension
from lateen.ir.listener import HttpChain, RouteLayout

_FILTER: Final = "envoy.filters.network.http_connection_manager"


def http_filter(chain: HttpChain, event_log: str = "") -> Fields:
    """Return the network filter of an HTTP chain; overflows are written to `event_log`, if any."""
    manager = hcm.HttpConnectionManager(
        stat_prefix=chain.stat_prefix,
        http_filters=_http_filters(chain),
        access_log=overflow_log(event_log),
        **_routes(chain),
        **_settings(),
    )
    return extension(_FILTER, manager)


def _settings() -> Fields:
    return {
        "use_remote_address": {"value": True},
        "normalize_path": {"value": True},
        "path_with_escaped_slashes_action": "KEEP_UNCHANGED",
        "stream_idle_timeout": duration(0),
        "proxy_100_continue": True,
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "forward_client_cert_details": "SANITIZE_SET",
        "set_current_client_cert_details": {"subject": {"value": True}, "cert": True, "dns": True, "uri": True},
    }


def _routes(chain: HttpChain) -> Fields:
    if chain.layout is RouteLayout.SINGLE:
        return {"rds": {"route_config_name": chain.route_name, "config_source": patient_source()}}
    key = {"header_value_extractor": {"name": SCOPE_HEADER, "index": 0}}
    return {
        "scoped_routes": {
            "name": SCOPES,
            "scope_key_builder": {"fragments": [key]},
            "rds_config_source": patient_source(),
            "scoped_rds": {"scoped_rds_config_source": patient_source()},
        },
        "early_header_mutation_extensions": [scope_mutation(chain)],
    }


def _http_filters(chain: HttpChain) -> list[Fields]:
    """The filter that corrects the scope is first: it decides which routes the others see."""
    filters = [scope_filter(chain)] if chain.layout is RouteLayout.SCOPED else []
    if chain.grpc_web:
        filters.append(_grpc_web())
    return [*filters, *_last_filters()]


@cache
def _grpc_web() -> Fields:
    return extension("envoy.filters.http.grpc_web", GrpcWeb())


@cache
def _last_filters() -> tuple[Fields, ...]:
    return (
        extension(FAULT_FILTER, HTTPFault()),
        extension(CORS_FILTER, Cors()),
        extension("envoy.filters.http.router", Router()),
    )
