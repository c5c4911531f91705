"""Limits of ServiceEntries and WorkloadEntries (istio-semantics §1.4, §1.5, §4.5)."""

from collections.abc import Mapping
from typing import Any, Final

from lateen.crds.constraints import (
    LABEL,
    PORT,
    PORT_OR_ZERO,
    SELECTOR,
    Block,
    each,
    entries,
    has_entries,
    has_text,
    letters,
    pairs,
    pattern,
    rule,
    together,
    values,
)
from lateen.crds.gateway import HTTP, TCP, TLS
from lateen.model.serviceentry import ServiceEntryPort, ServiceEntrySpec, WorkloadSelector
from lateen.model.workloadentry import WorkloadEntrySpec
from lateen.validation.serviceentry import ADDRESS_LENGTH, MOST
from lateen.validation.workloadentry import LONGEST, MOST_LABELS, MOST_PORTS

PROTOCOL: Final = together(letters(most=16), pattern(f"(?i:{HTTP}|{TLS}|{TCP})?"))
"""A protocol, or nothing: not known."""


def _resolves(*resolutions: str) -> str:
    """Write in CEL that the resolution is one of these; NONE is the default."""
    written = f"(has(self.resolution) ? self.resolution : 'NONE') in [{', '.join(map(repr, resolutions))}]"
    return f"({written})"


_WITHOUT_SUBNETS: Final = f"""
    {_resolves("NONE", "STATIC")} || !has(self.addresses) || !self.addresses.exists(a, a.contains('/'))
"""
_WITHOUT_SOCKETS: Final = f"""
    !{_resolves("DNS", "DNS_ROUND_ROBIN")} || !has(self.endpoints)
    || !self.endpoints.exists(e, has(e.address) && e.address.startsWith('unix://'))
"""
_ONE_PORT_FOR_SOCKETS: Final = f"""
    !{_resolves("STATIC")} || (has(self.ports) && size(self.ports) == 1) || !has(self.endpoints)
    || !self.endpoints.exists(e, has(e.address) && e.address.startsWith('unix://'))
"""
_NAMED_HOSTS: Final = f"""
    {_resolves("NONE")} || size(self.hosts) == 1 || !has(self.ports)
    || self.ports.all(p, has(p.protocol) && p.protocol.matches('(?i)^(?:{HTTP}|{TLS})$'))
"""
_BY_REQUEST: Final = f"""
    !{_resolves("DYNAMIC_DNS")} || !has(self.ports)
    || self.ports.all(p, has(p.protocol) && p.protocol.matches('(?i)^(?:HTTP|HTTP2|GRPC|TLS)$'))
"""

_SERVICE_ENTRY: Final = Block(
    fields={
        "hosts": together(
            entries(least=1, most=MOST["hosts"]),
            each(letters(least=1, most=255), rule("self != '*'", "'*' alone is no host of a service")),
        ),
        "addresses": together(entries(most=MOST["addresses"]), each(letters(most=ADDRESS_LENGTH))),
        "ports": together(
            entries(most=MOST["ports"]),
            {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
            rule("self.all(p, self.exists_one(q, p.number == q.number))", "a port number is used twice"),
        ),
        "endpoints": entries(most=MOST["endpoints"]),
        "exportTo": together(
            each(pattern(rf"[*.~]|{LABEL}")),
            rule("size(self) < 2 || !('*' in self || '~' in self)", "'*' and '~' stand alone or not at all"),
        ),
    },
    whole=together(
        rule(
            f"!(has(self.workloadSelector) && {has_entries('endpoints')})",
            "only one of workloadSelector and endpoints is possible",
        ),
        rule(f"!{_resolves('NONE')} || !{has_entries('endpoints')}", "the resolution NONE uses no endpoints"),
        rule(_WITHOUT_SUBNETS, "a subnet among the addresses is possible with the resolutions NONE and STATIC only"),
        rule(_WITHOUT_SOCKETS, "a unix socket needs the resolution STATIC"),
        rule(_ONE_PORT_FOR_SOCKETS, "a unix socket serves exactly one port of the service"),
        rule(
            f"!{_resolves('DNS_ROUND_ROBIN')} || !has(self.endpoints) || size(self.endpoints) <= 1",
            "the resolution DNS_ROUND_ROBIN has at most one endpoint",
        ),
        rule(
            f"!{_resolves('DYNAMIC_DNS')} || self.hosts.all(h, h.startsWith('*'))",
            "the resolution DYNAMIC_DNS is for wildcard hosts",
        ),
        rule(
            f"!{_resolves('DYNAMIC_DNS')} || !({has_entries('addresses')} || {has_entries('endpoints')})",
            "the resolution DYNAMIC_DNS has neither addresses nor endpoints",
        ),
        rule(_BY_REQUEST, "the resolution DYNAMIC_DNS needs a host in each request: HTTP, HTTP2, GRPC or TLS"),
        rule(_NAMED_HOSTS, "several hosts need protocols that name the host: HTTP or TLS"),
    ),
)

_UNIX_PATH: Final = """
    !self.startsWith('unix://') || self.startsWith('unix://@')
    || (self.startsWith('unix:///') && !self.endsWith('/'))
"""

_WORKLOAD_ENTRY: Final = Block(
    fields={
        "address": together(
            letters(most=LONGEST["address"]),
            rule(_UNIX_PATH, "a unix socket has the absolute path of a file or is abstract (@name)"),
        ),
        "ports": together(pairs(most=MOST_PORTS), values(PORT)),
        "labels": pairs(most=MOST_LABELS),
        "network": letters(most=LONGEST["network"]),
        "locality": letters(most=LONGEST["locality"]),
        "serviceAccount": letters(most=LONGEST["serviceAccount"]),
    },
    whole=together(
        rule(f"{has_text('address')} || {has_text('network')}", "an address is required, or a network"),
        rule(
            "!(has(self.address) && self.address.startsWith('unix://')) || !has(self.ports) || size(self.ports) == 0",
            "a unix socket has no ports",
        ),
    ),
)

LIMITS: Final[Mapping[type[Any], Block]] = {
    ServiceEntrySpec: _SERVICE_ENTRY,
    ServiceEntryPort: Block(
        fields={
            "number": PORT,
            "name": pattern(LABEL),
            "protocol": PROTOCOL,
            "targetPort": PORT_OR_ZERO,
        }
    ),
    WorkloadSelector: Block(fields={"labels": SELECTOR}),
    WorkloadEntrySpec: _WORKLOAD_ENTRY,
}
