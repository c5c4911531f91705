"""Looking up services and DestinationRules; each look-up is a few recorded reads, whatever their number.

Services stand in a registry by host, be they Kubernetes Services or ServiceEntries: read once,
looked up often. A DestinationRule is found by its exact host; rules with wildcard hosts stand
together in one bucket.
"""

from dataclasses import dataclass
from typing import Final

from lateen.compile.inputs import Inputs
from lateen.compile.settings import CompileSettings
from lateen.engine import Derived, Engine, Index, Reads
from lateen.ir.proxy import Proxy
from lateen.model.destinationrule import DestinationRuleSpec
from lateen.model.hosts import is_wildcard
from lateen.model.keys import Key
from lateen.model.objects import Object
from lateen.semantics.destination_rules import EffectiveRule, find_rule, rule_host
from lateen.semantics.registry import RegisteredService, hosts_of, preferred, register

WILDCARDS: Final = "*"
"""Bucket of all DestinationRules whose host is a wildcard."""


@dataclass(frozen=True, slots=True)
class ServiceTables:
    """Where services and rules are found."""

    settings: CompileSettings
    registry: Derived[str, tuple[RegisteredService, ...]]
    """Host → its services, the preferred one first (istio-semantics §2.9)."""
    rules_by_host: Index[Key, Object[DestinationRuleSpec], str]

    def candidates(self, reads: Reads, host: str) -> tuple[RegisteredService, ...]:
        """All services of one host, the preferred one first (istio-semantics §2.9)."""
        return reads.get(self.registry, host) or ()

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
    """Add the registry (stage 1) and the index of rules."""
    domain = settings.domain

    def groups(_: Key, rule: Object[DestinationRuleSpec]) -> tuple[str]:
        return (WILDCARDS if is_wildcard(rule.spec.host) else rule_host(rule, domain),)

    services = engine.index("services_by_host", inputs.services, lambda _, service: hosts_of(service, domain))
    entries = engine.index("entries_by_host", inputs.service_entries, lambda _, entry: hosts_of(entry, domain))

    def collect(reads: Reads, host: str) -> tuple[RegisteredService, ...]:
        found = [register(service, host) for _, service in reads.values(services, host)]
        found += [register(entry, host) for _, entry in reads.values(entries, host)]
        return preferred(found)

    return ServiceTables(
        settings,
        engine.derive("registry", 1, collect, group=(services, entries)),
        engine.index("rules_by_host", inputs.destination_rules, groups),
    )
