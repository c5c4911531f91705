"""Requests through a real Envoy: scopes lead every spelling of a host to its routes, and nobody else's."""

import json
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any, NamedTuple

import pytest
from tests.integration.envoy.static_envoy import RunningEnvoy, StaticEnvoy

from lateen.envoy.cluster import build_cluster
from lateen.envoy.listener import build_listener
from lateen.envoy.route import build_scoped_route, build_wildcard_route, virtual_host_fragment
from lateen.envoy.scope import WILDCARDS, build_scope
from lateen.ir.cluster import CircuitBreaker, Cluster, Discovery
from lateen.ir.endpoint import Endpoint, Endpoints, Locality
from lateen.ir.listener import FilterChain, HttpChain, Listener
from lateen.ir.resource import Resource
from lateen.ir.route import (
    ClusterRef,
    DirectResponse,
    Forward,
    PathMatch,
    Route,
    RouteMatch,
    Target,
    VirtualHost,
)
from lateen.model.keys import Key, Kind

pytestmark = pytest.mark.envoy

OWNER = Key(Kind.VIRTUAL_SERVICE, "shop", "web")
EXACT_HOSTS = ("a.b.c.com", "tls.c.com", "up.c.com")
WILDCARD_HOSTS = ("*.b.c.com", "*.c.com", "*")


class Answer(NamedTuple):
    status: int
    body: str
    headers: Mapping[str, str]


def answering(text: str, prefix: str = "/") -> Route:
    return Route(RouteMatch(PathMatch(value=prefix)), DirectResponse(200, text.encode()), OWNER)


def vhost(host: str, *routes: Route, require_tls: bool = False) -> VirtualHost:
    return VirtualHost(f"{host}:80", (host,), routes, require_tls)


def http(route_name: str, *, port_in_host: bool = False) -> Resource:
    chain = HttpChain(route_name, f"{route_name};", port_in_host=port_in_host)
    return build_listener(Listener(route_name, "127.0.0.1", 0, (FilterChain("http", http=chain),)))


def get(port: int, host: str, path: str = "/", **headers: str) -> Answer:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.putrequest("GET", path, skip_host=True)
        for name, value in {"host": host, **headers}.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders()
        response = connection.getresponse()
        return Answer(response.status, response.read().decode(), dict(response.getheaders()))
    finally:
        connection.close()


