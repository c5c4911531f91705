"""The bootstrap: who the proxy is and where its configuration comes from."""

import json
import re
from typing import Any

import pytest
from envoy.config.bootstrap.v3.bootstrap_pb2 import Bootstrap
from envoy.extensions.filters.http.router.v3 import router_pb2 as _router  # noqa: F401 - known inside Any
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpConnectionManager,
)
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret
from envoy.extensions.transport_sockets.tls.v3.tls_pb2 import UpstreamTlsContext
from envoy.extensions.upstreams.http.v3.http_protocol_options_pb2 import HttpProtocolOptions
from envoy.service.discovery.v3.discovery_pb2 import DiscoveryResponse
from google.protobuf import json_format

from lateen.envoy.bootstrap import BootstrapOptions, bootstrap_text, build_bootstrap
from lateen.envoy.xds_tls import XdsTls, discovery_files
from lateen.errors import InputError


def built(**options: Any) -> Bootstrap:
    values = {"node_id": "shop/istio=ingressgateway", "node_cluster": "lateen", "xds_address": "127.0.0.1:15010"}
    bootstrap = build_bootstrap(BootstrapOptions(**{**values, **options}))
    return json_format.ParseDict(json.loads(bootstrap_text(bootstrap)), Bootstrap())


def test_a_proxy_says_who_and_where_it_is() -> None:
    message = built(locality="region/zone", metadata={"LABELS": {"app": "gateway"}})
    assert message.node.id == "shop/istio=ingressgateway"
    assert message.node.cluster == "lateen"
    assert (message.node.locality.region, message.node.locality.zone) == ("region", "zone")
    assert message.node.metadata.fields["LABELS"].struct_value.fields["app"].string_value == "gateway"


def test_everything_comes_over_one_delta_stream() -> None:
    dynamic = built().dynamic_resources
    assert dynamic.ads_config.api_type == dynamic.ads_config.DELTA_GRPC
    assert dynamic.ads_config.grpc_services[0].envoy_grpc.cluster_name == "lateen-xds"
    for source in (dynamic.cds_config, dynamic.lds_config):
        assert source.HasField("ads")
        assert source.HasField("initial_fetch_timeout")
        assert source.initial_fetch_timeout.ToMilliseconds() == 0


def test_the_control_plane_is_spoken_to_in_http_2_with_keepalive() -> None:
    (cluster,) = built().static_resources.clusters
    options = HttpProtocolOptions()
    (packed,) = cluster.typed_extension_protocol_options.values()
    assert packed.Unpack(options)
    assert options.explicit_http_config.http2_protocol_options.connection_keepalive.interval.seconds == 30


@pytest.mark.parametrize(
    ("address", "host", "port", "kind"),
    [
        ("127.0.0.1:15010", "127.0.0.1", 15010, "STATIC"),
        ("[::1]:15010", "::1", 15010, "STATIC"),
        ("lateen.lateen-system:15010", "lateen.lateen-system", 15010, "STRICT_DNS"),
    ],
)
def test_the_control_plane_is_an_address(address: str, host: str, port: int, kind: str) -> None:
    (cluster,) = built(xds_address=address).static_resources.clusters
    (endpoint,) = cluster.load_assignment.endpoints[0].lb_endpoints
    assert endpoint.endpoint.address.socket_address.address == host
    assert endpoint.endpoint.address.socket_address.port_value == port
    assert cluster.DiscoveryType.Name(cluster.type) == kind


@pytest.mark.parametrize("address", ["/run/xds.sock", "unix:/run/xds.sock", "unix:///run/xds.sock"])
def test_the_control_plane_is_a_socket(address: str) -> None:
    (cluster,) = built(xds_address=address).static_resources.clusters
    (endpoint,) = cluster.load_assignment.endpoints[0].lb_endpoints
    assert endpoint.endpoint.address.pipe.path == "/run/xds.sock"


@pytest.mark.parametrize("address", ["", "host", "host:", ":15010", "host:http", "host:0", "host:65536"])
def test_another_address_is_refused(address: str) -> None:
    with pytest.raises(InputError, match="neither host:port nor"):
        built(xds_address=address)


def test_admin_pages_are_on_loopback_and_any_free_port() -> None:
    address = built().admin.address.socket_address
    assert (address.address, address.port_value) == ("127.0.0.1", 0)
    other = built(admin_address="0.0.0.0", admin_port=15000).admin.address.socket_address
    assert (other.address, other.port_value) == ("0.0.0.0", 15000)


def test_long_expressions_and_fragments_are_allowed() -> None:
    layer = built().layered_runtime.layers[0].static_layer
    assert layer["re2.max_program_size.error_level"] == 32768
    assert layer["envoy.reloadable_features.http_reject_path_with_fragment"] is False


