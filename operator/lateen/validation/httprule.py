"""Rules for one HTTP rule of a VirtualService (istio-semantics §1.2.2, §1.2.9, §4.3)."""

from enum import Enum, auto
from typing import Final

from lateen.model.routeaction import RedirectSpec
from lateen.model.values import Percent
from lateen.model.virtualservice import HttpRule
from lateen.validation.headers import check_headers, check_one_authority
from lateen.validation.httpmatch import check_http_match
from lateen.validation.report import Report
from lateen.validation.routeaction import (
    check_cors,
    check_direct_response,
    check_fault,
    check_redirect,
    check_retries,
    check_rewrite,
)
from lateen.validation.servable import refusals
from lateen.validation.syntax import check_duration
from lateen.validation.weights import check_destination, check_shares

_EVERYTHING: Final = 100.0


class _Role(Enum):
    """What a rule is for; it decides which actions it may have."""

    INDEPENDENT = auto()
    ROOT = auto()
    """Leaves the decision to another VirtualService."""
    DELEGATE = auto()
    """Of a VirtualService without hosts."""


def check_http_rule(rule: HttpRule, *, is_delegate: bool, on_mesh: bool) -> Report:
    """All of one rule, apart from its relation to other rules.

    Args:
        rule: the rule.
        is_delegate: whether the VirtualService has no hosts of its own.
        on_mesh: whether it holds for proxies at workloads.
    """
    report = Report()
    role = _Role.DELEGATE if is_delegate else _Role.INDEPENDENT if rule.delegate is None else _Role.ROOT
    _check_action(rule, role, report)
    for index, match in enumerate(rule.match):
        report.include(check_http_match(match, on_mesh=on_mesh), "match", index)
    report.include(check_shares(rule.route), "route")
    for index, shared in enumerate(rule.route):
        if shared.headers is not None:
            report.include(check_headers(shared.headers), "route", index, "headers")
    if rule.headers is not None:
        report.include(check_headers(rule.headers), "headers")
        report.extend(check_one_authority(rule.rewrite.authority if rule.rewrite else "", rule.headers))
    if rule.timeout is not None:
        report.include(check_duration(rule.timeout), "timeout")
    _check_blocks(rule, report)
    _check_mirrors(rule, report)
    if not report.has_errors:
        report.extend(refusals(rule))
    return report


def _check_blocks(rule: HttpRule, report: Report) -> None:
    if rule.retries is not None:
        report.include(check_retries(rule.retries), "retries")
    if rule.fault is not None:
        report.include(check_fault(rule.fault), "fault")
    if rule.cors_policy is not None:
        report.include(check_cors(rule.cors_policy), "corsPolicy")
    if rule.rewrite is not None:
        report.include(check_rewrite(rule.rewrite), "rewrite")
    if rule.redirect is not None:
        report.include(check_redirect(rule.redirect), "redirect")
        _check_prefixes(rule, rule.redirect, report)
    if rule.direct_response is not None:
        report.include(check_direct_response(rule.direct_response), "directResponse")


def _check_action(rule: HttpRule, role: _Role, report: Report) -> None:
    """Exactly one of route, redirect, directResponse and delegate, with what goes together with it."""
    if role is _Role.ROOT:
        if rule.redirect is not None:
            report.error("a rule that delegates cannot redirect", "redirect")
        if rule.route:
            report.error("a rule that delegates has no route of its own", "route")
        return
    if rule.delegate is not None:
        report.error("a VirtualService without hosts cannot delegate further", "delegate")
    if rule.redirect is not None:
        _refuse_beside("redirect", rule, report)
        if rule.direct_response is not None:
            report.error("redirect and directResponse exclude each other", "directResponse")
    elif rule.direct_response is not None:
        _refuse_beside("directResponse", rule, report)
    elif not rule.route:
        report.error("a rule needs route, redirect or directResponse")


def _refuse_beside(action: str, rule: HttpRule, report: Report) -> None:
    """Without a route there is nothing to send on, delay, rewrite or copy."""
    excluded = {"route": bool(rule.route), "fault": rule.fault is not None, "rewrite": rule.rewrite is not None}
    for field, given in excluded.items():
        if given:
            report.error(f"{action} and {field} exclude each other", field)
    idle = {
        "timeout": rule.timeout is not None,
        "retries": rule.retries is not None,
        "mirror": rule.mirror is not None,
        "mirrors": bool(rule.mirrors),
    }
    for field, given in idle.items():
        if given:
            report.warn(f"{field} has no effect next to {action}", field)


def _check_prefixes(rule: HttpRule, redirect: RedirectSpec, report: Report) -> None:
    if not redirect.prefix_rewrite:
        return
    for index, match in enumerate(rule.match):
        if match.uri is not None and (match.uri.exact is not None or match.uri.regex is not None):
            report.error("redirect.prefixRewrite needs a prefix to replace", "match", index, "uri")


def _check_mirrors(rule: HttpRule, report: Report) -> None:
    if rule.mirror is not None:
        if rule.mirrors:
            report.error("mirror and mirrors exclude each other", "mirrors")
        report.include(check_destination(rule.mirror), "mirror")
    for index, mirror in enumerate(rule.mirrors):
        report.include(check_destination(mirror.destination), "mirrors", index, "destination")
        if mirror.percentage is not None:
            report.include(_check_share(mirror.percentage), "mirrors", index, "percentage", "value")
    if rule.mirror_percent is not None:
        if rule.mirror_percent > _EVERYTHING:
            report.error(f"a percentage is at most 100, not {rule.mirror_percent}", "mirrorPercent")
        elif rule.mirror_percentage is not None:
            report.warn("mirrorPercent has no effect next to mirrorPercentage", "mirrorPercent")
        else:
            report.warn("mirrorPercent is an older spelling of mirrorPercentage.value", "mirrorPercent")
    if rule.mirror_percentage is not None:
        report.include(_check_share(rule.mirror_percentage), "mirrorPercentage", "value")
        if rule.mirror is None:
            report.warn("mirrorPercentage has no effect without mirror", "mirrorPercentage")


def _check_share(percentage: Percent) -> Report:
    report = Report()
    if not 0 <= percentage.value <= _EVERYTHING:
        report.error(f"a percentage lies between 0 and 100, not {percentage.value:g}")
    return report
