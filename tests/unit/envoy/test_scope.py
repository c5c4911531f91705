"""Scopes lead hosts to route configurations."""

import pytest
from envoy.config.route.v3.scoped_route_pb2 import ScopedRouteConfiguration
from envoy.extensions.filters.http.lua.v3.lua_pb2 import Lua
from envoy.extensions.http.early_header_mutation.header_mutation.v3.header_mutation_pb2 import HeaderMutation
from google.protobuf.any_pb2 import Any as AnyMessage

from lateen.envoy.scope import WILDCARDS, build_scope, scope_filter, scope_mutation
from lateen.ir.listener import HttpChain
from lateen.ir.resource import ResourceKey, ResourceType


def lua_of(chain: HttpChain) -> str:
    message = Lua()
    assert AnyMessage(**scope_filter(chain)["typed_config"]).Unpack(message)
    return str(message.default_source_code.inline_string)


@pytest.mark.parametrize(
    ("host", "route_host", "route"),
    [
        ("a.example.com", None, "http.80/a.example.com"),
        (WILDCARDS, None, "http.80/*"),
        ("web:8080", "web", "http.80/web"),
    ],
)
def test_a_scope_leads_to_a_route_configuration(host: str, route_host: str | None, route: str) -> None:
    made = build_scope("http.80", host, route_host)
    message = ScopedRouteConfiguration.FromString(made.body)
    assert made.key == ResourceKey(ResourceType.SCOPE, f"http.80|{host}")
    assert message.name == made.key.name
    assert [fragment.string_key for fragment in message.key.fragments] == [made.key.name]
    assert message.route_configuration_name == route
    assert not message.on_demand


def test_a_scope_names_its_route_configuration() -> None:
    assert build_scope("http.80", "a.example.com").needs == {ResourceKey(ResourceType.ROUTE, "http.80/a.example.com")}


def test_the_early_key_is_the_authority_behind_the_chain() -> None:
    message = HeaderMutation()
    assert AnyMessage(**scope_mutation(HttpChain("http.80%", "s"))["typed_config"]).Unpack(message)
    (mutation,) = message.mutations
    assert mutation.append.header.key == "x-lateen-scope"
    assert mutation.append.header.value == "http.80%%|%REQ(:authority)%"
    assert mutation.append.append_action == mutation.append.OVERWRITE_IF_EXISTS_OR_ADD


def test_ports_are_dropped_where_they_do_not_count() -> None:
    assert ':%d+$"' in lua_of(HttpChain("http.80", "s"))
    assert ':%d+$"' not in lua_of(HttpChain("mesh", "s", port_in_host=True))


def test_the_name_of_a_chain_cannot_leave_its_quotation_marks() -> None:
    source = lua_of(HttpChain('http.80./run/"\\', "s"))
    assert r'"http.80./run/\"\\|" .. host' in source
    assert "@" not in source
