"""Rules for DestinationRules (istio-semantics §1.3, §4.1, §4.4).

What one object says by itself; whether its host and its endpoints exist shows when objects
are put together.
"""

from collections.abc import Iterator

from lateen.model.destinationrule import DestinationRuleSpec, Subset
from lateen.model.objects import Object, Problem
from lateen.validation.report import Report
from lateen.validation.syntax import (
    check_dns_label,
    check_export_to,
    check_labels,
    check_selector,
    check_wildcard_domain,
    under,
)
from lateen.validation.trafficpolicy import check_traffic_policy


def check_destination_rule(obj: Object[DestinationRuleSpec]) -> Iterator[Problem]:
    """Yield every problem of one DestinationRule, with paths that start at `spec`."""
    spec, namespace = obj.spec, obj.key.namespace
    report = Report()
    report.include(check_wildcard_domain(spec.host), "host")
    if spec.traffic_policy is not None:
        report.include(check_traffic_policy(spec.traffic_policy, namespace), "trafficPolicy")
    seen: set[str] = set()
    for index, subset in enumerate(spec.subsets):
        if subset.name in seen:
            report.error(f"the subset {subset.name!r} is defined twice", "subsets", index, "name")
        seen.add(subset.name)
        report.include(_check_subset(subset, namespace), "subsets", index)
    report.include(check_export_to(spec.export_to, namespace), "exportTo")
    if spec.workload_selector is not None:
        report.include(check_selector(spec.workload_selector.match_labels), "workloadSelector", "matchLabels")
        _check_private(spec, namespace, report)
    yield from under(report, "spec")


def _check_private(spec: DestinationRuleSpec, namespace: str, report: Report) -> None:
    """A rule for some proxies of its namespace is for no other namespace."""
    foreign = [index for index, entry in enumerate(spec.export_to) if entry not in (".", namespace)]
    if foreign:
        report.error("a rule with workloadSelector can be exported to its own namespace only", "exportTo", foreign[0])


def _check_subset(subset: Subset, namespace: str) -> Report:
    report = Report()
    if not subset.name:
        report.error("a subset has a name", "name")
    else:
        report.include(check_dns_label(subset.name), "name")
    report.include(check_labels(subset.labels), "labels")
    if subset.traffic_policy is not None:
        report.include(check_traffic_policy(subset.traffic_policy, namespace), "trafficPolicy")
    return report
