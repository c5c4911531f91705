"""Virtual hosts become route configurations, in both layouts."""

from envoy.config.core.v3.base_pb2 import HeaderValueOption
from envoy.config.route.v3.route_components_pb2 import VirtualHost as VirtualHostMessage
from envoy.config.route.v3.route_pb2 import RouteConfiguration

from lateen.envoy.names import cluster_name
from lateen.envoy.route import (
    build_scoped_route,
    build_single_route,
    build_wildcard_route,
    route_needs,
    virtual_host_fragment,
)
from lateen.ir.resource import ResourceKey, ResourceType
from lateen.ir.route import (
    ClusterRef,
    Cors,
    DirectResponse,
    Fault,
    Forward,
    HeaderOps,
    Mirror,
    PathKind,
    PathMatch,
    Route,
    RouteMatch,
    Target,
    VirtualHost,
)
from lateen.model.keys import Key, Kind

OLD = Key(Kind.VIRTUAL_SERVICE, "shop", "old")
NEW = Key(Kind.VIRTUAL_SERVICE, "shop", "new")
WEB = ClusterRef("web.shop.svc.cluster.local", 8080)
CANARY = ClusterRef("web.shop.svc.cluster.local", 8080, "v2")
COPY = ClusterRef("copy.shop.svc.cluster.local", 80)


def forward(prefix: str, *targets: Target, origin: Key = OLD) -> Route:
    return Route(RouteMatch(PathMatch(value=prefix)), Forward(targets, weighted=len(targets) > 1), origin)


SHOP = VirtualHost(
    "shop.example.com:80",
    ("shop.example.com",),
    (
        forward("/cart", Target(WEB, 90), Target(CANARY, 10), origin=NEW),
        Route(RouteMatch(), Forward((Target(WEB),), mirrors=(Mirror(COPY),)), OLD),
    ),
)
TEAPOT = VirtualHost(
    "tea.example.com:80",
    ("tea.example.com",),
    (Route(RouteMatch(PathMatch(PathKind.EXACT, "/pot")), DirectResponse(418, b"short and stout"), OLD),),
    require_tls=True,
)


def parsed(body: bytes) -> RouteConfiguration:
    return RouteConfiguration.FromString(body)


def test_a_scoped_route_holds_one_virtual_host() -> None:
    made = build_scoped_route("http.80", "shop.example.com", SHOP)
    message = parsed(made.body)
    assert made.key == ResourceKey(ResourceType.ROUTE, "http.80/shop.example.com")
    assert message.name == made.key.name
    assert [vhost.name for vhost in message.virtual_hosts] == ["shop.example.com:80"]
    assert list(message.virtual_hosts[0].domains) == ["shop.example.com"]
    assert message.virtual_hosts[0].include_request_attempt_count
    assert message.virtual_hosts[0].require_tls == VirtualHostMessage.NONE


def test_the_settings_of_a_configuration_are_those_of_the_reference() -> None:
    message = parsed(build_scoped_route("http.80", "shop.example.com", SHOP).body)
    assert message.HasField("validate_clusters")
    assert not message.validate_clusters.value
    assert message.ignore_port_in_host_matching
    assert message.max_direct_response_body_size_bytes.value == 1_048_576


def test_the_scope_header_leaves_with_no_request() -> None:
    message = parsed(build_scoped_route("http.80", "shop.example.com", SHOP).body)
    assert list(message.request_headers_to_remove) == ["x-lateen-scope"]


def test_a_port_in_a_domain_counts() -> None:
    mesh = VirtualHost("web:8080", ("web:8080", "web.shop:8080"), ())
    assert not parsed(build_scoped_route("mesh", "web:8080", mesh).body).ignore_port_in_host_matching


def test_a_route_needs_every_cluster_it_names() -> None:
    needs = build_scoped_route("http.80", "shop.example.com", SHOP).needs
    assert needs == {ResourceKey(ResourceType.CLUSTER, cluster_name(ref)) for ref in (WEB, CANARY, COPY)}
    assert needs == route_needs(SHOP)


def test_the_origins_are_those_of_the_routes_in_order() -> None:
    assert build_scoped_route("http.80", "shop.example.com", SHOP).origins == (NEW, OLD)


def test_require_tls_redirects_every_request() -> None:
    message = parsed(build_scoped_route("http.80", "tea.example.com", TEAPOT).body)
    assert message.virtual_hosts[0].require_tls == VirtualHostMessage.ALL


def test_equal_virtual_hosts_have_equal_bytes_and_versions() -> None:
    one = build_scoped_route("http.80", "shop.example.com", SHOP)
    two = build_scoped_route("http.80", "shop.example.com", VirtualHost(SHOP.name, SHOP.domains, SHOP.routes))
    assert one == two


