"""Cases with the reference's output are judged by what it does, fragments included."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.parity.golden import judge_golden
from tests.parity.probes import HOST, route_to_clusters
from tests.parity.verdict import Judgement, Verdict

RULE = """\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: rule, namespace: default}
spec:
  gateways: [front]
  http: [{timeout: 5s, route: [{destination: {host: cart.test}}]}]
"""
POLICY = """\
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: policy, namespace: default}
spec:
  host: "*.cart.test"
  trafficPolicy: {loadBalancer: {simple: RANDOM}}
"""
SERVICE = {
    "hostname": "*.cart.test",
    "namespace": "default",
    "labels": {},
    "resolution": "ClientSide",
    "ports": [{"name": "http", "port": 80, "protocol": "HTTP"}],
}


def judge(folder: Path, group: str, case: dict[str, Any]) -> Judgement:
    (folder / group).mkdir()
    (folder / group / "case.json").write_text(json.dumps(case))
    [judgement] = judge_golden(folder)
    return judgement


def judge_rule(folder: Path, **values: Any) -> Judgement:
    route = {
        "cluster": "outbound|8080||cart.test",
        "timeout": "5s",
        "maxGrpcTimeout": "5s",
        "retryPolicy": {
            "retryOn": "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes",
            "numRetries": 2,
            "retryHostPredicate": [
                {
                    "name": "envoy.retry_host_predicates.previous_hosts",
                    "typedConfig": {
                        "@type": "type.googleapis.com/"
                        "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
                    },
                }
            ],
            "hostSelectionRetryMaxAttempts": "5",
        },
    }
    case = {
        "config_yaml": RULE,
        "listen_port": 8080,
        "gateway_names": ["front"],
        "is_tls": False,
        "services": {},
        "output": [{"match": {"prefix": "/"}, "route": {**route, **values.pop("route", {})}}],
        **values,
    }
    return judge(folder, "routes-of-virtualservice", case)


def judge_cluster(folder: Path, **values: Any) -> Judgement:
    unlimited = 4294967295
    limits = dict.fromkeys(("maxConnections", "maxPendingRequests", "maxRequests", "maxRetries"), unlimited)
    cluster = {
        "name": "outbound|80||*.cart.test",
        "type": "EDS",
        "connectTimeout": "10.000000001s",
        "lbPolicy": "RANDOM",
        "circuitBreakers": {"thresholds": [limits]},
        "commonLbConfig": {"healthyPanicThreshold": {}},
    }
    case = {
        "config_yaml": POLICY,
        "registry_services": [SERVICE],
        "mesh_config": {"connectTimeout": "10.000000001s", "enableAutoMtls": False},
        "proxy": {"type": "router", "namespace": "default"},
        "output": [{**cluster, **values.pop("cluster", {})}],
        **values,
    }
    return judge(folder, "clusters", case)


def test_a_rule_is_put_behind_a_gateway_and_compared(tmp_path: Path) -> None:
    judgement = judge_rule(tmp_path)
    assert (judgement.verdict, judgement.kind) == (Verdict.PASSED, "routes-of-virtualservice"), judgement.reason


def test_a_route_that_does_something_else_fails(tmp_path: Path) -> None:
    judgement = judge_rule(tmp_path, route={"timeout": "6s", "maxGrpcTimeout": "6s"})
    assert judgement.verdict is Verdict.FAILED
    assert judgement.reason == f'http.8080.{HOST}.routes[0].route.timeout: expected "6s", got "5s"'


def test_a_rule_that_the_door_refuses_is_not_judged(tmp_path: Path) -> None:
    judgement = judge_rule(tmp_path, config_yaml=RULE.replace("5s", "0s"))
    assert (judgement.verdict, judgement.reason[:7]) == (Verdict.UNSUPPORTED, "refused")


def test_a_case_that_lacks_an_object_is_not_judged(tmp_path: Path) -> None:
    judgement = judge_rule(tmp_path, route={"hashPolicy": [{"header": {"headerName": "x"}}]})
    assert (judgement.verdict, judgement.reason) == (Verdict.UNSUPPORTED, "a DestinationRule that is given in Go")


def test_a_cluster_is_routed_to_under_a_name_that_can_be_routed_to(tmp_path: Path) -> None:
    assert judge_cluster(tmp_path).verdict is Verdict.PASSED


def test_a_cluster_that_does_something_else_fails(tmp_path: Path) -> None:
    judgement = judge_cluster(tmp_path, cluster={"lbPolicy": "LEAST_REQUEST"})
    assert judgement.verdict is Verdict.FAILED
    assert judgement.reason.endswith('lbPolicy: expected "LEAST_REQUEST", got "RANDOM"')


def test_a_cluster_that_is_missing_fails(tmp_path: Path) -> None:
    judgement = judge_cluster(tmp_path, cluster={"name": "outbound|81||*.cart.test"})
    assert (judgement.verdict, "missing" in judgement.reason) == (Verdict.FAILED, True)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"mesh_config": {"tcpKeepalive": {"time": "1s"}}}, 'mesh_config {"tcpKeepalive": {"time": "1s"}}'),
        ({"config_yaml": POLICY + "# ISTIO_MUTUAL"}, "certificates of the mesh (ISTIO_MUTUAL)"),
    ],
)
def test_what_lateen_does_not_know_is_not_judged(tmp_path: Path, values: dict[str, Any], reason: str) -> None:
    judgement = judge_cluster(tmp_path, **values)
    assert (judgement.verdict, judgement.reason) == (Verdict.UNSUPPORTED, reason)


def test_a_case_of_another_shape_fails_alone(tmp_path: Path) -> None:
    judgement = judge(tmp_path, "clusters", {"output": []})
    assert (judgement.verdict, judgement.reason[:16]) == (Verdict.FAILED, "cannot be judged")


def test_what_is_for_sidecars_is_counted_and_not_judged(tmp_path: Path) -> None:
    assert judge(tmp_path, "sidecar", {}).verdict is Verdict.UNSUPPORTED


def test_instances_of_a_service_become_its_endpoints() -> None:
    instance = {
        "service": "*.cart.test",
        "service_port": {"name": "http"},
        "endpoint_port": 8080,
        "addresses": ["10.0.0.1"],
        "lb_weight": 3,
        "locality": "r/z/s",
    }
    case = route_to_clusters(
        {
            "config_yaml": POLICY,
            "registry_services": [SERVICE],
            "registry_instances": [instance],
            "proxy": {"type": "router", "namespace": "default"},
            "output": [],
        }
    )
    assert case["registry_services"][0]["endpoints"] == [
        {"address": "10.0.0.1", "ports": {"http": 8080}, "labels": {}, "locality": "r/z/s", "weight": 3}
    ]
