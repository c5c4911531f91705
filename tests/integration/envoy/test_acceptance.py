"""Envoy itself accepts everything that is generated: each feature goes through `envoy --mode validate`."""

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from tests.integration.envoy.static_envoy import StaticEnvoy, envoy_binary

from lateen.envoy.bootstrap import BootstrapOptions, build_bootstrap
from lateen.envoy.cluster import build_cluster
from lateen.envoy.endpoint import build_endpoints
from lateen.envoy.listener import build_listener
from lateen.envoy.route import build_scoped_route, build_single_route, build_wildcard_route, virtual_host_fragment
from lateen.envoy.scope import WILDCARDS, build_scope
from lateen.envoy.tls import build_secret
from lateen.ir.cluster import (
    CircuitBreaker,
    Cluster,
    Discovery,
    Ejection,
    LbPolicy,
    LoadBalancer,
    RetryBudget,
    TcpKeepalive,
    UpstreamHttp,
    UpstreamProtocol,
    UpstreamTls,
    Warmup,
)
from lateen.ir.endpoint import Endpoint, Endpoints, Health, Locality
from lateen.ir.listener import (
    DownstreamTls,
    FilterChain,
    HttpChain,
    Listener,
    RouteLayout,
    SecretKind,
    SecretRef,
    TcpChain,
    TlsParameters,
    Tunnel,
)
from lateen.ir.match import MatchKind, StringMatch
from lateen.ir.resource import Resource
from lateen.ir.route import (
    ClaimMatch,
    ClusterRef,
    Cors,
    DirectResponse,
    Fault,
    Forward,
    HashPolicy,
    HashSource,
    HeaderMatch,
    HeaderOps,
    Mirror,
    PathKind,
    PathMatch,
    Redirect,
    Retry,
    Route,
    RouteMatch,
    Target,
    VirtualHost,
)
from lateen.ir.secret import Certificate, Trust
from lateen.model.keys import Key, Kind

pytestmark = pytest.mark.envoy

OWNER = Key(Kind.VIRTUAL_SERVICE, "shop", "web")
WEB = ClusterRef("web.shop.svc.cluster.local", 80)
CANARY = ClusterRef("web.shop.svc.cluster.local", 80, "v2")
EXACT = StringMatch(MatchKind.EXACT, "one")
PREFIX = StringMatch(MatchKind.PREFIX, "o")
REGEX = StringMatch(MatchKind.REGEX, "(one|two){1,40}")
PRESENT = StringMatch(MatchKind.PRESENT)
EVERY_KIND = (EXACT, PREFIX, REGEX, PRESENT)
TO_WEB = (Target(WEB),)
ROOT = RouteMatch()
OPS = HeaderOps(
    request_set=(("x-one", "%REQ(:path)%"),),
    request_add=(("x-two", "2"),),
    request_remove=("x-three",),
    response_set=(("x-four", "100%%"),),
    response_add=(("x-five", ""),),
    response_remove=("x-six",),
)


def certificate_files(material: Path) -> SecretRef:
    return SecretRef(
        "",
        SecretKind.CERTIFICATE,
        certificate_file=str(material / "tls.crt"),
        key_file=str(material / "tls.key"),
    )


def trust_files(material: Path) -> SecretRef:
    return SecretRef("", SecretKind.TRUST, trust_file=str(material / "ca.crt"))


DELIVERED = SecretRef("kubernetes://shop", SecretKind.CERTIFICATE)
DELIVERED_TRUST = SecretRef("kubernetes://shop-cacert", SecretKind.TRUST)


def http_listener(layout: RouteLayout, name: str = "http.80") -> Resource:
    chain = HttpChain(name, "outbound_0.0.0.0_8080;", layout, grpc_web=True)
    return build_listener(Listener("127.0.0.1_0", "127.0.0.1", 0, (FilterChain("http", http=chain),)))


def forward(**options: Any) -> Forward:
    return Forward(**{"targets": TO_WEB, **options})


