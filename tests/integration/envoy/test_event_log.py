"""What a real Envoy writes to its standard output about ejections and overflows, read as events."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from tests.integration.envoy.static_envoy import RunningEnvoy, StaticEnvoy

from lateen.envoy.cluster import build_cluster
from lateen.envoy.listener import build_listener
from lateen.envoy.names import cluster_name
from lateen.envoy.route import build_scoped_route
from lateen.envoy.scope import build_scope
from lateen.infra.proxy_events import Cause, HostEjected, HostReturned, Limit, PoolOverflowed, read_event
from lateen.ir.cluster import CircuitBreaker, Cluster, Discovery, Ejection
from lateen.ir.endpoint import Endpoint, Endpoints, Locality
from lateen.ir.listener import FilterChain, HttpChain, Listener, TcpChain
from lateen.ir.route import ClusterRef, Forward, Retry, Route, RouteMatch, Target, VirtualHost
from lateen.model.keys import Key, Kind

pytestmark = pytest.mark.envoy

LOG = "/dev/stdout"
OWNER = Key(Kind.VIRTUAL_SERVICE, "shop", "web")


class Failing(BaseHTTPRequestHandler):
    """Answers 503; `/slow` when it is told to."""

    protocol_version = "HTTP/1.1"
    go_on = Event()
    asked = Event()

    def do_GET(self) -> None:
        if self.path == "/slow":
            self.asked.set()
            self.go_on.wait(30)
        self.send_response(503)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base's
        """Nothing is worth a line."""


@pytest.fixture
def upstream() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Failing)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    Failing.go_on.clear()
    Failing.asked.clear()
    yield server.server_port
    Failing.go_on.set()
    server.shutdown()
    thread.join()
    server.server_close()


@contextmanager
def serving(proxy: StaticEnvoy, cluster: Cluster, **retry: Any) -> Iterator[RunningEnvoy]:
    """Route everything to one cluster, over HTTP and over TCP."""
    forward = Forward((Target(cluster.ref),), retry=Retry(**retry) if retry else None)
    host = VirtualHost("web:80", ("web",), (Route(RouteMatch(), forward, OWNER),))
    http = FilterChain("http", http=HttpChain("http.80", "web;"))
    tcp = FilterChain("tcp", tcp=TcpChain((Target(cluster.ref),), "web"))
    proxy.clusters([build_cluster(cluster)])
    proxy.scoped(
        build_listener(Listener("http", "127.0.0.1", 0, (http,)), LOG),
        [build_scope("http.80", "web")],
        [build_scoped_route("http.80", "web", host)],
    )
    proxy.listeners([build_listener(Listener("tcp", "127.0.0.1", 0, (tcp,)), LOG)])
    proxy.event_log(LOG)
    with proxy.running("--file-flush-interval-msec", "50") as running:
        yield running


def cluster_of(port: int, **policy: Any) -> Cluster:
    ref = ClusterRef("localhost", port)
    endpoints = Endpoints(ref, (Locality((Endpoint("localhost", port),)),))
    return Cluster(ref, Discovery.STRICT_DNS, dns_endpoints=endpoints, **policy)


@contextmanager
def asking(port: int, path: str = "/") -> Iterator[HTTPConnection]:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path, headers={"host": "web"})
        yield connection
    finally:
        connection.close()


def ask(port: int) -> int:
    with asking(port) as connection:
        return connection.getresponse().status


def events(running: RunningEnvoy, number: int) -> list[Any]:
    return [read_event(line.encode()) for line in islice(running.output, number)]


def test_an_ejection_and_the_return_after_it_are_told(tmp_path: Path, upstream: int) -> None:
    ejection = Ejection(consecutive_gateway_errors=2, consecutive_5xx=0, interval=0.1, base_time=0.2)
    cluster = cluster_of(upstream, ejection=ejection)
    with serving(StaticEnvoy(tmp_path), cluster) as running:
        assert [ask(running.port("http")) for _ in range(2)] == [503, 503]
        ejected, returned = events(running, 2)
    address = f"127.0.0.1:{upstream}"
    assert ejected == HostEjected(
        ejected.at, cluster_name(cluster.ref), address, Cause.CONSECUTIVE_GATEWAY_FAILURE, number=1, rested=None
    )
    assert returned == HostReturned(returned.at, ejected.cluster, address)
    assert abs(ejected.at - time.time()) < 30
    assert returned.at - ejected.at >= 0.2


def test_a_request_that_finds_no_place_is_told(tmp_path: Path, upstream: int) -> None:
    cluster = cluster_of(upstream, breaker=CircuitBreaker(max_requests=1))
    with serving(StaticEnvoy(tmp_path), cluster) as running, asking(running.port("http"), "/slow"):
        assert Failing.asked.wait(10)
        assert ask(running.port("http")) == 503
        assert events(running, 1) == [PoolOverflowed(cluster_name(cluster.ref), Limit.REQUEST)]


def test_a_connection_that_finds_no_place_is_told(tmp_path: Path, upstream: int) -> None:
    cluster = cluster_of(upstream, breaker=CircuitBreaker(max_connections=1))
    with serving(StaticEnvoy(tmp_path), cluster) as running, asking(running.port("tcp"), "/slow"):
        assert Failing.asked.wait(10)
        with asking(running.port("tcp")) as refused, pytest.raises(OSError, match=r"closed|reset"):
            refused.getresponse()
        assert events(running, 1) == [PoolOverflowed(cluster_name(cluster.ref), Limit.CONNECTION)]


def test_retries_that_find_no_place_are_told(tmp_path: Path, upstream: int) -> None:
    cluster = cluster_of(upstream, breaker=CircuitBreaker(max_retries=0))
    with serving(StaticEnvoy(tmp_path), cluster, on=("5xx",), attempts=1) as running:
        assert ask(running.port("http")) == 503
        assert events(running, 1) == [PoolOverflowed(cluster_name(cluster.ref), Limit.RETRY)]


def test_requests_that_fail_otherwise_are_not_told(tmp_path: Path, upstream: int) -> None:
    cluster = cluster_of(upstream, breaker=CircuitBreaker(max_requests=1))
    with serving(StaticEnvoy(tmp_path), cluster) as running:
        assert [ask(running.port("http")) for _ in range(3)] == [503] * 3
        with asking(running.port("http"), "/slow"):
            assert Failing.asked.wait(10)
            ask(running.port("http"))
            assert events(running, 1) == [PoolOverflowed(cluster_name(cluster.ref), Limit.REQUEST)]
