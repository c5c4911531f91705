"""`lateen validate` over the objects of a real API server."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from click.testing import CliRunner, Result
from tests.apiserver.client import ApiClient
from tests.apiserver.control_plane import ControlPlane
from tests.unit.runtime.stage import CART, GATEWAY, ROUTES

from lateen.cli.main import cli

pytestmark = [pytest.mark.apiserver, pytest.mark.timeout(240)]

NAMESPACE: Final = "validated"
TLS: Final = """
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: secure}
spec:
  selector: {app: edge}
  servers:
    - port: {number: 443, name: https, protocol: HTTPS}
      hosts: ["shop.example.com"]
      tls: {mode: SIMPLE, credentialName: shop-tls}
"""
DEFAULTS: Final = "lateen: default settings are assumed: no operator runs in this cluster: "


@pytest.fixture(scope="module")
def api(api: ApiClient) -> Iterator[ApiClient]:
    """A cluster with a Gateway, and routes to a service that is not there."""
    manifests: list[dict[str, Any]] = [yaml.safe_load(text) for text in (GATEWAY, ROUTES)]
    api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    for manifest in manifests:
        api.apply(manifest, namespace=NAMESPACE)
    yield api
    for manifest in manifests:
        api.delete(manifest, namespace=NAMESPACE)


@pytest.fixture
def kubeconfig(control_plane: ControlPlane, tmp_path: Path) -> str:
    return str(control_plane.kubeconfig(tmp_path, namespace=NAMESPACE))


def validate(kubeconfig: str, *arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(cli, ["validate", "--kubeconfig", kubeconfig, *arguments], input=stdin)


def test_without_files_all_findings_of_the_cluster_are_told(api: ApiClient, kubeconfig: str) -> None:
    result = validate(kubeconfig)
    assert result.exit_code == 1
    *findings, total = result.stdout.splitlines()
    errors = [each for each in findings if each.startswith("error ")]  # other tests use the same cluster
    shop = f"error VirtualService {NAMESPACE}/shop: spec.http[0].route[0].destination.host: "
    assert [each for each in errors if each.startswith(shop)]
    assert f"objects of the cluster: {len(errors)} error" in total
    assert result.stderr.startswith(DEFAULTS)


def test_a_file_is_judged_by_what_the_cluster_has(api: ApiClient, kubeconfig: str) -> None:
    cart = CART.replace("default", NAMESPACE)
    result = validate(kubeconfig, "-", stdin=f"{ROUTES}---{cart}")
    assert (result.exit_code, result.stdout.partition(", over ")[0]) == (0, "2 objects in 1 file")
    broken = validate(kubeconfig, "-", stdin=ROUTES.replace("gateways: [edge]", "gateways: [none]"))
    assert broken.exit_code == 1
    assert broken.stdout.startswith(f"<stdin>:7: error VirtualService {NAMESPACE}/shop: spec.gateways: ")


def test_what_others_suffer_from_a_file_is_told(api: ApiClient, kubeconfig: str) -> None:
    result = validate(kubeconfig, "-", "-o", "json", stdin=GATEWAY.replace("shop.example.com", "other.example.com"))
    found = json.loads(result.stdout)
    assert [(each["file"], each["kind"], each["code"]) for each in found["findings"]] == [
        ("", "VirtualService", "LAT0302")
    ]
    assert found["cluster_objects"] >= 2


def test_secrets_that_are_named_are_looked_for(api: ApiClient, kubeconfig: str) -> None:
    result = validate(kubeconfig, "-", "-n", NAMESPACE, stdin=TLS)
    assert result.exit_code == 1
    assert "shop-tls" in result.stdout
    assert "[LAT0307]" in result.stdout


def test_wrong_usage_has_its_own_exit_code() -> None:
    assert CliRunner().invoke(cli, ["validate"]).exit_code == 2
