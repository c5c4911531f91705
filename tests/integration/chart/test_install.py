"""Helm installs, upgrades and removes the chart on a real API server."""

import base64
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from tests.apiserver.control_plane import ControlPlane
from tests.chart.helm import CHART, NAMESPACE, HelmError, needs_helm, objects, render
from tests.chart.value_sets import BARE, names, read
from tests.integration.chart.cluster import DEFINITIONS, SMALL, Cluster

from lateen.crds.definitions import definitions

pytestmark = [pytest.mark.apiserver, pytest.mark.timeout(240), needs_helm]

_STORED_AT_MOST: Final = 512 * 1024
"""Half of what a Secret may hold: Helm keeps each release in one."""
_WEBHOOK: Final = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/lateen"
_GROUP: Final = "networking.istio.io"
_GATEWAYS: Final = f"gateways.{_GROUP}"


@pytest.mark.parametrize("name", names())
def test_an_api_server_accepts_every_object_and_warns_of_none(cluster: Cluster, name: str) -> None:
    cluster.create_namespace(NAMESPACE)
    for each in objects(render(read(name))):
        if each["kind"] != "ServiceMonitor":  # of Prometheus' operator, which is not here
            cluster.api.apply(each, namespace=NAMESPACE, dry_run=True)


def test_a_release_fits_into_what_helm_may_store(cluster: Cluster) -> None:
    cluster.install(chart=CHART, webhook={"enabled": True}, metrics={"dashboard": {"enabled": True}})
    assert cluster.definitions().keys() == {each["metadata"]["name"] for each in definitions().values()}
    assert len(cluster.stored_release()) < _STORED_AT_MOST


def test_definitions_come_with_the_chart_and_are_updated_with_it(
    cluster: Cluster, small_chart: Path, tmp_path: Path
) -> None:
    cluster.install(chart=_older(small_chart, tmp_path))
    assert "Programmed" not in _columns(cluster)
    cluster.install()
    assert "Programmed" in _columns(cluster)


def test_nothing_but_the_definitions_outlives_the_chart(cluster: Cluster) -> None:
    cluster.install(webhook={"enabled": True}, metrics={"dashboard": {"enabled": True}})
    assert len(cluster.installed()) > 15
    cluster.uninstall()
    assert cluster.installed() == {f"{DEFINITIONS}/{name}" for name in SMALL}


def test_what_values_switch_off_goes_with_the_upgrade(cluster: Cluster) -> None:
    cluster.install(**BARE)
    before = cluster.installed()
    cluster.install(**BARE, webhook={"enabled": True}, metrics={"dashboard": {"enabled": True}})
    assert cluster.installed() > before
    cluster.install(**BARE)
    assert cluster.installed() == before


def test_a_release_takes_up_the_definitions_that_it_left(cluster: Cluster) -> None:
    cluster.install()
    cluster.uninstall()
    assert "were left as they are" not in cluster.install()


def test_definitions_of_others_are_left_alone_and_named(cluster: Cluster) -> None:
    _install_of_others(cluster)
    before = _versions(cluster)
    assert f"were left as they are (crds.install: auto):\n\n  {_GATEWAYS}\n" in cluster.install()
    cluster.install(replicas=3)
    cluster.uninstall()
    assert _versions(cluster) == before


def test_definitions_of_others_are_taken_over_only_when_one_says_so_twice(cluster: Cluster) -> None:
    _install_of_others(cluster)
    with pytest.raises(HelmError, match="cannot be imported into the current release"):
        cluster.install(crds={"install": True})
    cluster.install("--take-ownership", crds={"install": True})
    assert "Programmed" in _columns(cluster)
    assert "were left as they are" not in cluster.install()


def test_definitions_of_others_that_are_too_old_are_named(cluster: Cluster) -> None:
    old = _definition(_GATEWAYS)
    versions = [{**each, "storage": True} for each in old["spec"]["versions"] if each["name"] == "v1beta1"]
    cluster.api.install([{**old, "metadata": {"name": _GATEWAYS}, "spec": {**old["spec"], "versions": versions}}])
    with pytest.raises(HelmError, match=f"{_GATEWAYS}, which is not this chart's, does not serve v1"):
        cluster.install()


def test_a_cluster_has_one_release(cluster: Cluster) -> None:
    cluster.install(**BARE)
    with pytest.raises(HelmError, match=f"in this cluster already, as release {NAMESPACE}/lateen"):
        cluster.install(**BARE, namespace="elsewhere", fullnameOverride="other")


def test_proxies_are_not_left_behind_by_another_scope(cluster: Cluster) -> None:
    cluster.install(**BARE, gateways={"scope": "namespace"})
    with pytest.raises(HelmError, match="proxies in other namespaces would be left behind"):
        cluster.install(**BARE, gateways={"scope": "cluster"})
    cluster.uninstall()
    cluster.install(**BARE, gateways={"scope": "cluster"})
    cluster.install(**BARE, gateways={"scope": "namespace"})


def test_an_upgrade_keeps_the_authority_that_the_operator_gave_the_webhook(
    cluster: Cluster, bare_plane: ControlPlane
) -> None:
    cluster.install(**BARE, webhook={"enabled": True})
    authority = base64.b64encode(bare_plane.certificate.read_bytes()).decode()
    patch = [{"op": "add", "path": "/webhooks/0/clientConfig/caBundle", "value": authority}]
    cluster.operator.http.patch(
        _WEBHOOK, json=patch, headers={"Content-Type": "application/json-patch+json"}
    ).raise_for_status()
    cluster.install(**BARE, webhook={"enabled": True, "port": 9444}, replicas=3)
    webhook = cluster.api.http.get(_WEBHOOK).json()["webhooks"][0]
    assert webhook["clientConfig"]["caBundle"] == authority


def _columns(cluster: Cluster) -> list[str]:
    version = cluster.definitions()[_GATEWAYS]["spec"]["versions"][0]
    return [each["name"] for each in version.get("additionalPrinterColumns", ())]


def _versions(cluster: Cluster) -> dict[str, str]:
    return {name: each["metadata"]["resourceVersion"] for name, each in cluster.definitions().items()}


def _install_of_others(cluster: Cluster) -> None:
    """Install definitions as somebody else's: without our label, and different from ours."""
    cluster.api.install(
        {
            **each,
            "metadata": {"name": each["metadata"]["name"], "labels": {"app": "istio"}},
            "spec": {**each["spec"], "versions": _without_columns(each)},
        }
        for each in map(_definition, SMALL)
    )


def _definition(name: str) -> Mapping[str, Any]:
    [found] = [each for each in definitions().values() if each["metadata"]["name"] == name]
    return found


def _without_columns(definition: Any) -> list[dict[str, Any]]:
    return [{**each, "additionalPrinterColumns": []} for each in definition["spec"]["versions"]]


def _older(chart: Path, folder: Path) -> Path:
    """The chart as a version before it may have been: with a definition that differs."""
    older = Path(shutil.copytree(chart, folder / "older"))
    path = older / "files" / "crds" / f"{_GROUP}_gateways.yaml"
    definition = yaml.safe_load(path.read_text())
    definition["spec"]["versions"] = _without_columns(definition)
    path.write_text(yaml.safe_dump(definition))
    return older
