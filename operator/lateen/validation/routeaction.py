"""Rules for what an HTTP rule does besides routing (istio-semantics §1.2.5 to §1.2.10).

Rewrite, redirect, direct response, retries, faults and CORS. Paths are relative to the block.
"""

import base64
import binascii
from http import HTTPStatus
from typing import Final

from lateen.model.objects import Problem
from lateen.model.routeaction import (
    AbortSpec,
    CorsSpec,
    DelaySpec,
    DirectResponseSpec,
    FaultSpec,
    RedirectSpec,
    RegexRewrite,
    RetriesSpec,
    Rewrite,
)
from lateen.model.values import StringMatch
from lateen.validation.report import Report
from lateen.validation.syntax import (
    check_duration,
    check_fractional_percent,
    check_header_name,
    check_percent,
    check_port,
    check_regex,
    warning,
)

RETRY_CONDITIONS: Final = frozenset(
    {
        "5xx",
        "gateway-error",
        "reset",
        "reset-before-request",
        "connect-failure",
        "retriable-4xx",
        "refused-stream",
        "retriable-status-codes",
        "retriable-headers",
        "envoy-ratelimited",
        "http3-post-connect-failure",
        "cancelled",
        "deadline-exceeded",
        "internal",
        "resource-exhausted",
        "unavailable",
    }
)
"""Conditions that `retryOn` may name (istio-semantics §1.2.7)."""

GRPC_STATUSES: Final = (
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
)
"""gRPC statuses in the order of their numbers."""

_CORS_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE", "*"})
_BODY_ALLOWED: Final = 1024 * 1024
_BODY_ADVISED: Final = 100 * 1024
_STATUSES: Final = frozenset(int(status) for status in HTTPStatus)


def check_status(status: int) -> tuple[Problem, ...]:
    """A status that the proxy may answer with, 200 to 600."""
    if 200 <= status <= 600:
        return ()
    return (Problem((), f"an HTTP status of an answer lies between 200 and 600, not {status}"),)


def check_rewrite(rewrite: Rewrite) -> Report:
    """One of `uri` and `uriRegexRewrite`, or an authority, or both."""
    report = Report()
    pattern = rewrite.uri_regex_rewrite
    if rewrite.uri and pattern is not None:
        report.error("uri and uriRegexRewrite exclude each other", "uriRegexRewrite")
    if not rewrite.uri and pattern is None and not rewrite.authority:
        report.error("a rewrite needs uri, uriRegexRewrite or authority")
    if pattern is not None:
        report.include(_check_regex_rewrite(pattern), "uriRegexRewrite")
    return report


def _check_regex_rewrite(rewrite: RegexRewrite) -> Report:
    report = Report()
    if not rewrite.match:
        report.error("the expression to look for is missing", "match")
    elif faulty := check_regex(rewrite.match):
        report.include(faulty, "match")
    if not rewrite.rewrite:
        report.error("the replacement is missing", "rewrite")
    return report


def check_redirect(redirect: RedirectSpec) -> Report:
    """Somewhere to go, a status of 3xx, and no contradictory parts."""
    report = Report()
    if redirect.uri and redirect.prefix_rewrite:
        report.error("uri and prefixRewrite exclude each other", "prefixRewrite")
    if redirect.port is not None and redirect.derive_port is not None:
        report.error("port and derivePort exclude each other", "derivePort")
    if not (
        redirect.uri
        or redirect.prefix_rewrite
        or redirect.authority
        or redirect.scheme
        or redirect.port is not None
        or redirect.derive_port is not None
    ):
        report.error("a redirect needs uri, prefixRewrite, authority, scheme or port")
    code = redirect.redirect_code
    if code and not 300 <= code <= 399:
        report.error(f"a redirect's status is 3xx, not {code}", "redirectCode")
    if redirect.scheme not in ("", "http", "https"):
        report.error(f"a redirect's scheme is http or https, not {redirect.scheme!r}", "scheme")
    if redirect.port:
        report.include(check_port(redirect.port), "port")
    return report


def check_direct_response(response: DirectResponseSpec) -> Report:
    """A status, and a body of at most one mebibyte."""
    report = Report()
    report.include(check_status(response.status), "status")
    body = response.body
    if body is None:
        return report
    if body.string is not None and body.bytes is not None:
        report.error("string and bytes exclude each other", "body")
        return report
    size = 0
    if body.string is not None:
        size = len(body.string.encode())
    elif body.bytes is not None:
        try:
            size = len(decode_base64(body.bytes))
        except ValueError:
            report.error("bytes are written in base64", "body", "bytes")
    if size > _BODY_ALLOWED:
        report.error(f"a body has at most 1 MiB, not {size} bytes", "body")
    elif size > _BODY_ADVISED:
        report.warn(f"a body of {size} bytes burdens every proxy that serves it", "body")
    return report


def decode_base64(text: str) -> bytes:
    """Read base64 in the standard or the URL alphabet, padded or not.

    Raises:
        ValueError: the text is something else.
    """
    standard = text.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from error


