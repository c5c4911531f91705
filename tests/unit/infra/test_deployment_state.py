"""What a Deployment and its pods say of a class."""

from typing import Any

import pytest

from lateen.infra.base import Phase, ProxyState
from lateen.infra.deployment_state import state_of, trouble_of
from lateen.ir.proxy import ProxyId

EDGE = ProxyId("shop", "istio=ingressgateway")


def state(replicas: int | None, ready: int, trouble: str = "", **condition: str) -> ProxyState:
    spec = {} if replicas is None else {"replicas": replicas}
    status: dict[str, Any] = {"readyReplicas": ready} if ready else {}
    if condition:
        status["conditions"] = [condition]
    return state_of(EDGE, {"spec": spec, "status": status}, trouble)


@pytest.mark.parametrize(
    ("replicas", "ready", "phase"),
    [(2, 0, Phase.STARTING), (2, 1, Phase.READY), (2, 2, Phase.READY), (None, 1, Phase.READY), (0, 0, Phase.STOPPED)],
)
def test_one_ready_pod_is_enough(replicas: int | None, ready: int, phase: Phase) -> None:
    assert state(replicas, ready) == ProxyState(EDGE, phase, pods=1 if replicas is None else replicas, ready_pods=ready)


def test_a_deployment_that_nobody_has_looked_at_yet_starts() -> None:
    assert state_of(EDGE, {"spec": {}}).phase is Phase.STARTING


@pytest.mark.parametrize(
    ("replicas", "status", "unready"),
    [
        (2, {"observedGeneration": 1}, True),
        (2, {"observedGeneration": 1, "readyReplicas": 1}, True),
        (2, {"observedGeneration": 1, "readyReplicas": 1, "availableReplicas": 1}, False),
        (0, {"observedGeneration": 1}, False),
        (2, {}, False),
    ],
    ids=["none", "one since a moment ago", "one", "none is wanted", "nobody has counted"],
)
def test_requests_reach_proxies_that_are_available(replicas: int, status: dict[str, int], *, unready: bool) -> None:
    assert state_of(EDGE, {"spec": {"replicas": replicas}, "status": status}).is_unready is unready


@pytest.mark.parametrize(
    ("kind", "status"), [("ReplicaFailure", "True"), ("Progressing", "False")], ids=["refused", "stuck"]
)
def test_what_kubernetes_complains_of_is_told(kind: str, status: str) -> None:
    found = state(2, 0, type=kind, status=status, reason="Why", message="exceeded quota")
    assert (found.phase, found.error) == (Phase.FAILING, "exceeded quota")
    found = state(2, 1, type=kind, status=status, reason="Why")
    assert (found.phase, found.error) == (Phase.READY, "Why")


def test_a_deployment_that_gets_on_is_no_complaint() -> None:
    assert state(2, 0, type="Progressing", status="True", message="fine") == ProxyState(EDGE, Phase.STARTING, pods=2)


def test_trouble_of_pods_counts_until_all_are_ready() -> None:
    assert state(2, 0, "ErrImagePull") == ProxyState(EDGE, Phase.FAILING, error="ErrImagePull", pods=2)
    assert state(2, 1, "ErrImagePull").error == "ErrImagePull"
    assert state(2, 2, "ErrImagePull").error == ""


def waiting(reason: str, message: str = "", **more: Any) -> dict[str, Any]:
    return {"status": {"containerStatuses": [{"state": {"waiting": {"reason": reason, "message": message}}, **more}]}}


def test_pods_say_what_they_wait_for() -> None:
    assert trouble_of([{"status": {}}, {}]) == ""
    assert trouble_of([{"status": {"containerStatuses": [{"state": {"running": {}}}]}}]) == ""
    assert trouble_of([waiting("ContainerCreating")]) == ""
    pull = waiting("ImagePullBackOff", "Back-off pulling image")
    assert trouble_of([pull, pull]) == "ImagePullBackOff: Back-off pulling image"
    ended = {"terminated": {"exitCode": 1, "reason": "Error"}}
    assert (
        trouble_of([waiting("CrashLoopBackOff", lastState=ended)]) == "CrashLoopBackOff: it ended with code 1 (Error)"
    )


def test_pods_that_find_no_node_say_so() -> None:
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes"}
    assert trouble_of([{"status": {"conditions": [condition]}}]) == "0/1 nodes"
    assert trouble_of([{"status": {"conditions": [{**condition, "message": ""}]}}]) == "Unschedulable"
    assert trouble_of([{"status": {"conditions": [{**condition, "status": "True"}]}}]) == ""
