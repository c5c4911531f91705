"""Looking up services and DestinationRules; each look-up is a few recorded reads, whatever their number.

A Kubernetes Service is found by its name, a ServiceEntry by its hosts, a DestinationRule by its
exact host; rules with wildcard hosts stand together in one bucket.
"""

from dataclasses import dataclass
from typing import Final

from lateen.compile.inputs import Inputs
from lateen.compile.settings import CompileSettings
from lateen.engine import Engine, Index, Reads, Table
from lateen.ir.proxy import Proxy
from lateen.model.destinationrule import DestinationRuleSpec
from lateen.model.hosts import is_wildcard
from lateen.model.keys import Key, Kind
from lateen.model.objects import Object
from lateen.model.service import ServiceSpec
from lateen.model.serviceentry import ServiceEntrySpec
from lateen.semantics.destination_rules import EffectiveRule, find_rule, rule_host
from lateen.semantics.registry import RegisteredService, preferred, services_of

WILDCARDS: Final = "*"
"""Bucket of all DestinationRules whose host is a wildcard."""


@dataclass(frozen=True, slots=True)
class ServiceTables:
    """Where services and rules are found."""

    settings: CompileSettings
    services: Table[Key, Object[ServiceSpec]]
    entries_by_host: Index[Key, Object[ServiceEntrySpec], str]
    rules_by_host: Index[Key, Object[DestinationRuleSpec], str]

    def candidates(self, reads: Reads, host: str) -> tuple[RegisteredService, ...]:
        """All services of one host, the preferred one first (istio-semantics §2.9)."""
        domain = self.settings.domain
        found: list[RegisteredService] = []
        key = kubernetes_service(host, domain)
        if key is not None and (service := reads.get(self.services, key)) is not None:
            found += services_of(service, domain)
        for _, entry in reads.values(self.entries_by_host, host):
            found += (service for service in services_of(entry, domain) if service.host == host)
        return preferred(found) if len(found) > 1 else tuple(found)

    def rule(self, reads: Reads, proxy: Proxy, host: str, service_namespace: str) -> EffectiveRule | None:
        """The DestinationRule in effect for a host at a proxy (istio-semantics §2.10)."""
        found = [rule for _, rule in reads.values(self.rules_by_host, host)]
        found += [rule for _, rule in reads.values(self.rules_by_host, WILDCARDS)]
        if not found:
            return None
        return find_rule(
            found,
            proxy,
            host,
            service_namespace,
            root_namespace=self.settings.root_namespace,
            domain=self.settings.domain,
        )


def add_services(engine: Engine, inputs: Inputs, settings: CompileSettings) -> ServiceTables:
    """Add the indexes."""
    domain = settings.domain

    def groups(_: Key, rule: Object[DestinationRuleSpec]) -> tuple[str]:
        return (WILDCARDS if is_wildcard(rule.spec.host) else rule_host(rule, domain),)

    return ServiceTables(
        settings,
        inputs.services,
        engine.index("entries_by_host", inputs.service_entries, lambda _, entry: entry.spec.hosts),
        engine.index("rules_by_host", inputs.destination_rules, groups),
    )


def kubernetes_service(host: str, domain: str) -> Key | None:
    """The Service that a host would be the name of: `name.namespace.svc.domain`."""
    suffix = f".svc.{domain}" if domain else ""
    if not host.endswith(suffix):
        return None
    parts = host.removesuffix(suffix).split(".")
    return Key(Kind.SERVICE, parts[1], parts[0]) if len(parts) == 2 and all(parts) else None
