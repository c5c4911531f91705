"""Traffic cases run through a real Envoy, one after the other on the same instance."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.parity.traffic import judge_traffic
from tests.parity.verdict import Verdict

SERVICES = """\
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec:
  selector: {app: cart}
  ports: [{name: http, port: 80, targetPort: 18080}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: cart-1, namespace: shop, labels: {kubernetes.io/service-name: cart}}
addressType: IPv4
endpoints: [{addresses: [10.1.0.10], conditions: {ready: true}}]
ports: [{name: http, port: 18080, protocol: TCP}]
"""
CONFIG = """\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: front, namespace: shop}
spec:
  selector: {istio: ingressgateway}
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: cart, namespace: shop}
spec:
  hosts: [cart.test]
  gateways: [front]
  http:
    - match: [{uri: {exact: /old}}]
      redirect: {uri: /new}
    - headers: {request: {add: {x-user: ann}}}
      rewrite: {uri: /seen/}
      route: [{destination: {host: cart}}]
"""


def call(path: str, **values: Any) -> dict[str, Any]:
    plain = {"port": 80, "scheme": "http", "http_version": "HTTP/1.1", "method": "GET", "count": 1}
    return {**plain, "path": path, "host_header": "cart.test", **values}


def write(folder: Path, name: str, **case: Any) -> None:
    (folder / "group").mkdir(exist_ok=True)
    plain = {"name": name, "group": "group", "applies_to": "gateway", "fixtures": ["fixtures/services.yaml"]}
    (folder / "group" / f"{name}.json").write_text(json.dumps({**plain, "config_yaml": CONFIG, **case}))


@pytest.mark.envoy
def test_each_call_is_judged_by_what_the_backend_saw_and_the_client_got(tmp_path: Path) -> None:
    (tmp_path / "fixtures").mkdir()
    (tmp_path / "fixtures" / "services.yaml").write_text(SERVICES)
    port = {"protocol": "HTTP", "workload_port": 18080, "tls": False, "localhost_ip": False}
    apps = [{"fqdn": "cart.shop.svc.cluster.local", "pod_ip": "10.1.0.10", "ports": [port]}]
    (tmp_path / "fixtures" / "apps.json").write_text(json.dumps(apps))
    seen = {"status": 200, "upstream_url": "/seen/x", "upstream_request_headers": {"X-User": "ann"}}
    write(
        tmp_path,
        "a",
        calls=[
            call("/x", expect=seen),
            call("/x", expect={"status": 404}),
            call("/old", expect={"status": 301}),
            call("/old", follow_redirects=True, expect={"status": 200, "upstream_url": "/seen/new"}),
            call("/x", http_version="HTTP/2", expect={"upstream_protocol": "HTTP/1.1"}),
        ],
    )
    write(tmp_path, "b", applies_to="mesh", calls=[call("/x", expect=seen)])
    gone = CONFIG.replace("cart.test", "pay.test")
    write(tmp_path, "c", config_yaml=gone, calls=[call("/x", expect={"status": 404})])
    judgements = list(judge_traffic(tmp_path))
    assert [(each.case, each.verdict) for each in judgements] == [
        ("group/a#0", Verdict.PASSED),
        ("group/a#1", Verdict.FAILED),
        ("group/a#2", Verdict.PASSED),
        ("group/a#3", Verdict.PASSED),
        ("group/a#4", Verdict.PASSED),
        ("group/b#0", Verdict.UNSUPPORTED),
        ("group/c#0", Verdict.PASSED),
    ]
    assert judgements[1].reason == "status 404 is expected, got 200"
