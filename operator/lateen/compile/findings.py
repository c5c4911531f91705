"""Stages 7 and 8: what is said about objects beyond their own fields: references, conflicts, what cannot be done."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from lateen.compile.bindings import Bindings
from lateen.compile.codes import Code, finding_of
from lateen.compile.deployments import DeploymentTables
from lateen.compile.gateway_findings import GatewayFindings
from lateen.compile.inputs import Inputs
from lateen.compile.listeners import ListenerTables
from lateen.compile.mesh import MeshTables
from lateen.compile.placement import Placement
from lateen.compile.rule_findings import RuleFindings
from lateen.compile.services import ServiceTables
from lateen.engine import Derived, Engine, Reads
from lateen.ir.finding import Finding
from lateen.model.hosts import fqdn, is_wildcard
from lateen.model.keys import Key
from lateen.model.objects import Problem
from lateen.semantics.limits import entry_limits, rule_limits, service_limits

Findings: TypeAlias = tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class FindingTables:
    """Findings by the object they are about; an object without any has no row."""

    rules: Derived[Key, Findings]
    gateways: Derived[Key, Findings]
    destination_rules: Derived[Key, Findings]
    entries: Derived[Key, Findings]
    services: Derived[Key, Findings]

    def __iter__(self) -> Iterator[Derived[Key, Findings]]:
        """All tables."""
        return iter((self.rules, self.gateways, self.destination_rules, self.entries, self.services))


def add_findings(
    engine: Engine,
    inputs: Inputs,
    placement: Placement,
    deployments: DeploymentTables,
    bindings: Bindings,
    services: ServiceTables,
    listeners: ListenerTables,
    mesh: MeshTables,
) -> FindingTables:
    """Add the tables."""
    rules = RuleFindings(inputs, placement, bindings, services, listeners, mesh)
    gateways = GatewayFindings(inputs, placement, deployments, listeners, services.settings)

    def rule(reads: Reads, key: Key) -> Findings | None:
        obj = reads.get(inputs.virtual_services, key)
        return tuple(rules.about(reads, obj)) or None if obj is not None else None

    def gateway(reads: Reads, key: Key) -> Findings | None:
        return tuple(dict.fromkeys(gateways.about(reads, key))) or None

    def destination_rule(reads: Reads, key: Key) -> Findings | None:
        obj = reads.get(inputs.destination_rules, key)
        if obj is None:
            return None
        found = list(_limits(key, rule_limits(obj.spec)))
        host = fqdn(obj.spec.host, key.namespace, services.settings.domain)
        if not is_wildcard(host) and not services.candidates(reads, host):
            found.append(Code.RULE_WITHOUT_SERVICE.about(key, f"no service has the host {host}", ("spec", "host")))
        return tuple(found) or None

    def entry(reads: Reads, key: Key) -> Findings | None:
        obj = reads.get(inputs.service_entries, key)
        return tuple(_limits(key, entry_limits(obj.spec))) or None if obj is not None else None

    def service(reads: Reads, key: Key) -> Findings | None:
        obj = reads.get(inputs.services, key)
        return tuple(_limits(key, service_limits(obj.spec))) or None if obj is not None else None

    return FindingTables(
        rules=engine.derive("rule_findings", 8, rule, each=inputs.virtual_services),
        gateways=engine.derive("gateway_findings", 8, gateway, each=inputs.gateways),
        destination_rules=engine.derive("policy_findings", 7, destination_rule, each=inputs.destination_rules),
        entries=engine.derive("entry_findings", 7, entry, each=inputs.service_entries),
        services=engine.derive("service_findings", 7, service, each=inputs.services),
    )


def _limits(key: Key, problems: Iterable[Problem]) -> Iterator[Finding]:
    for problem in problems:
        yield finding_of(key, problem, Code.UNSUPPORTED)
