"""One report out of those of all replicas of an operator. Pure.

Every replica compiles everything; each has the streams of some proxies; only the leader starts proxies.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from lateen.runtime.instance_report import ProxyFields, Report, StreamFields
from lateen.runtime.resource_listing import ResourceFields

_WORST_FIRST: Final = ("refused", "pending", "acknowledged", "unused")


def merge_reports(reports: Sequence[Report]) -> Report:
    """Put the streams of all replicas into the leader's report, or into the first one where nobody leads."""
    ordered = sorted(reports, key=lambda report: not report["instance"]["leading"])
    first = ordered[0]
    streams: dict[str, list[StreamFields]] = {}
    states: dict[str, ProxyFields] = {}
    for report in ordered:
        replica = report["instance"]["name"]
        for proxy in report["proxies"]:
            states.setdefault(proxy["proxy"], proxy)
            found = streams.setdefault(proxy["proxy"], [])
            found += [{**stream, "replica": replica} for stream in proxy["streams"]]
    return {
        **first,
        "instance": {**first["instance"], "waiting": max(report["instance"]["waiting"] for report in ordered)},
        "proxies": [{**states[name], "streams": streams[name]} for name in sorted(states)],
        "replicas": [report["instance"] for report in ordered],
    }


def merge_resources(listings: Iterable[Sequence[ResourceFields]]) -> list[ResourceFields]:
    """Say of each resource how far the proxies of all replicas are with it.

    Where replicas differ in what a proxy is to be given, one of them is behind: what is acknowledged there says
    nothing about the other's version, so that it counts as pending.
    """
    found: dict[tuple[str, str, str], ResourceFields] = {}
    for listing in listings:
        for each in listing:
            name = (each["proxy"], each["type"], each["name"])
            known = found.get(name)
            found[name] = each if known is None else _together(known, each)
    return [*found.values()]


def _together(known: ResourceFields, other: ResourceFields) -> ResourceFields:
    proxies = known["proxies"] + other["proxies"]
    states = [each["state"] for each in (known, other) if each["proxies"]] or ["pending"]
    if len(states) > 1 and known["version"] != other["version"]:
        states = ["refused" if "refused" in states else "pending"]
    return {**known, "proxies": proxies, "state": min(states, key=_WORST_FIRST.index)}
