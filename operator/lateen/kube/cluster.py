"""One cluster, as a process speaks to it."""

from dataclasses import dataclass
from pathlib import Path

from lateen.kube.client import KubeClient


@dataclass(frozen=True, slots=True)
class Cluster:
    """How to reach the API server."""

    client: KubeClient
    kubeconfig: Path | None = None
    """For those with connections of their own; None: the pod's own account."""
    context: str | None = None
