"""Finding the operator in a cluster: its pods, and which of them can be asked."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from lateen.errors import InputError, LateenError
from lateen.kube.client import KubeClient
from lateen.kube.resources import RESOURCES
from lateen.model.keys import Kind

LABELS: Final = "app.kubernetes.io/name=lateen,app.kubernetes.io/component=operator"
"""What the chart puts on every pod of an operator."""


@dataclass(frozen=True, slots=True)
class OperatorPod:
    """One replica of the operator."""

    namespace: str
    name: str
    problem: str = ""
    """Why it cannot be asked; empty: it can."""


async def find_operator(client: KubeClient, namespace: str = "") -> list[OperatorPod]:
    """Find all replicas of the operator that are ready.

    Args:
        client: the cluster.
        namespace: where it runs; empty: wherever it is.

    Raises:
        InputError: there is none, or there are several operators.
        LateenError: none of its replicas is ready; the message says why.
        ApiError: the pods cannot be listed.
    """
    manifests, _ = await client.list(RESOURCES[Kind.POD], namespace, labelSelector=LABELS)
    pods = [_read(each) for each in manifests]
    where = f"in namespace {namespace!r}" if namespace else "in this cluster"
    if not pods:
        raise InputError(f"no operator runs {where}: no pod has the labels {LABELS}")
    namespaces = sorted({pod.namespace for pod in pods})
    if len(namespaces) > 1:
        raise InputError(f"operators run in {', '.join(namespaces)}: choose one with --operator-namespace")
    ready = [pod for pod in pods if not pod.problem]
    if not ready:
        found = "; ".join(f"pod {pod.name}: {pod.problem}" for pod in pods)
        raise LateenError(f"the operator in namespace {namespaces[0]!r} is not ready: {found}")
    return sorted(ready, key=lambda pod: pod.name)


def _read(manifest: Mapping[str, Any]) -> OperatorPod:
    metadata = manifest["metadata"]
    return OperatorPod(metadata["namespace"], metadata["name"], _problem(metadata, manifest.get("status") or {}))


def _problem(metadata: Mapping[str, Any], status: Mapping[str, Any]) -> str:
    """Say why a pod is not ready."""
    if metadata.get("deletionTimestamp"):
        return "it is being deleted"
    conditions = {each["type"]: each for each in status.get("conditions") or ()}
    if conditions.get("Ready", {}).get("status") == "True":
        return ""
    waiting = [*_waiting(status.get("containerStatuses") or ())]
    if waiting:
        return waiting[0]
    for name in ("PodScheduled", "Ready"):
        found = conditions.get(name, {})
        if found.get("status") == "False":
            return str(found.get("message") or found.get("reason") or "it is not ready")
    return str(status.get("phase") or "it has not been started")


def _waiting(containers: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    """Say what containers wait for: `CrashLoopBackOff: back-off 5m0s restarting …`."""
    for container in containers:
        waiting = (container.get("state") or {}).get("waiting")
        if waiting:
            yield ": ".join(filter(None, (waiting.get("reason"), waiting.get("message")))) or "it waits"
