"""Rules for the names by which rules are bound to gateways (istio-semantics §1.2.1, §2.2)."""

from collections.abc import Sequence

from lateen.model.objects import Problem
from lateen.validation.report import Report
from lateen.validation.syntax import check_fqdn, is_dns_label

MESH = "mesh"
"""The name for all proxies at workloads."""


def holds_on_mesh(gateways: Sequence[str]) -> bool:
    """Whether rules bound to these gateways hold for proxies at workloads, alone or as well."""
    return not gateways or MESH in gateways


def check_gateway_names(names: Sequence[str]) -> tuple[Problem, ...]:
    """`name`, `namespace/name`, `mesh`, or a full name as in old times.

    The reference stops at the first name without a slash. What stands behind it is accepted
    with a warning.
    """
    report = Report()
    for index, name in enumerate(names):
        if "/" in name:
            report.include(_check_qualified(name), index)
            continue
        if "." in name:
            short, namespace = name.split(".")[:2]
            report.warn(f"write {namespace}/{short} instead of a gateway's full name", index)
        report.include(check_fqdn(name), index)
        for later, rest in enumerate(names[index + 1 :], index + 1):
            if _check_qualified(rest) if "/" in rest else check_fqdn(rest):
                report.warn(f"{rest!r} cannot name a gateway", later)
        break
    return tuple(report)


def _check_qualified(name: str) -> Report:
    report = Report()
    namespace, _, gateway = name.partition("/")
    if not is_dns_label(namespace):
        report.error(f"{namespace!r} in {name!r} is not the name of a namespace")
    if not is_dns_label(gateway):
        report.error(f"{gateway!r} in {name!r} is not the name of a gateway")
    return report
