"""Routes: which request goes where, and what happens to it on the way."""

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import NamedTuple, TypeAlias

from lateen.ir.match import StringMatch
from lateen.model.keys import Key

Headers: TypeAlias = tuple[tuple[str, str], ...]
"""(name, value) pairs in the order they are applied."""


class PathKind(Enum):
    """How a path is compared; see istio-semantics §1.2.3."""

    EXACT = auto()
    PREFIX = auto()
    """Plain string prefix: `/foo` matches `/foobar`."""
    REGEX = auto()
    """RE2 over the whole path without its query."""


@dataclass(frozen=True, slots=True)
class PathMatch:
    """The path condition; every route has one."""

    kind: PathKind = PathKind.PREFIX
    value: str = "/"
    ignore_case: bool = False


@dataclass(frozen=True, slots=True)
class HeaderMatch:
    """A condition on one header, or on `:method`, `:scheme`, `:authority`."""

    name: str
    match: StringMatch
    invert: bool = False
    missing_is_empty: bool = False
    """With `invert`: an absent header satisfies the condition."""


@dataclass(frozen=True, slots=True)
class ClaimMatch:
    """A condition on a JWT claim that an earlier filter stored (istio-semantics §1.2.3)."""

    path: tuple[str, ...]
    match: StringMatch
    invert: bool = False


@dataclass(frozen=True, slots=True)
class RouteMatch:
    """All conditions of one route; they are ANDed."""

    path: PathMatch = field(default_factory=PathMatch)
    headers: tuple[HeaderMatch, ...] = ()
    query: tuple[tuple[str, StringMatch], ...] = ()
    claims: tuple[ClaimMatch, ...] = ()

    @property
    def is_catch_all(self) -> bool:
        """Whether nothing after this route can match (istio-semantics §2.3.7)."""
        path = self.path
        whole = (path.kind is PathKind.PREFIX and path.value == "/") or (
            path.kind is PathKind.REGEX and path.value == ".*"
        )
        return whole and not self.headers and not self.query and not self.claims


@dataclass(frozen=True, slots=True)
class HeaderOps:
    """Header changes; `set` replaces, `add` appends, in this order."""

    request_set: Headers = ()
    request_add: Headers = ()
    request_remove: tuple[str, ...] = ()
    response_set: Headers = ()
    response_add: Headers = ()
    response_remove: tuple[str, ...] = ()


NO_OPS = HeaderOps()


class ClusterRef(NamedTuple):
    """A cluster by its parts; its name is `outbound|port|subset|host`. A tuple: it is a key of many tables."""

    host: str
    port: int
    subset: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """One destination of a weighted split."""

    cluster: ClusterRef
    weight: int = 1
    ops: HeaderOps = NO_OPS
    host_rewrite: str = ""


@dataclass(frozen=True, slots=True)
class Mirror:
    """A copy of each (sampled) request, its answer thrown away."""

    cluster: ClusterRef
    per_million: int = 1_000_000


@dataclass(frozen=True, slots=True)
class Retry:
    """Retry policy; durations in seconds (istio-semantics §1.2.7)."""

    attempts: int
    on: tuple[str, ...]
    status_codes: tuple[int, ...] = ()
    per_try_timeout: float | None = None
    backoff: float | None = None
    avoid_previous_hosts: bool = True
    other_localities: bool = False


class HashSource(Enum):
    """What a consistent hash is taken of."""

    HEADER = auto()
    COOKIE = auto()
    SOURCE_IP = auto()
    QUERY = auto()


@dataclass(frozen=True, slots=True)
class HashPolicy:
    """One ingredient of the request hash (istio-semantics §1.3.2)."""

    source: HashSource
    name: str = ""
    cookie_path: str = ""
    cookie_ttl: float | None = None
    """Seconds; None: Envoy makes no cookie of its own, 0: a session cookie."""
    cookie_attributes: tuple[tuple[str, str], ...] = ()
    enabled: bool = True
    """For SOURCE_IP: the written value."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Delay and abort; shares are per million of requests."""

    delay: float | None = None
    delay_per_million: int = 0
    abort_status: int | None = None
    abort_grpc_status: int | None = None
    abort_per_million: int = 0


@dataclass(frozen=True, slots=True)
class Cors:
    """Cross-origin policy (istio-semantics §1.2.10)."""

    origins: tuple[StringMatch, ...] = ()
    methods: str = ""
    headers: str = ""
    expose: str = ""
    max_age: str = ""
    """Whole seconds as text; empty when unset."""
    credentials: bool | None = None
    forward_unmatched_preflights: bool = True


@dataclass(frozen=True, slots=True)
class Forward:
    """Send the request to one cluster, or split it."""

    targets: tuple[Target, ...]
    weighted: bool = False
    """More than one destination was written, even if one is left (istio-semantics §1.2.9)."""
    timeout: float = 0.0
    """Seconds; 0: none."""
    retry: Retry | None = None
    path_rewrite: str = ""
    """Replaces the matched prefix, or the whole path after an exact or regex match."""
    regex_rewrite: tuple[str, str] | None = None
    """(pattern, substitution)."""
    host_rewrite: str = ""
    mirrors: tuple[Mirror, ...] = ()
    hash_policies: tuple[HashPolicy, ...] = ()


@dataclass(frozen=True, slots=True)
class Redirect:
    """Answer with a redirect (istio-semantics §1.2.6)."""

    host: str = ""
    path: str | None = None
    prefix_rewrite: str = ""
    scheme: str = ""
    port: int = 0
    code: int = 301


@dataclass(frozen=True, slots=True)
class DirectResponse:
    """Answer at the proxy."""

    status: int
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Route:
    """One entry of a virtual host; the first that matches wins."""

    match: RouteMatch
    action: Forward | Redirect | DirectResponse
    origin: Key
    name: str = ""
    ops: HeaderOps = NO_OPS
    fault: Fault | None = None
    cors: Cors | None = None
    stat_prefix: str = ""
    operation: str = ""
    """Name of the operation in traces."""

    @property
    def clusters(self) -> tuple[ClusterRef, ...]:
        """Every cluster this route may send to, mirrors included."""
        if not isinstance(self.action, Forward):
            return ()
        return (*(t.cluster for t in self.action.targets), *(m.cluster for m in self.action.mirrors))


@dataclass(frozen=True, slots=True)
class VirtualHost:
    """All routes of one host of one HTTP chain."""

    name: str
    """`host:port`, the port as written in the Gateway."""
    domains: tuple[str, ...]
    routes: tuple[Route, ...]
    require_tls: bool = False
    """Answer every plaintext request with a redirect to https."""
