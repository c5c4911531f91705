"""Listeners, their chains, and the filters in them."""

from typing import Any

import pytest
from envoy.config.listener.v3.listener_pb2 import Listener as ListenerMessage
from envoy.extensions.access_loggers.file.v3.file_pb2 import FileAccessLog
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpConnectionManager,
)
from envoy.extensions.filters.network.tcp_proxy.v3.tcp_proxy_pb2 import TcpProxy

from lateen.envoy.listener import build_listener
from lateen.ir.listener import (
    DownstreamTls,
    FilterChain,
    HttpChain,
    Listener,
    RouteLayout,
    SecretKind,
    SecretRef,
    TcpChain,
    Tunnel,
)
from lateen.ir.resource import ResourceKey, ResourceType
from lateen.ir.route import ClusterRef, Target
from lateen.model.keys import Key, Kind

GATEWAY = Key(Kind.GATEWAY, "edge", "gw")
SERVICE = Key(Kind.VIRTUAL_SERVICE, "shop", "web")
WEB = ClusterRef("web.shop", 80)
DATABASE = ClusterRef("db.shop", 5432)
HTTP = FilterChain("http", http=HttpChain("http.80", "outbound_0.0.0.0_8080;"), origins=(GATEWAY,))
TCP = FilterChain("tcp", tcp=TcpChain((Target(DATABASE),), "db"), server_names=("db.org",), origins=(SERVICE, GATEWAY))
TLS = DownstreamTls((SecretRef("kubernetes://shop", SecretKind.CERTIFICATE),))


def message_of(*chains: FilterChain, **options: Any) -> ListenerMessage:
    listener = Listener(**{"name": "0.0.0.0_8080", "address": "0.0.0.0", "port": 8080, "chains": chains, **options})
    return ListenerMessage.FromString(build_listener(listener).body)


def manager_of(chain: HttpChain) -> HttpConnectionManager:
    manager = HttpConnectionManager()
    assert message_of(FilterChain("c", http=chain)).filter_chains[0].filters[0].typed_config.Unpack(manager)
    return manager


def tcp_proxy_of(chain: TcpChain) -> TcpProxy:
    proxy = TcpProxy()
    assert message_of(FilterChain("c", tcp=chain)).filter_chains[0].filters[0].typed_config.Unpack(proxy)
    return proxy


def test_a_listener_binds_its_address() -> None:
    message = message_of(HTTP)
    assert message.name == "0.0.0.0_8080"
    assert message.address.socket_address.address == "0.0.0.0"
    assert message.address.socket_address.port_value == 8080
    assert message.max_connections_to_accept_per_socket_event.value == 1
    assert message.filter_chains[0].transport_socket_connect_timeout.seconds == 15


def test_a_listener_for_both_families_has_one_socket() -> None:
    message = message_of(HTTP, dual_stack=True)
    assert message.name == "0.0.0.0_8080"
    bound = message.address.socket_address
    assert (bound.address, bound.port_value, bound.ipv4_compat) == ("::", 8080, True)


def test_a_listener_binds_a_socket() -> None:
    assert message_of(HTTP, pipe="/run/http.sock").address.pipe.path == "/run/http.sock"


def test_chains_keep_names_order_and_server_names() -> None:
    message = message_of(TCP, HTTP)
    assert [chain.name for chain in message.filter_chains] == ["tcp", "http"]
    assert list(message.filter_chains[0].filter_chain_match.server_names) == ["db.org"]
    assert not message.filter_chains[1].HasField("filter_chain_match")


@pytest.mark.parametrize(
    ("chain", "inspected"),
    [
        (HTTP, False),
        (TCP, True),
        (FilterChain("tls", http=HTTP.http, tls=TLS), True),
        (FilterChain("any", tcp=TCP.tcp, only_tls=True), True),
    ],
)
def test_hellos_are_read_only_where_that_tells_something(chain: FilterChain, inspected: bool) -> None:  # noqa: FBT001 - a row of the table
    names = [listener_filter.name for listener_filter in message_of(chain).listener_filters]
    assert names == (["envoy.filters.listener.tls_inspector"] if inspected else [])


def test_a_chain_for_every_name_leaves_plaintext_to_another() -> None:
    chains = message_of(FilterChain("any", tcp=TCP.tcp, only_tls=True), HTTP).filter_chains
    assert [chain.filter_chain_match.transport_protocol for chain in chains] == ["tls", ""]


def test_a_terminated_chain_has_a_transport_socket() -> None:
    message = message_of(FilterChain("tls", http=HTTP.http, tls=TLS), HTTP)
    assert message.filter_chains[0].transport_socket.name == "envoy.transport_sockets.tls"
    assert not message.filter_chains[1].HasField("transport_socket")


def test_a_listener_needs_the_clusters_of_its_tcp_chains() -> None:
    made = build_listener(Listener("l", "0.0.0.0", 1, (HTTP, TCP)))
    assert made.key == ResourceKey(ResourceType.LISTENER, "l")
    assert made.needs == {ResourceKey(ResourceType.CLUSTER, "outbound|5432||db.shop")}


def test_the_origins_of_a_listener_are_those_of_its_chains_each_once() -> None:
    assert build_listener(Listener("l", "0.0.0.0", 1, (HTTP, TCP))).origins == (GATEWAY, SERVICE)


def test_a_chain_is_http_or_tcp() -> None:
    with pytest.raises(ValueError, match="neither HTTP nor TCP"):
        build_listener(Listener("l", "0.0.0.0", 1, (FilterChain("empty"),)))


