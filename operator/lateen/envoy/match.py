"""Matchers: conditions on paths, headers, query parameters and JWT claims (istio-semantics §1.2.3)."""

from typing import Final

from lateen.envoy.wire import Fields
from lateen.ir.match import MatchKind, StringMatch
from lateen.ir.route import ClaimMatch, HeaderMatch, PathKind, RouteMatch

_JWT_FILTER: Final = "envoy.filters.http.jwt_authn"
_ANYTHING: Final = StringMatch(MatchKind.REGEX, ".*")


def route_match(match: RouteMatch) -> Fields:
    """Return the fields of a `RouteMatch`; header, query and claim conditions keep their order."""
    fields = _path(match)
    if match.headers:
        fields["headers"] = [header_matcher(header) for header in match.headers]
    if match.query:
        fields["query_parameters"] = [_query_matcher(name, text) for name, text in match.query]
    if match.claims:
        fields["dynamic_metadata"] = [_claim_matcher(claim) for claim in match.claims]
    return fields


def _path(match: RouteMatch) -> Fields:
    path = match.path
    if path.kind is PathKind.REGEX:
        # Envoy ignores `case_sensitive` here, the reference leaves such an expression as it is.
        return {"safe_regex": {"regex": path.value}}
    fields: Fields = {"path" if path.kind is PathKind.EXACT else "prefix": path.value}
    if path.ignore_case:
        fields["case_sensitive"] = {"value": False}
    return fields


def string_matcher(text: StringMatch) -> Fields:
    """Return the fields of a `StringMatcher`. It has no presence: that becomes any text."""
    if text.kind is MatchKind.EXACT:
        return {"exact": text.value}
    if text.kind is MatchKind.PREFIX and text.value:
        return {"prefix": text.value}
    pattern = text if text.kind is MatchKind.REGEX else _ANYTHING
    return {"safe_regex": {"regex": pattern.value}}


def header_matcher(header: HeaderMatch) -> Fields:
    """Return the fields of a `HeaderMatcher`."""
    fields: Fields = {"name": header.name, **_text_or_presence(header.match)}
    if header.invert:
        fields["invert_match"] = True
    if header.missing_is_empty:
        fields["treat_missing_header_as_empty"] = True
    return fields


def _query_matcher(name: str, text: StringMatch) -> Fields:
    return {"name": name, **_text_or_presence(text)}


def _text_or_presence(text: StringMatch) -> Fields:
    if text.kind is MatchKind.PRESENT:
        return {"present_match": True}
    return {"string_match": string_matcher(text)}


def _claim_matcher(claim: ClaimMatch) -> Fields:
    """A claim is a text or a list of texts; either may satisfy the condition."""
    if claim.match.kind is MatchKind.PRESENT:
        condition: Fields = {"present_match": True}
    else:
        text = {"string_match": string_matcher(claim.match)}
        condition = {"or_match": {"value_matchers": [text, {"list_match": {"one_of": text}}]}}
    fields: Fields = {
        "filter": _JWT_FILTER,
        "path": [{"key": key} for key in ("payload", *claim.path)],
        "value": condition,
    }
    if claim.invert:
        fields["invert"] = True
    return fields
