"""Load balancing in a DestinationRule's traffic policy (istio-semantics §1.3.2, §1.3.3).

Durations are seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator, Field

from lateen.model.schema import SPEC, Duration
from lateen.model.values import Flag, Number, Text, UInt32, UInt64, enumeration


class SimpleLb(StrEnum):
    """Algorithms without parameters."""

    UNSPECIFIED = "UNSPECIFIED"
    """The same as LEAST_REQUEST."""
    LEAST_CONN = "LEAST_CONN"
    """Older name of LEAST_REQUEST."""
    RANDOM = "RANDOM"
    """Any healthy endpoint."""
    PASSTHROUGH = "PASSTHROUGH"
    """The address that the client called."""
    ROUND_ROBIN = "ROUND_ROBIN"
    """One after the other."""
    LEAST_REQUEST = "LEAST_REQUEST"
    """Of two random endpoints the one with fewer open requests."""


@dataclass(frozen=True, slots=True)
class CookieAttribute:
    """An attribute of a generated cookie, for example `SameSite`."""

    __pydantic_config__ = SPEC

    name: Text = ""
    """Its name."""
    value: Text = ""
    """Its value; empty for attributes without one."""


@dataclass(frozen=True, slots=True)
class HttpCookie:
    """A cookie that ties a client to an endpoint."""

    __pydantic_config__ = SPEC

    name: Text
    """Its name."""
    path: Text = ""
    """Its path."""
    ttl: Duration | None = None
    """Lifetime of a cookie that the proxy makes: `0s` for the browser session; absent: the proxy makes none."""
    attributes: tuple[CookieAttribute, ...] = ()
    """Further attributes of a cookie that the proxy makes."""


@dataclass(frozen=True, slots=True)
class RingHash:
    """Consistent hashing over a ring."""

    __pydantic_config__ = SPEC

    minimum_ring_size: UInt64 = 0
    """Smallest number of points on the ring; 0 means 1024."""


@dataclass(frozen=True, slots=True)
class Maglev:
    """Consistent hashing by Maglev tables."""

    __pydantic_config__ = SPEC

    table_size: UInt64 | None = None
    """Size of the table, a prime below 5000011; absent: 65537."""


@dataclass(frozen=True, slots=True)
class ConsistentHash:
    """Equal requests go to the same endpoint: what is hashed, and how."""

    __pydantic_config__ = SPEC

    http_header_name: Text | None = None
    """Hash this header."""
    http_cookie: HttpCookie | None = None
    """Hash this cookie."""
    use_source_ip: Flag | None = None
    """Hash the address of the client."""
    http_query_parameter_name: Text | None = None
    """Hash this query parameter."""
    ring_hash: RingHash | None = None
    """Use a ring; the default."""
    maglev: Maglev | None = None
    """Use Maglev tables."""
    minimum_ring_size: UInt64 | None = None
    """Older spelling of `ringHash.minimumRingSize`."""


@dataclass(frozen=True, slots=True)
class Warmup:
    """New endpoints get their full share of requests only gradually."""

    __pydantic_config__ = SPEC

    duration: Duration
    """How long an endpoint counts as new."""
    minimum_percent: Number | None = None
    """Share that it starts with, in percent; absent: 10."""
    aggression: Number | None = None
    """Shape of the increase: 1 is linear, more is quicker at first; absent: 1."""


@dataclass(frozen=True, slots=True)
class Distribute:
    """How requests from one locality are shared among localities."""

    __pydantic_config__ = SPEC

    from_: Annotated[Text, Field(alias="from")] = ""
    """Locality of the proxy, `region/zone/subzone`; `*` at the end stands for the rest."""
    to: Mapping[Text, UInt32] = field(default_factory=dict)
    """Share in percent by locality of the endpoints; together 100."""


@dataclass(frozen=True, slots=True)
class Failover:
    """The region to turn to when a region has no healthy endpoints left."""

    __pydantic_config__ = SPEC

    from_: Annotated[Text, Field(alias="from")] = ""
    """The region that failed."""
    to: Text = ""
    """The region that takes over."""


@dataclass(frozen=True, slots=True)
class LocalityLb:
    """Preference of endpoints near the proxy, by locality."""

    __pydantic_config__ = SPEC

    distribute: tuple[Distribute, ...] = ()
    """Fixed shares by locality; not together with `failover`."""
    failover: tuple[Failover, ...] = ()
    """Which region takes over from which."""
    failover_priority: tuple[Text, ...] = ()
    """Labels (`key` or `key=value`) that decide how near an endpoint is, the most important first."""
    enabled: Flag | None = None
    """False switches locality preference off; absent: true."""


@dataclass(frozen=True, slots=True)
class ZoneAwareLb:
    """Preference of endpoints in the proxy's zone in proportion to the zone's capacity."""

    __pydantic_config__ = SPEC

    enabled: Flag | None = None
    """False switches it off; absent: true."""
    min_cluster_size: UInt64 | None = None
    """Fewest endpoints of the service for which the zone is regarded; at least 1."""
    failover: tuple[Failover, ...] = ()
    """Which region takes over from which."""
    failover_priority: tuple[Text, ...] = ()
    """Labels (`key` or `key=value`) that decide how near an endpoint is, the most important first."""


@dataclass(frozen=True, slots=True)
class BackendUtilization:
    """Balancing by the load that endpoints report. Accepted; it has no effect today."""

    __pydantic_config__ = SPEC

    error_utilization_penalty_percent: UInt32 | None = None
    """How strongly errors count as load."""
    metric_names_for_computing_utilization: tuple[Text, ...] = ()
    """Reported metrics that are read as load."""
    weight_expiration_period: Duration | None = None
    """After this time without a report the endpoint's weight is forgotten."""
    weight_stabilization_period: Duration | None = None
    """How long an endpoint reports before its weight is used."""
    weight_update_period: Duration | None = None
    """How often weights are computed."""


@dataclass(frozen=True, slots=True)
class LoadBalancerSettings:
    """How an endpoint is chosen for each request."""

    __pydantic_config__ = SPEC

    simple: Annotated[SimpleLb, BeforeValidator(enumeration(SimpleLb))] | None = None
    """An algorithm without parameters; the default is LEAST_REQUEST."""
    consistent_hash: ConsistentHash | None = None
    """Equal requests go to the same endpoint."""
    backend_utilization: BackendUtilization | None = None
    """Balance by the load that endpoints report. It has no effect today."""
    locality_lb_setting: LocalityLb | None = None
    """Preference of near endpoints; replaces the global setting as a whole."""
    zone_aware_lb_setting: ZoneAwareLb | None = None
    """Preference of the proxy's zone by capacity; not together with `localityLbSetting`."""
    warmup: Warmup | None = None
    """Give new endpoints their full share only gradually (ROUND_ROBIN and LEAST_REQUEST)."""
    warmup_duration_secs: Duration | None = None
    """Older spelling of `warmup.duration`."""
