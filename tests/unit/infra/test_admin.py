"""What is made of the admin pages' answers."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from lateen.errors import ProxyError
from lateen.infra.admin import AdminClient

PAGES: dict[str, Any] = {
    "/server_info": {"state": "LIVE"},
    "/stats": {
        "stats": [
            {"name": "listener.0.0.0.0_8080.downstream_cx_active", "value": 3},
            {"name": "listener.0.0.0.0_8080.worker_0.downstream_cx_active", "value": 3},
            {"name": "listener.admin.downstream_cx_active", "value": 1},
            {"name": "text", "value": "words"},
            {"histograms": {}},
        ]
    },
    "/clusters": {"cluster_statuses": [{"name": "a"}]},
    "/listeners": {
        "listener_statuses": [
            {"name": "a", "local_address": {"socket_address": {"address": "0.0.0.0", "port_value": 8080}}},
            {"name": "b", "local_address": {"socket_address": {"address": "::", "port_value": 8081}}},
            {"name": "c", "local_address": {"pipe": {"path": "/run/c"}}},
        ]
    },
    "/config_dump": {"configs": [{"name": "x"}]},
}


class Pages:
    """A pretended Envoy."""

    def __init__(self) -> None:
        """Begin without requests."""
        self.requests: list[str] = []
        self.status = 200
        self.body: Any = None
        self.error: Exception | None = None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(f"{request.method} {request.url.raw_path.decode()}")
        if self.error is not None:
            raise self.error
        return httpx.Response(self.status, json=self.body or PAGES.get(request.url.path, {}))


@pytest.fixture
def pages() -> Pages:
    return Pages()


@pytest.fixture
async def admin(pages: Pages) -> AsyncIterator[AdminClient]:
    async with AdminClient("127.0.0.1:1") as client:
        await client._http.aclose()
        client._http = httpx.AsyncClient(base_url="http://127.0.0.1:1", transport=httpx.MockTransport(pages))
        yield client


async def test_pages_are_read(admin: AdminClient, pages: Pages) -> None:
    assert (await admin.server_info())["state"] == "LIVE"
    assert await admin.clusters() == [{"name": "a"}]
    assert await admin.listeners() == {"a": "0.0.0.0:8080", "b": "[::]:8081", "c": "/run/c"}
    assert await admin.config_dump("dynamic_listeners") == [{"name": "x"}]
    assert pages.requests[-1] == "GET /config_dump?resource=dynamic_listeners"
    assert await admin.config_dump() == [{"name": "x"}]


async def test_only_numbers_are_stats(admin: AdminClient, pages: Pages) -> None:
    assert len(await admin.stats("downstream")) == 3
    assert pages.requests == ["GET /stats?format=json&filter=downstream"]


async def test_connections_to_the_admin_pages_do_not_count(admin: AdminClient) -> None:
    assert await admin.active_connections() == 3


async def test_draining_is_asked_for(admin: AdminClient, pages: Pages) -> None:
    await admin.fail_health_check()
    await admin.drain_listeners(graceful=True)
    await admin.drain_listeners(graceful=False)
    assert pages.requests == ["POST /healthcheck/fail", "POST /drain_listeners?graceful", "POST /drain_listeners"]


async def test_readiness_is_the_status_and_silence_is_not_ready(admin: AdminClient, pages: Pages) -> None:
    assert await admin.is_ready()
    pages.status = 503
    assert not await admin.is_ready()
    pages.error = httpx.ConnectError("refused")
    assert not await admin.is_ready()


async def test_failures_name_the_proxy_and_the_page(admin: AdminClient, pages: Pages) -> None:
    pages.error = httpx.ConnectError("refused")
    with pytest.raises(ProxyError, match=r"Envoy at 127\.0\.0\.1:1 does not answer /clusters: refused"):
        await admin.clusters()
    pages.error = None
    pages.status = 500
    with pytest.raises(ProxyError, match="answered /clusters with status 500"):
        await admin.clusters()
    pages.status, pages.body = 200, ["a list"]
    with pytest.raises(ProxyError, match="something unexpected"):
        await admin.clusters()
