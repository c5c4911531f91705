"""What a VirtualService does to a matched HTTP request besides choosing its destination.

Rewrites, redirects, direct responses, retries, injected faults, CORS, header changes
(istio-semantics §1.2.4 to §1.2.8, §1.2.10). Durations are seconds.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator

from lateen.model.schema import SPEC, Duration
from lateen.model.values import Flag, Int32, Labels, Percent, StringMatch, Text, UInt32, enumeration


class DerivePort(StrEnum):
    """Where the port of a redirect comes from."""

    FROM_PROTOCOL_DEFAULT = "FROM_PROTOCOL_DEFAULT"
    """The default of the new scheme; no port is written."""
    FROM_REQUEST_PORT = "FROM_REQUEST_PORT"
    """The port that was called."""


class UnmatchedPreflights(StrEnum):
    """What happens to a CORS preflight request of an origin that is not allowed."""

    UNSPECIFIED = "UNSPECIFIED"
    """The same as FORWARD."""
    FORWARD = "FORWARD"
    """It is sent on to the destination."""
    IGNORE = "IGNORE"
    """The proxy answers it, without CORS headers."""


@dataclass(frozen=True, slots=True)
class HeaderOperations:
    """Changes of the headers of one direction."""

    __pydantic_config__ = SPEC

    set: Labels = field(default_factory=dict)
    """Headers to give this value, whatever they had. `%COMMAND%` is filled in by the proxy, `%%` is a percent sign."""
    add: Labels = field(default_factory=dict)
    """Headers to add next to existing ones of that name; values as in `set`."""
    remove: tuple[Text, ...] = ()
    """Names of headers to drop."""


@dataclass(frozen=True, slots=True)
class HeadersSpec:
    """Changes of headers on the way to the destination and back."""

    __pydantic_config__ = SPEC

    request: HeaderOperations | None = None
    """Changes before the request is sent to the destination."""
    response: HeaderOperations | None = None
    """Changes before the response is returned to the client."""


@dataclass(frozen=True, slots=True)
class RegexRewrite:
    """A rewrite of the path by regular expression."""

    __pydantic_config__ = SPEC

    match: Text = ""
    """RE2 expression that is searched in the path (without its query)."""
    rewrite: Text = ""
    r"""What replaces each occurrence; `\1` stands for the first group."""


@dataclass(frozen=True, slots=True)
class Rewrite:
    """Changes of path and Host header before the request is sent on."""

    __pydantic_config__ = SPEC

    uri: Text = ""
    """Replaces the matched prefix, or the whole path if the match is exact or a regex."""
    authority: Text = ""
    """The new Host header."""
    uri_regex_rewrite: RegexRewrite | None = None
    """Replaces parts of the path; not together with `uri`."""


@dataclass(frozen=True, slots=True)
class RedirectSpec:
    """An answer that sends the client elsewhere."""

    __pydantic_config__ = SPEC

    uri: Text | None = None
    """The new path, query included."""
    authority: Text = ""
    """The new host."""
    port: UInt32 | None = None
    """The new port."""
    derive_port: Annotated[DerivePort, BeforeValidator(enumeration(DerivePort))] | None = None
    """Where the port comes from instead: the default of the scheme, or the port that was called."""
    scheme: Text = ""
    """The new scheme, `http` or `https`."""
    redirect_code: UInt32 = 0
    """The status; 0 means 301. The proxy can express 301, 302, 303, 307 and 308."""
    prefix_rewrite: Text = ""
    """Replaces the matched prefix and keeps the rest of the path; not together with `uri`."""


@dataclass(frozen=True, slots=True)
class ResponseBody:
    """The body of a direct response, as text or as bytes."""

    __pydantic_config__ = SPEC

    string: Text | None = None
    """The body as text."""
    bytes: Text | None = None
    """The body in base64."""


@dataclass(frozen=True, slots=True)
class DirectResponseSpec:
    """An answer that the proxy gives itself."""

    __pydantic_config__ = SPEC

    status: UInt32 = 0
    """The HTTP status, 200 to 600."""
    body: ResponseBody | None = None
    """The body; empty when absent."""


@dataclass(frozen=True, slots=True)
class RetriesSpec:
    """When and how often a failed request is tried again."""

    __pydantic_config__ = SPEC

    attempts: Int32 = 0
    """How many further tries at most; 0 switches retries off."""
    per_try_timeout: Duration | None = None
    """Time limit of each try; absent: that of the whole request."""
    retry_on: Text = ""
    """Comma-separated conditions (for example `5xx,reset`) and status codes; no spaces."""
    retry_remote_localities: Flag | None = None
    """Whether a retry may go to endpoints of other localities."""
    retry_ignore_previous_hosts: Flag | None = None
    """Whether a retry avoids endpoints that have already failed this request."""
    backoff: Duration | None = None
    """Shortest wait before the first retry; grows to ten times as much."""


@dataclass(frozen=True, slots=True)
class DelaySpec:
    """An injected delay."""

    __pydantic_config__ = SPEC

    percent: Int32 = 0
    """Share of delayed requests in whole percent. Older spelling of `percentage`."""
    fixed_delay: Duration | None = None
    """How long the request is held before it is sent on."""
    exponential_delay: Duration | None = None
    """Not supported by the proxy; rejected."""
    percentage: Percent | None = None
    """Share of delayed requests. Without it no request is delayed."""


@dataclass(frozen=True, slots=True)
class AbortSpec:
    """An injected error."""

    __pydantic_config__ = SPEC

    http_status: Int32 | None = None
    """HTTP status to answer with, 200 to 600."""
    grpc_status: Text | None = None
    """gRPC status to answer with, by name, for example `UNAVAILABLE`."""
    http2_error: Text | None = None
    """Not supported by the proxy; rejected."""
    percentage: Percent | None = None
    """Share of aborted requests. Without it no request is aborted."""


@dataclass(frozen=True, slots=True)
class FaultSpec:
    """Faults injected to test how clients cope."""

    __pydantic_config__ = SPEC

    delay: DelaySpec | None = None
    """Hold requests before they are sent on."""
    abort: AbortSpec | None = None
    """Answer requests with an error instead of sending them on."""


@dataclass(frozen=True, slots=True)
class CorsSpec:
    """Which other origins browsers may call this route from."""

    __pydantic_config__ = SPEC

    allow_origin: tuple[Text, ...] = ()
    """Allowed origins as plain text. Older spelling, used only when `allowOrigins` is empty."""
    allow_origins: tuple[StringMatch, ...] = ()
    """Allowed origins; the first that matches the request's Origin is echoed."""
    allow_methods: tuple[Text, ...] = ()
    """Methods for Access-Control-Allow-Methods."""
    allow_headers: tuple[Text, ...] = ()
    """Header names for Access-Control-Allow-Headers."""
    expose_headers: tuple[Text, ...] = ()
    """Header names for Access-Control-Expose-Headers."""
    max_age: Duration | None = None
    """How long a preflight answer may be kept; whole seconds."""
    allow_credentials: Flag | None = None
    """Value of Access-Control-Allow-Credentials."""
    unmatched_preflights: Annotated[UnmatchedPreflights, BeforeValidator(enumeration(UnmatchedPreflights))] = (
        UnmatchedPreflights.UNSPECIFIED
    )
    """What happens to a preflight request of an origin that is not allowed."""
