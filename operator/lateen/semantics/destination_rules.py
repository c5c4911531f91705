"""Which DestinationRule a proxy applies to a service, after merging (istio-semantics §2.10, §2.11)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from lateen.ir.proxy import Proxy
from lateen.model.destinationrule import DestinationRuleSpec, Subset, TrafficPolicy
from lateen.model.hosts import fqdn, most_specific_match, subset_of
from lateen.model.keys import Key
from lateen.model.objects import Object
from lateen.semantics.selectors import selects
from lateen.semantics.visibility import EVERYBODY, exported_namespaces, sees

Rule: TypeAlias = Object[DestinationRuleSpec]


@dataclass(frozen=True, slots=True)
class EffectiveRule:
    """What several DestinationRules of one host and namespace amount to."""

    host: str
    policy: TrafficPolicy | None = None
    subsets: tuple[Subset, ...] = ()
    origins: tuple[Key, ...] = ()
    """The rules behind it, the one that decides first."""
    exported_to: frozenset[str] = EVERYBODY
    selector: Mapping[str, str] | None = None
    """Labels of the proxies it is for; None: all."""

    def subset(self, name: str) -> Subset | None:
        """The subset of that name."""
        return next((subset for subset in self.subsets if subset.name == name), None)


def rule_host(rule: Rule, domain: str) -> str:
    """The host of a rule, its short name expanded in the rule's own namespace."""
    return fqdn(rule.spec.host, rule.key.namespace, domain)


def find_rule(
    rules: Iterable[Rule],
    proxy: Proxy,
    host: str,
    service_namespace: str,
    *,
    root_namespace: str,
    domain: str,
) -> EffectiveRule | None:
    """Choose the rule for one service: the proxy's namespace, then the service's, then the root namespace.

    `rules` must contain every rule whose host covers `host`, and may contain others. Within a
    namespace the most specific host wins before anybody asks whom it is exported to.
    """
    by_namespace: dict[str, list[Rule]] = {}
    for rule in rules:
        if subset_of(host, rule_host(rule, domain)):
            by_namespace.setdefault(rule.key.namespace, []).append(rule)
    if not by_namespace:
        return None
    own = [rule for rule in by_namespace.get(proxy.namespace, ()) if _is_local(rule, root_namespace)]
    found = _choose(_most_specific(own, host, domain), proxy) if own else None
    if found is not None:
        return found
    for namespace in dict.fromkeys((service_namespace, root_namespace)):
        exported = [rule for rule in by_namespace.get(namespace, ()) if not _is_private(rule)]
        entries = _most_specific(exported, host, domain)
        seen = [entry for entry in entries if sees(entry.exported_to, proxy.namespace)]
        found = _choose(seen, proxy)
        if found is not None:
            return found
    return None


def merge_rules(rules: Iterable[Rule], domain: str) -> list[EffectiveRule]:
    """Merge the rules of one host and one namespace, the oldest first, those with a selector before all others."""
    entries: list[EffectiveRule] = []
    for rule in sorted(rules, key=lambda rule: (rule.spec.workload_selector is None, rule.meta.age_order)):
        incoming = _entry(rule, domain)
        absorbed = False
        for index, existing in enumerate(entries):
            same_export = incoming.exported_to == existing.exported_to
            if not (same_export or _wider(incoming.exported_to, existing.exported_to)):
                continue
            both_select = incoming.selector is not None and existing.selector is not None
            if both_select and incoming.selector != existing.selector:
                continue
            entries[index] = _absorb(existing, incoming)
            absorbed = absorbed or (same_export and incoming.selector == existing.selector)
        if not absorbed:
            entries.append(incoming)
    return entries


def _exports(rule: Rule) -> frozenset[str]:
    """The namespaces that see a rule; one with a selector stays at home."""
    namespace = rule.key.namespace
    if rule.spec.workload_selector is not None:
        return frozenset({namespace})
    return exported_namespaces(rule.spec.export_to, namespace)


def _is_private(rule: Rule) -> bool:
    """Whether only its own namespace sees the rule."""
    return _exports(rule) == {rule.key.namespace}


def _is_local(rule: Rule, root_namespace: str) -> bool:
    """Whether the rule holds for proxies of its own namespace; in the root namespace only private ones do."""
    exports = _exports(rule)
    if rule.key.namespace == root_namespace:
        return exports == {root_namespace}
    return sees(exports, rule.key.namespace)


def _most_specific(rules: Sequence[Rule], host: str, domain: str) -> Sequence[EffectiveRule]:
    """Merge those rules whose host describes the service best."""
    if not rules:
        return ()
    best = most_specific_match(host, {rule_host(rule, domain) for rule in rules})
    return merge_rules((rule for rule in rules if rule_host(rule, domain) == best), domain)


def _choose(entries: Sequence[EffectiveRule], proxy: Proxy) -> EffectiveRule | None:
    """Take the first entry that selects the proxy, else the last one that selects nobody."""
    for entry in entries:
        own = entry.origins[0].namespace == proxy.namespace
        if entry.selector is not None and own and selects(entry.selector, proxy.labels):
            return entry
    return next((entry for entry in reversed(entries) if entry.selector is None), None)


def _entry(rule: Rule, domain: str) -> EffectiveRule:
    """Make the entry of a single rule; of subsets with the same name the first counts."""
    spec = rule.spec
    return EffectiveRule(
        host=rule_host(rule, domain),
        policy=spec.traffic_policy,
        subsets=tuple({subset.name: subset for subset in reversed(spec.subsets)}.values())[::-1],
        origins=(rule.key,),
        exported_to=_exports(rule),
        selector=spec.workload_selector.match_labels if spec.workload_selector is not None else None,
    )


def _wider(incoming: frozenset[str], existing: frozenset[str]) -> bool:
    """Whether the incoming export list strictly contains the existing one; `*` is a name like others here."""
    return bool(existing) and incoming > existing


def _absorb(existing: EffectiveRule, incoming: EffectiveRule) -> EffectiveRule:
    """Add the subsets that are new, and the policy if there was none."""
    known = {subset.name for subset in existing.subsets}
    return replace(
        existing,
        policy=existing.policy if existing.policy is not None else incoming.policy,
        subsets=(*existing.subsets, *(subset for subset in incoming.subsets if subset.name not in known)),
        origins=(*existing.origins, *incoming.origins),
    )
