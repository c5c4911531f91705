"""Conditions of VirtualService rules: on HTTP requests, on TLS handshakes, on connections.

Every list of matches is an OR, the fields of one match are an AND (istio-semantics §1.2.3, §1.2.11).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from lateen.model.schema import SPEC
from lateen.model.values import Flag, Labels, StringMatch, Text, UInt32


@dataclass(frozen=True, slots=True)
class HttpMatch:
    """One set of conditions on an HTTP request."""

    __pydantic_config__ = SPEC

    name: Text = ""
    """Appended to the name of the rule to name the route in logs and statistics."""
    uri: StringMatch | None = None
    """Condition on the path, without its query. A prefix is plain text: `/foo` also covers `/foobar`."""
    scheme: StringMatch | None = None
    """Condition on the scheme, `http` or `https`."""
    method: StringMatch | None = None
    """Condition on the method, for example `exact: GET`."""
    authority: StringMatch | None = None
    """Condition on the Host header, with its port if the client sends one."""
    headers: Mapping[Text, StringMatch | None] = field(default_factory=dict)
    """Conditions on headers by lower-case name. An empty value asks only that the header is there.
    `@request.auth.claims.<name>` compares a claim of a verified JWT instead."""
    port: UInt32 | None = None
    """Only for requests that came in on this port, as the Gateway numbers it."""
    source_labels: Labels = field(default_factory=dict)
    """Only for proxies with these labels. Not looked at when `gateways` is given here too."""
    gateways: tuple[Text, ...] = ()
    """Only on these gateways; replaces the list of the VirtualService for this match."""
    query_params: Mapping[Text, StringMatch | None] = field(default_factory=dict)
    """Conditions on query parameters by name. An empty value asks only that the parameter is there."""
    ignore_uri_case: Flag = False
    """Compare `uri` without regard to case; of no effect on a regex."""
    without_headers: Mapping[Text, StringMatch | None] = field(default_factory=dict)
    """Headers that must not be as described. An empty value asks that the header is absent."""
    source_namespace: Text = ""
    """Only for proxies of this namespace. Not looked at when `gateways` is given here too."""
    stat_prefix: Text = ""
    """Prefix of the statistics that are kept for the route."""


@dataclass(frozen=True, slots=True)
class L4Match:
    """One set of conditions on a TCP connection."""

    __pydantic_config__ = SPEC

    destination_subnets: tuple[Text, ...] = ()
    """Addresses or networks that the client connects to. A gateway does not look at them."""
    port: UInt32 | None = None
    """Only for connections to this port, as the Gateway numbers it."""
    source_subnet: Text = ""
    """Network of the client. Kept for compatibility; it has no effect."""
    source_labels: Labels = field(default_factory=dict)
    """Only for proxies with these labels. A gateway does not look at them."""
    gateways: tuple[Text, ...] = ()
    """Only on these gateways; replaces the list of the VirtualService for this match."""
    source_namespace: Text = ""
    """Only for proxies of this namespace. A gateway does not look at it."""


@dataclass(frozen=True, slots=True)
class TlsMatch:
    """One set of conditions on a TLS connection that is passed through unopened."""

    __pydantic_config__ = SPEC

    sni_hosts: tuple[Text, ...] = ()
    """Server names that the client asks for; each is one of the VirtualService's hosts or lies under one."""
    destination_subnets: tuple[Text, ...] = ()
    """Addresses or networks that the client connects to. A gateway does not look at them."""
    port: UInt32 | None = None
    """Only for connections to this port, as the Gateway numbers it."""
    source_subnet: Text = ""
    """Network of the client. Kept for compatibility; it has no effect."""
    source_labels: Labels = field(default_factory=dict)
    """Only for proxies with these labels. A gateway does not look at them."""
    gateways: tuple[Text, ...] = ()
    """Only on these gateways; replaces the list of the VirtualService for this match."""
    source_namespace: Text = ""
    """Only for proxies of this namespace. A gateway does not look at it."""
