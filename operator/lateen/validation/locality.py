"""Rules for the preference of near endpoints (istio-semantics §1.3.3)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from lateen.model.loadbalancer import Distribute, Failover, LocalityLb, ZoneAwareLb
from lateen.validation.report import Report

TOPOLOGY_LABELS: Final = frozenset(
    {"topology.kubernetes.io/region", "topology.kubernetes.io/zone", "topology.istio.io/subzone"}
)
"""Labels that make up a locality; `failover` and zone awareness look at them already."""

_DEPTH: Final = 3
_WHOLE: Final = 100


def check_locality(setting: LocalityLb, *, has_ejection: bool) -> Report:
    """Shares that add up, regions, and no two ways at once.

    Args:
        setting: the block.
        has_ejection: whether the policy ejects endpoints, without which nothing fails over.
    """
    report = Report()
    if setting.distribute and setting.failover:
        report.error("distribute and failover exclude each other", "failover")
    if setting.failover:
        report.include(_check_priority_labels(setting.failover_priority, "failover"), "failoverPriority")
    report.include(_check_distribution(setting.distribute), "distribute")
    report.include(check_failover(setting.failover), "failover")
    if not has_ejection:
        _warn_of_idle_failover(setting, report)
    if setting.enabled is False and (setting.distribute or setting.failover or setting.failover_priority):
        report.warn("the setting is switched off, so that nothing else in it has an effect", "enabled")
    return report


def check_zone_awareness(setting: ZoneAwareLb, *, has_ejection: bool) -> Report:
    """Regions, a cluster size, and labels that it does not look at by itself; arguments as for `check_locality`."""
    report = Report()
    if setting.min_cluster_size is not None and setting.min_cluster_size < 1:
        report.error("a cluster has at least 1 endpoint", "minClusterSize")
    report.include(check_failover(setting.failover), "failover")
    report.include(_check_priority_labels(setting.failover_priority, "zoneAwareLbSetting"), "failoverPriority")
    if not has_ejection:
        _warn_of_idle_failover(setting, report)
    return report


def _warn_of_idle_failover(setting: LocalityLb | ZoneAwareLb, report: Report) -> None:
    for field, given in (("failover", setting.failover), ("failoverPriority", setting.failover_priority)):
        if given:
            report.warn(
                f"without outlierDetection nobody finds out that endpoints fail, so that {field} never acts", field
            )


def check_failover(entries: Sequence[Failover]) -> Report:
    """From one region to another. Paths are relative to the list."""
    report = Report()
    for index, entry in enumerate(entries):
        if entry.from_ == entry.to:
            report.error(f"a region cannot fail over to itself ({entry.to!r})", index, "to")
            continue
        for field, region in (("from", entry.from_), ("to", entry.to)):
            if "/" in region or "*" in region:
                report.error(f"failover is between whole regions, {region!r} is something else", index, field)
    return report


def _check_priority_labels(labels: Sequence[str], beside: str) -> Report:
    report = Report()
    for index, label in enumerate(labels):
        if label.partition("=")[0] in TOPOLOGY_LABELS:
            report.error(f"{label!r} cannot be listed next to {beside}, which looks at it already", index)
    return report


def _check_distribution(entries: Sequence[Distribute]) -> Report:
    report = Report()
    origins = _Localities()
    for index, entry in enumerate(entries):
        if wrong := origins.refuse(entry.from_):
            report.error(wrong, index, "from")
        report.include(_check_shares(entry.to), index, "to")
    return report


def _check_shares(shares: Mapping[str, int]) -> Report:
    """Shares of 1 to 100 that add up to 100, of localities that do not overlap in any order."""
    report = Report()
    localities = _Localities()
    for locality in _broad_first(shares):
        if wrong := localities.refuse(locality):
            report.error(wrong, locality)
        if not 1 <= shares[locality] <= _WHOLE:
            report.error(f"a share lies between 1 and 100, not {shares[locality]}", locality)
    if not report and sum(shares.values()) != _WHOLE:
        report.error(f"the shares add up to {sum(shares.values())}, not to 100")
    return report


def _broad_first(localities: Iterable[str]) -> list[str]:
    return sorted(localities, key=lambda locality: (len(_parts(locality)), locality))


def _parts(locality: str) -> list[str]:
    """Region, zone and subzone as far as they are given; `us/*` is the same as `us`."""
    return [part for part in locality.split("/") if part != "*"]


class _Localities:
    """Localities so far. A later one must not lie within an earlier one; around it only if it says so by `*`."""

    def __init__(self) -> None:
        self._seen: set[tuple[str, ...]] = set()
        self._around: set[tuple[str, ...]] = set()

    def refuse(self, locality: str) -> str:
        """Take one more locality; says what is wrong with it, or nothing."""
        parts = locality.split("/")
        if len(parts) > _DEPTH or not all(parts):
            return f"{locality!r} is not of the form region/zone/subzone"
        if "*" in locality[:-1] or (locality.endswith("*") and parts[-1] != "*"):
            return f"in {locality!r} a '*' may only stand for the last part"
        place = tuple(_parts(locality))
        outer = [place[:length] for length in range(len(place) + 1)]
        if not self._seen.isdisjoint(outer) or (place in self._around and not locality.endswith("*")):
            return f"{locality!r} overlaps with another locality"
        self._seen.add(place)
        self._around.update(outer)
        return ""
