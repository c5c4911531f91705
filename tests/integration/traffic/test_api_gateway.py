"""The example `api-gateway`: its files as they are, with backends of this test behind them."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio
from tests.integration.traffic.backend import Backend
from tests.integration.traffic.client import Answer, repeat, tally
from tests.integration.traffic.edge import Edge
from tests.integration.traffic.kubernetes import kubernetes_service

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="module")]

ROUTING: Final = (Path(__file__).parents[3] / "examples" / "api-gateway" / "routing.yaml").read_text()
HOST = "api.example.com"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def backends(edge: Edge) -> AsyncIterator[dict[str, Backend]]:
    """Two endpoints of user-service, one of post-service."""
    made = {name: Backend(name) for name in ("users-1", "users-2", "posts")}
    for number, backend in enumerate(made.values(), 1):
        await backend.listen(f"127.0.3.{number}")
    users, posts = [made["users-1"], made["users-2"]], [made["posts"]]
    await edge.apply(
        kubernetes_service("user-service", {each: {} for each in users}),
        kubernetes_service("post-service", {each: {} for each in posts}),
    )
    yield made
    for backend in made.values():
        await backend.stop()


@pytest.fixture(params=["v1alpha3", "v1beta1", "v1"])
def version(request: pytest.FixtureRequest) -> str:
    """Version of Istio's API that the files are written in."""
    return str(request.param)


@pytest_asyncio.fixture(loop_scope="module")
async def routing(edge: Edge, backends: dict[str, Backend], version: str) -> None:
    """The example's routing is live."""
    await edge.apply(ROUTING.replace("networking.istio.io/v1alpha3", f"networking.istio.io/{version}"))


async def ask(edge: Edge, host: str, target: str) -> Answer:
    """Ask port 80, as far as this machine has one."""
    return await edge.client.request(edge.http_port, host, target)


@pytest.mark.usefixtures("routing")
@pytest.mark.parametrize("target", ["/users", "/users/7?full=yes", "/usersandmore"])
async def test_users_go_to_the_user_service(edge: Edge, target: str) -> None:
    answer = await ask(edge, HOST, target)
    assert answer.backend in {"users-1", "users-2"}
    assert answer.echo["target"] == target


@pytest.mark.usefixtures("routing")
async def test_posts_go_to_the_post_service(edge: Edge) -> None:
    assert str(await ask(edge, HOST, "/posts/1")) == "posts"


@pytest.mark.usefixtures("routing")
@pytest.mark.parametrize("target", ["/", "/user", "/Users", "/other/users"])
async def test_everything_else_is_not_found(edge: Edge, target: str) -> None:
    assert (await ask(edge, HOST, target)).status == 404


@pytest.mark.usefixtures("routing")
@pytest.mark.parametrize("host", ["other.example.com", "example.com", "api.example.com.evil.test", "user-service"])
async def test_an_unknown_host_is_not_found(edge: Edge, host: str) -> None:
    assert (await ask(edge, host, "/users")).status == 404


@pytest.mark.usefixtures("routing")
async def test_users_are_served_in_turns_and_two_requests_per_connection(edge: Edge) -> None:
    answers = await repeat(40, lambda _: ask(edge, HOST, "/users"), at_once=1)
    assert tally(answers) == {"users-1": 20, "users-2": 20}
    connections = [answer.echo["connection"] for answer in answers if answer.backend == "users-1"]
    assert all(connections.count(number) <= 2 for number in connections)


@pytest.mark.usefixtures("routing")
async def test_a_user_backend_that_fails_three_times_is_ejected(edge: Edge, backends: dict[str, Backend]) -> None:
    failing = backends["users-1"]
    failing.orders.status = 500
    try:
        shares = tally(await repeat(6, lambda _: ask(edge, HOST, "/users"), at_once=1))
        assert shares == {"500 users-1": 3, "users-2": 3}
        while shares["500 users-1"]:
            shares = tally(await repeat(6, lambda _: ask(edge, HOST, "/users"), at_once=1))
    finally:
        failing.orders.status = 200
    # Half of the endpoints may be ejected: one of two. It is out for 30 seconds.
    assert shares == {"users-2": 6}
    # A policy that is written anew gives everybody a fresh start.
    await edge.apply(ROUTING.replace("consecutiveErrors: 3", "consecutiveErrors: 4"))
