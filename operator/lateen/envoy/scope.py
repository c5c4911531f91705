"""Scopes: how a request finds the RouteConfiguration of its host in the SCOPED layout (ADR 0002).

Envoy picks a scope by the exact value of one request header. Hosts without a wildcard have a
scope each; all wildcard hosts of a chain share one, behind the key `<chain>|*`, in which Envoy
itself picks the longest.

The header is written twice. An early mutation, before any route is looked up, fills in the
authority as it stands, which is the key of most requests. A Lua filter, the first of the chain,
repairs the rest: it makes the authority lower case, drops its port, and falls back to the
wildcard hosts when no virtual host was found. Both replace what a client may have sent, so
nobody chooses a scope; the route configuration removes the header before a request leaves.
"""

from typing import Final

from envoy.config.route.v3.scoped_route_pb2 import ScopedRouteConfiguration
from envoy.extensions.filters.http.lua.v3.lua_pb2 import Lua
from envoy.extensions.http.early_header_mutation.header_mutation.v3.header_mutation_pb2 import HeaderMutation

from lateen.envoy.names import scope_name, scoped_route_name
from lateen.envoy.wire import Fields, extension, resource, serialize
from lateen.ir.listener import HttpChain
from lateen.ir.resource import Resource, ResourceKey, ResourceType

SCOPE_HEADER: Final = "x-lateen-scope"
"""The request header that carries the key of the scope; never seen outside the proxy."""

WILDCARDS: Final = "*"
"""Stands for all wildcard hosts of a chain in the names of their scope and route configuration."""

_FILTER: Final = "lateen.scope"

VIRTUAL_HOST_METADATA: Final[Fields] = {"filter_metadata": {_FILTER: {"fields": {"found": {"bool_value": True}}}}}
"""On every virtual host: the Lua filter sees by it that a host is known although none of its routes matches."""

# `metadata()` is the one call that looks the route up again, and it does so once per request.
# An upgrade is granted before this filter knows the host, so it refuses what the chain does not offer.
_LUA: Final = """\
function envoy_on_request(handle)
  local headers = handle:headers()
  local upgrade = headers:get("upgrade")
  if upgrade and string.lower(upgrade) ~= "websocket" then
    handle:respond({[":status"] = "403"}, "")
    return
  end
  local host = string.lower(headers:get(":authority") or "")
  @PORT@
  local key = "@CHAIN@|" .. host
  if headers:get("@HEADER@") ~= key then
    headers:replace("@HEADER@", key)
    handle:clearRouteCache()
    handle:metadata()
  end
  if handle:virtualHost():metadata():get("found") then
    return
  end
  headers:replace("@HEADER@", "@CHAIN@|*")
  handle:clearRouteCache()
end
"""
_DROP_PORT: Final = 'host = string.gsub(host, ":%d+$", "")'
_KEEP_PORT: Final = "-- The port is a part of the host's name."


def build_scope(chain: str, host: str, route_host: str | None = None) -> Resource:
    """ScopedRouteConfiguration that leads one host of a chain to a RouteConfiguration.

    It needs the RouteConfiguration, which Envoy asks for after it has heard of the scope.

    Args:
        chain: route name of the HTTP chain.
        host: lower case; `WILDCARDS` for all wildcard hosts. With a port only where ports count.
        route_host: whose RouteConfiguration it is, when several spellings of a host share one.
    """
    name = scope_name(chain, host)
    route = scoped_route_name(chain, host if route_host is None else route_host)
    message = ScopedRouteConfiguration(
        name=name,
        route_configuration_name=route,
        key={"fragments": [{"string_key": name}]},
    )
    return resource(ResourceType.SCOPE, name, serialize(message), (ResourceKey(ResourceType.ROUTE, route),))


def scope_filter(chain: HttpChain) -> Fields:
    """Return the HTTP filter that corrects the scope header; it has to be the first."""
    source = (
        _LUA.replace("@PORT@", _KEEP_PORT if chain.port_in_host else _DROP_PORT)
        .replace("@HEADER@", SCOPE_HEADER)
        .replace("@CHAIN@", _quoted(chain.route_name))
    )
    return extension(_FILTER, Lua(default_source_code={"inline_string": source}))


def scope_mutation(chain: HttpChain) -> Fields:
    """Return the early mutation that writes the scope header before the first look at the routes."""
    # A percent sign begins a command, two are one.
    prefix = scope_name(chain.route_name, "").replace("%", "%%")
    header = {"key": SCOPE_HEADER, "value": f"{prefix}%REQ(:authority)%"}
    mutation = {"append": {"header": header, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}}
    return extension(
        "envoy.http.early_header_mutation.header_mutation",
        HeaderMutation(mutations=[mutation]),
    )


def _quoted(text: str) -> str:
    """Make text fit between the quotation marks of a Lua string."""
    return text.replace("\\", "\\\\").replace('"', '\\"')
