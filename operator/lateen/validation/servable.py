"""What Envoy would refuse although the rules of the API allow it (istio-semantics §7.4).

Envoy refuses a whole route configuration for one such route, so that the compiler leaves
the rule out instead. Everything here is about rules that are otherwise without errors.
"""

import re
from collections.abc import Iterable
from typing import Final

import re2

from lateen.model.routeaction import HeaderOperations, HeadersSpec, RegexRewrite
from lateen.model.virtualservice import HttpRule
from lateen.validation.headers import unknown_commands
from lateen.validation.report import Report

REDIRECT_CODES: Final = frozenset({301, 302, 303, 307, 308})
"""Statuses that the proxy can redirect with."""

MAX_HEADER_VALUE: Final = 16384
"""Bytes of a header's value in a configuration."""

MAX_PARAMETER_NAME: Final = 1024
"""Bytes of a query parameter's name in a condition."""

MAX_WEIGHT: Final = 2**32 - 1
"""Largest sum of weights."""

_LAST_STATUS: Final = 599
_LINE_BREAK: Final = re.compile(r"[\x00\r\n]")
_NO_LINE_BREAK: Final = "it has no line breaks and no NUL"
_ESCAPE: Final = re.compile(r"\\(.?)", re.DOTALL)


def refusals(rule: HttpRule) -> Report:
    """Warn of everything in a valid rule that the proxy cannot be given; empty if the rule can be served.

    Paths are relative to the rule.
    """
    report = Report()
    _check_answers(rule, report)
    _check_texts(rule, report)
    rewrite = rule.rewrite.uri_regex_rewrite if rule.rewrite is not None else None
    if rewrite is not None and (wrong := _wrong_group(rewrite)):
        _refuse(report, f"the replacement cannot be used: {wrong}", "rewrite", "uriRegexRewrite", "rewrite")
    if rule.headers is not None:
        report.include(_check_headers(rule.headers), "headers")
    for index, shared in enumerate(rule.route):
        if shared.headers is not None:
            report.include(_check_headers(shared.headers), "route", index, "headers")
    if len(rule.route) > 1 and sum(shared.weight for shared in rule.route) > MAX_WEIGHT:
        _refuse(report, f"the weights add up to more than {MAX_WEIGHT}", "route")
    for index, match in enumerate(rule.match):
        report.include(_check_parameters(match.query_params), "match", index, "queryParams")
    return report


def _refuse(report: Report, message: str, *path: str | int) -> None:
    report.warn(f"the proxy would refuse this, so that the rule is not served: {message}", *path)


def _check_texts(rule: HttpRule, report: Report) -> None:
    redirect, rewrite = rule.redirect, rule.rewrite
    texts: list[tuple[str, str, str]] = []
    if redirect is not None:
        texts += [
            ("redirect", "uri", redirect.uri or ""),
            ("redirect", "prefixRewrite", redirect.prefix_rewrite),
            ("redirect", "authority", redirect.authority),
        ]
    if rewrite is not None:
        texts += [("rewrite", "uri", rewrite.uri), ("rewrite", "authority", rewrite.authority)]
    for block, name, text in texts:
        if _LINE_BREAK.search(text):
            _refuse(report, _NO_LINE_BREAK, block, name)


def _check_answers(rule: HttpRule, report: Report) -> None:
    if rule.redirect is not None and (rule.redirect.redirect_code or 301) not in REDIRECT_CODES:
        message = f"a redirect's status is 301, 302, 303, 307 or 308, not {rule.redirect.redirect_code}"
        _refuse(report, message, "redirect", "redirectCode")
    if rule.direct_response is not None and rule.direct_response.status > _LAST_STATUS:
        _refuse(report, f"a status is at most {_LAST_STATUS}", "directResponse", "status")
    abort = rule.fault.abort if rule.fault is not None else None
    if abort is not None and abort.http_status is not None and abort.http_status > _LAST_STATUS:
        _refuse(report, f"a status is at most {_LAST_STATUS}", "fault", "abort", "httpStatus")


def _wrong_group(rewrite: RegexRewrite) -> str:
    r"""What is wrong with the backslashes: a group that the expression lacks, or something else after one."""
    if _LINE_BREAK.search(rewrite.rewrite):
        return _NO_LINE_BREAK
    if "\\" not in rewrite.rewrite:
        return ""
    groups = re2.compile(rewrite.match).groups
    for escape in _ESCAPE.finditer(rewrite.rewrite):
        character = escape[1]
        if character.isascii() and character.isdigit():
            if int(character) > groups:
                return f"\\{character} refers to a group, and the expression has {groups}"
        elif character != "\\":
            return "after a backslash a digit or a second backslash is expected"
    return ""


def _check_parameters(names: Iterable[str]) -> Report:
    report = Report()
    for name in names:
        if not name:
            _refuse(report, "a query parameter has a name", name)
        elif len(name.encode()) > MAX_PARAMETER_NAME:
            _refuse(report, f"a query parameter's name has at most {MAX_PARAMETER_NAME} bytes", name)
    return report


def _check_headers(headers: HeadersSpec) -> Report:
    report = Report()
    for side, operations in (("request", headers.request), ("response", headers.response)):
        if operations is not None:
            report.include(_check_values(operations), side)
    return report


def _check_values(operations: HeaderOperations) -> Report:
    report = Report()
    for index, name in enumerate(operations.remove):
        if wrong := _wrong_header_name(name):
            _refuse(report, wrong, "remove", index)
    for operation, values in (("set", operations.set), ("add", operations.add)):
        for name, value in values.items():
            if wrong := _wrong_header_name(name):
                _refuse(report, wrong, operation, name)
            if len(value) > MAX_HEADER_VALUE or len(value.encode()) > MAX_HEADER_VALUE:
                _refuse(report, f"a header's value has at most {MAX_HEADER_VALUE} bytes", operation, name)
            for command in unknown_commands(value):
                _refuse(report, f"the command {command!r} is unknown in this form", operation, name)
    return report


def _wrong_header_name(name: str) -> str:
    if _LINE_BREAK.search(name):
        return _NO_LINE_BREAK
    return f"a header's name has at most {MAX_HEADER_VALUE} bytes" if len(name.encode()) > MAX_HEADER_VALUE else ""
