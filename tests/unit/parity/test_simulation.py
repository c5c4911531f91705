"""Calls of parity cases are compared with decisions strictly, but for names that only the reference has."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.parity.matcher import Decision, Failure, Request
from tests.parity.scenario import Call
from tests.parity.simulation import compare, judge_simulation
from tests.parity.verdict import Judgement, Verdict

GATEWAY = """\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: front, namespace: edge}
spec:
  selector: {istio: ingressgateway}
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [a.test]}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: rule, namespace: shop}
spec:
  hosts: [a.test]
  gateways: [edge/front]
  http: [{route: [{destination: {host: cart, port: {number: 8080}}}]}]
"""
PROXY = {"type": "router", "namespace": "edge", "labels": {"istio": "ingressgateway"}, "ip_addresses": ["10.0.0.9"]}
FORWARDED = {
    "listener": "0.0.0.0_80",
    "route_config": "http.80",
    "virtual_host": "a.test:80",
    "cluster": "outbound|8080||cart.shop",
}


def call(expect: dict[str, Any], **values: Any) -> dict[str, Any]:
    return {
        "name": "call",
        "address": "1.3.3.7",
        "port": 80,
        "protocol": "http",
        "tls": "plaintext",
        "sni": "",
        "alpn": "",
        "path": "/",
        "host_header": "a.test",
        "expect": expect,
        **values,
    }


def judge(folder: Path, *calls: dict[str, Any], config: str = GATEWAY, **values: Any) -> list[Judgement]:
    case = {"config_yaml": config, "proxy": PROXY, "calls": list(calls), **values}
    (folder / "case.json").write_text(json.dumps(case))
    return list(judge_simulation(folder))


def test_a_call_that_comes_where_it_should_passes(tmp_path: Path) -> None:
    [judgement] = judge(tmp_path, call(FORWARDED))
    assert (judgement.verdict, judgement.kind, judgement.case) == (Verdict.PASSED, "forwarded", "case#call")


@pytest.mark.parametrize("name", ["listener", "route_config", "virtual_host", "cluster"])
def test_every_name_that_is_asked_for_has_to_agree(tmp_path: Path, name: str) -> None:
    [judgement] = judge(tmp_path, call({**FORWARDED, name: "another"}))
    assert judgement.verdict is Verdict.FAILED
    assert judgement.reason == f"{name}: expected 'another', got {FORWARDED[name]!r}"


def test_a_call_that_should_fail_and_does_not_is_a_failure(tmp_path: Path) -> None:
    [judgement] = judge(tmp_path, call({"error": "no_route"}))
    assert (judgement.verdict, judgement.kind) == (Verdict.FAILED, "no_route")


def test_a_call_that_fails_and_should_not_is_a_failure(tmp_path: Path) -> None:
    [judgement] = judge(tmp_path, call({}, host_header="b.test"))
    assert judgement.reason == "error: expected '', got 'no_virtual_host'"


def test_an_object_that_was_refused_is_named_in_the_reason(tmp_path: Path) -> None:
    [judgement] = judge(tmp_path, call(FORWARDED), config=GATEWAY.replace("hosts: [a.test]}", "hosts: [a]}"))
    assert "refused Gateway/edge/front" in judgement.reason


def test_a_service_with_the_proxy_for_an_endpoint_translates_ports(tmp_path: Path) -> None:
    entry = """\
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: ingress, namespace: edge}
spec:
  hosts: [ingress.test]
  ports: [{number: 80, name: http, protocol: HTTP, targetPort: 8080}]
  resolution: STATIC
  endpoints: [{address: 10.0.0.9}]
"""
    moved = {"listener": "0.0.0.0_8080", "route_config": "http.8080", "virtual_host": "a.test:80"}
    judgements = judge(tmp_path, call(moved, port=8080), call({"error": "no_listener"}), config=GATEWAY + entry)
    assert [judgement.verdict for judgement in judgements] == [Verdict.PASSED, Verdict.PASSED]


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"proxy": {**PROXY, "type": "sidecar"}}, "a proxy of type sidecar"),
        ({"mesh_config": {"x": 1}}, 'mesh_config {"x": 1}'),
        ({"kubernetes_yaml": "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: a}"}, "kind Ingress"),
        (
            {"config": GATEWAY.replace("namespace: edge}", "namespace: edge, annotations: {internal.istio.io/x: y}}")},
            "annotation internal.istio.io/x",
        ),
    ],
)
def test_what_lateen_cannot_be_asked_is_never_passed(tmp_path: Path, values: dict[str, Any], reason: str) -> None:
    [judgement] = judge(tmp_path, call(FORWARDED), **values)
    assert (judgement.verdict, judgement.reason) == (Verdict.UNSUPPORTED, reason)


def compared(expect: dict[str, Any], decision: Decision, *, route_is_open: bool = False) -> list[str]:
    return compare(Call("call", Request(80), expect, route_is_open), decision)


def test_a_chain_without_hosts_stands_for_the_virtual_host_that_answers_nothing() -> None:
    expect = {"error": "no_route", "virtual_host": "blackhole:80"}
    assert compared(expect, Decision(Failure.NO_VIRTUAL_HOST, chain_is_empty=True)) == []
    assert compared(expect, Decision(Failure.NO_VIRTUAL_HOST)) != []


def test_a_virtual_host_that_the_reference_gathers_with_another_may_have_its_name() -> None:
    decision = Decision(virtual_host="a.test:80", alike=frozenset({"a.test:80", "b.test:80"}))
    assert compared({"virtual_host": "b.test:80"}, decision) == []
    assert compared({"virtual_host": "c.test:80"}, decision) != []


def test_where_the_route_is_open_there_may_be_none() -> None:
    decision = Decision(Failure.NO_ROUTE)
    assert compared({}, decision, route_is_open=True) == []
    assert compared({}, decision) == ["error: expected '', got 'no_route'"]
    assert compared({}, Decision(Failure.NO_LISTENER), route_is_open=True) != []


def test_a_case_that_cannot_be_read_fails_alone(tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text('{"proxy": {}}')
    judgements = {each.case: each for each in judge(tmp_path, call(FORWARDED))}
    assert judgements["broken"].verdict is Verdict.FAILED
    assert judgements["broken"].reason.startswith("cannot be judged: KeyError")
    assert judgements["case#call"].verdict is Verdict.PASSED