def test_the_settings_of_http_are_those_of_the_reference() -> None:
    manager = manager_of(HttpChain("http.80", "prefix"))
    assert manager.stat_prefix == "prefix"
    assert manager.use_remote_address.value
    assert manager.normalize_path.value
    assert not manager.merge_slashes
    assert manager.HasField("stream_idle_timeout")
    assert manager.stream_idle_timeout.ToMilliseconds() == 0
    assert [upgrade.upgrade_type for upgrade in manager.upgrade_configs] == ["websocket"]
    assert manager.forward_client_cert_details == manager.SANITIZE_SET
    assert manager.server_name == ""
    assert manager.proxy_100_continue


def test_routes_of_one_configuration_are_awaited_without_end() -> None:
    rds = manager_of(HttpChain("http.80", "p", RouteLayout.SINGLE)).rds
    assert rds.route_config_name == "http.80"
    assert rds.config_source.HasField("ads")
    assert rds.config_source.HasField("initial_fetch_timeout")
    assert rds.config_source.initial_fetch_timeout.ToMilliseconds() == 0


def test_routes_of_scopes_are_found_by_the_scope_header() -> None:
    manager = manager_of(HttpChain("http.80", "p"))
    scoped = manager.scoped_routes
    (fragment,) = scoped.scope_key_builder.fragments
    assert fragment.header_value_extractor.name == "x-lateen-scope"
    assert fragment.header_value_extractor.WhichOneof("extract_type") == "index"
    assert fragment.header_value_extractor.element_separator == ""
    assert scoped.rds_config_source.HasField("ads")
    assert scoped.scoped_rds.scoped_rds_config_source.HasField("ads")
    assert len(manager.early_header_mutation_extensions) == 1


def test_all_chains_share_one_subscription_to_scopes() -> None:
    one = manager_of(HttpChain("http.80", "p")).scoped_routes
    two = manager_of(HttpChain("http.81", "q")).scoped_routes
    assert one == two


def test_filters_are_in_the_order_of_the_reference_behind_the_scope() -> None:
    last = ["envoy.filters.http.fault", "envoy.filters.http.cors", "envoy.filters.http.router"]
    scoped = manager_of(HttpChain("http.80", "p", grpc_web=True))
    assert [one.name for one in scoped.http_filters] == ["lateen.scope", "envoy.filters.http.grpc_web", *last]
    single = manager_of(HttpChain("http.80", "p", RouteLayout.SINGLE))
    assert [one.name for one in single.http_filters] == last
    assert not single.early_header_mutation_extensions


def test_a_tcp_chain_goes_to_its_cluster() -> None:
    proxy = tcp_proxy_of(TcpChain((Target(WEB, 9),), "prefix"))
    assert proxy.stat_prefix == "prefix"
    assert proxy.cluster == "outbound|80||web.shop"
    assert not proxy.HasField("idle_timeout")
    assert not proxy.hash_policy


def test_a_tcp_chain_splits_by_weight() -> None:
    clusters = tcp_proxy_of(TcpChain((Target(WEB, 3), Target(DATABASE, 1)), "p", weighted=True)).weighted_clusters
    assert [(cluster.name, cluster.weight) for cluster in clusters.clusters] == [
        ("outbound|80||web.shop", 3),
        ("outbound|5432||db.shop", 1),
    ]


def test_a_tcp_chain_has_times_a_hash_and_a_tunnel() -> None:
    proxy = tcp_proxy_of(
        TcpChain(
            (Target(WEB),),
            "p",
            idle_timeout=0.0,
            max_connection_duration=60,
            hash_source_ip=True,
            tunnel=Tunnel("gateway:3128", use_post=True),
        )
    )
    assert proxy.HasField("idle_timeout")
    assert proxy.idle_timeout.ToMilliseconds() == 0
    assert proxy.max_downstream_connection_duration.seconds == 60
    assert [policy.WhichOneof("policy_specifier") for policy in proxy.hash_policy] == ["source_ip"]
    assert (proxy.tunneling_config.hostname, proxy.tunneling_config.use_post) == ("gateway:3128", True)


def logs_of(chain: FilterChain, event_log: str) -> Any:
    listener = Listener("0.0.0.0_8080", "0.0.0.0", 8080, (chain,))
    message = ListenerMessage.FromString(build_listener(listener, event_log).body)
    config = message.filter_chains[0].filters[0].typed_config
    opened = HttpConnectionManager() if chain.http is not None else TcpProxy()
    assert config.Unpack(opened)
    return opened.access_log


@pytest.mark.parametrize("chain", [HTTP, TCP])
def test_overflows_and_nothing_else_are_written_to_the_event_log(chain: FilterChain) -> None:
    (log,) = logs_of(chain, "/dev/stdout")
    assert list(log.filter.response_flag_filter.flags) == ["UO"]
    file = FileAccessLog()
    assert log.typed_config.Unpack(file)
    assert file.path == "/dev/stdout"
    assert dict(file.log_format.json_format) == {
        "lateen": "overflow",
        "cluster": "%UPSTREAM_CLUSTER_RAW%",
        "details": "%RESPONSE_CODE_DETAILS%",
    }


@pytest.mark.parametrize("chain", [HTTP, TCP])
def test_nothing_is_written_without_an_event_log(chain: FilterChain) -> None:
    assert len(logs_of(chain, "")) == 0
