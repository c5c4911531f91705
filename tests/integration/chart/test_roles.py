"""What the operator may do with the roles of the chart, as an API server decides it."""

from typing import Any, Final

import pytest
from tests.chart.helm import NAMESPACE, needs_helm
from tests.integration.chart.cluster import Cluster

from lateen.kube.resources import NETWORKING, RESOURCES

pytestmark = [pytest.mark.apiserver, pytest.mark.timeout(240), needs_helm]

_PARTS: Final = (
    ("apps", "deployments"),
    ("", "configmaps"),
    ("", "serviceaccounts"),
    ("", "services"),
    ("policy", "poddisruptionbudgets"),
    ("autoscaling", "horizontalpodautoscalers"),
    ("networking.k8s.io", "networkpolicies"),
    ("", "secrets"),
)
_ALL: Final = {(verb, *part) for part in _PARTS for verb in ("get", "list", "create", "patch", "delete")} | {
    ("watch", "apps", "deployments"),
    ("watch", "", "services"),
    ("watch", "", "secrets"),
}


def _install(cluster: Cluster, **values: Any) -> None:
    cluster.install(**values, crds={"install": False})


@pytest.mark.parametrize("scope", ["namespace", "cluster"])
def test_what_users_write_is_read_everywhere_and_only_its_status_is_written(cluster: Cluster, scope: str) -> None:
    _install(cluster, gateways={"scope": scope})
    for kind in NETWORKING:
        group, plural = RESOURCES[kind].group, RESOURCES[kind].plural
        assert all(cluster.may(verb, plural, group=group) for verb in ("get", "list", "watch"))
        assert cluster.may("patch", f"{plural}/status", group=group)
        assert not any(cluster.may(verb, plural, group=group) for verb in ("create", "update", "patch", "delete"))


def test_proxies_are_written_where_they_run(cluster: Cluster) -> None:
    _install(cluster, gateways={"scope": "namespace"})
    assert _proxy_rights(cluster, "shop") == _ALL


def test_proxies_of_one_namespace_need_no_rights_in_others(cluster: Cluster) -> None:
    _install(cluster, gateways={"scope": "cluster"})
    assert _proxy_rights(cluster, NAMESPACE) == _ALL
    assert _proxy_rights(cluster, "shop") == {(verb, "", "services") for verb in ("list", "watch")}


def _proxy_rights(cluster: Cluster, namespace: str) -> set[tuple[str, str, str]]:
    return {
        (verb, group, plural)
        for verb, group, plural in {(verb, *part) for verb, _, _ in _ALL for part in _PARTS}
        if cluster.may(verb, plural, group=group, namespace=namespace)
    }


def test_a_release_for_one_namespace_reads_no_secret_of_another(cluster: Cluster) -> None:
    _install(cluster, gateways={"scope": "cluster"})
    named = {"fieldSelector": "metadata.name=shop-cert"}
    assert cluster.operator.http.get(f"/api/v1/namespaces/{NAMESPACE}/secrets", params=named).is_success
    assert cluster.operator.http.get("/api/v1/namespaces/default/secrets", params=named).status_code == 403
    assert cluster.operator.http.get("/api/v1/secrets").status_code == 403


@pytest.mark.parametrize("scope", ["namespace", "cluster"])
def test_what_the_operator_keeps_for_itself_is_in_its_own_namespace(cluster: Cluster, scope: str) -> None:
    _install(cluster, gateways={"scope": scope})
    leases, own = "coordination.k8s.io", NAMESPACE
    assert cluster.may("create", "leases", group=leases, namespace=own)
    assert cluster.may("update", "leases", group=leases, namespace=own, name="lateen")
    assert not cluster.may("update", "leases", group=leases, namespace=own, name="other")
    assert not cluster.may("create", "leases", group=leases, namespace="kube-system")
    assert cluster.may("update", "secrets", namespace=own, name="lateen-ca")
    assert not cluster.may("update", "secrets", namespace=own, name="other")


def test_logs_of_proxies_are_read_only_if_ejections_are_reported(cluster: Cluster) -> None:
    _install(cluster)
    assert cluster.may("get", "pods/log", namespace="shop")
    _install(cluster, ejections={"enabled": False})
    assert not cluster.may("get", "pods/log", namespace="shop")


def test_only_the_webhook_needs_rights_to_its_configuration(cluster: Cluster) -> None:
    configurations, group = "validatingwebhookconfigurations", "admissionregistration.k8s.io"
    _install(cluster)
    assert not cluster.may("patch", configurations, group=group, name="lateen")
    _install(cluster, webhook={"enabled": True})
    assert cluster.may("patch", configurations, group=group, name="lateen")
    assert not cluster.may("patch", configurations, group=group, name="other")


def test_roles_and_namespaces_stay_out_of_reach(cluster: Cluster) -> None:
    _install(cluster, webhook={"enabled": True})
    group = "rbac.authorization.k8s.io"
    kinds = [(group, "clusterroles"), (group, "rolebindings"), ("", "namespaces"), ("", "pods"), ("", "nodes")]
    verbs = ("create", "patch", "update", "delete", "escalate", "bind")
    assert [each for each in kinds if any(cluster.may(verb, each[1], group=each[0]) for verb in verbs)] == []
