"""The operator itself, with the settings that the chart writes and the rights that the chart gives."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from tests.apiserver.control_plane import ControlPlane, wait_until
from tests.chart.helm import CHART, NAMESPACE, RELEASE, needs_helm
from tests.integration.chart.cluster import OPERATOR, Cluster
from tests.ports import free_ports

from lateen.certificates.authority import DAY, create_authority

pytestmark = [pytest.mark.apiserver, pytest.mark.slow, pytest.mark.timeout(240), needs_helm]

_GATEWAY: Final[dict[str, Any]] = {
    "apiVersion": "networking.istio.io/v1",
    "kind": "Gateway",
    "metadata": {"name": "shop", "namespace": "shop"},
    "spec": {
        "selector": {"istio": "ingressgateway"},
        "servers": [
            {
                "port": {"number": 443, "name": "https", "protocol": "HTTPS"},
                "hosts": ["shop.example.com"],
                "tls": {"mode": "SIMPLE", "credentialName": "shop-cert"},
            }
        ],
    },
}
_REFUSALS: Final = ("forbidden", "Forbidden", "Not enough permissions")


@pytest.mark.parametrize(("scope", "namespace"), [("cluster", NAMESPACE), ("namespace", "shop")])
def test_the_operator_is_refused_nothing(
    cluster: Cluster, bare_plane: ControlPlane, tmp_path: Path, scope: str, namespace: str
) -> None:
    cluster.install(chart=CHART, gateways={"scope": scope}, log={"level": "debug"})
    cluster.create_namespace("shop")
    kubeconfig = bare_plane.kubeconfig(tmp_path, OPERATOR)
    with _running(_settings(cluster), kubeconfig, tmp_path) as log:
        cluster.api.apply(_GATEWAY)
        made = (
            f"/apis/apps/v1/namespaces/{namespace}/deployments/lateen-ingressgateway",
            f"/api/v1/namespaces/{namespace}/secrets/lateen-ingressgateway-xds",
        )
        for url in made:
            wait_until(partial(_exists, cluster, url))
        wait_until(lambda: _reason(cluster, "ResolvedRefs") == "NotFound")
        cluster.api.apply(_secret(namespace))
        wait_until(lambda: _reason(cluster, "ResolvedRefs") == "ResolvedRefs")
        cluster.api.delete(_GATEWAY)
        wait_until(lambda: not any(_exists(cluster, url) for url in made))
    refused = [line for line in log.read_text().splitlines() if any(each in line for each in _REFUSALS)]
    assert refused == []


@contextmanager
def _running(settings: dict[str, Any], kubeconfig: Path, folder: Path) -> Iterator[Path]:
    """Run one replica, and give the file that it logs to."""
    config, log = folder / "config.yaml", folder / "operator.log"
    config.write_text(yaml.safe_dump(settings))
    command = [sys.executable, "-m", "lateen", "operator", "--config", str(config), "--kubeconfig", str(kubeconfig)]
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env={**os.environ, "POD_IPS": "127.0.0.1"})  # noqa: S603 - ours
    try:
        yield log
    finally:
        process.terminate()
        process.wait()


def _settings(cluster: Cluster) -> dict[str, Any]:
    """What the chart writes, with ports that are free here."""
    config = cluster.api.http.get(f"/api/v1/namespaces/{NAMESPACE}/configmaps/{RELEASE}").json()
    settings: dict[str, Any] = yaml.safe_load(config["data"]["config.yaml"])
    xds, health, control = free_ports(3)
    return {**settings, "xdsPort": xds, "healthPort": health, "controlPort": control}


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


def _reason(cluster: Cluster, condition: str) -> str:
    conditions = cluster.api.get(_GATEWAY).get("status", {}).get("conditions") or ()
    return next((each["reason"] for each in conditions if each["type"] == condition), "")
