"""VirtualService: which requests of a host go where (istio-semantics §1.2).

The conditions live in `matching`, what else happens to an HTTP request in `routeaction`;
both are offered here as well, so that readers of a VirtualService need one import.
Choices ("one of") are separate optional fields; `lateen.validation.virtualservice` checks them.
Durations are seconds.
"""

from dataclasses import dataclass

from lateen.model.matching import HttpMatch, L4Match, TlsMatch
from lateen.model.routeaction import (
    AbortSpec,
    CorsSpec,
    DelaySpec,
    DerivePort,
    DirectResponseSpec,
    FaultSpec,
    HeaderOperations,
    HeadersSpec,
    RedirectSpec,
    RegexRewrite,
    ResponseBody,
    RetriesSpec,
    Rewrite,
    UnmatchedPreflights,
)
from lateen.model.schema import SPEC, Duration
from lateen.model.values import Int32, Percent, PortSelector, StringMatch, Text, UInt32

__all__ = [
    "AbortSpec",
    "CorsSpec",
    "DelaySpec",
    "Delegate",
    "DerivePort",
    "Destination",
    "DirectResponseSpec",
    "FaultSpec",
    "HeaderOperations",
    "HeadersSpec",
    "HttpDestination",
    "HttpMatch",
    "HttpRule",
    "L4Match",
    "MirrorPolicy",
    "Percent",
    "PortSelector",
    "RedirectSpec",
    "RegexRewrite",
    "ResponseBody",
    "RetriesSpec",
    "Rewrite",
    "RouteDestination",
    "StringMatch",
    "TcpRule",
    "TlsMatch",
    "TlsRule",
    "UnmatchedPreflights",
    "VirtualServiceSpec",
]


@dataclass(frozen=True, slots=True)
class Destination:
    """A service, or a subset of one."""

    __pydantic_config__ = SPEC

    host: Text
    """The service: a short name in the namespace of the VirtualService, or a full name."""
    subset: Text = ""
    """A subset that the DestinationRule of the host defines."""
    port: PortSelector | None = None
    """The service's port. Needed when it has several."""


@dataclass(frozen=True, slots=True)
class HttpDestination:
    """One of the destinations that share the requests of an HTTP rule."""

    __pydantic_config__ = SPEC

    destination: Destination
    """Where the requests go."""
    weight: Int32 = 0
    """Share relative to the other weights of the rule. The only destination of a rule gets everything."""
    headers: HeadersSpec | None = None
    """Header changes for requests to this destination."""


@dataclass(frozen=True, slots=True)
class RouteDestination:
    """One of the destinations that share the connections of a TCP or TLS rule."""

    __pydantic_config__ = SPEC

    destination: Destination
    """Where the connections go."""
    weight: Int32 = 0
    """Share relative to the other weights of the rule. The only destination of a rule gets everything."""


@dataclass(frozen=True, slots=True)
class MirrorPolicy:
    """A destination that gets copies of requests; its answers are thrown away."""

    __pydantic_config__ = SPEC

    destination: Destination
    """Where the copies go."""
    percentage: Percent | None = None
    """Share of requests that are copied; absent: all."""


@dataclass(frozen=True, slots=True)
class Delegate:
    """Another VirtualService, without hosts of its own, that holds the rules for what matched here."""

    __pydantic_config__ = SPEC

    name: Text = ""
    """Its name."""
    namespace: Text = ""
    """Its namespace; empty: the same."""


@dataclass(frozen=True, slots=True)
class HttpRule:
    """What happens to HTTP requests that meet one of the matches."""

    __pydantic_config__ = SPEC

    name: Text = ""
    """Names the route in logs and statistics."""
    match: tuple[HttpMatch, ...] = ()
    """Conditions; one of them has to hold. None: every request."""
    route: tuple[HttpDestination, ...] = ()
    """Destinations that share the requests by weight."""
    redirect: RedirectSpec | None = None
    """Send the client elsewhere instead."""
    direct_response: DirectResponseSpec | None = None
    """Answer at the proxy instead."""
    delegate: Delegate | None = None
    """Leave the decision to the rules of another VirtualService."""
    rewrite: Rewrite | None = None
    """Change path and Host header before the request is sent on."""
    timeout: Duration | None = None
    """Time limit of a whole request, retries included; absent: none."""
    retries: RetriesSpec | None = None
    """Try failed requests again; absent: two further tries after connection failures."""
    fault: FaultSpec | None = None
    """Inject delays and errors."""
    mirror: Destination | None = None
    """A destination that gets copies of requests; `mirrors` allows several."""
    mirror_percent: UInt32 | None = None
    """Share of requests that `mirror` gets, in whole percent. Older spelling of `mirrorPercentage`."""
    mirror_percentage: Percent | None = None
    """Share of requests that `mirror` gets; absent: all."""
    mirrors: tuple[MirrorPolicy, ...] = ()
    """Destinations that get copies of requests; not together with `mirror`."""
    cors_policy: CorsSpec | None = None
    """Which other origins browsers may call from."""
    headers: HeadersSpec | None = None
    """Header changes, whatever the destination."""


@dataclass(frozen=True, slots=True)
class TlsRule:
    """Where TLS connections go that are passed through unopened."""

    __pydantic_config__ = SPEC

    match: tuple[TlsMatch, ...] = ()
    """Conditions; one of them has to hold. At least one is needed."""
    route: tuple[RouteDestination, ...] = ()
    """Destinations that share the connections by weight."""


@dataclass(frozen=True, slots=True)
class TcpRule:
    """Where TCP connections go."""

    __pydantic_config__ = SPEC

    match: tuple[L4Match, ...] = ()
    """Conditions; one of them has to hold. None: every connection."""
    route: tuple[RouteDestination, ...] = ()
    """Destinations that share the connections by weight."""


@dataclass(frozen=True, slots=True)
class VirtualServiceSpec:
    """Rules for the traffic of some hosts, on some gateways."""

    __pydantic_config__ = SPEC

    hosts: tuple[Text, ...] = ()
    """Names that clients call: full names, wildcards such as `*.example.com`, or short names of services.
    None: the rules are for other VirtualServices to delegate to."""
    gateways: tuple[Text, ...] = ()
    """Gateways that the rules hold at, by `name` or `namespace/name`; `mesh` means proxies at workloads.
    None: `mesh`."""
    http: tuple[HttpRule, ...] = ()
    """Rules for HTTP; the first that matches decides."""
    tls: tuple[TlsRule, ...] = ()
    """Rules for TLS connections that are passed through, by server name; the first that matches decides."""
    tcp: tuple[TcpRule, ...] = ()
    """Rules for other connections; the first that matches decides."""
    export_to: tuple[Text, ...] = ()
    """Namespaces whose proxies see the rules: `*` all, `.` its own. None: all."""
