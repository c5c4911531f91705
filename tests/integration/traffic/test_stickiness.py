"""Consistent hashing: one key, one backend; and few keys move when a backend leaves."""

from collections.abc import Awaitable, Callable

import pytest
from tests.integration.traffic.client import Answer, repeat
from tests.integration.traffic.site import Site

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="module")]

KEYS = 120


def by_header(site: Site, key: int) -> Awaitable[Answer]:
    return site.get(x_user=f"user-{key}")


def by_cookie(site: Site, key: int) -> Awaitable[Answer]:
    return site.get(cookie=f"theme=dark; session=s{key}")


def by_source(site: Site, key: int) -> Awaitable[Answer]:
    return site.get(source=f"127.0.2.{key + 1}")


def by_query(site: Site, key: int) -> Awaitable[Answer]:
    return site.get(f"/?page=1&user={key}")


SOURCES = {
    "httpHeaderName: x-user": by_header,
    "httpCookie: {name: session}": by_cookie,
    "useSourceIp: true": by_source,
    "httpQueryParameterName: user": by_query,
}


@pytest.mark.parametrize("algorithm", ["", ", ringHash: {minimumRingSize: 2048}", ", maglev: {tableSize: 1021}"])
@pytest.mark.parametrize("source", SOURCES)
async def test_a_key_keeps_its_backend_and_few_move_when_one_leaves(site: Site, source: str, algorithm: str) -> None:
    send = SOURCES[source]
    backends = await site.start("a", "b", "c", "d")
    await site.live(policy=f"loadBalancer: {{consistentHash: {{{source}{algorithm}}}}}")
    homes = await homes_of_keys(site, send)
    assert homes == await homes_of_keys(site, send)
    assert set(homes) == {"a", "b", "c", "d"}
    await site.leave(backends[0])
    later = await homes_of_keys(site, send)
    stayed = [home == now for home, now in zip(homes, later, strict=True) if home != "a"]
    assert stayed.count(True) >= 0.6 * len(stayed)  # a plain modulus would keep a third
    assert set(later) == {"b", "c", "d"}


async def homes_of_keys(site: Site, send: Callable[[Site, int], Awaitable[Answer]]) -> list[str]:
    """Ask once with each key: who answers."""
    return [answer.backend for answer in await repeat(KEYS, lambda key: send(site, key))]


async def test_without_a_key_requests_spread(site: Site) -> None:
    await site.start("a", "b")
    await site.live(policy="loadBalancer: {consistentHash: {httpHeaderName: x-user}}")
    assert set(await site.many(60)) == {"a", "b"}


async def test_a_cookie_with_a_lifetime_is_made_for_those_who_bring_none(site: Site) -> None:
    await site.start("a", "b", "c")
    await site.live(
        policy="""
        loadBalancer:
          consistentHash:
            httpCookie: {name: session, path: /shop, ttl: 60s, attributes: [{name: SameSite, value: Strict}]}
        """
    )
    first = await site.get()
    cookie, *attributes = first.headers["set-cookie"].split("; ")
    assert cookie.startswith("session=")
    assert {"Max-Age=60", "Path=/shop", "SameSite=Strict", "HttpOnly"} <= set(attributes)
    assert await site.many(30, cookie=cookie) == {first.backend: 30}
    assert "set-cookie" not in (await site.get(cookie=cookie)).headers
    assert len(await site.many(60)) > 1


async def test_a_cookie_without_a_lifetime_is_not_made(site: Site) -> None:
    await site.start("a")
    await site.live(policy="loadBalancer: {consistentHash: {httpCookie: {name: session}}}")
    assert "set-cookie" not in (await site.get()).headers


async def test_a_cookie_of_the_session_has_no_age(site: Site) -> None:
    await site.start("a")
    await site.live(policy="loadBalancer: {consistentHash: {httpCookie: {name: session, ttl: 0s}}}")
    made = (await site.get()).headers["set-cookie"]
    assert made.startswith("session=")
    assert "Max-Age" not in made


async def test_the_subset_says_what_is_hashed(site: Site) -> None:
    for name in ("a", "b", "c"):
        await site.backend(name, {"version": "v1"})
    await site.live(
        http="[{route: [{destination: {host: SERVICE, subset: v1}}]}]",
        policy="loadBalancer: {consistentHash: {httpHeaderName: x-user}}",
        subsets="""
        - name: v1
          labels: {version: v1}
          trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: x-tenant}}}
        """,
    )
    answers = await repeat(60, lambda key: site.get(x_tenant="one", x_user=f"user-{key}"))
    assert len({answer.backend for answer in answers}) == 1
