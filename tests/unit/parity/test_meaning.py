"""Messages that do the same have one meaning; messages that do not, differ."""

from typing import Any

import pytest
from tests.parity.meaning import (
    cluster_meaning,
    differences,
    endpoint_meaning,
    listener_meaning,
    route_meaning,
    server_tls_meaning,
)

TYPES = "type.googleapis.com/envoy.extensions"


def routes(**route: Any) -> dict[str, Any]:
    host = {"name": "a.test:80", "domains": ["a.test"], "routes": [{"match": {"prefix": "/"}, **route}]}
    return route_meaning({"name": "http.80", "virtualHosts": [host]})


def forward(**action: Any) -> dict[str, Any]:
    return routes(route={"cluster": "c", **action})


def matching(**match: Any) -> dict[str, Any]:
    host = {"name": "a.test:80", "domains": ["a.test"], "routes": [{"match": match, "route": {"cluster": "c"}}]}
    return route_meaning({"virtualHosts": [host]})


def http_listener(**manager: Any) -> dict[str, Any]:
    config = {
        "@type": f"{TYPES}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "statPrefix": "any",
        "httpFilters": [],
        "rds": {"routeConfigName": "http.80"},
        **manager,
    }
    if "earlyHeaderMutationExtensions" in manager:
        del config["rds"]
    address = {"socketAddress": {"address": "0.0.0.0", "portValue": 80}}
    return listener_meaning({"address": address, "filterChains": [{"filters": [{"typedConfig": config}]}]})


def server_tls(**shared: Any) -> Any:
    return server_tls_meaning({"typedConfig": {"commonTlsContext": shared}})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (forward(maxGrpcTimeout="0s"), forward(maxStreamDuration={"grpcTimeoutHeaderMax": "0s"})),
        (forward(timeout="5s", maxGrpcTimeout="5s"), forward(timeout="5s")),
        (routes(decorator={"operation": "x"}, metadata={"filterMetadata": {"x": {}}}), routes()),
        (matching(prefix="/", caseSensitive=True), matching(prefix="/")),
        (
            forward(requestMirrorPolicies=[{"cluster": "m", "runtimeFraction": {"defaultValue": {"numerator": 10}}}]),
            forward(
                requestMirrorPolicies=[
                    {
                        "cluster": "m",
                        "runtimeFraction": {"defaultValue": {"numerator": 100_000, "denominator": "MILLION"}},
                    }
                ]
            ),
        ),
        (
            matching(prefix="/", headers=[{"name": "a", "presentMatch": True}, {"name": "b", "presentMatch": True}]),
            matching(prefix="/", headers=[{"name": "b", "presentMatch": True}, {"name": "a", "presentMatch": True}]),
        ),
    ],
)
def test_routes_that_do_the_same_have_one_meaning(one: Any, other: Any) -> None:
    assert list(differences(one, other)) == []


@pytest.mark.parametrize(
    ("one", "other", "difference"),
    [
        (forward(timeout="1s"), forward(timeout="2s"), 'a.test.routes[0].route.timeout: expected "1s", got "2s"'),
        (forward(timeout="1s"), forward(), 'a.test.routes[0].route.timeout: missing, expected "1s"'),
        (forward(), forward(timeout="1s"), 'a.test.routes[0].route.timeout: not expected, got "1s"'),
        (
            matching(prefix="/", caseSensitive=False),
            matching(prefix="/"),
            "a.test.routes[0].match.caseSensitive: missing, expected false",
        ),
    ],
)
def test_a_difference_is_named_with_its_place(one: Any, other: Any, difference: str) -> None:
    assert list(differences(one, other)) == [difference]


def test_routes_in_another_order_do_something_else() -> None:
    first, second = {"match": {"prefix": "/a"}}, {"match": {"prefix": "/"}}
    hosts = [{"name": "h", "domains": ["h"], "routes": order} for order in ([first, second], [second, first])]
    one, other = (route_meaning({"virtualHosts": [host]}) for host in hosts)
    assert list(differences(one, other)) != []


def test_a_virtual_host_that_only_answers_nothing_is_none() -> None:
    assert route_meaning({"virtualHosts": [{"name": "blackhole:80", "domains": ["*"]}]}) == {}