def every_route() -> tuple[Route, ...]:
    matches = (
        RouteMatch(PathMatch(PathKind.EXACT, "/exact", ignore_case=True)),
        RouteMatch(PathMatch(PathKind.PREFIX, "")),
        RouteMatch(PathMatch(PathKind.REGEX, "/a{1,100}.*", ignore_case=True)),
        *(RouteMatch(headers=(HeaderMatch("x-a", text, invert=True),)) for text in EVERY_KIND),
        *(RouteMatch(headers=(HeaderMatch(":method", text, missing_is_empty=True),)) for text in EVERY_KIND),
        *(RouteMatch(query=(("q", text),)) for text in EVERY_KIND),
        *(RouteMatch(claims=(ClaimMatch(("a", "b"), text, invert=True),)) for text in EVERY_KIND),
    )
    retry = Retry(3, ("5xx", "retriable-status-codes"), (503,), 0.5, 0.01, other_localities=True)
    hashes_of = (
        HashPolicy(HashSource.HEADER, "x-user"),
        HashPolicy(HashSource.QUERY, "user"),
        HashPolicy(HashSource.SOURCE_IP),
        HashPolicy(HashSource.SOURCE_IP, enabled=False),
        HashPolicy(HashSource.COOKIE, "session"),
        HashPolicy(HashSource.COOKIE, "user", "/", 0.0, (("SameSite", "Lax"),)),
    )
    split = (Target(WEB, 90, OPS, "internal"), Target(CANARY, 10))
    actions: tuple[Forward | Redirect | DirectResponse, ...] = (
        forward(timeout=2.5, retry=retry, path_rewrite="/", host_rewrite="internal"),
        forward(regex_rewrite=(r"^/(\d+)$", r"/id/\1")),
        forward(targets=split, weighted=True, mirrors=(Mirror(CANARY, 2900),), hash_policies=hashes_of),
        forward(targets=(Target(CANARY, 1),), weighted=True, retry=Retry(1, ("reset",), avoid_previous_hosts=False)),
        *(Redirect(host="other", scheme="https", port=8443, path="/x?y", code=code) for code in (301, 302, 303)),
        Redirect(prefix_rewrite="/new", code=307),
        Redirect(path="", code=308),
        DirectResponse(200, "grüße".encode()),
        DirectResponse(599, b"\xff" * 5000),
        DirectResponse(204),
    )
    faults = (
        Fault(delay=0.25, delay_per_million=5699),
        Fault(abort_status=503, abort_per_million=1_000_000),
        Fault(delay=1, abort_grpc_status=14),
    )
    cors = (
        Cors(),
        Cors(EVERY_KIND, "GET,POST", "x-a", "x-b", "86400", credentials=True, forward_unmatched_preflights=False),
    )
    return (
        *(Route(match, forward(), OWNER) for match in matches),
        *(Route(ROOT, action, OWNER, ops=OPS) for action in actions),
        *(Route(ROOT, forward(), OWNER, fault=fault) for fault in faults),
        *(Route(ROOT, forward(), OWNER, "name", cors=policy, stat_prefix="p", operation="o") for policy in cors),
    )


VHOST = VirtualHost("shop.example.com:80", ("shop.example.com",), every_route(), require_tls=True)
EVERYBODY = VirtualHost("*:80", ("*",), ())


def test_every_kind_of_route_in_the_layout_of_scopes(proxy: StaticEnvoy) -> None:
    exact = build_scoped_route("http.80", "shop.example.com", VHOST)
    wildcard = build_wildcard_route("http.80", [virtual_host_fragment(EVERYBODY)])
    scopes = (build_scope("http.80", "shop.example.com"), build_scope("http.80", WILDCARDS))
    proxy.scoped(http_listener(RouteLayout.SCOPED), scopes, (exact, wildcard))
    proxy.assert_accepted()


def test_every_kind_of_route_in_one_configuration(proxy: StaticEnvoy) -> None:
    fragments = [virtual_host_fragment(VHOST), virtual_host_fragment(EVERYBODY)]
    proxy.single(http_listener(RouteLayout.SINGLE), build_single_route("http.80", fragments))
    proxy.assert_accepted()


