"""What a Deployment and its pods say about a class of proxies, in Kubernetes' own words."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from lateen.infra.base import Phase, ProxyState
from lateen.ir.proxy import ProxyId
from lateen.kube.client import Manifest

_NO_TROUBLE: Final = frozenset({"", "ContainerCreating", "PodInitializing"})
"""Reasons to wait that pass by themselves."""


def state_of(proxy: ProxyId, deployment: Manifest, trouble: str = "") -> ProxyState:
    """Judge a class: it is ready as soon as one pod is.

    Args:
        proxy: the class.
        deployment: as the API server gives it.
        trouble: why pods are not ready, if that is known.
    """
    status: Mapping[str, Any] = deployment.get("status", {})
    wanted = deployment["spec"].get("replicas", 1)
    ready = status.get("readyReplicas", 0)
    error = next(_complaints(status), "") or (trouble if ready < wanted else "")
    if ready:
        phase = Phase.READY
    elif not wanted:
        phase = Phase.STOPPED
    else:
        phase = Phase.FAILING if error else Phase.STARTING
    # Whoever sends requests to pods hears a moment after a pod is ready that it is.
    unready = bool(wanted and status.get("observedGeneration") and not status.get("availableReplicas"))
    return ProxyState(proxy, phase, error=error, pods=wanted, ready_pods=ready, is_unready=unready)


def _complaints(status: Mapping[str, Any]) -> Iterator[str]:
    for condition in status.get("conditions", ()):
        failed = condition["type"] == "ReplicaFailure" and condition["status"] == "True"
        if failed or (condition["type"] == "Progressing" and condition["status"] == "False"):
            yield condition.get("message") or condition.get("reason", "")


def trouble_of(pods: Iterable[Manifest]) -> str:
    """Tell why pods are not ready: an image that cannot be pulled, a node that is not found, an Envoy that ended."""
    found = dict.fromkeys(words for pod in pods for words in _troubles(pod.get("status", {})))
    return "; ".join(sorted(found))


def _troubles(status: Mapping[str, Any]) -> Iterator[str]:
    for condition in status.get("conditions", ()):
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            yield condition.get("message") or condition.get("reason", "")
    for container in status.get("containerStatuses", ()):
        waiting = container.get("state", {}).get("waiting", {})
        reason = waiting.get("reason", "")
        if reason in _NO_TROUBLE:
            continue
        ended = container.get("lastState", {}).get("terminated", {})
        words = [reason, waiting.get("message", "")]
        if ended:
            words.append(f"it ended with code {ended.get('exitCode')} ({ended.get('reason', '')})")
        yield ": ".join(filter(None, words))
