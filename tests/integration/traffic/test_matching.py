"""What a rule matches: path, method, headers, query, authority; the first rule that matches wins."""

from typing import Final

import pytest
from tests.integration.traffic.site import Site

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="module")]

NO_MATCH: Final = "404"


def rules(*matches: str) -> str:
    """Write a rule per match, which answers with its number."""
    return "\n".join(
        f"- match: {match}\n  directResponse: {{status: 200, body: {{string: '{number}'}}}}"
        for number, match in enumerate(matches, 1)
    )


async def answer(site: Site, target: str = "/", **headers: str) -> str:
    """Ask; give the number of the rule that answered, or the status."""
    got = await site.get(target, **headers)
    return got.body.decode() if got.status == 200 else str(got.status)


@pytest.mark.parametrize(
    ("match", "matched", "not_matched"),
    [
        ("{exact: /a}", ["/a", "/a?x=1", "/a?x=/b"], ["/a/", "/A", "/ab", "/"]),
        ("{prefix: /a}", ["/a", "/a/", "/ab", "/a/b?c"], ["/A", "/", "/b/a"]),
        ("{prefix: /a/}", ["/a/", "/a/b"], ["/a", "/ab"]),
        ("{prefix: /}", ["/", "/anything"], []),
        ("{regex: '/a/[0-9]+'}", ["/a/1", "/a/42?x=y"], ["/a/", "/a/x", "/a/1/", "/b/a/1"]),
        ("{regex: '/(?i)users(/.*)?'}", ["/users", "/Users/7"], ["/user", "/users7"]),
    ],
)
async def test_paths(site: Site, match: str, matched: list[str], not_matched: list[str]) -> None:
    await site.live(http=rules(f"[{{uri: {match}}}]"))
    assert [await answer(site, target) for target in matched] == ["1"] * len(matched)
    assert [await answer(site, target) for target in not_matched] == [NO_MATCH] * len(not_matched)


@pytest.mark.parametrize("match", ["{exact: /Users}", "{prefix: /Us}"])
async def test_the_case_of_paths_can_be_ignored(site: Site, match: str) -> None:
    await site.live(http=rules(f"[{{uri: {match}, ignoreUriCase: true}}]"))
    assert await answer(site, "/uSERs") == "1"
    assert await answer(site, "/other") == NO_MATCH


@pytest.mark.parametrize(
    ("match", "matched", "not_matched"),
    [
        ("{exact: v2}", ["v2"], ["v22", "V2", "", None]),
        ("{prefix: v}", ["v", "v2"], ["2v", None]),
        ("{regex: 'v[0-9]'}", ["v2"], ["v22", "xv2", None]),
        ("{}", ["v2", "anything"], [None]),
    ],
)
async def test_headers(site: Site, match: str, matched: list[str], not_matched: list[str | None]) -> None:
    await site.live(http=rules(f"[{{headers: {{x-version: {match}}}}}]"))
    for value in matched:
        assert await answer(site, x_version=value) == "1", value
    for missing in not_matched:
        headers = {} if missing is None else {"x_version": missing}
        assert await answer(site, **headers) == NO_MATCH, missing


async def test_names_of_headers_have_no_case(site: Site) -> None:
    await site.live(http=rules("[{headers: {x-version: {exact: v2}}}]"))
    assert await answer(site, X_Version="v2") == "1"


@pytest.mark.parametrize(
    ("match", "matched", "not_matched"),
    [
        ("{exact: old}", [None, "new"], ["old"]),
        ("{}", [None], ["old", "anything"]),
        ("{regex: 'o.*'}", [None, "new"], ["old"]),
    ],
)
async def test_headers_that_must_not_be_there(
    site: Site, match: str, matched: list[str | None], not_matched: list[str]
) -> None:
    await site.live(http=rules(f"[{{withoutHeaders: {{x-client: {match}}}}}]"))
    for value in matched:
        headers = {} if value is None else {"x_client": value}
        assert await answer(site, **headers) == "1", value
    for value in not_matched:
        assert await answer(site, x_client=value) == NO_MATCH, value


@pytest.mark.parametrize(
    ("match", "matched", "not_matched"),
    [
        ("{exact: red}", ["/?color=red", "/?a=1&color=red"], ["/?color=Red", "/?color=reddish", "/", "/?colour=red"]),
        ("{prefix: r}", ["/?color=r", "/?color=red"], ["/?color=blue"]),
        ("{regex: 'r.d'}", ["/?color=red"], ["/?color=reddish"]),
        ("{}", ["/?color=red", "/?color", "/?color="], ["/"]),
    ],
)
async def test_query_parameters(site: Site, match: str, matched: list[str], not_matched: list[str]) -> None:
    await site.live(http=rules(f"[{{queryParams: {{color: {match}}}}}]"))
    assert [await answer(site, target) for target in matched] == ["1"] * len(matched)
    assert [await answer(site, target) for target in not_matched] == [NO_MATCH] * len(not_matched)


async def test_methods(site: Site) -> None:
    await site.live(http=rules("[{method: {exact: POST}}]", "[{method: {regex: 'PUT|PATCH'}}]"))
    assert [(await site.send(method)).body for method in ("POST", "PUT", "PATCH")] == [b"1", b"2", b"2"]
    assert (await site.get()).status == 404


async def test_authorities_count_with_their_port(site: Site) -> None:
    await site.live(http=rules(f"[{{authority: {{exact: '{site.host}:99'}}}}]", "[{authority: {prefix: site}}]"))
    ask = site.edge.client.request
    assert (await ask(site.edge.port, f"{site.host}:99")).body == b"1"
    assert (await ask(site.edge.port, site.host)).body == b"2"


async def test_schemes(site: Site) -> None:
    await site.live(http=rules("[{scheme: {exact: https}}]", "[{scheme: {exact: http}}]"))
    assert await answer(site) == "2"


async def test_the_port_of_the_gateway(site: Site) -> None:
    await site.live(http=rules("[{port: 1}]", f"[{{port: {site.edge.port}}}]"))
    assert await answer(site) == "2"


async def test_the_name_of_the_gateway(site: Site) -> None:
    await site.live(http=rules("[{gateways: [edge/other]}]", "[{gateways: [edge/edge]}]"))
    assert await answer(site) == "2"


async def test_the_first_rule_that_matches_wins(site: Site) -> None:
    await site.live(http=rules("[{uri: {prefix: /a/b}}]", "[{uri: {prefix: /a}}]", "[{uri: {exact: /a/b/c}}]", "[]"))
    answers = [await answer(site, target) for target in ("/a/b", "/a", "/a/b/c", "/z")]
    assert answers == ["1", "2", "1", "4"]


async def test_conditions_of_one_entry_hold_together_and_entries_are_alternatives(site: Site) -> None:
    await site.live(http=rules("[{uri: {prefix: /a}, headers: {x-a: {exact: '1'}}}, {uri: {prefix: /b}}]"))
    assert await answer(site, "/a", x_a="1") == "1"
    assert await answer(site, "/a") == NO_MATCH
    assert await answer(site, "/b") == "1"


async def test_a_path_is_normalized_before_it_is_matched(site: Site) -> None:
    await site.live(http=rules("[{uri: {prefix: /admin}}]", "[]"))
    assert [await answer(site, target) for target in ("/x/../admin", "/./admin", "/admin/../x")] == ["1", "1", "2"]