def test_listeners_of_every_kind(proxy: StaticEnvoy, material: Path) -> None:
    plain = FilterChain("plain", http=HttpChain("http.80", "plain"))
    single = FilterChain("single", http=HttpChain("http.80", "plain", RouteLayout.SINGLE, port_in_host=True))
    split = TcpChain((Target(WEB, 3), Target(CANARY, 1)), "split", weighted=True, idle_timeout=60, hash_source_ip=True)
    tunnel = TcpChain(TO_WEB, "tunnel", max_connection_duration=5, tunnel=Tunnel("gw:3128", use_post=True))
    terminated = (
        DownstreamTls((certificate_files(material),)),
        DownstreamTls((DELIVERED,)),
        DownstreamTls((DELIVERED, SecretRef("kubernetes://ecdsa", SecretKind.CERTIFICATE))),
        DownstreamTls((certificate_files(material),), trust_files(material), require_client_certificate=True),
        DownstreamTls((DELIVERED,), DELIVERED_TRUST, subject_alt_names=("spiffe://a/b", "a.b", "1.2.3.4", "a@b.c")),
        DownstreamTls(
            (certificate_files(material),),
            trust_files(material),
            certificate_spki=("NvqYIYSbgK2vCJpQhObf77vv+bQWtc5ek5RIOwPiC9A=",),
            certificate_hashes=("df6ff72fe9116521268f6f2dd4966f51df479883fe7037b39f75916ac3049d1a",),
            crl_file=str(material / "crl.pem"),
            accept_untrusted=True,
        ),
        DownstreamTls((DELIVERED,), subject_alt_names=("shop.example.com",), crl_file=str(material / "crl.pem")),
        DownstreamTls(
            (DELIVERED,),
            parameters=TlsParameters("TLSV1_2", "TLSV1_3", ("ECDHE-ECDSA-AES128-GCM-SHA256",), ("P-256",)),
        ),
    )
    secure = tuple(
        FilterChain(f"tls-{number}", tcp=split, tls=tls, server_names=(f"h{number}.example.com", f"*.h{number}.org"))
        for number, tls in enumerate(terminated)
    )
    proxy.clusters(build_cluster(Cluster(ref)) for ref in (WEB, CANARY))
    proxy.listeners(
        build_listener(Listener(chain.name, "127.0.0.1", 0, (chain,)))
        for chain in (plain, single, FilterChain("tcp", tcp=split), FilterChain("tunnel", tcp=tunnel), *secure)
    )
    proxy.listeners([build_listener(Listener("all", "127.0.0.1", 0, (*secure, plain)))])
    every_name = FilterChain("every-name", tcp=split, tls=terminated[0], only_tls=True)
    proxy.listeners([build_listener(Listener("both", "127.0.0.1", 0, (every_name, *secure, plain)))])
    proxy.listeners([build_listener(Listener("socket", "", 0, (plain,), pipe=str(material / "http.sock")))])
    proxy.assert_accepted()


def numbered(clusters: Iterable[dict[str, Any]]) -> list[Resource]:
    return [
        build_cluster(Cluster(**{"ref": ClusterRef(f"c{number}.example.com", 80), **options}))
        for number, options in enumerate(clusters)
    ]


def test_every_load_balancer(proxy: StaticEnvoy) -> None:
    warmup = Warmup(30.0, 20.0, 1.5)
    balancers = (
        *(LoadBalancer(policy) for policy in LbPolicy if policy is not LbPolicy.CLUSTER_PROVIDED),
        LoadBalancer(LbPolicy.RING_HASH, ring_size=4096),
        LoadBalancer(LbPolicy.MAGLEV, table_size=65537),
        LoadBalancer(LbPolicy.LEAST_REQUEST, warmup=warmup),
        LoadBalancer(LbPolicy.ROUND_ROBIN, warmup=Warmup(1)),
        LoadBalancer(LbPolicy.RANDOM, warmup=warmup),
        LoadBalancer(locality_weighted=True),
        LoadBalancer(zone_aware=True, zone_min_cluster_size=3),
        LoadBalancer(zone_aware=True),
        LoadBalancer(zone_aware=False),
    )
    proxy.clusters(numbered({"lb": balancer} for balancer in balancers))
    proxy.assert_accepted()


def test_every_way_to_find_endpoints(proxy: StaticEnvoy) -> None:
    ref = ClusterRef("api.example.com", 443)
    named = Endpoints(ref, (Locality((Endpoint("api.example.com", 443),)),))
    proxy.clusters(
        numbered(
            (
                {"discovery": Discovery.EDS},
                {"discovery": Discovery.STRICT_DNS, "dns_endpoints": named},
                {"discovery": Discovery.LOGICAL_DNS, "dns_endpoints": named},
                {"discovery": Discovery.ORIGINAL_DST, "lb": LoadBalancer(LbPolicy.CLUSTER_PROVIDED)},
            )
        )
    )
    proxy.assert_accepted()