def test_the_routes_of_a_chain_are_named_alike_in_both_layouts() -> None:
    header = {"key": "x", "value": "http.80|%REQ(:authority)%"}
    mutation = {"typedConfig": {"mutations": [{"append": {"header": header}}]}}
    assert http_listener() == http_listener(earlyHeaderMutationExtensions=[mutation])
    assert http_listener() != http_listener(rds={"routeConfigName": "http.81"})


def test_settings_of_connections_count() -> None:
    assert http_listener(normalizePath=True) != http_listener()
    assert http_listener(tracing={"randomSampling": {"value": 1}}) == http_listener()


def test_certificates_read_by_an_agent_are_the_same_as_files() -> None:
    served = [{"name": "file-cert:a.crt~a.key", "sdsConfig": {"ads": {}}}]
    files = [{"certificateChain": {"filename": "a.crt"}, "privateKey": {"filename": "a.key"}}]
    assert server_tls(tlsCertificateSdsSecretConfigs=served) == server_tls(tlsCertificates=files)
    other = [{"name": "kubernetes://a", "sdsConfig": {"ads": {}}}]
    assert server_tls(tlsCertificateSdsSecretConfigs=other) != server_tls(tlsCertificates=files)


def test_trust_read_by_an_agent_is_the_same_as_a_file() -> None:
    combined = {
        "defaultValidationContext": {"matchSubjectAltNames": [{"exact": "a"}]},
        "validationContextSdsSecretConfig": {"name": "file-root:ca.crt", "sdsConfig": {"ads": {}}},
    }
    typed = [{"sanType": kind, "matcher": {"exact": "a"}} for kind in ("DNS", "URI")]
    context = {"trustedCa": {"filename": "ca.crt"}, "matchTypedSubjectAltNames": typed}
    assert server_tls(combinedValidationContext=combined) == server_tls(validationContext=context)


def test_a_cluster_of_the_dns_extension_is_of_the_older_type() -> None:
    def extension(*, one: bool) -> dict[str, Any]:
        config = {"@type": f"{TYPES}.clusters.dns.v3.DnsCluster", "allAddressesInSingleEndpoint": one}
        return cluster_meaning({"clusterType": {"typedConfig": {**config, "respectDnsTtl": True}}})

    assert extension(one=False) == cluster_meaning({"type": "STRICT_DNS", "respectDnsTtl": True})
    assert extension(one=True) == cluster_meaning({"type": "LOGICAL_DNS", "respectDnsTtl": True})


@pytest.mark.parametrize(
    "change",
    [
        {"connectTimeout": "2s"},
        {"lbPolicy": "RANDOM"},
        {"circuitBreakers": {"thresholds": [{"maxRequests": 2}]}},
        {"outlierDetection": {"consecutive5xx": 2, "maxEjectionPercent": 10}},
        {"leastRequestLbConfig": {"slowStartConfig": {"slowStartWindow": "9s"}}},
    ],
)
def test_every_setting_of_a_cluster_counts(change: dict[str, Any]) -> None:
    cluster = {
        "connectTimeout": "1s",
        "lbPolicy": "LEAST_REQUEST",
        "circuitBreakers": {"thresholds": [{"maxRequests": 1}]},
        "outlierDetection": {"consecutive5xx": 1, "maxEjectionPercent": 10},
        "leastRequestLbConfig": {"slowStartConfig": {"slowStartWindow": "1s"}},
    }
    assert cluster_meaning(cluster) != cluster_meaning({**cluster, **change})


def test_values_that_are_defaults_need_not_be_written() -> None:
    def warming(**settings: Any) -> dict[str, Any]:
        return cluster_meaning({"roundRobinLbConfig": {"slowStartConfig": {"slowStartWindow": "1s", **settings}}})

    written = warming(aggression={"defaultValue": 1.0, "runtimeKey": "any"}, minWeightPercent={"value": 10.0})
    assert warming() == written
    assert warming() != warming(aggression={"defaultValue": 2.0})


def test_endpoints_count_with_address_status_weight_and_place() -> None:
    def assignment(port: int = 80, **values: Any) -> list[Any]:
        address = {"socketAddress": {"address": "10.0.0.1", "portValue": port}}
        return endpoint_meaning({"endpoints": [{"lbEndpoints": [{"endpoint": {"address": address}, **values}]}]})

    assert assignment() == assignment(healthStatus="HEALTHY", loadBalancingWeight=1)
    assert assignment() not in (assignment(81), assignment(healthStatus="UNHEALTHY"), assignment(loadBalancingWeight=2))