def check_retries(retries: RetriesSpec) -> Report:
    """Known conditions, and none of them when retries are switched off."""
    report = Report()
    if retries.attempts < 0:
        report.error(f"attempts cannot be negative ({retries.attempts})", "attempts")
    elif retries.attempts == 0:
        _check_switched_off(retries, report)
    if retries.per_try_timeout is not None:
        report.include(check_duration(retries.per_try_timeout), "perTryTimeout")
    if retries.backoff is not None:
        report.include(check_duration(retries.backoff), "backoff")
    if retries.retry_on:
        for condition in retries.retry_on.split(","):
            if condition == "retriable-headers":
                report.warn("retriable-headers has no effect: no field lists the headers", "retryOn")
            elif condition not in RETRY_CONDITIONS and not _is_status(condition):
                report.error(
                    f"{condition!r} is neither a retry condition nor an HTTP status; "
                    "conditions are separated by commas without spaces",
                    "retryOn",
                )
    return report


def _check_switched_off(retries: RetriesSpec, report: Report) -> None:
    meaningless = {
        "perTryTimeout": retries.per_try_timeout is not None,
        "retryOn": bool(retries.retry_on),
        "retryRemoteLocalities": retries.retry_remote_localities is not None,
    }
    named = [name for name, given in meaningless.items() if given]
    if named:
        report.error(f"{', '.join(named)} given, but attempts is 0, which switches retries off", "attempts")
        return
    if retries.backoff is not None:
        report.warn("backoff has no effect: attempts is 0, which switches retries off", "backoff")
    if retries.retry_ignore_previous_hosts is not None:
        report.warn(
            "retryIgnorePreviousHosts has no effect: attempts is 0, which switches retries off",
            "retryIgnorePreviousHosts",
        )


def _is_status(text: str) -> bool:
    return text.isascii() and text.isdigit() and int(text[-9:]) in _STATUSES


def check_fault(fault: FaultSpec) -> Report:
    """A delay or an abort, each with something to do and a share of requests."""
    report = Report()
    if fault.delay is None and fault.abort is None:
        report.error("a fault needs delay or abort")
    if fault.delay is not None:
        report.include(_check_delay(fault.delay), "delay")
    if fault.abort is not None:
        report.include(_check_abort(fault.abort), "abort")
    return report


def _check_delay(delay: DelaySpec) -> Report:
    report = Report()
    if delay.percentage is not None:
        report.include(check_fractional_percent(delay.percentage.value), "percentage", "value")
        if delay.percent:
            report.warn("percent has no effect next to percentage", "percent")
    elif delay.percent:
        report.inform("percent is an older spelling of percentage.value", "percent")
        report.include((warning(p.message)[0] for p in check_percent(delay.percent)), "percent")
    elif delay.fixed_delay is not None:
        report.warn("without percentage no request is delayed")
    if delay.exponential_delay is not None:
        report.error("exponentialDelay is not supported; use fixedDelay", "exponentialDelay")
    elif delay.fixed_delay is not None:
        report.include(check_duration(delay.fixed_delay), "fixedDelay")
    else:
        report.warn("a delay without fixedDelay has no effect")
    return report


def _check_abort(abort: AbortSpec) -> Report:
    report = Report()
    if abort.percentage is not None:
        report.include(check_fractional_percent(abort.percentage.value), "percentage", "value")
    given = [
        name
        for name, value in (
            ("httpStatus", abort.http_status),
            ("grpcStatus", abort.grpc_status),
            ("http2Error", abort.http2_error),
        )
        if value is not None
    ]
    if len(given) > 1:
        report.error(f"{' and '.join(given)} exclude each other", given[1])
    elif not given:
        report.warn("an abort without httpStatus or grpcStatus has no effect")
    elif abort.percentage is None:
        report.warn("without percentage no request is aborted")
    if abort.http2_error is not None:
        report.error("http2Error is not supported; use httpStatus or grpcStatus", "http2Error")
    if abort.http_status is not None:
        report.include(check_status(abort.http_status), "httpStatus")
    if abort.grpc_status is not None and abort.grpc_status not in GRPC_STATUSES:
        report.error(f"{abort.grpc_status!r} is not a gRPC status such as UNAVAILABLE or NOT_FOUND", "grpcStatus")
    return report


def check_cors(cors: CorsSpec) -> Report:
    """Origins with a text, known methods, header names, a maximum age in whole seconds."""
    report = Report()
    for index, origin in enumerate(cors.allow_origins):
        report.include(_check_origin(origin), "allowOrigins", index)
    if cors.allow_origin and cors.allow_origins:
        report.warn("allowOrigin has no effect next to allowOrigins", "allowOrigin")
    elif cors.allow_origin:
        report.inform("allowOrigin is an older spelling of allowOrigins with exact", "allowOrigin")
    for index, method in enumerate(cors.allow_methods):
        if method not in _CORS_METHODS:
            report.error(f"{method!r} is not an HTTP method", "allowMethods", index)
    for field, names in (("allowHeaders", cors.allow_headers), ("exposeHeaders", cors.expose_headers)):
        for index, name in enumerate(names):
            report.include(check_header_name(name), field, index)
    if cors.max_age is not None:
        wrong = check_duration(cors.max_age)
        report.include(wrong, "maxAge")
        if not wrong and cors.max_age % 1:
            report.error("the maximum age counts in whole seconds", "maxAge")
    return report


def _check_origin(origin: StringMatch) -> Report:
    report = Report()
    if not (origin.exact or origin.prefix or origin.regex):
        report.error("an allowed origin needs a text to compare with")
    elif origin.regex:
        report.include(check_regex(origin.regex), "regex")
    return report
