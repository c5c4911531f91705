"""Limits of VirtualServices (istio-semantics §1.2, §4.3).

What would need two nested lists of any length stays with `lateen.validation`: sums of weights,
overlapping hosts, rules that can never be reached, server names outside the hosts.
"""

from collections.abc import Mapping
from typing import Any, Final

from lateen.crds.constraints import (
    COUNT,
    DURATION,
    MOST,
    PERCENT,
    PORT,
    PORT_OR_ZERO,
    VISIBILITY,
    Block,
    between,
    each,
    entries,
    exclusive,
    has_entries,
    has_text,
    inside,
    letters,
    listed,
    pairs,
    pattern,
    rule,
    together,
    values,
)
from lateen.model.matching import HttpMatch, L4Match, TlsMatch
from lateen.model.routeaction import (
    AbortSpec,
    CorsSpec,
    DelaySpec,
    DirectResponseSpec,
    FaultSpec,
    HeaderOperations,
    RedirectSpec,
    RegexRewrite,
    ResponseBody,
    RetriesSpec,
    Rewrite,
)
from lateen.model.values import Percent, PortSelector, StringMatch
from lateen.model.virtualservice import (
    Destination,
    HttpDestination,
    HttpRule,
    RouteDestination,
    TcpRule,
    TlsRule,
    VirtualServiceSpec,
)
from lateen.validation.routeaction import GRPC_STATUSES

_EXPRESSION: Final = letters(least=1, most=1024)
"""An RE2 expression has at most 1024 bytes, hence not more letters."""

_WITH_PREFIX: Final = inside(prefix=letters(least=1))
"""Only of a path the empty prefix is allowed."""

_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE", "*")

_ANY_RULE: Final = " || ".join(has_entries(name) for name in ("http", "tls", "tcp"))
_DELEGATE: Final = f"""
    {has_entries("hosts")}
    || !({has_entries("gateways")} || {has_entries("tls")} || {has_entries("tcp")})
"""
_DELEGATES_FURTHER: Final = f"{has_entries('hosts')} || !has(self.http) || self.http.all(r, !has(r.delegate))"
_EVERYTHING_ON_MESH: Final = f"""
    !has(self.hosts) || !('*' in self.hosts)
    || ({has_entries("gateways")} && !('mesh' in self.gateways))
"""

_VIRTUAL_SERVICE: Final = Block(
    fields={
        "http": entries(most=MOST),
        "tls": entries(most=MOST),
        "tcp": entries(most=MOST),
        "exportTo": VISIBILITY,
    },
    whole=together(
        rule(_ANY_RULE, "http, tls or tcp is needed"),
        rule(_DELEGATE, "without hosts it is for others to delegate to, and has no gateways, tls or tcp of its own"),
        rule(_DELEGATES_FURTHER, "without hosts it is for others to delegate to, and cannot delegate further"),
        rule(_EVERYTHING_ON_MESH, "the host '*' is possible only at gateways, and these rules hold for the mesh too"),
    ),
)

_ACTION: Final = f"{has_entries('route')} || has(self.redirect) || has(self.directResponse) || has(self.delegate)"


def _alone(action: str) -> str:
    """Write in CEL that nothing is there that needs a destination."""
    return f"!has(self.{action}) || !({has_entries('route')} || has(self.fault) || has(self.rewrite))"


_HTTP_RULE: Final = Block(
    fields={"timeout": DURATION, "mirrorPercent": PERCENT},
    spellings={"mirror_percent": "mirrorPercent"},
    whole=together(
        rule(_ACTION, "a rule needs route, redirect, directResponse or delegate"),
        rule(
            f"!has(self.delegate) || !(has(self.redirect) || {has_entries('route')})",
            "a rule that delegates has neither route nor redirect of its own",
        ),
        exclusive("redirect", "directResponse"),
        rule(
            f"has(self.delegate) || {_alone('redirect')}",
            "redirect excludes route, fault and rewrite",
        ),
        rule(
            f"has(self.delegate) || {_alone('directResponse')}",
            "directResponse excludes route, fault and rewrite",
        ),
        rule(f"!has(self.mirror) || !{has_entries('mirrors')}", "only one of mirror and mirrors is possible"),
    ),
)

_ACTIVE: Final = f"has(self.perTryTimeout) || {has_text('retryOn')} || has(self.retryRemoteLocalities)"
_SOMEWHERE: Final = " || ".join(
    (*map(has_text, ("uri", "prefixRewrite", "authority", "scheme")), "has(self.port)", "has(self.derivePort)")
)
_WHOLE_SECONDS: Final = "duration(self).getMilliseconds() % 1000 == 0"

