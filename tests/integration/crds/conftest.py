"""An API server that knows the networking kinds."""

from collections.abc import Iterator

import pytest
from tests.apiserver.client import ApiClient
from tests.apiserver.control_plane import ControlPlane

from lateen.crds.definitions import definitions


@pytest.fixture(scope="module")
def api(control_plane: ControlPlane) -> Iterator[ApiClient]:
    """A client, once all definitions are established."""
    with control_plane.client() as http:
        client = ApiClient(http)
        client.install(definitions().values())
        yield client
