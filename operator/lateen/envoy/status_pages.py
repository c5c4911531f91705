"""What anybody in the cluster may ask a proxy: whether it is ready, whether it lives, its statistics.

The admin pages can stop a proxy and show its configuration, so they stay on loopback; a
listener of the bootstrap passes on three of them. It opens when the proxy has had its first
configuration, and so does `/ready`; `/live` is answered by the main thread, drained or not.
"""

from typing import Final

from lateen.envoy.binding import EVERYWHERE, socket_at
from lateen.envoy.wire import TYPE_URL_PREFIX, Fields

READY: Final = "/ready"
LIVE: Final = "/live"
STATISTICS: Final = "/stats/prometheus"

_CLUSTER: Final = "lateen-admin"
_LISTENER: Final = "lateen-status"
_HCM: Final = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
_ROUTER: Final = "envoy.extensions.filters.http.router.v3.Router"
_TIMEOUT: Final = "10s"
_PAGES: Final = {READY: READY, LIVE: "/hot_restart_version", STATISTICS: STATISTICS}
"""The admin page behind each path. `/live` takes one that is always there and says nearly nothing."""


def status_cluster(address: str, port: int) -> Fields:
    """Return the cluster of the admin pages."""
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": socket_at(address, port)}}]}]
    return {
        "name": _CLUSTER,
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {"cluster_name": _CLUSTER, "endpoints": endpoints},
    }


def status_listener(port: int, *, dual_stack: bool) -> Fields:
    """Return the listener; it is open at all addresses, those of IPv6 included with `dual_stack`."""
    routes = [_route(path, page) for path, page in _PAGES.items()]
    manager = {
        "@type": TYPE_URL_PREFIX + _HCM,
        "stat_prefix": "status",
        "route_config": {
            "name": _LISTENER,
            "virtual_hosts": [{"name": "status", "domains": ["*"], "routes": routes}],
        },
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": {"@type": TYPE_URL_PREFIX + _ROUTER}}],
        "common_http_protocol_options": {"idle_timeout": "60s"},
        "request_headers_timeout": _TIMEOUT,
        "stream_idle_timeout": _TIMEOUT,
    }
    network_filter = {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}
    return {
        "name": _LISTENER,
        "address": socket_at(EVERYWHERE, port, dual_stack=dual_stack),
        "filter_chains": [{"filters": [network_filter]}],
    }


def _route(path: str, page: str) -> Fields:
    reads = {"name": ":method", "string_match": {"exact": "GET"}}
    action = {"cluster": _CLUSTER, "timeout": _TIMEOUT, **({"prefix_rewrite": page} if page != path else {})}
    return {"match": {"path": path, "headers": [reads]}, "route": action}