class Echo(BaseHTTPRequestHandler):
    """Answers with the headers it received; `/slow` only when the tests are over."""

    over = Event()

    def do_GET(self) -> None:
        if self.path == "/slow":
            self.over.wait(30)
            return
        body = json.dumps({name.lower(): value for name, value in self.headers.items()}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base's
        """Nothing is worth a line."""


@pytest.fixture(scope="module")
def upstream() -> Iterator[int]:
    """Port of a server that listens on IPv4 only."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    Echo.over.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def envoy(tmp_path_factory: pytest.TempPathFactory, upstream: int) -> Iterator[RunningEnvoy]:
    """Two chains with the same hosts, and one whose hosts have ports."""
    proxy = StaticEnvoy(Path(tmp_path_factory.mktemp("envoy")))
    ref = ClusterRef("localhost", upstream)
    endpoints = Endpoints(ref, (Locality((Endpoint("localhost", upstream),)),))
    cluster = Cluster(ref, Discovery.STRICT_DNS, dns_endpoints=endpoints, breaker=CircuitBreaker(max_connections=9))
    proxy.clusters([build_cluster(cluster)])
    echo = Route(RouteMatch(), Forward((Target(ref),)), OWNER)
    for chain in ("http.80", "http.81"):
        hosts = (
            vhost("a.b.c.com", answering(f"{chain} exact", "/ok")),
            vhost("tls.c.com", answering("never"), require_tls=True),
            vhost("up.c.com", echo),
        )
        exact = [build_scoped_route(chain, host, found) for host, found in zip(EXACT_HOSTS, hosts, strict=True)]
        fragments = [virtual_host_fragment(vhost(host, answering(f"{chain} {host}"))) for host in WILDCARD_HOSTS]
        scopes = [build_scope(chain, host) for host in (*EXACT_HOSTS, WILDCARDS)]
        proxy.scoped(http(chain), scopes, [*exact, build_wildcard_route(chain, fragments)])
    spellings = ("web", "web:8080", "web.shop", "web.shop:8080")
    mesh = VirtualHost("web:8080", spellings, (answering("mesh"),))
    scopes = [build_scope("mesh", host, "web") for host in spellings]
    proxy.scoped(http("mesh", port_in_host=True), scopes, [build_scoped_route("mesh", "web", mesh)])
    with proxy.running() as running:
        yield running


@pytest.mark.parametrize(
    ("host", "path", "status", "body"),
    [
        ("a.b.c.com", "/ok", 200, "exact"),
        ("A.B.c.COM", "/ok", 200, "exact"),
        ("a.b.c.com:8080", "/ok", 200, "exact"),
        ("A.b.c.com:8080", "/ok", 200, "exact"),
        ("z.b.c.com", "/", 200, "*.b.c.com"),
        ("Z.B.c.com:99", "/", 200, "*.b.c.com"),
        ("b.c.com", "/", 200, "*.c.com"),
        ("q.w.c.com", "/", 200, "*.c.com"),
        ("c.com", "/", 200, "*"),
        ("other.org:80", "/", 200, "*"),
    ],
)
def test_every_spelling_of_a_host_finds_its_routes(
    envoy: RunningEnvoy, host: str, path: str, status: int, body: str
) -> None:
    for chain in ("http.80", "http.81"):
        answer = get(envoy.port(chain), host, path)
        assert (answer.status, answer.body) == (status, f"{chain} {body}")


def test_a_host_without_a_matching_route_does_not_fall_back_to_a_wildcard(envoy: RunningEnvoy) -> None:
    assert get(envoy.port("http.80"), "a.b.c.com", "/other").status == 404


def test_plain_requests_are_redirected_where_tls_is_required(envoy: RunningEnvoy) -> None:
    answer = get(envoy.port("http.80"), "TLS.c.com:80", "/path?query")
    assert answer.status == 301
    assert answer.headers["location"].startswith("https://")


@pytest.mark.parametrize("scope", ["http.81|a.b.c.com", "http.80|*", "http.80|tls.c.com", "", "nonsense"])
def test_a_client_cannot_choose_the_scope(envoy: RunningEnvoy, scope: str) -> None:
    port = envoy.port("http.80")
    assert get(port, "a.b.c.com", "/ok", x_lateen_scope=scope).body == "http.80 exact"
    assert get(port, "A.b.c.com:80", "/ok", x_lateen_scope=scope).body == "http.80 exact"
    assert get(port, "z.org", x_lateen_scope=scope).body == "http.80 *"


def test_no_upstream_sees_the_scope(envoy: RunningEnvoy) -> None:
    seen = json.loads(get(envoy.port("http.80"), "up.c.com", x_lateen_scope="http.80|*", x_kept="yes").body)
    assert "x-lateen-scope" not in seen
    assert seen["x-kept"] == "yes"
    assert seen["host"] == "up.c.com"


def test_a_name_of_this_machine_reaches_a_server_on_ipv4_only(envoy: RunningEnvoy) -> None:
    assert get(envoy.port("http.80"), "up.c.com").status == 200


def test_only_websockets_may_upgrade(envoy: RunningEnvoy) -> None:
    port = envoy.port("http.80")
    assert get(port, "up.c.com", connection="upgrade", upgrade="telnet").status == 403
    assert get(port, "up.c.com", connection="upgrade", upgrade="WebSocket").status == 200


def test_a_grpc_client_ends_a_request_by_its_own_deadline(envoy: RunningEnvoy) -> None:
    answer = get(envoy.port("http.80"), "up.c.com", "/slow", content_type="application/grpc", grpc_timeout="100m")
    assert answer.headers["grpc-status"] == "4"


@pytest.mark.parametrize("host", ["web", "WEB:8080", "web.shop:8080", "Web.Shop"])
def test_ports_count_on_the_mesh_port(envoy: RunningEnvoy, host: str) -> None:
    assert get(envoy.port("mesh"), host).body == "mesh"


def test_another_port_is_another_host_on_the_mesh_port(envoy: RunningEnvoy) -> None:
    assert get(envoy.port("mesh"), "web:9090").status == 404


def test_the_server_header_is_envoys_own(envoy: RunningEnvoy) -> None:
    assert get(envoy.port("http.80"), "z.org").headers["server"] == "envoy"


def test_statistics_of_clusters_are_there_and_tagged_with_the_whole_name(envoy: RunningEnvoy, upstream: int) -> None:
    get(envoy.port("http.80"), "up.c.com")
    name = f"outbound|{upstream}||localhost"
    plain = envoy.page("/stats?filter=^cluster.outbound")
    assert f"cluster.{name}.upstream_rq_pending_overflow: 0" in plain
    assert f"cluster.{name}.circuit_breakers.default.cx_open: 0" in plain
    metrics = envoy.page("/stats/prometheus")
    assert f'envoy_cluster_upstream_rq_total{{envoy_cluster_name="{name}"}}' in metrics
    assert f'envoy_cluster_upstream_rq{{envoy_response_code="200",envoy_cluster_name="{name}"}}' in metrics
    assert "vcluster" not in envoy.page("/stats")