_NAMED: Final = rule("!('' in self)", "a header name is expected, not empty text")

_ACTIONS: Final[Mapping[type[Any], Block]] = {
    HeaderOperations: Block(fields={"set": _NAMED, "add": _NAMED, "remove": each(letters(least=1))}),
    RegexRewrite: Block(required=("match", "rewrite"), fields={"match": _EXPRESSION, "rewrite": letters(least=1)}),
    Rewrite: Block(
        whole=together(
            rule(
                f"!({has_text('uri')} && has(self.uriRegexRewrite))", "only one of uri and uriRegexRewrite is possible"
            ),
            rule(
                f"{has_text('uri')} || {has_text('authority')} || has(self.uriRegexRewrite)",
                "a rewrite needs uri, uriRegexRewrite or authority",
            ),
        )
    ),
    RedirectSpec: Block(
        fields={
            "port": PORT_OR_ZERO,
            "scheme": listed("", "http", "https"),
            "redirectCode": rule("self == 0 || (self >= 300 && self <= 399)", "a redirect's status is 3xx"),
        },
        whole=together(
            rule(
                f"!({has_text('uri')} && {has_text('prefixRewrite')})", "only one of uri and prefixRewrite is possible"
            ),
            exclusive("port", "derivePort"),
            rule(_SOMEWHERE, "a redirect needs uri, prefixRewrite, authority, scheme, port or derivePort"),
        ),
    ),
    DirectResponseSpec: Block(required=("status",), fields={"status": between(200, 600)}),
    ResponseBody: Block(fields={"string": letters(most=1024 * 1024)}, whole=exclusive("string", "bytes")),
    RetriesSpec: Block(
        fields={"attempts": COUNT, "perTryTimeout": DURATION, "backoff": DURATION},
        whole=rule(
            f"(has(self.attempts) && self.attempts > 0) || !({_ACTIVE})",
            "perTryTimeout, retryOn and retryRemoteLocalities need attempts; 0 switches retries off",
        ),
    ),
    FaultSpec: Block(whole=rule("has(self.delay) || has(self.abort)", "a fault needs delay or abort")),
    DelaySpec: Block(
        fields={"fixedDelay": DURATION},
        whole=rule("!has(self.exponentialDelay)", "exponentialDelay is not supported; use fixedDelay"),
    ),
    AbortSpec: Block(
        fields={"httpStatus": between(200, 600), "grpcStatus": listed(*GRPC_STATUSES)},
        whole=together(
            rule("!has(self.http2Error)", "http2Error is not supported; use httpStatus or grpcStatus"),
            exclusive("httpStatus", "grpcStatus"),
        ),
    ),
    CorsSpec: Block(
        fields={
            "allowOrigins": each(
                pairs(least=1), inside(exact=letters(least=1), prefix=letters(least=1), regex=letters(least=1))
            ),
            "allowMethods": each(listed(*_METHODS)),
            "maxAge": together(DURATION, rule(_WHOLE_SECONDS, "the maximum age counts in whole seconds")),
        }
    ),
}

_DESTINATIONS: Final[Mapping[type[Any], Block]] = {
    Destination: Block(
        fields={
            "host": together(letters(least=1), pattern(r"[^*].*|\*.+")),
            "subset": letters(most=63),
        }
    ),
    PortSelector: Block(required=("number",), fields={"number": PORT}),
    HttpDestination: Block(fields={"weight": COUNT}),
    RouteDestination: Block(fields={"weight": COUNT}),
    Percent: Block(fields={"value": PERCENT}),
}

LIMITS: Final[Mapping[type[Any], Block]] = {
    **_ACTIONS,
    **_DESTINATIONS,
    VirtualServiceSpec: _VIRTUAL_SERVICE,
    HttpRule: _HTTP_RULE,
    TlsRule: Block(required=("match", "route"), fields={"match": entries(least=1), "route": entries(least=1)}),
    TcpRule: Block(required=("route",), fields={"route": entries(least=1)}),
    StringMatch: Block(fields={"regex": _EXPRESSION}, whole=pairs(most=1)),
    HttpMatch: Block(
        fields={
            "scheme": _WITH_PREFIX,
            "method": _WITH_PREFIX,
            "authority": _WITH_PREFIX,
            "headers": values(_WITH_PREFIX),
            "queryParams": values(_WITH_PREFIX),
            "withoutHeaders": values(_WITH_PREFIX),
            "port": PORT_OR_ZERO,
        }
    ),
    L4Match: Block(fields={"port": PORT_OR_ZERO}),
    TlsMatch: Block(required=("sniHosts",), fields={"sniHosts": entries(least=1), "port": PORT_OR_ZERO}),
}
