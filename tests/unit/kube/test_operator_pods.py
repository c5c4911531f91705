"""Which pods are the operator's, and which of them can be asked."""

from typing import Any

import pytest

from lateen.errors import InputError, LateenError
from lateen.kube.operator_pods import LABELS, OperatorPod, find_operator
from lateen.kube.resources import ApiResource

READY = {"conditions": [{"type": "Ready", "status": "True"}]}
CRASHING = {
    "conditions": [{"type": "Ready", "status": "False", "message": "containers with unready status: [operator]"}],
    "containerStatuses": [{"state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s"}}}],
}
UNREADY = {**CRASHING, "containerStatuses": [{"state": {"running": {}}}]}
UNSCHEDULED = {"conditions": [{"type": "PodScheduled", "status": "False", "message": "0/3 nodes are available"}]}


def pod(name: str, status: dict[str, Any] | None, namespace: str = "lateen-system", **metadata: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": namespace, **metadata}, "status": status}


class Pods:
    """A cluster with some pods."""

    def __init__(self, *pods: dict[str, Any]) -> None:
        """Keep them."""
        self._pods = pods

    async def list(self, resource: ApiResource, namespace: str, **query: str) -> tuple[list[dict[str, Any]], str]:
        assert (resource.plural, query) == ("pods", {"labelSelector": LABELS})
        return [each for each in self._pods if namespace in ("", each["metadata"]["namespace"])], "1"


async def find(*pods: dict[str, Any], namespace: str = "") -> list[OperatorPod]:
    return await find_operator(Pods(*pods), namespace)  # type: ignore[arg-type]  # lists, which is all that is asked


async def test_replicas_that_are_ready_are_found_wherever_they_are() -> None:
    found = await find(pod("b", READY), pod("c", UNREADY), pod("a", READY))
    assert found == [OperatorPod("lateen-system", "a"), OperatorPod("lateen-system", "b")]


async def test_several_operators_have_to_be_told_apart() -> None:
    pods = pod("a", READY), pod("b", READY, "other")
    with pytest.raises(InputError, match="operators run in lateen-system, other: choose one with --operator-namespace"):
        await find(*pods)
    assert await find(*pods, namespace="other") == [OperatorPod("other", "b")]


async def test_no_operator_is_an_error_that_says_what_was_looked_for() -> None:
    with pytest.raises(InputError, match=r"no operator runs in this cluster: no pod has the labels app\.kubernetes"):
        await find()
    with pytest.raises(InputError, match="no operator runs in namespace 'x'"):
        await find(namespace="x")


@pytest.mark.parametrize(
    ("status", "problem"),
    [
        (CRASHING, "CrashLoopBackOff: back-off 5m0s"),
        (UNREADY, r"containers with unready status: \[operator\]"),
        (UNSCHEDULED, "0/3 nodes are available"),
        ({"phase": "Pending"}, "Pending"),
        (None, "it has not been started"),
    ],
)
async def test_an_operator_that_is_not_ready_is_reported_with_the_reason(
    status: dict[str, Any] | None, problem: str
) -> None:
    message = f"the operator in namespace 'lateen-system' is not ready: pod a: {problem}"
    with pytest.raises(LateenError, match=message):
        await find(pod("a", status))


async def test_a_replica_that_is_being_deleted_is_not_asked() -> None:
    with pytest.raises(LateenError, match="pod a: it is being deleted"):
        await find(pod("a", READY, deletionTimestamp="2026-01-01T00:00:00Z"))
