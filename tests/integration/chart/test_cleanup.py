"""What the Job before an uninstallation does, with the rights that the chart gives it."""

from pathlib import Path
from typing import Any, Final

import pytest
from tests.apiserver.control_plane import ControlPlane
from tests.chart.helm import NAMESPACE, needs_helm
from tests.chart.value_sets import BARE
from tests.integration.chart.cluster import OPERATOR, Cluster

from lateen.infra.cleanup import clean_up
from lateen.infra.kube import MADE
from lateen.kube.client import KubeClient
from lateen.kube.resources import SECRETS
from lateen.settings import AUTHORITY_SECRET, LEASE

pytestmark = [pytest.mark.apiserver, pytest.mark.timeout(240), needs_helm]

_PODS: Final = {"metadata": {"labels": {"app": "edge"}}, "spec": {"containers": [{"name": "envoy", "image": "envoy"}]}}
_SELECTOR: Final = {"matchLabels": {"app": "edge"}}
_SPECS: Final[dict[str, dict[str, Any]]] = {
    "Deployment": {"selector": _SELECTOR, "template": _PODS},
    "Service": {"ports": [{"port": 80}]},
    "PodDisruptionBudget": {"selector": _SELECTOR, "maxUnavailable": 1},
    "HorizontalPodAutoscaler": {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "edge"},
        "maxReplicas": 2,
    },
    "NetworkPolicy": {"podSelector": _SELECTOR},
}


def _object(api_version: str, kind: str, namespace: str, name: str, *, instance: str = NAMESPACE) -> dict[str, Any]:
    labels = {"app.kubernetes.io/managed-by": "lateen", "lateen.io/instance": instance}
    found: dict[str, Any] = {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"namespace": namespace, "name": name, "labels": labels},
    }
    return {**found, "spec": _SPECS[kind]} if kind in _SPECS else found


@pytest.mark.parametrize(("scope", "namespaces"), [("namespace", (NAMESPACE, "shop")), ("cluster", (NAMESPACE,))])
async def test_the_operator_stops_and_what_it_has_made_goes(
    cluster: Cluster, bare_plane: ControlPlane, tmp_path: Path, scope: str, namespaces: tuple[str, ...]
) -> None:
    cluster.install(**BARE, gateways={"scope": scope})
    for namespace in namespaces:
        cluster.create_namespace(namespace)
    made = [
        _object(each.api_version, each.kind, namespace, "edge") for namespace in namespaces for each in (*MADE, SECRETS)
    ]
    kept = [_object("v1", "ConfigMap", namespace, "other", instance="elsewhere") for namespace in namespaces]
    own = [_object("v1", "Secret", NAMESPACE, AUTHORITY_SECRET), _lease()]
    for each in [*made, *kept, *own]:
        cluster.api.apply(each)
    client = await KubeClient.connect(bare_plane.kubeconfig(tmp_path, OPERATOR))
    try:
        removed = await clean_up(
            client,
            namespace=NAMESPACE,
            deployment="lateen",
            pods="app.kubernetes.io/name=lateen",
            authority=AUTHORITY_SECRET,
            lease=LEASE,
            everywhere=scope == "namespace",
        )
    finally:
        await client.close()
    assert removed == len(made) + len(own)
    assert cluster.remaining([*made, *kept, *own]) == kept
    assert cluster.operator_replicas() == 0


def _lease() -> dict[str, Any]:
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"namespace": NAMESPACE, "name": LEASE},
        "spec": {"holderIdentity": "lateen-0"},
    }
