"""The operator itself, with the settings that the chart writes and the rights that the chart gives."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from tests.apiserver.audit_log import Asked
from tests.apiserver.client import Manifest
from tests.apiserver.control_plane import ControlPlane, wait_until
from tests.chart.helm import CHART, NAMESPACE, RELEASE, needs_helm
from tests.integration.chart.cluster import OPERATOR, Cluster
from tests.integration.chart.rights import Right, asked, granted, used
from tests.ports import free_ports

from lateen.certificates.authority import DAY, create_authority
from lateen.kube.resources import NETWORKING, RESOURCES
from lateen.runtime.authority_keeper import ROTATE
from lateen.settings import AUTHORITY_SECRET

pytestmark = [pytest.mark.apiserver, pytest.mark.slow, pytest.mark.timeout(240), needs_helm]

_PROXIES: Final = "lateen-ingressgateway"
_SPECS: Final[dict[str, dict[str, Any]]] = {
    "Gateway": {
        "selector": {"istio": "ingressgateway"},
        "servers": [
            {
                "port": {"number": 443, "name": "https", "protocol": "HTTPS"},
                "hosts": ["shop.example.com"],
                "tls": {"mode": "SIMPLE", "credentialName": "shop-cert"},
            }
        ],
    },
    "VirtualService": {
        "hosts": ["shop.example.com"],
        "gateways": ["shop"],
        "http": [{"route": [{"destination": {"host": "shop.example.com"}}]}],
    },
    "DestinationRule": {"host": "shop.example.com"},
    "ServiceEntry": {
        "hosts": ["shop.example.com"],
        "ports": [{"number": 80, "name": "http", "protocol": "HTTP"}],
        "resolution": "STATIC",
        "workloadSelector": {"labels": {"app": "shop"}},
    },
    "WorkloadEntry": {"address": "192.0.2.1", "labels": {"app": "shop"}},
    "Sidecar": {"egress": [{"hosts": ["./*"]}]},
}
_VALUES: Final[dict[str, Any]] = {
    "webhook": {"enabled": True, "namespaceSelector": {"matchLabels": {"nobody": "asks"}}},
    "proxies": {
        "autoscaling": {"enabled": True},
        "networkPolicy": {"enabled": True},
        "removal": {"delaySeconds": 0},
    },
}
_AUTHORITY: Final = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": AUTHORITY_SECRET, "namespace": NAMESPACE},
}
_SELDOM: Final = {Right("", RESOURCES[kind].group, RESOURCES[kind].plural, "", "get") for kind in NETWORKING}
"""An object is read by itself only when somebody has changed it while its status was written."""


@pytest.mark.parametrize(("scope", "namespace"), [("cluster", NAMESPACE), ("namespace", "shop")])
def test_the_operator_uses_every_right_and_asks_for_no_other(
    cluster: Cluster, bare_plane: ControlPlane, tmp_path: Path, scope: str, namespace: str
) -> None:
    begun = bare_plane.audit.mark()
    cluster.install(chart=CHART, gateways={"scope": scope}, **_VALUES)
    cluster.create_namespace("shop")
    cluster.api.delete(_AUTHORITY)  # who finds one makes none
    program = _Program(_settings(cluster), bare_plane.kubeconfig(tmp_path, OPERATOR), tmp_path)

    def requests() -> list[Asked]:
        return bare_plane.audit.requests(begun)

    with program.running():
        _live(cluster, namespace, requests)
    program.run("cleanup")
    assert [each for each in requests() if each.code == 403] == []
    grants, wanted = granted(cluster.api, RELEASE, NAMESPACE), asked(requests())
    assert {each for each in wanted if not any(right.covers(each) for right in grants)} == set()
    assert grants - used(grants, wanted) - _SELDOM == set()


def _live(cluster: Cluster, namespace: str, requests: Callable[[], list[Asked]]) -> None:
    """Have the operator do all that it ever does."""
    for kind in _SPECS:
        cluster.api.apply(_istio(kind))
    parts = (
        f"/apis/apps/v1/namespaces/{namespace}/deployments/{_PROXIES}",
        f"/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies/{_PROXIES}",
        f"/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers/{_PROXIES}",
        f"/apis/policy/v1/namespaces/{namespace}/poddisruptionbudgets/{_PROXIES}",
        f"/api/v1/namespaces/{namespace}/secrets/{_PROXIES}-xds",
    )
    for url in parts:
        wait_until(partial(_exists, cluster, url))
    for kind in _SPECS:
        wait_until(partial(_speaks, cluster, kind))
    for _ in range(2):  # what happens twice is one Event, with a count that is raised
        wait_until(lambda: _reason(cluster, "ResolvedRefs") == "NotFound")
        secret = _secret(namespace)
        cluster.api.apply(secret)
        wait_until(lambda: _reason(cluster, "ResolvedRefs") == "ResolvedRefs")
        cluster.api.delete(secret)
    wait_until(lambda: any(each.get("count", 1) > 1 for each in _events(cluster)))
    _pretend_pod(cluster, namespace)
    wait_until(lambda: any(each.resource == "pods/log" for each in requests()))
    _rotate_authority(cluster)
    wait_until(lambda: _is_trusted(cluster))
    cluster.api.delete(_istio("Gateway"))
    wait_until(lambda: not any(_exists(cluster, url) for url in parts))


def _pretend_pod(cluster: Cluster, namespace: str) -> None:
    """Pretend that a pod of the proxies runs, on a node that does not exist."""
    labels = {"app.kubernetes.io/managed-by": "lateen", "lateen.io/proxy": _PROXIES}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "pod-0", "namespace": namespace, "labels": labels},
        "spec": {"nodeName": "nowhere", "containers": [{"name": "envoy", "image": "envoy"}]},
    }
    cluster.api.create(pod)
    running = {
        "name": "envoy",
        "ready": True,
        "restartCount": 0,
        "image": "envoy",
        "imageID": "",
        "containerID": "a://b",
    }
    states = [{**running, "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}]
    cluster.api.patch_status(pod, {"phase": "Running", "containerStatuses": states})


def _rotate_authority(cluster: Cluster) -> None:
    """Ask for a new authority, and wait until there is one."""
    url = f"/api/v1/namespaces/{NAMESPACE}/secrets/{AUTHORITY_SECRET}"
    before = cluster.api.http.get(url).raise_for_status().json()
    wish = {"metadata": {"annotations": {ROTATE: "now"}}}
    headers = {"Content-Type": "application/merge-patch+json"}
    cluster.api.http.patch(url, json=wish, headers=headers).raise_for_status()
    wait_until(lambda: cluster.api.http.get(url).json()["data"] != before["data"])


class _Program:
    """Lateen's commands, as the chart runs them."""

    def __init__(self, settings: dict[str, Any], kubeconfig: Path, folder: Path) -> None:
        self._config, self._log = folder / "config.yaml", folder / "operator.log"
        self._config.write_text(yaml.safe_dump(settings))
        self._kubeconfig = kubeconfig

    def _command(self, name: str) -> list[str]:
        options = ["--config", str(self._config), "--kubeconfig", str(self._kubeconfig)]
        return [sys.executable, "-m", "lateen", name, *options]

    def run(self, name: str) -> None:
        """Run one to its end."""
        with self._log.open("ab") as out:
            subprocess.run(self._command(name), stdout=out, stderr=out, check=True)  # noqa: S603 - ours

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run one replica until the block ends."""
        environment = {**os.environ, "POD_IPS": "127.0.0.1"}
        with self._log.open("ab") as out:
            process = subprocess.Popen(self._command("operator"), stdout=out, stderr=out, env=environment)  # noqa: S603 - ours
        try:
            yield
        finally:
            process.terminate()
            process.wait()


def _settings(cluster: Cluster) -> dict[str, Any]:
    """What the chart writes, with ports that are free here."""
    config = cluster.api.http.get(f"/api/v1/namespaces/{NAMESPACE}/configmaps/{RELEASE}").json()
    settings: dict[str, Any] = yaml.safe_load(config["data"]["config.yaml"])
    xds, health, control, webhook = free_ports(4)
    settings["webhook"]["port"] = webhook
    return {**settings, "xdsPort": xds, "healthPort": health, "controlPort": control}


def _istio(kind: str) -> Manifest:
    metadata = {"name": "shop", "namespace": "shop"}
    return {"apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": metadata, "spec": _SPECS[kind]}


def _secret(namespace: str) -> dict[str, Any]:
    metadata = {"name": "shop-cert", "namespace": namespace}
    pair = create_authority(time.time(), DAY)
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata,
        "stringData": {"tls.crt": pair.certificate.pem.decode(), "tls.key": pair.key.decode()},
    }


def _exists(cluster: Cluster, url: str) -> bool:
    return cluster.api.http.get(url).is_success


def _conditions(cluster: Cluster, kind: str) -> list[dict[str, Any]]:
    return cluster.api.get(_istio(kind)).get("status", {}).get("conditions") or []


def _speaks(cluster: Cluster, kind: str) -> bool:
    return bool(_conditions(cluster, kind))


def _reason(cluster: Cluster, condition: str) -> str:
    return next((each["reason"] for each in _conditions(cluster, "Gateway") if each["type"] == condition), "")


def _events(cluster: Cluster) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = cluster.api.http.get("/api/v1/namespaces/shop/events").json()["items"]
    return found


def _is_trusted(cluster: Cluster) -> bool:
    """Whether the webhook's authority is in its configuration."""
    url = f"/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/{RELEASE}"
    webhooks = cluster.api.http.get(url).raise_for_status().json()["webhooks"]
    return all("caBundle" in each["clientConfig"] for each in webhooks)
