"""Rules for load balancing (istio-semantics §1.3.2, §4.4)."""

import math
from typing import Final

from lateen.model.loadbalancer import ConsistentHash, HttpCookie, LoadBalancerSettings, SimpleLb, Warmup
from lateen.validation.locality import check_locality, check_zone_awareness
from lateen.validation.report import Report
from lateen.validation.syntax import check_duration, check_percent

MAGLEV_BOUND: Final = 5_000_011
"""Maglev tables are smaller than this."""

RING_BOUND: Final = 8 * 1024 * 1024
"""The proxy refuses a larger `minimumRingSize`."""

LONGEST_COOKIE_PART: Final = 16384
"""Bytes of a cookie attribute's name or value; the proxy refuses longer ones."""

_BLANK: Final = ord(" ")

_WARMED: Final = frozenset({SimpleLb.UNSPECIFIED, SimpleLb.LEAST_CONN, SimpleLb.LEAST_REQUEST, SimpleLb.ROUND_ROBIN})


def check_load_balancer(settings: LoadBalancerSettings, *, has_ejection: bool) -> Report:
    """One algorithm with possible parameters, one way of preferring near endpoints.

    Args:
        settings: the block.
        has_ejection: whether the policy around it ejects endpoints.
    """
    report = Report()
    algorithms = {
        "simple": settings.simple is not None,
        "consistentHash": settings.consistent_hash is not None,
        "backendUtilization": settings.backend_utilization is not None,
    }
    chosen = [name for name, given in algorithms.items() if given]
    if len(chosen) > 1:
        report.error(f"{' and '.join(chosen)} exclude each other", chosen[1])
    if settings.simple is SimpleLb.LEAST_CONN:
        report.inform("LEAST_CONN is the older name of LEAST_REQUEST", "simple")
    if settings.simple is SimpleLb.PASSTHROUGH:
        report.warn("requests get 503: a proxy that clients call has no other address to pass them to", "simple")
    if settings.consistent_hash is not None:
        report.include(_check_consistent_hash(settings.consistent_hash), "consistentHash")
    if settings.backend_utilization is not None:
        report.warn(
            "backendUtilization has no effect today: of two endpoints the one with fewer requests is taken",
            "backendUtilization",
        )
    _check_warmup(settings, report)
    if settings.locality_lb_setting is not None:
        report.include(check_locality(settings.locality_lb_setting, has_ejection=has_ejection), "localityLbSetting")
    if settings.zone_aware_lb_setting is not None:
        if settings.locality_lb_setting is not None:
            report.error("localityLbSetting and zoneAwareLbSetting exclude each other", "zoneAwareLbSetting")
        report.include(
            check_zone_awareness(settings.zone_aware_lb_setting, has_ejection=has_ejection), "zoneAwareLbSetting"
        )
    return report


def _check_warmup(settings: LoadBalancerSettings, report: Report) -> None:
    duration = settings.warmup_duration_secs
    if duration is not None:
        report.include(check_duration(duration), "warmupDurationSecs")
        if settings.warmup is not None:
            report.warn("warmupDurationSecs has no effect next to warmup", "warmupDurationSecs")
        else:
            report.inform("warmupDurationSecs is an older spelling of warmup.duration", "warmupDurationSecs")
    if settings.warmup is not None:
        report.include(_check_warmup_block(settings.warmup), "warmup")
    warms_up = settings.consistent_hash is None and (settings.simple is None or settings.simple in _WARMED)
    if not warms_up and (settings.warmup is not None or duration is not None):
        field = "warmupDurationSecs" if settings.warmup is None else "warmup"
        report.warn(f"{field} has an effect only with ROUND_ROBIN and LEAST_REQUEST", field)


def _check_warmup_block(warmup: Warmup) -> Report:
    report = Report()
    report.include(check_duration(warmup.duration), "duration")
    if warmup.minimum_percent is not None:
        report.include(check_percent(warmup.minimum_percent), "minimumPercent")
    if warmup.aggression is not None and warmup.aggression <= 0:
        report.error(f"the aggression is more than 0, not {warmup.aggression:g}", "aggression")
    return report