def test_every_setting_of_pools_and_ejection(proxy: StaticEnvoy) -> None:
    keepalive = UpstreamHttp(
        UpstreamProtocol.HTTP2,
        max_concurrent_streams=100,
        keepalive_interval=30,
        keepalive_timeout=5,
        ejection_status_codes=(500, 502),
    )
    limits = UpstreamHttp(
        idle_timeout=60,
        max_connection_duration=600,
        max_requests_per_connection=2,
        ejection_status_codes=(503,),
    )
    proxy.clusters(
        numbered(
            (
                {"http": keepalive, "keepalive": TcpKeepalive()},
                {"http": limits, "keepalive": TcpKeepalive(3, 30, 5)},
                {"http": UpstreamHttp(UpstreamProtocol.DOWNSTREAM)},
                {"breaker": CircuitBreaker(100, 50, 200, 3), "connect_timeout": 0.25, "panic_percent": 30},
                {"breaker": CircuitBreaker(max_connections=1, retry_budget=RetryBudget(20, 3, 1.5))},
                {"ejection": Ejection()},
                {"ejection": Ejection(3, 2, 1, split_local_errors=True, interval=1, base_time=30, max_percent=50)},
                {"ejection": Ejection(0, 0, base_time=900, max_percent=0)},
                {"proxy_protocol": "V1"},
                {"proxy_protocol": "V2", "tls": UpstreamTls(sni="a.example.com")},
            )
        )
    )
    proxy.assert_accepted()


def test_every_way_to_speak_tls_to_endpoints(proxy: StaticEnvoy, material: Path) -> None:
    found = UpstreamHttp(auto_sni=True, auto_san_validation=True)
    contexts = (
        UpstreamTls(),
        UpstreamTls(sni="a.example.com", alpn=("h2",), subject_alt_names=("ignored.example.com",)),
        UpstreamTls(trust=trust_files(material), subject_alt_names=("a.example.com",)),
        UpstreamTls(trust=trust_files(material), crl_file=str(material / "crl.pem")),
        UpstreamTls(trust=DELIVERED_TRUST, certificate=DELIVERED, subject_alt_names=("a.example.com",)),
        UpstreamTls(trust=DELIVERED_TRUST, certificate=certificate_files(material)),
    )
    proxy.clusters(numbered({"tls": tls, "http": found} for tls in contexts))
    system = Cluster(ClusterRef("system.example.com", 443), tls=UpstreamTls(system_trust=True), http=found)
    proxy.clusters([build_cluster(system, str(material / "ca.crt"))])
    proxy.assert_accepted()


def test_endpoints_of_every_kind(proxy: StaticEnvoy) -> None:
    near = Locality(
        (
            Endpoint("10.0.0.1", 8080, 3),
            Endpoint("10.0.0.2", 8080, health=Health.UNHEALTHY),
            Endpoint("::1", 8080, 0),
            Endpoint("unix:///run/app.sock", 0),
        ),
        "region/zone/subzone",
    )
    far = Locality((Endpoint("10.1.0.1", 8080, 4_294_967_295),), "region", priority=1, weight=7)
    proxy.endpoints(build_endpoints(Endpoints(WEB, (near, far))))
    proxy.endpoints(build_endpoints(Endpoints(CANARY)))
    proxy.assert_accepted()


def test_secrets(proxy: StaticEnvoy, material: Path) -> None:
    chain = (material / "tls.crt").read_bytes()
    pair = Certificate("kubernetes://shop", chain, (material / "tls.key").read_bytes())
    trust = Trust("kubernetes://shop-cacert", chain, (material / "crl.pem").read_bytes())
    proxy.secrets([build_secret(pair), build_secret(trust)])
    proxy.assert_accepted()


def test_envoy_does_refuse_what_is_wrong(proxy: StaticEnvoy) -> None:
    """The other tests prove something only if validation sees the content of routes."""
    broken = Route(RouteMatch(PathMatch(PathKind.REGEX, "(")), forward(), OWNER)
    vhost = VirtualHost("a:80", ("a",), (broken,))
    route = build_scoped_route("http.80", "a", vhost)
    proxy.scoped(http_listener(RouteLayout.SCOPED), (build_scope("http.80", "a"),), (route,))
    code, output = proxy.verdict()
    assert code != 0
    assert "missing )" in output


def test_the_bootstrap_as_text(tmp_path: Path) -> None:
    for number, address in enumerate(("127.0.0.1:15010", "localhost:15010", "unix:///run/lateen.sock", "[::1]:15010")):
        options = BootstrapOptions(
            address, "lateen", "shop/all", locality="region/zone", metadata={"LABELS": {"app": "gateway"}}
        )
        path = tmp_path / f"{number}.json"
        path.write_text(json.dumps(build_bootstrap(options)))
        command = [str(envoy_binary()), "--mode", "validate", "--config-path", str(path), "--log-level", "warning"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=50)  # noqa: S603 - our own binary
        assert done.returncode == 0, done.stderr
