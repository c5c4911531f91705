"""CORS, faults, mirrors and delegates."""

import time

import pytest
from tests.integration.traffic.client import Answer
from tests.integration.traffic.site import Site
from tests.integration.traffic.statistics import plausible

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="module")]

ROUTE = "route: [{destination: {host: SERVICE}}]"
CORS = """
- corsPolicy:
    allowOrigins: [{exact: "https://shop.test"}, {prefix: "https://eu."}, {regex: "https://[a-z]+[.]apps[.]test"}]
    allowMethods: [GET, POST]
    allowHeaders: [x-token]
    exposeHeaders: [x-total]
    maxAge: 24h
    allowCredentials: true
  route: [{destination: {host: SERVICE}}]
"""


async def preflight(site: Site, origin: str) -> Answer:
    return await site.send("OPTIONS", origin=origin, access_control_request_method="POST")


@pytest.mark.parametrize("origin", ["https://shop.test", "https://eu.anything", "https://my.apps.test"])
async def test_browsers_may_ask_from_the_origins_that_are_named(site: Site, origin: str) -> None:
    (backend,) = await site.start("a")
    await site.live(http=CORS)
    answer = await preflight(site, origin)
    assert answer.status == 200
    assert {
        name: answer.headers[f"access-control-{name}"] for name in ("allow-methods", "allow-headers", "max-age")
    } == {
        "allow-methods": "GET,POST",
        "allow-headers": "x-token",
        "max-age": "86400",
    }
    assert answer.headers["access-control-allow-origin"] == origin
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert backend.requests == 0
    plain = await site.get(origin=origin)
    assert plain.headers["access-control-allow-origin"] == origin
    assert plain.headers["access-control-expose-headers"] == "x-total"


async def test_other_origins_are_left_to_the_backend(site: Site) -> None:
    (backend,) = await site.start("a")
    await site.live(http=CORS)
    assert "access-control-allow-origin" not in (await preflight(site, "https://evil.test")).headers
    assert "access-control-allow-origin" not in (await site.get(origin="https://evil.test")).headers
    assert backend.requests == 2


async def test_preflights_of_other_origins_can_be_kept_from_the_backend(site: Site) -> None:
    (backend,) = await site.start("a")
    await site.live(http=CORS.replace("    maxAge: 24h\n", "    maxAge: 24h\n    unmatchedPreflights: IGNORE\n"))
    answer = await preflight(site, "https://evil.test")
    assert "access-control-allow-origin" not in answer.headers
    assert backend.requests == 0


async def test_requests_are_aborted_in_the_place_of_the_backend(site: Site) -> None:
    (backend,) = await site.start("a")
    await site.live(http=f"[{{fault: {{abort: {{httpStatus: 418, percentage: {{value: 100}}}}}}, {ROUTE}}}]")
    assert (await site.get()).status == 418
    assert backend.requests == 0


async def test_a_share_of_the_requests_is_aborted(site: Site) -> None:
    await site.start("a")
    await site.live(http=f"[{{fault: {{abort: {{httpStatus: 500, percentage: {{value: 30}}}}}}, {ROUTE}}}]")
    shares = await site.many(500)
    assert plausible(shares["500 fault filter abort"], 500, 0.3)
    assert shares.total() == shares["500 fault filter abort"] + shares["a"]


async def test_calls_of_grpc_are_aborted_with_a_status_of_grpc(site: Site) -> None:
    await site.start("a")
    await site.live(http=f"[{{fault: {{abort: {{grpcStatus: UNAVAILABLE, percentage: {{value: 100}}}}}}, {ROUTE}}}]")
    assert (await site.get(content_type="application/grpc")).headers["grpc-status"] == "14"


async def test_requests_are_delayed(site: Site) -> None:
    await site.start("a")
    await site.live(http=f"[{{fault: {{delay: {{fixedDelay: 150ms, percentage: {{value: 100}}}}}}, {ROUTE}}}]")
    started = time.monotonic()
    assert str(await site.get()) == "a"
    assert time.monotonic() - started >= 0.15


async def test_a_fault_belongs_to_its_rule(site: Site) -> None:
    await site.start("a")
    fault = "fault: {abort: {httpStatus: 500, percentage: {value: 100}}}"
    await site.live(http=f"[{{match: [{{headers: {{x-test: {{}}}}}}], {fault}, {ROUTE}}}, {{{ROUTE}}}]")
    assert [(await site.get(x_test="1")).status, (await site.get()).status] == [500, 200]


async def mirrored(site: Site, mirror: str, requests: int) -> int:
    """Send requests; count those that the mirror got."""
    await site.backend("main", {"role": "main"})
    copy = await site.backend("copy", {"role": "copy"})
    await site.live(
        http=f"[{{route: [{{destination: {{host: SERVICE, subset: main}}}}], {mirror}}}]",
        subsets="[{name: main, labels: {role: main}}, {name: copy, labels: {role: copy}}]",
    )
    assert await site.many(requests) == {"main": requests}
    await site.edge.until(
        lambda stats: stats.get(site.full_name("upstream_rq_total", "copy"), 0) == copy.requests, site.name
    )
    assert all(request.headers["host"] == site.host for request in copy.seen)
    return copy.requests


@pytest.mark.parametrize(
    "mirror",
    [
        "mirror: {host: SERVICE, subset: copy}",
        "mirror: {host: SERVICE, subset: copy}, mirrorPercentage: {value: 100}",
        "mirrors: [{destination: {host: SERVICE, subset: copy}}]",
    ],
)
async def test_a_mirror_gets_a_copy_of_every_request(site: Site, mirror: str) -> None:
    assert await mirrored(site, mirror, 20) == 20


async def test_a_mirror_gets_a_share_of_the_requests(site: Site) -> None:
    mirror = "mirrors: [{destination: {host: SERVICE, subset: copy}, percentage: {value: 25}}]"
    assert plausible(await mirrored(site, mirror, 400), 400, 0.25)


async def test_a_mirror_with_nothing_gets_nothing(site: Site) -> None:
    assert await mirrored(site, "mirror: {host: SERVICE, subset: copy}, mirrorPercentage: {value: 0}", 20) == 0


async def test_rules_are_taken_from_a_delegate(site: Site) -> None:
    await site.backend("a")
    await site.live(
        http=f"""
        - match: [{{uri: {{prefix: /shop}}}}]
          delegate: {{name: {site.name}-shop, namespace: shop}}
          headers: {{request: {{set: {{x-root: "yes"}}}}}}
        - directResponse: {{status: 200, body: {{string: root}}}}
        """,
        more=f"""
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: {site.name}-shop, namespace: shop}}
spec:
  http:
    - match: [{{uri: {{prefix: /shop/cart}}}}]
      rewrite: {{uri: /cart}}
      route: [{{destination: {{host: SERVICE}}}}]
    - match: [{{uri: {{prefix: /other}}}}]
      route: [{{destination: {{host: SERVICE}}}}]
    - directResponse: {{status: 200, body: {{string: shop}}}}
""",
    )
    cart = (await site.get("/shop/cart/7")).echo
    assert (cart["target"], cart["headers"]["x-root"]) == ("/cart/7", "yes")
    assert (await site.get("/shop/else")).body == b"shop"
    # What the delegate asks for lies outside of what the root hands to it.
    assert [(await site.get(target)).body for target in ("/other", "/")] == [b"root", b"root"]
