"""Match conditions of a rule (istio-semantics §1.2.3)."""

import re
from collections.abc import Mapping
from typing import Final

from lateen.ir.match import MatchKind, StringMatch
from lateen.ir.route import ClaimMatch, HeaderMatch, PathKind, PathMatch, RouteMatch
from lateen.model.matching import HttpMatch
from lateen.model.values import StringMatch as StringMatchSpec

ANYTHING = RouteMatch()
CLAIMS: Final = "@request.auth.claims"
_BRACKETS: Final = re.compile(r"\[([^\]]*)\]")


def string_match(spec: StringMatchSpec | None) -> StringMatch:
    """Lower one string condition; an empty one, or the regex `*`, means presence."""
    if spec is None:
        return StringMatch(MatchKind.PRESENT)
    if spec.exact is not None:
        return StringMatch(MatchKind.EXACT, spec.exact)
    if spec.prefix is not None:
        return StringMatch(MatchKind.PREFIX, spec.prefix)
    if spec.regex is not None and spec.regex != "*":
        return StringMatch(MatchKind.REGEX, spec.regex)
    return StringMatch(MatchKind.PRESENT)


def path_match(uri: StringMatchSpec | None, *, ignore_case: bool) -> PathMatch:
    """Lower a `uri` condition; without one every path matches."""
    if uri is not None:
        if uri.exact is not None:
            return PathMatch(PathKind.EXACT, uri.exact, ignore_case)
        if uri.prefix is not None:
            return PathMatch(PathKind.PREFIX, uri.prefix, ignore_case)
        if uri.regex is not None:
            return PathMatch(PathKind.REGEX, uri.regex)
    return PathMatch(ignore_case=ignore_case)


def claim_path(name: str) -> tuple[str, ...] | None:
    """The claim that a header name of the form `@request.auth.claims.a.b` or `…[a][b]` stands for."""
    if not name.lower().startswith(CLAIMS):
        return None
    rest = name[len(CLAIMS) :]
    if rest.startswith("["):
        return tuple(_BRACKETS.findall(rest))
    return tuple(rest.removeprefix(".").split("."))


def lower_match(spec: HttpMatch | None) -> RouteMatch:
    """Lower one entry of `match`; None is the rule without any."""
    if spec is None:
        return ANYTHING
    headers: list[HeaderMatch] = []
    claims: list[ClaimMatch] = []
    for name in sorted({*spec.headers, *spec.without_headers}):
        for values, invert in ((spec.headers, False), (spec.without_headers, True)):
            if name in values:
                _add_header(name, values, headers, claims, invert=invert)
    for name, value in ((":scheme", spec.scheme), (":method", spec.method), (":authority", spec.authority)):
        if value is not None:
            headers.append(HeaderMatch(name, string_match(value)))
    return RouteMatch(
        path=path_match(spec.uri, ignore_case=bool(spec.ignore_uri_case)),
        headers=tuple(headers),
        query=tuple((name, string_match(spec.query_params[name])) for name in sorted(spec.query_params)),
        claims=tuple(claims),
    )


def _add_header(
    name: str,
    values: Mapping[str, StringMatchSpec | None],
    headers: list[HeaderMatch],
    claims: list[ClaimMatch],
    *,
    invert: bool,
) -> None:
    match = string_match(values[name])
    claim = claim_path(name)
    if claim is not None:
        claims.append(ClaimMatch(claim, match, invert))
        return
    missing = invert and match.kind is not MatchKind.PRESENT
    headers.append(HeaderMatch(name, match, invert=invert, missing_is_empty=missing))