def _check_consistent_hash(setting: ConsistentHash) -> Report:
    report = Report()
    keys = {
        "httpHeaderName": setting.http_header_name is not None,
        "httpCookie": setting.http_cookie is not None,
        "useSourceIp": setting.use_source_ip is not None,
        "httpQueryParameterName": setting.http_query_parameter_name is not None,
    }
    chosen = [name for name, given in keys.items() if given]
    if len(chosen) > 1:
        report.error(f"{' and '.join(chosen)} exclude each other", chosen[1])
    elif not chosen:
        report.warn("without httpHeaderName, httpCookie, useSourceIp or httpQueryParameterName nothing is hashed")
    for name, text in (
        ("httpHeaderName", setting.http_header_name),
        ("httpQueryParameterName", setting.http_query_parameter_name),
    ):
        if text == "":
            report.warn("an empty name hashes nothing", name)
    if setting.http_cookie is not None:
        report.include(_check_cookie(setting.http_cookie), "httpCookie")
    _check_algorithm(setting, report)
    return report


def _check_algorithm(setting: ConsistentHash, report: Report) -> None:
    if setting.ring_hash is not None and setting.maglev is not None:
        report.error("ringHash and maglev exclude each other", "maglev")
    if setting.minimum_ring_size:
        if setting.ring_hash is not None or setting.maglev is not None:
            report.error("minimumRingSize goes with neither ringHash nor maglev", "minimumRingSize")
        else:
            report.warn("minimumRingSize is an older spelling of ringHash.minimumRingSize", "minimumRingSize")
    for size, path in (
        (setting.minimum_ring_size or 0, ("minimumRingSize",)),
        (setting.ring_hash.minimum_ring_size if setting.ring_hash else 0, ("ringHash", "minimumRingSize")),
    ):
        if size > RING_BOUND:
            report.warn(f"the proxy allows at most {RING_BOUND} points, and gets as many", *path)
    if setting.maglev is not None:
        size = setting.maglev.table_size or 0
        if size >= MAGLEV_BOUND:
            report.error(f"a table is smaller than {MAGLEV_BOUND}, not {size}", "maglev", "tableSize")
        elif not _is_prime(size):
            report.error(f"the size of a table is a prime number such as 65537, not {size}", "maglev", "tableSize")


def _is_prime(number: int) -> bool:
    return number > 1 and all(number % divisor for divisor in range(2, math.isqrt(number) + 1))


def _check_cookie(cookie: HttpCookie) -> Report:
    report = Report()
    if not cookie.name:
        report.error("a cookie has a name", "name")
    if cookie.ttl is not None and cookie.ttl < 0:
        report.error("the lifetime of a cookie is not negative", "ttl")
    for field, text in (("name", cookie.name), ("path", cookie.path)):
        _check_cookie_text(text, report, field)
    seen: set[str] = set()
    for index, attribute in enumerate(cookie.attributes):
        if not attribute.name:
            report.error("an attribute has a name", "attributes", index, "name")
        elif attribute.name in seen:
            report.error(f"the attribute {attribute.name!r} is given twice", "attributes", index, "name")
        seen.add(attribute.name)
        for field, text in (("name", attribute.name), ("value", attribute.value)):
            _check_cookie_text(text, report, "attributes", index, field)
    return report


def _check_cookie_text(text: str, report: Report, *path: str | int) -> None:
    """The proxy refuses line breaks, and attributes that are longer than a header may be."""
    if any(ord(character) < _BLANK or character in ";\x7f" for character in text):
        report.error("a part of a cookie has no control characters and no semicolons", *path)
    elif len(text.encode()) > LONGEST_COOKIE_PART:
        report.error(f"a part of a cookie has at most {LONGEST_COOKIE_PART} bytes", *path)
