"""What Kubernetes asks of an operator."""

import httpx

from lateen.runtime.health import Health, build_health
from lateen.runtime.metrics import Metrics


def client_of(health: Health) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(build_health(health, Metrics()))
    return httpx.AsyncClient(transport=transport, base_url="http://operator")


async def test_it_is_ready_when_it_says_so() -> None:
    health = Health()
    async with client_of(health) as client:
        assert (await client.get("/readyz")).status_code == 503
        health.ready = True
        assert (await client.get("/readyz")).text == "ok\n"


async def test_it_lives_before_it_is_ready() -> None:
    async with client_of(Health()) as client:
        assert (await client.get("/livez")).text == "ok\n"


async def test_metrics_are_in_the_text_format() -> None:
    async with client_of(Health()) as client:
        answer = await client.get("/metrics")
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        assert "lateen_compile_seconds_count 0.0" in answer.text
