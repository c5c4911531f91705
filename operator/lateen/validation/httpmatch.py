"""Rules for the conditions of HTTP rules (istio-semantics §1.2.3)."""

import re
from collections.abc import Mapping
from typing import Final

from lateen.model.matching import HttpMatch
from lateen.model.objects import Problem
from lateen.model.values import StringMatch
from lateen.validation.binding import check_gateway_names
from lateen.validation.report import Report
from lateen.validation.syntax import (
    check_dns_label,
    check_header_name,
    check_labels,
    check_port,
    check_regex,
    problem,
    under,
)

_CLAIMS: Final = "@request.auth.claims"
_BRACKETS: Final = re.compile(r"(?:\[[^\[\]]+\])+")
_PSEUDO_HEADERS: Final = frozenset({":method", ":scheme", ":authority", ":path", ":status"})
_PRESENCE: Final = StringMatch()
_ALWAYS_TRUE: Final = "without exact, prefix or regex the condition holds for every request"
_PRESENT: Final = "*"
"""As a regex of `withoutHeaders` this asks for absence; it is no RE2 expression."""


def is_claim(name: str) -> bool:
    """Whether a header name stands for a claim: `@request.auth.claims.a.b` or `@request.auth.claims[a][b]`."""
    if not name.startswith("@") or name[: len(_CLAIMS)].lower() != _CLAIMS:
        return False
    rest = name[len(_CLAIMS) :]
    return (rest.startswith(".") and len(rest) > 1) or _BRACKETS.fullmatch(rest) is not None


def check_http_match(match: HttpMatch, *, on_mesh: bool) -> Report:
    """All conditions of one match.

    Args:
        match: the match.
        on_mesh: whether the VirtualService also holds for proxies at workloads, where claims are unknown.
    """
    report = Report()
    _check_texts(match, report)
    if match.headers:
        report.include(_check_headers(match.headers, on_mesh=on_mesh), "headers")
    if match.without_headers:
        report.include(_check_headers(match.without_headers, on_mesh=on_mesh, inverted=True), "withoutHeaders")
    if match.port:
        report.include(check_port(match.port), "port")
    if match.gateways:
        report.include(check_gateway_names(match.gateways), "gateways")
    if match.source_labels or match.source_namespace:
        _check_source(match, report)
    return report


def _check_texts(match: HttpMatch, report: Report) -> None:
    if match.uri is not None:
        report.include(_check_expression(match.uri), "uri")  # unlike elsewhere an empty prefix is fine: it covers all
        if match.uri == _PRESENCE:
            report.warn(_ALWAYS_TRUE, "uri")
    if match.ignore_uri_case and (match.uri is None or match.uri.regex is not None):
        report.warn("ignoreUriCase has no effect without an exact uri or a prefix", "ignoreUriCase")
    for field, condition in (("scheme", match.scheme), ("method", match.method), ("authority", match.authority)):
        if condition is not None:
            report.include(check_string_match(condition), field)
            if condition == _PRESENCE:
                report.warn(_ALWAYS_TRUE, field)
    for name, value in match.query_params.items():
        if value is not None:
            report.include(check_string_match(value), "queryParams", name)


def _check_source(match: HttpMatch, report: Report) -> None:
    report.include(check_labels(match.source_labels), "sourceLabels")
    if match.source_namespace:
        report.include(check_dns_label(match.source_namespace), "sourceNamespace")
    if match.gateways:
        if match.source_labels:
            report.warn("sourceLabels has no effect in a match that names gateways", "sourceLabels")
        if match.source_namespace:
            report.warn("sourceNamespace has no effect in a match that names gateways", "sourceNamespace")


def check_string_match(condition: StringMatch) -> tuple[Problem, ...]:
    """A comparison with a text to compare with."""
    if condition.prefix == "":
        return problem("a prefix cannot be empty; leave it out to ask for presence", "prefix")
    return _check_expression(condition)


def _check_expression(condition: StringMatch) -> tuple[Problem, ...]:
    return tuple(under(check_regex(condition.regex), "regex")) if condition.regex is not None else ()


def _check_headers(headers: Mapping[str, StringMatch | None], *, on_mesh: bool, inverted: bool = False) -> Report:
    report = Report()
    for name, condition in headers.items():
        if is_claim(name):
            if on_mesh:
                report.error("a claim can be compared only at gateways, and these rules hold for the mesh too", name)
        elif name not in _PSEUDO_HEADERS:
            report.include(check_header_name(name), name)
        if condition is not None and not (inverted and condition.regex == _PRESENT):
            report.include(check_string_match(condition), name)
    return report
