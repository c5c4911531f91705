"""An API server of its own for the chart: without Istio's kinds, and with the operator as one of its users."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.apiserver.client import ApiClient
from tests.apiserver.control_plane import ASSETS, ControlPlane, assets
from tests.chart.helm import CHART, NAMESPACE
from tests.integration.chart.cluster import OPERATOR, SMALL, Cluster


@pytest.fixture(scope="package")
def bare_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A running API server that no other tests use."""
    binaries = assets()
    if binaries is None:
        pytest.skip(f"{ASSETS} is not set: it names the directory of etcd and kube-apiserver")
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{NAMESPACE}", "system:authenticated")
    folder = tmp_path_factory.mktemp("bare-plane")
    with ControlPlane(binaries, folder, {OPERATOR: groups}, audited=[OPERATOR]) as running:
        yield running


@pytest.fixture(scope="package")
def small_chart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The chart with two definitions instead of all."""
    chart = Path(shutil.copytree(CHART, tmp_path_factory.mktemp("chart") / "lateen"))
    kept = {f"{group}_{plural}.yaml" for plural, _, group in (name.partition(".") for name in SMALL)}
    for path in (chart / "files" / "crds").iterdir():
        if path.name not in kept:
            path.unlink()
    return chart


@pytest.fixture
def cluster(bare_plane: ControlPlane, small_chart: Path, tmp_path: Path) -> Iterator[Cluster]:
    """A cluster in which nothing is installed; afterwards nothing is again."""
    kubeconfig = bare_plane.kubeconfig(tmp_path)
    with ExitStack() as stack:
        admin, operator = (stack.enter_context(bare_plane.client(user)) for user in ("admin", OPERATOR))
        running = Cluster(ApiClient(admin), ApiClient(operator), kubeconfig, small_chart)
        yield running
        running.clear()
