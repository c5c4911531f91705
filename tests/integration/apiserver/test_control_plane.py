"""What other tests rely on: the API server of the tests itself."""

from collections.abc import Iterator
from typing import Any, Final

import httpx
import pytest
from tests.apiserver.client import ApiClient, RefusedError
from tests.apiserver.control_plane import ControlPlane

pytestmark = [pytest.mark.apiserver, pytest.mark.timeout(240)]

SERVICE: Final[dict[str, Any]] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "cart"},
    "spec": {"ports": [{"name": "http", "port": 8080}]},
}


@pytest.fixture
def api(control_plane: ControlPlane) -> Iterator[ApiClient]:
    with control_plane.client() as http:
        client = ApiClient(http)
        yield client
        client.delete(SERVICE)


def test_objects_outlive_an_api_server_that_is_killed(api: ApiClient, control_plane: ControlPlane) -> None:
    uid = api.apply(SERVICE)["metadata"]["uid"]
    control_plane.kill_server()
    with pytest.raises(httpx.TransportError):
        api.get(SERVICE)
    control_plane.start_server()
    assert api.get(SERVICE)["metadata"]["uid"] == uid


def test_a_watch_tells_what_happens(api: ApiClient) -> None:
    version = api.http.get("/api/v1/namespaces/default/services").json()["metadata"]["resourceVersion"]
    api.apply(SERVICE)
    api.delete(SERVICE)
    seen = []
    for kind, found in api.watch("/api/v1/namespaces/default/services", resourceVersion=version):
        seen.append((kind, found["metadata"]["name"]))
        if kind == "DELETED":
            break
    assert seen == [("ADDED", "cart"), ("DELETED", "cart")]


def test_what_is_not_there_is_refused_with_its_code(api: ApiClient) -> None:
    with pytest.raises(RefusedError) as refusal:
        api.get(SERVICE)
    assert refusal.value.code == 404


def test_nobody_gets_in_without_a_token(control_plane: ControlPlane) -> None:
    with control_plane.client() as http:
        del http.headers["Authorization"]
        assert http.get("/api/v1/namespaces/default/services").status_code in (401, 403)
