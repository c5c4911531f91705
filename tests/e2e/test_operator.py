"""Operators end in good and bad ways under load: requests go on, changes too, and another one writes."""

import json
import time

import pytest
from tests.e2e.cluster import Doors, kill
from tests.e2e.commands import becomes, eventually, run
from tests.e2e.kubernetes import LEASE, OPERATOR, RELEASE, Namespace
from tests.e2e.scene import host_of, routes, to

WITHIN = 20.0
"""Seconds after which another operator writes."""
PODS = "app.kubernetes.io/name=lateen,app.kubernetes.io/component=operator"


@pytest.fixture
def operators(installed: Namespace) -> Namespace:
    """Two operators, both ready."""
    installed.rolled_out(RELEASE)
    eventually(lambda: holder(installed), what="one of them leads")
    return installed


def holder(namespace: Namespace) -> str:
    """The pod that leads; empty: none does."""
    lease = namespace.get("lease", LEASE)["spec"].get("holderIdentity") or ""
    return next((pod for pod in namespace.pods(PODS) if lease.startswith(pod)), "")


def test_proxies_run_by_the_rights_of_the_chart(operators: Namespace) -> None:
    account = f"system:serviceaccount:{OPERATOR}:{RELEASE}"
    for question in (("create", "pods"), ("update", "virtualservices.networking.istio.io"), ("delete", "namespaces")):
        answer = run("bash", "-c", f"kubectl auth can-i {' '.join(question)} --as={account} -A || true")
        assert answer.startswith("no"), question


def test_the_leader_is_killed_and_another_writes(doors: Doors, shop: Namespace, operators: Namespace) -> None:
    shop.apply(routes("leader", f"- route: [{to('web', 'v1')}]"))
    shop.programmed("vs/leader")
    leader = holder(operators)
    with doors.http.load(host_of("leader")) as load:
        killed = time.monotonic()
        kill(operators, leader)
        shop.apply(routes("leader", f"- route: [{to('web', 'v2')}]"))
        becomes(lambda: doors.http.versions(host_of("leader")), {"v2"}, within=10, what="where requests go")
        shop.programmed("vs/leader", within=WITHIN - (time.monotonic() - killed))
    load.assert_nothing_failed()
    assert {"v1", "v2"} == set(load.versions)


def test_the_leader_is_deleted_and_another_leads(doors: Doors, shop: Namespace, operators: Namespace) -> None:
    shop.apply(routes("heir", f"- route: [{to('web', 'v1')}]"))
    shop.programmed("vs/heir")
    leader = holder(operators)
    with doors.http.load(host_of("heir")) as load:
        deleted = time.monotonic()
        operators.kubectl("delete", "pod", leader, "--grace-period=0", "--force")
        shop.apply(routes("heir", f"- route: [{to('web', 'v2')}]"))
        shop.programmed("vs/heir", within=WITHIN - (time.monotonic() - deleted))
        # The old leader may have written that before it let go, and then nobody leads for a moment.
        eventually(lambda: holder(operators) not in {"", leader}, within=WITHIN, what="another leads")
        shop.apply(routes("heir", f"- route: [{to('web', 'v1')}]"))
        shop.programmed("vs/heir", within=WITHIN)
        operators.rolled_out(RELEASE)
    load.assert_nothing_failed()


def test_all_operators_are_replaced_under_load_and_change(doors: Doors, shop: Namespace, operators: Namespace) -> None:
    shop.apply(routes("replaced", f"- route: [{to('web', 'v1')}]"))
    shop.programmed("vs/replaced")
    with doors.http.load(host_of("replaced")) as load:
        operators.kubectl("rollout", "restart", f"deployment/{RELEASE}")
        for version in ("v2", "v1", "v2"):
            shop.apply(routes("replaced", f"- route: [{to('web', version)}]"))
            becomes(lambda: doors.http.versions(host_of("replaced")), {version}, what="where requests go")
        operators.rolled_out(RELEASE)
        shop.programmed("vs/replaced")
    load.assert_nothing_failed()


def test_all_operators_are_away_and_requests_go_on(doors: Doors, shop: Namespace, operators: Namespace) -> None:
    shop.apply(routes("alone", f"- route: [{to('web', 'v1')}]"))
    shop.programmed("vs/alone")
    with doors.http.load(host_of("alone")) as load:
        operators.kubectl("scale", f"deployment/{RELEASE}", "--replicas=0")
        eventually(lambda: not operators.names("pods", PODS), within=60, what="no operator is left")
        shop.apply(routes("alone", f"- route: [{to('web', 'v2')}]"))
        operators.kubectl("scale", f"deployment/{RELEASE}", "--replicas=2")
        operators.rolled_out(RELEASE)
        shop.programmed("vs/alone")
    load.assert_nothing_failed()
    assert doors.http.ask(host_of("alone")).version == "v2"


def test_the_api_server_is_killed_and_nothing_is_lost(doors: Doors, shop: Namespace, operators: Namespace) -> None:
    (server, *_) = Namespace("kube-system").names("pods", "component=kube-apiserver") or ("",)
    if not server:
        pytest.skip("the API server of this cluster is no pod, so that it cannot be killed")
    shop.apply(routes("server", f"- route: [{to('web', 'v1')}]"))
    shop.programmed("vs/server")
    with doors.http.load(host_of("server")) as load:
        kill(Namespace("kube-system"), server)
        eventually(lambda: run("kubectl", "get", "--raw", "/readyz") == "ok", within=90, what="an API server")
        shop.apply(routes("server", f"- route: [{to('web', 'v2')}]"))
        becomes(lambda: doors.http.versions(host_of("server")), {"v2"}, within=60, what="where requests go")
        shop.programmed("vs/server")
    load.assert_nothing_failed()


def test_a_restart_writes_nothing_that_stands_there_already(shop: Namespace, operators: Namespace) -> None:
    def versions() -> dict[str, str]:
        kinds = "gateways,virtualservices,destinationrules"
        found = json.loads(run("kubectl", "get", kinds, "-A", "-o", "json"))["items"]
        return {
            f"{each['kind']}/{each['metadata']['name']}": each["metadata"]["resourceVersion"]
            for each in found
            if each["metadata"]["namespace"] == shop.name  # elsewhere hosts are ejected, and come back meanwhile
        }

    before = versions()
    operators.kubectl("rollout", "restart", f"deployment/{RELEASE}")
    operators.rolled_out(RELEASE)
    eventually(lambda: holder(operators), what="one of them leads")
    shop.apply(routes("afterwards", f"- route: [{to('web')}]"))
    shop.programmed("vs/afterwards")
    after = versions()
    assert {name: after[name] for name in before} == before


def test_metrics_tell_who_leads_and_what_proxies_do(operators: Namespace) -> None:
    def metric(pod: str, name: str) -> float:
        text = run("kubectl", "get", "--raw", f"/api/v1/namespaces/{OPERATOR}/pods/{pod}:8080/proxy/metrics")
        (line,) = (line for line in text.splitlines() if line.split(" ")[0] == name)
        return float(line.rsplit(" ", 1)[1])

    leading = {pod: metric(pod, "lateen_leader") for pod in operators.pods(PODS)}
    assert leading == {pod: float(pod == holder(operators)) for pod in leading}