def test_joined_fragments_are_the_message_built_in_one_piece() -> None:
    fragments = [virtual_host_fragment(SHOP), virtual_host_fragment(TEAPOT)]
    made = build_single_route("https.443.https.gw.edge", fragments, route_needs(SHOP), (OLD, NEW, OLD))
    whole = RouteConfiguration(
        name="https.443.https.gw.edge",
        virtual_hosts=[parsed(build_scoped_route("c", "h", vhost).body).virtual_hosts[0] for vhost in (SHOP, TEAPOT)],
        validate_clusters={"value": False},
        ignore_port_in_host_matching=True,
        max_direct_response_body_size_bytes={"value": 1_048_576},
    )
    assert made.body == whole.SerializeToString(deterministic=True)
    assert made.needs == route_needs(SHOP)
    assert made.origins == (OLD, NEW)


def test_a_chain_without_virtual_hosts_is_an_empty_configuration() -> None:
    message = parsed(build_single_route("http.80", []).body)
    assert message.name == "http.80"
    assert not message.virtual_hosts


def test_a_single_route_with_ports_in_its_hosts_does_not_ignore_them() -> None:
    assert not parsed(build_single_route("mesh", [], port_in_host=True).body).ignore_port_in_host_matching


def test_all_wildcard_hosts_of_a_chain_share_a_configuration() -> None:
    made = build_wildcard_route("http.80", [virtual_host_fragment(TEAPOT)], route_needs(SHOP), (NEW, OLD))
    message = parsed(made.body)
    assert made.key == ResourceKey(ResourceType.ROUTE, "http.80/*")
    assert message.name == made.key.name
    assert [vhost.name for vhost in message.virtual_hosts] == ["tea.example.com:80"]
    assert list(message.request_headers_to_remove) == ["x-lateen-scope"]
    assert made.body == message.SerializeToString(deterministic=True)
    assert made.needs == route_needs(SHOP)
    assert made.origins == (NEW, OLD)


def test_a_virtual_host_says_that_it_was_found() -> None:
    message = parsed(build_scoped_route("http.80", "tea.example.com", TEAPOT).body)
    assert message.virtual_hosts[0].metadata.filter_metadata["lateen.scope"].fields["found"].bool_value


def test_a_route_has_a_name_statistics_and_an_operation() -> None:
    route = Route(RouteMatch(), Forward((Target(WEB),)), OLD, "name", stat_prefix="cart", operation="web:8080/*")
    message = parsed(build_scoped_route("c", "h", VirtualHost("h:80", ("h",), (route,))).body)
    (found,) = message.virtual_hosts[0].routes
    assert (found.name, found.stat_prefix, found.decorator.operation) == ("name", "cart", "web:8080/*")


def test_header_changes_replace_before_they_append_and_the_routes_come_first() -> None:
    ops = HeaderOps(request_set=(("x-a", "1"),), request_add=(("x-b", "2"),), request_remove=("x-c",))
    own = HeaderOps(request_set=(("x-d", "3"),), response_set=(("x-e", "4"),), response_add=(("x-f", "5"),))
    route = Route(RouteMatch(), Forward((Target(WEB, ops=own),)), OLD, ops=ops)
    message = parsed(build_scoped_route("c", "h", VirtualHost("h:80", ("h",), (route,))).body)
    (found,) = message.virtual_hosts[0].routes
    replace, append = HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD, HeaderValueOption.APPEND_IF_EXISTS_OR_ADD
    assert [(one.header.key, one.append_action) for one in found.request_headers_to_add] == [
        ("x-a", replace),
        ("x-b", append),
        ("x-d", replace),
    ]
    assert [(one.header.key, one.append_action) for one in found.response_headers_to_add] == [
        ("x-e", replace),
        ("x-f", append),
    ]
    assert list(found.request_headers_to_remove) == ["x-c"]


def test_the_changes_of_weighted_destinations_are_not_the_routes() -> None:
    target = Target(WEB, ops=HeaderOps(request_set=(("x-a", "1"),)))
    route = Route(RouteMatch(), Forward((target,), weighted=True), OLD)
    message = parsed(build_scoped_route("c", "h", VirtualHost("h:80", ("h",), (route,))).body)
    assert not message.virtual_hosts[0].routes[0].request_headers_to_add


def test_faults_and_cross_origin_policies_belong_to_their_route() -> None:
    route = Route(RouteMatch(), Forward((Target(WEB),)), OLD, fault=Fault(delay=1), cors=Cors())
    message = parsed(build_scoped_route("c", "h", VirtualHost("h:80", ("h",), (route, *TEAPOT.routes))).body)
    with_filters, without = message.virtual_hosts[0].routes
    assert sorted(with_filters.typed_per_filter_config) == ["envoy.filters.http.cors", "envoy.filters.http.fault"]
    assert not without.typed_per_filter_config
