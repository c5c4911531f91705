"""Fixtures of the tests with an operator: an API server, one operator a module, one shop a test."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest
from tests.apiserver.client import ApiClient
from tests.apiserver.control_plane import ASSETS, ControlPlane, assets
from tests.integration.operator.shop import REPLICAS, SYSTEM, Shop
from tests.operator.process import OperatorProcess
from tests.operator.world import namespace
from tests.ports import free_ports

from lateen.crds.definitions import definitions

_NUMBERS = count(1)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """An API server that other tests leave alone: an operator would take over what they leave."""
    binaries = assets()
    if binaries is None:
        pytest.skip(f"{ASSETS} is not set: it names the directory of etcd and kube-apiserver")
    users = dict.fromkeys(REPLICAS, ("system:masters",))
    with ControlPlane(binaries, tmp_path_factory.mktemp("cluster"), users, audited=REPLICAS) as running:
        with running.client() as http:
            api = ApiClient(http)
            api.install(definitions().values())
            api.apply(namespace(SYSTEM))
        yield running


@pytest.fixture(scope="session")
def api(cluster: ControlPlane) -> Iterator[ApiClient]:
    """The administrator."""
    with cluster.client() as http:
        yield ApiClient(http)


@pytest.fixture(scope="module")
def operator(cluster: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OperatorProcess]:
    """One replica for all tests of a module. Who ends it starts it again."""
    folder = tmp_path_factory.mktemp("operator")
    with OperatorProcess(cluster.kubeconfig(folder, REPLICAS[0]), folder) as running:
        yield running


@pytest.fixture
def open_shop(api: ApiClient, tmp_path: Path) -> Iterator[Callable[[int], Shop]]:
    """Opens shops, each with an Envoy that finds its operator at a port of this machine."""
    with ExitStack() as stack:

        def open_one(xds_port: int) -> Shop:
            (port,) = free_ports(1)
            made = Shop(api, f"shop{next(_NUMBERS)}", port, tmp_path)
            stack.callback(made.close)
            made.open(xds_port)
            return made

        yield open_one


@pytest.fixture
def shop(open_shop: Callable[[int], Shop], operator: OperatorProcess) -> Shop:
    """A namespace with a Gateway, an Envoy for it, and nothing to route yet."""
    return open_shop(operator.xds_port)
