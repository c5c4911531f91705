"""Match conditions of a route."""

from typing import Any

import pytest
from tests.unit.semantics.objects import decode

from lateen.ir.match import MatchKind, StringMatch
from lateen.ir.route import ClaimMatch, HeaderMatch, PathKind, PathMatch, RouteMatch
from lateen.model.matching import HttpMatch
from lateen.semantics.matching import ANYTHING, claim_path, lower_match, string_match

PRESENT = StringMatch(MatchKind.PRESENT)


def exact(text: str) -> StringMatch:
    return StringMatch(MatchKind.EXACT, text)


def lower(**fields: Any) -> RouteMatch:
    return lower_match(decode(HttpMatch, fields))


@pytest.mark.parametrize(
    ("text", "lowered"),
    [
        ({"exact": "a"}, exact("a")),
        ({"exact": ""}, exact("")),
        ({"prefix": "a"}, StringMatch(MatchKind.PREFIX, "a")),
        ({"regex": "a.*"}, StringMatch(MatchKind.REGEX, "a.*")),
        ({"regex": "*"}, PRESENT),
        ({}, PRESENT),
        (None, PRESENT),
    ],
)
def test_a_text_without_a_condition_has_only_to_be_there(text: dict[str, str] | None, lowered: StringMatch) -> None:
    assert lower(queryParams={"q": text}).query == (("q", lowered),)
    assert string_match(None) == PRESENT


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({}, PathMatch(PathKind.PREFIX, "/")),
        ({"uri": {}}, PathMatch(PathKind.PREFIX, "/")),
        ({"ignoreUriCase": True}, PathMatch(PathKind.PREFIX, "/", ignore_case=True)),
        ({"uri": {"exact": "/a"}}, PathMatch(PathKind.EXACT, "/a")),
        ({"uri": {"prefix": "/a"}}, PathMatch(PathKind.PREFIX, "/a")),
        ({"uri": {"prefix": ""}}, PathMatch(PathKind.PREFIX, "")),
        ({"uri": {"prefix": "/a"}, "ignoreUriCase": True}, PathMatch(PathKind.PREFIX, "/a", ignore_case=True)),
        ({"uri": {"exact": "/a"}, "ignoreUriCase": True}, PathMatch(PathKind.EXACT, "/a", ignore_case=True)),
        ({"uri": {"regex": "/a"}, "ignoreUriCase": True}, PathMatch(PathKind.REGEX, "/a")),
    ],
)
def test_a_path_is_compared_as_a_whole_by_its_beginning_or_by_expression(
    fields: dict[str, Any], path: PathMatch
) -> None:
    assert lower(**fields).path == path


def test_a_rule_without_matches_matches_everything() -> None:
    assert lower_match(None) is ANYTHING
    assert ANYTHING.is_catch_all


def test_headers_are_sorted_by_name_with_their_opposites_and_pseudo_headers_follow() -> None:
    match = lower(
        headers={"b": {"exact": "1"}, "c": {}},
        withoutHeaders={"a": {"exact": "2"}, "b": {"prefix": "3"}, "d": None},
        authority={"exact": "a.com"},
        method={"exact": "GET"},
        scheme={"exact": "https"},
    )
    assert match.headers == (
        HeaderMatch("a", exact("2"), invert=True, missing_is_empty=True),
        HeaderMatch("b", exact("1")),
        HeaderMatch("b", StringMatch(MatchKind.PREFIX, "3"), invert=True, missing_is_empty=True),
        HeaderMatch("c", PRESENT),
        HeaderMatch("d", PRESENT, invert=True),
        HeaderMatch(":scheme", exact("https")),
        HeaderMatch(":method", exact("GET")),
        HeaderMatch(":authority", exact("a.com")),
    )


def test_a_header_that_must_not_be_there_is_an_absence() -> None:
    (condition,) = lower(withoutHeaders={"x": {"regex": "*"}}).headers
    assert condition == HeaderMatch("x", PRESENT, invert=True)


def test_query_parameters_are_sorted_by_name() -> None:
    assert lower(queryParams={"b": {"exact": "1"}, "a": {"exact": "2"}}).query == (("a", exact("2")), ("b", exact("1")))


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("@request.auth.claims.sub", ("sub",)),
        ("@request.auth.claims.a.b", ("a", "b")),
        ("@Request.Auth.Claims.Sub", ("Sub",)),
        ("@request.auth.claims[a.b][c]", ("a.b", "c")),
        ("x-user", None),
    ],
)
def test_a_claim_is_named_like_a_header(name: str, path: tuple[str, ...] | None) -> None:
    assert claim_path(name) == path


def test_claims_are_conditions_of_their_own() -> None:
    name = "@request.auth.claims.group"
    match = lower(headers={name: {"exact": "dev"}}, withoutHeaders={name: {"exact": "ops"}})
    assert match.headers == ()
    assert match.claims == (ClaimMatch(("group",), exact("dev")), ClaimMatch(("group",), exact("ops"), invert=True))
