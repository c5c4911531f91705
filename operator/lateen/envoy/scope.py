"""Scopes: how a request finds the RouteConfiguration of its host in the SCOPED layout (ADR 0002).

Envoy picks a scope by the exact value of one request header. A Lua filter, the first of the
chain, computes that header from the authority: lower case, without port, behind the name of
the chain. It replaces what a client may have sent, and the route configuration removes the
header before the request leaves.
"""

from typing import Final

from envoy.config.route.v3.scoped_route_pb2 import ScopedRouteConfiguration
from envoy.extensions.filters.http.lua.v3.lua_pb2 import Lua

from lateen.envoy.names import scope_name, scoped_route_name
from lateen.envoy.wire import Fields, extension, resource, serialize
from lateen.ir.resource import Resource, ResourceKey, ResourceType

SCOPE_HEADER: Final = "x-lateen-scope"
"""The request header that carries the key of the scope; never seen outside the proxy."""

_LUA: Final = """\
function envoy_on_request(handle)
  local headers = handle:headers()
  local host = string.lower(headers:get(":authority") or "")
  host = string.gsub(host, ":%d+$", "")
  headers:replace("@HEADER@", "@CHAIN@|" .. host)
  handle:clearRouteCache()
end
"""


def build_scope(chain: str, host: str) -> Resource:
    """ScopedRouteConfiguration that leads one host to its RouteConfiguration, which it needs."""
    route = scoped_route_name(chain, host)
    name = scope_name(chain, host)
    message = ScopedRouteConfiguration(
        name=name,
        route_configuration_name=route,
        key={"fragments": [{"string_key": name}]},
    )
    return resource(ResourceType.SCOPE, name, serialize(message), (ResourceKey(ResourceType.ROUTE, route),))


def scope_filter(chain: str) -> Fields:
    """Return the HTTP filter that computes the scope header."""
    source = _LUA.replace("@HEADER@", SCOPE_HEADER).replace("@CHAIN@", chain)
    return extension("lateen.scope", Lua(default_source_code={"inline_string": source}))