def test_statistics_of_unused_traffic_cost_nothing() -> None:
    assert built().deferred_stat_options.enable_deferred_creation_stats


@pytest.mark.parametrize(
    ("stat", "cluster"),
    [
        ("upstream_rq_pending_overflow", "outbound|80|v1|web.shop.svc.cluster.local"),
        ("circuit_breakers.default.cx_open", "outbound|80||web.shop"),
        ("outlier_detection.ejections_active", "outbound|80||*.example.com"),
        ("external.upstream_rq_200", "outbound|443||api.example.com"),
        ("http2.rx_reset", "outbound|443||api.example.com"),
        ("upstream_rq_200", "outbound|5432||db.internal"),
        ("external.upstream_rq_200", "outbound|443||web.default.svc.cluster.local"),
        ("default.total_match_count", "outbound|443||web.default.svc.cluster.local"),
        ("ssl.handshake", "outbound|443||web.ssl.example.com"),
        ("version", "outbound|443||version.example.com"),
        ("membership_healthy", "lateen-xds"),
    ],
)
def test_the_name_of_a_cluster_is_told_from_its_statistic(stat: str, cluster: str) -> None:
    (tag, *_) = [tag for tag in built().stats_config.stats_tags if tag.tag_name == "envoy.cluster_name"]
    found = re.match(tag.regex, f"cluster.{cluster}.{stat}")
    assert found is not None
    assert found[2] == cluster
    assert found[1] == f"{cluster}."


def test_no_statistic_of_a_cluster_is_left_out() -> None:
    patterns = built().stats_config.stats_matcher.exclusion_list.patterns
    assert [pattern.contains for pattern in patterns] == [".vcluster."]


def test_a_laptops_bootstrap_has_neither_status_pages_nor_certificates() -> None:
    message = built()
    assert [cluster.name for cluster in message.static_resources.clusters] == ["lateen-xds"]
    assert not message.static_resources.listeners
    assert not message.HasField("cluster_manager")


def test_status_pages_are_three_of_the_admin_pages() -> None:
    message = built(admin_port=15000, status_port=15021)
    (listener,) = message.static_resources.listeners
    assert listener.address.socket_address.port_value == 15021
    manager = HttpConnectionManager()
    assert listener.filter_chains[0].filters[0].typed_config.Unpack(manager)
    routes = manager.route_config.virtual_hosts[0].routes
    assert [route.match.path for route in routes] == ["/ready", "/live", "/stats/prometheus"]
    assert {route.route.cluster for route in routes} == {"lateen-admin"}
    admin = message.static_resources.clusters[1].load_assignment.endpoints[0].lb_endpoints[0].endpoint
    assert (admin.address.socket_address.address, admin.address.socket_address.port_value) == ("127.0.0.1", 15000)


@pytest.mark.parametrize(("dual_stack", "address"), [(False, "0.0.0.0"), (True, "::")])
def test_status_pages_are_reached_by_the_families_that_pods_have(dual_stack: bool, address: str) -> None:  # noqa: FBT001 - a row of the table
    (listener,) = built(admin_port=15000, status_port=15021, dual_stack=dual_stack).static_resources.listeners
    bound = listener.address.socket_address
    assert (bound.address, bound.ipv4_compat) == (address, dual_stack)


def test_the_control_plane_has_to_prove_its_name() -> None:
    message = built(xds_tls=XdsTls("lateen-xds.system.svc", "/files"))
    context = UpstreamTlsContext()
    assert message.static_resources.clusters[0].transport_socket.typed_config.Unpack(context)
    validation = context.common_tls_context.combined_validation_context
    (name,) = validation.default_validation_context.match_typed_subject_alt_names
    assert (context.sni, name.matcher.exact) == ("lateen-xds.system.svc", "lateen-xds.system.svc")
    (certificate,) = context.common_tls_context.tls_certificate_sds_secret_configs
    sources = (certificate, validation.validation_context_sds_secret_config)
    assert [source.sds_config.path_config_source.path for source in sources] == [
        "/files/client.json",
        "/files/authorities.json",
    ]


def test_certificates_are_read_again_when_their_folder_changes() -> None:
    client, authorities = (_secret(text) for text in discovery_files("/tls").values())
    assert client.tls_certificate.private_key.filename == "/tls/tls.key"
    assert client.tls_certificate.watched_directory.path == "/tls"
    assert authorities.validation_context.trusted_ca.filename == "/tls/ca.crt"
    assert authorities.validation_context.watched_directory.path == "/tls"


def _secret(text: str) -> Secret:
    response = json_format.Parse(text, DiscoveryResponse())
    secret = Secret()
    assert response.resources[0].Unpack(secret)
    return secret


def test_ejections_are_written_where_that_is_wanted() -> None:
    assert built(event_log="/dev/stdout").cluster_manager.outlier_detection.event_log_path == "/dev/stdout"
