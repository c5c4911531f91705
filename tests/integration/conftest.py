"""Fixtures of tests with a real API server: one for the whole session, none where its binaries are absent."""

from collections.abc import Iterator

import pytest
from tests.apiserver.client import ApiClient
from tests.apiserver.control_plane import ASSETS, ControlPlane, assets

from lateen.crds.definitions import definitions


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A running API server, for `admin` and his `successor`. Whoever kills it starts it again."""
    binaries = assets()
    if binaries is None:
        pytest.skip(f"{ASSETS} is not set: it names the directory of etcd and kube-apiserver")
    users = {"successor": ("system:masters",)}
    with ControlPlane(binaries, tmp_path_factory.mktemp("control-plane"), users) as running:
        yield running


@pytest.fixture(scope="session")
def api(control_plane: ControlPlane) -> Iterator[ApiClient]:
    """The administrator, once the API server knows the networking kinds, for which it takes seconds."""
    with control_plane.client() as http:
        client = ApiClient(http)
        client.install(definitions().values())
        yield client
