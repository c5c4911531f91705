"""The example `canary`: nine of ten to v1, the tenth to v2, and those who ask for v2 get it."""

from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio
from tests.integration.traffic.backend import Backend
from tests.integration.traffic.client import Answer, repeat, tally
from tests.integration.traffic.edge import Edge, running_edge
from tests.integration.traffic.kubernetes import kubernetes_service
from tests.integration.traffic.site import Site
from tests.integration.traffic.statistics import plausible

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="module")]

_EXAMPLE: Final = Path(__file__).parents[3] / "examples" / "canary"
RULE: Final = (_EXAMPLE / "user-service.yaml").read_text()
SUBSETS: Final = (_EXAMPLE / "subsets.yaml").read_text()
N = 1500


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def edge(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Edge]:
    """An instance with a proxy for calls between services."""
    async with running_edge(tmp_path_factory.mktemp("edge"), mesh=True) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def canary(edge: Edge) -> AsyncIterator[Edge]:
    """The example is live."""
    v1, v2 = Backend("v1"), Backend("v2")
    await v1.listen("127.0.3.1")
    await v2.listen("127.0.3.2")
    await edge.apply(kubernetes_service("user-service", {v1: {"version": "v1"}, v2: {"version": "v2"}}), RULE, SUBSETS)
    yield edge
    await v1.stop()
    await v2.stop()


def call(edge: Edge, host: str, version: str = "") -> Awaitable[Answer]:
    """Ask the proxy for calls between services."""
    return edge.client.request(edge.mesh_port, host, headers={"version": version} if version else None)


async def test_one_call_in_ten_goes_to_the_canary(canary: Edge) -> None:
    shares = tally(await repeat(N, lambda _: call(canary, "user-service")))
    assert set(shares) == {"v1", "v2"}
    assert plausible(shares["v2"], N, 0.1)


async def test_those_who_ask_for_the_canary_get_it(canary: Edge) -> None:
    assert tally(await repeat(50, lambda _: call(canary, "user-service", "v2"))) == {"v2": 50}


async def test_another_version_is_no_wish_for_the_canary(canary: Edge) -> None:
    shares = tally(await repeat(300, lambda _: call(canary, "user-service", "v22")))
    assert plausible(shares["v2"], 300, 0.1)


@pytest.mark.parametrize(
    "host",
    [
        "user-service",
        "user-service:8080",
        "User-Service",
        "user-service.default",
        "user-service.default.svc",
        "user-service.default.svc.cluster.local:8080",
    ],
)
async def test_a_service_answers_to_every_spelling_of_its_name(canary: Edge, host: str) -> None:
    assert str(await call(canary, host, "v2")) == "v2"


@pytest.mark.parametrize("host", ["user-service:9090", "users", "user-service.other"])
async def test_a_service_that_does_not_exist_is_not_found(canary: Edge, host: str) -> None:
    assert (await call(canary, host)).status == 404


async def test_a_service_without_rules_is_called_directly(canary: Edge) -> None:
    plain = Backend("plain")
    await plain.listen("127.0.3.3")
    await canary.apply(kubernetes_service("plain", {plain: {}}, port=9000))
    assert str(await call(canary, "plain:9000")) == "plain"
    await plain.stop()


RULES: Final = """
- match: [{headers: {version: {exact: v2}}}]
  route: [{destination: {host: SERVICE, subset: v2}}]
- route:
    - {destination: {host: SERVICE, subset: v1}, weight: 90}
    - {destination: {host: SERVICE, subset: v2}, weight: 10}
"""
VERSIONS: Final = "[{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]"


async def test_a_gateway_splits_in_the_same_way(site: Site) -> None:
    for version in ("v1", "v2"):
        await site.backend(version, {"version": version})
    await site.live(http=RULES, subsets=VERSIONS)
    shares = await site.many(N)
    assert set(shares) == {"v1", "v2"}
    assert plausible(shares["v2"], N, 0.1)
    assert await site.many(50, version="v2") == {"v2": 50}


@pytest.mark.parametrize(("weights", "share"), [((1, 1), 0.5), ((3, 1), 0.25), ((0, 7), 1.0), ((100, 0), 0.0)])
async def test_weights_need_not_add_up_to_a_hundred(site: Site, weights: tuple[int, int], share: float) -> None:
    for version in ("v1", "v2"):
        await site.backend(version, {"version": version})
    rules = RULES.replace("weight: 10", f"weight: {weights[1]}").replace("weight: 90", f"weight: {weights[0]}")
    await site.live(http=rules, subsets=VERSIONS)
    assert plausible((await site.many(400))["v2"], 400, share)


async def test_a_subset_without_endpoints_is_unavailable(site: Site) -> None:
    await site.backend("v1", {"version": "v1"})
    await site.live(http="[{route: [{destination: {host: SERVICE, subset: v2}}]}]", subsets=VERSIONS)
    answer = await site.get()
    assert answer.status == 503
    assert answer.body == b"no healthy upstream"
