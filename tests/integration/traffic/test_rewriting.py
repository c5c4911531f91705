"""What is changed on the way: paths, hosts, headers; and answers that need no backend."""

import pytest
from tests.integration.traffic.client import Answer
from tests.integration.traffic.site import Site

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="module")]

ROUTE = "route: [{destination: {host: SERVICE}}]"


@pytest.mark.parametrize(
    ("match", "rewrite", "asked", "arrived"),
    [
        ("{prefix: /api/}", "{uri: /}", "/api/users?x=1", "/users?x=1"),
        ("{prefix: /api}", "{uri: /v2}", "/api/users", "/v2/users"),
        ("{exact: /old}", "{uri: /new}", "/old?x=1", "/new?x=1"),
        ("{regex: '/a/.*'}", "{uri: /b}", "/a/c/d", "/b"),
        (
            "{prefix: /}",
            r"{uriRegexRewrite: {match: '^/u/([^/]+)/(.*)$', rewrite: '/\2?user=\1'}}",
            "/u/anna/cart",
            "/cart?user=anna",
        ),
    ],
)
async def test_paths_are_rewritten(site: Site, match: str, rewrite: str, asked: str, arrived: str) -> None:
    await site.start("a")
    await site.live(http=f"[{{match: [{{uri: {match}}}], rewrite: {rewrite}, {ROUTE}}}]")
    assert (await site.get(asked)).echo["target"] == arrived


async def test_the_host_is_rewritten(site: Site) -> None:
    await site.start("a")
    await site.live(http=f"[{{rewrite: {{authority: inside.test}}, {ROUTE}}}]")
    assert (await site.get()).echo["headers"]["host"] == "inside.test"


async def test_the_host_stays_unless_told(site: Site) -> None:
    await site.start("a")
    await site.live()
    assert (await site.get()).echo["headers"]["host"] == site.host


HEADERS = """
- headers:
    request:
      set: {x-set: mine, x-new: "%REQ(x-copied)%"}
      add: {x-added: second}
      remove: [x-removed]
    response:
      set: {x-answer: replaced}
      add: {x-extra: more}
      remove: [x-hidden]
  route: [{destination: {host: SERVICE}}]
"""


async def test_headers_are_set_added_and_removed(site: Site) -> None:
    (backend,) = await site.start("a")
    backend.orders.headers.update({"x-answer": "original", "x-hidden": "secret", "x-extra": "one"})
    await site.live(http=HEADERS)
    answer = await site.get(x_set="theirs", x_added="first", x_removed="gone", x_copied="copy")
    arrived = answer.echo["headers"]
    assert (arrived["x-set"], arrived["x-new"], arrived["x-added"]) == ("mine", "copy", "first,second")
    assert "x-removed" not in arrived
    assert (answer.headers["x-answer"], answer.headers["x-extra"]) == ("replaced", "one,more")
    assert "x-hidden" not in answer.headers


async def test_each_destination_has_headers_of_its_own(site: Site) -> None:
    for version in ("v1", "v2"):
        await site.backend(version, {"version": version})
    await site.live(
        http="""
        - headers: {request: {set: {x-route: "yes"}}}
          route:
            - destination: {host: SERVICE, subset: v1}
              weight: 50
              headers: {request: {set: {x-version: one}}, response: {set: {x-from: one}}}
            - destination: {host: SERVICE, subset: v2}
              weight: 50
              headers: {request: {set: {host: two.test}}, response: {set: {x-from: two}}}
        """,
        subsets="[{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]",
    )
    seen: dict[str, Answer] = {}
    while len(seen) < 2:
        answer = await site.get()
        seen[answer.backend] = answer
    one, two = (seen[version].echo["headers"] for version in ("v1", "v2"))
    assert (one["x-route"], two["x-route"]) == ("yes", "yes")
    assert (one.get("x-version"), two.get("x-version")) == ("one", None)
    assert (one["host"], two["host"]) == (site.host, "two.test")
    assert [seen[version].headers["x-from"] for version in ("v1", "v2")] == ["one", "two"]


async def test_clients_cannot_pose_as_the_proxy(site: Site) -> None:
    await site.start("a")
    await site.live()
    arrived = (await site.get(x_lateen_scope="http.80|elsewhere", x_forwarded_for="10.9.8.7")).echo["headers"]
    assert "x-lateen-scope" not in arrived
    assert arrived["x-forwarded-for"].startswith("10.9.8.7,")
    assert arrived["x-forwarded-proto"] == "http"


@pytest.mark.parametrize(
    ("redirect", "status", "location"),
    [
        ("{uri: /new}", 301, "http://HOST/new?y=1"),
        ("{uri: /new, redirectCode: 302}", 302, "http://HOST/new?y=1"),
        ("{authority: other.test}", 301, "http://other.test/old/x?y=1"),
        ("{uri: /new, authority: other.test, redirectCode: 308}", 308, "http://other.test/new?y=1"),
        ("{scheme: https}", 301, "https://HOST/old/x?y=1"),
        ("{scheme: https, port: 8443}", 301, "https://HOST:8443/old/x?y=1"),
        ("{port: 8080, redirectCode: 307}", 307, "http://HOST:8080/old/x?y=1"),
        ("{prefixRewrite: /new, redirectCode: 303}", 303, "http://HOST/new/x?y=1"),
    ],
)
async def test_redirects(site: Site, redirect: str, status: int, location: str) -> None:
    await site.live(http=f"[{{match: [{{uri: {{prefix: /old}}}}], redirect: {redirect}}}]")
    answer = await site.get("/old/x?y=1")
    assert (answer.status, answer.headers["location"]) == (status, location.replace("HOST", site.host))


async def test_answers_without_a_backend(site: Site) -> None:
    await site.live(
        http="""
        - match: [{uri: {exact: /teapot}}]
          directResponse: {status: 418, body: {string: "short and stout"}}
          headers: {response: {set: {x-kind: teapot}}}
        - match: [{uri: {exact: /bytes}}]
          directResponse: {status: 200, body: {bytes: AAH/}}
        - directResponse: {status: 503}
        """
    )
    teapot = await site.get("/teapot")
    assert (teapot.status, teapot.body, teapot.headers["x-kind"]) == (418, b"short and stout", "teapot")
    assert (await site.get("/bytes")).body == b"\x00\x01\xff"
    empty = await site.get()
    assert (empty.status, empty.body) == (503, b"")


async def test_a_large_answer_is_given_whole(site: Site) -> None:
    text = "0123456789" * 6000
    await site.live(http=f"[{{directResponse: {{status: 200, body: {{string: '{text}'}}}}}}]")
    assert (await site.get()).body.decode() == text


async def test_a_destination_that_does_not_exist_is_unavailable(site: Site) -> None:
    await site.live(http="[{route: [{destination: {host: nobody.test}}], retries: {attempts: 0}}]", faulty=True)
    assert (await site.get()).status == 503
