"""Conditions of a VirtualService become Envoy's matchers."""

import pytest
from envoy.config.route.v3.route_components_pb2 import HeaderMatcher
from envoy.config.route.v3.route_components_pb2 import RouteMatch as RouteMatchMessage
from envoy.type.matcher.v3.string_pb2 import StringMatcher

from lateen.envoy.match import header_matcher, route_match, string_matcher
from lateen.ir.match import MatchKind, StringMatch
from lateen.ir.route import ClaimMatch, HeaderMatch, PathKind, PathMatch, RouteMatch

EXACT = StringMatch(MatchKind.EXACT, "one")
PRESENT = StringMatch(MatchKind.PRESENT)


def built(match: RouteMatch) -> RouteMatchMessage:
    return RouteMatchMessage(**route_match(match))


@pytest.mark.parametrize(
    ("kind", "field", "text"),
    [(PathKind.EXACT, "path", "/a"), (PathKind.PREFIX, "prefix", "/a"), (PathKind.PREFIX, "prefix", "")],
)
def test_paths_are_compared_as_written(kind: PathKind, field: str, text: str) -> None:
    message = built(RouteMatch(PathMatch(kind, text)))
    assert message.WhichOneof("path_specifier") == field
    assert getattr(message, field) == text
    assert not message.HasField("case_sensitive")


def test_a_path_may_ignore_case() -> None:
    message = built(RouteMatch(PathMatch(PathKind.EXACT, "/a", ignore_case=True)))
    assert message.HasField("case_sensitive")
    assert not message.case_sensitive.value


def test_an_expression_keeps_its_case() -> None:
    message = built(RouteMatch(PathMatch(PathKind.REGEX, "/a.*", ignore_case=True)))
    assert message.safe_regex.regex == "/a.*"
    assert not message.HasField("case_sensitive")


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        (EXACT, "exact", "one"),
        (StringMatch(MatchKind.EXACT), "exact", ""),
        (StringMatch(MatchKind.PREFIX, "o"), "prefix", "o"),
    ],
)
def test_texts_are_compared_as_written(text: StringMatch, field: str, value: str) -> None:
    message = StringMatcher(**string_matcher(text))
    assert message.WhichOneof("match_pattern") == field
    assert getattr(message, field) == value


@pytest.mark.parametrize(
    ("text", "regex"),
    [
        (StringMatch(MatchKind.REGEX, "a|b"), "a|b"),
        (PRESENT, ".*"),
        (StringMatch(MatchKind.PREFIX, ""), ".*"),
    ],
)
def test_what_has_no_simpler_form_is_an_expression(text: StringMatch, regex: str) -> None:
    assert StringMatcher(**string_matcher(text)).safe_regex.regex == regex


def test_a_header_may_have_any_value() -> None:
    message = HeaderMatcher(**header_matcher(HeaderMatch("x-user", PRESENT)))
    assert message.name == "x-user"
    assert message.present_match
    assert not message.invert_match


def test_an_absent_header_satisfies_a_denied_value() -> None:
    message = HeaderMatcher(**header_matcher(HeaderMatch("x-user", EXACT, invert=True, missing_is_empty=True)))
    assert message.string_match.exact == "one"
    assert message.invert_match
    assert message.treat_missing_header_as_empty


def test_conditions_keep_their_order() -> None:
    match = RouteMatch(
        headers=(HeaderMatch("b", EXACT), HeaderMatch("a", PRESENT), HeaderMatch(":method", EXACT)),
        query=(("q", EXACT), ("p", PRESENT)),
    )
    message = built(match)
    assert [header.name for header in message.headers] == ["b", "a", ":method"]
    assert [parameter.name for parameter in message.query_parameters] == ["q", "p"]
    assert message.query_parameters[0].string_match.exact == "one"
    assert message.query_parameters[1].present_match


def test_a_claim_is_a_text_or_a_member_of_a_list() -> None:
    (matcher,) = built(RouteMatch(claims=(ClaimMatch(("a", "b"), EXACT, invert=True),))).dynamic_metadata
    assert matcher.filter == "envoy.filters.http.jwt_authn"
    assert [segment.key for segment in matcher.path] == ["payload", "a", "b"]
    alone, listed = matcher.value.or_match.value_matchers
    assert alone.string_match.exact == "one"
    assert listed.list_match.one_of.string_match.exact == "one"
    assert matcher.invert


def test_a_claim_may_have_any_value() -> None:
    (matcher,) = built(RouteMatch(claims=(ClaimMatch(("a",), PRESENT),))).dynamic_metadata
    assert matcher.value.present_match
    assert not matcher.invert
