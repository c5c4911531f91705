"""The files in `examples/`: all load together, and do what their READMEs say."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio
from tests.integration.traffic.backend import Backend
from tests.integration.traffic.client import repeat, tally
from tests.integration.traffic.edge import Edge

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="module")]

EXAMPLES: Final = Path(__file__).parents[3] / "examples"
FILES: Final = {
    str(path.relative_to(EXAMPLES)): path.read_text()
    for path in sorted(EXAMPLES.rglob("*.yaml"))
    if path.parent.name != "kubernetes"  # for clusters: tests/e2e
}
PORTS: Final = {"cart-1": 18090, "cart-2": 18091, "sessions-1": 18100, "sessions-2": 18101, "sessions-3": 18102}
"""Backends by the ports that the files name; the tests take free ones."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def backends(edge: Edge) -> AsyncIterator[dict[str, Backend]]:
    """Run the examples, all together, with their backends on free ports."""
    made = {name: Backend(name) for name in PORTS}
    texts = list(FILES.values())
    for name, backend in made.items():
        await backend.listen()
        texts = [text.replace(f"http: {PORTS[name]}\n", f"http: {backend.port}\n") for text in texts]
    await edge.apply(*texts)
    yield made
    for backend in made.values():
        await backend.stop()


@pytest.mark.usefixtures("backends")
@pytest.mark.parametrize(
    ("method", "target", "headers", "status", "content"),
    [
        ("GET", "/greeting", {}, 200, {"body": "Hello\n", "x-edition": "stable"}),
        ("GET", "/greeting", {"x-user-group": "beta-7"}, 200, {"body": "Hello from the new edition\n"}),
        ("GET", "/greeting", {"x-user-group": "alpha"}, 200, {"body": "Hello\n"}),
        ("GET", "/greeting?beta=yes", {}, 200, {"x-edition": "beta"}),
        ("POST", "/greeting", {}, 405, {"allow": "GET"}),
        ("GET", "/old/page", {}, 308, {"location": "http://rules.example.com/new/page"}),
        ("GET", "/Internal/keys", {}, 403, {}),
        ("GET", "/else", {}, 404, {}),
    ],
)
async def test_rules(
    edge: Edge, method: str, target: str, headers: dict[str, str], status: int, content: dict[str, str]
) -> None:
    answer = await edge.client.request(edge.http_port, "rules.example.com", target, method=method, headers=headers)
    assert answer.status == status
    assert ({"body": answer.body.decode()} | dict(answer.headers)).items() >= content.items()


async def test_resilience_hides_an_endpoint_that_fails(edge: Edge, backends: dict[str, Backend]) -> None:
    backends["cart-1"].orders.status = 503
    answers = await repeat(40, lambda _: edge.client.request(edge.http_port, "shop.example.com"))
    assert tally(answers) == {"cart-2": 40}
    backends["cart-1"].orders.status = 200


@pytest.mark.usefixtures("backends")
async def test_resilience_fails_on_demand(edge: Edge) -> None:
    answer = await edge.client.request(edge.http_port, "shop.example.com", headers={"x-chaos": "abort"})
    assert str(answer) == "503 fault filter abort"


@pytest.mark.usefixtures("backends")
async def test_sticky_sessions_bring_everybody_back(edge: Edge) -> None:
    first = await edge.client.request(edge.http_port, "sessions.example.com")
    cookie = first.headers["set-cookie"].split(";")[0]
    again = await repeat(
        10, lambda _: edge.client.request(edge.http_port, "sessions.example.com", headers={"cookie": cookie})
    )
    assert tally(again) == {first.backend: 10}
