"""Finds rules and matches that nothing can reach (istio-semantics §4.3).

Warnings only, and only for what is certain: a rule behind one without conditions, a match
that was written before, a path prefix that an earlier, no more demanding match covers.
The time is linear in the number of matches; each costs a few look-ups.
"""

from collections.abc import Hashable, Mapping, Sequence
from itertools import combinations
from typing import Final, TypeAlias

from lateen.model.matching import HttpMatch, L4Match, TlsMatch
from lateen.model.values import StringMatch
from lateen.model.virtualservice import HttpRule, TcpRule, TlsRule
from lateen.validation.report import Report

_Condition: TypeAlias = tuple[Hashable, ...]
_Conditions: TypeAlias = frozenset[_Condition]

_EXAMINED: Final = 4
"""Up to so many conditions besides the path every selection of them is looked up; beyond, none and all."""

_PRESENT: Final = StringMatch()


def check_http_reachability(rules: Sequence[HttpRule]) -> Report:
    """Warn of HTTP rules and matches that no request reaches. Paths are relative to the list."""
    report = Report()
    if not _is_worthwhile(rules):
        return report
    first_open: int | None = None
    covered = _Coverage()
    for number, rule in enumerate(rules):
        if first_open is not None:
            report.warn(_behind(rules[first_open].name, first_open), number)
            continue
        if not rule.match:
            first_open = number
            continue
        repeated = 0
        for index, match in enumerate(rule.match):
            before = covered.place_of(match)
            if before is not None:
                repeated += 1
            else:
                before = covered.place_of_broader(match)
                covered.add(match, number)
            if before is not None:
                where = _label(rules[before].name, before)
                report.warn(f"this match has no effect: one of rule {where} already covers it", number, "match", index)
        if repeated == len(rule.match):
            report.warn("this rule is never reached: earlier ones have all of its matches", number)
    return report


def check_l4_reachability(rules: Sequence[TlsRule | TcpRule]) -> Report:
    """Warn of TLS or TCP rules and matches that no connection reaches. Paths are relative to the list."""
    report = Report()
    first_open: int | None = None
    seen: dict[Hashable, int] = {}
    for number, rule in enumerate(rules):
        if first_open is not None:
            report.warn(_behind("", first_open), number)
            continue
        if not rule.match:
            first_open = number
            continue
        repeated = 0
        conditions: tuple[TlsMatch | L4Match, ...] = rule.match
        for index, match in enumerate(conditions):
            before = seen.get(_connection(match))
            if before is None:
                seen[_connection(match)] = number
            else:
                repeated += 1
                report.warn(f"this match has no effect: rule #{before} has the same", number, "match", index)
        if repeated == len(rule.match):
            report.warn("this rule is never reached: earlier ones have all of its matches", number)
    return report


def _is_worthwhile(rules: Sequence[HttpRule]) -> bool:
    """Whether there is a second match, without which nothing can be covered."""
    return len(rules) > 1 or (len(rules) == 1 and len(rules[0].match) > 1)


def _label(name: str, number: int) -> str:
    return repr(name) if name else f"#{number}"


def _behind(name: str, number: int) -> str:
    return f"this rule is never reached: rule {_label(name, number)} before it has no conditions and takes everything"


class _Coverage:
    """The matches so far, with the number of the rule that has them."""

    def __init__(self) -> None:
        self._exact: dict[Hashable, int] = {}
        self._prefixes: dict[tuple[_Condition, _Conditions, str], int] = {}
        self._lengths: dict[tuple[_Condition, _Conditions], list[int]] = {}

    def place_of(self, match: HttpMatch) -> int | None:
        """The rule that has the very same match."""
        return self._exact.get((match.uri, _scope(match), _conditions(match)))

    def place_of_broader(self, match: HttpMatch) -> int | None:
        """The first rule known with a shorter prefix of this match's prefix and no other conditions than its own."""
        prefix = _prefix(match)
        if not prefix or not self._lengths:
            return None
        scope, conditions = _scope(match), _conditions(match)
        found: list[int] = []
        for selected in _selections(conditions):
            for length in self._lengths.get((scope, selected), ()):
                if length < len(prefix):
                    place = self._prefixes.get((scope, selected, prefix[:length]))
                    if place is not None:
                        found.append(place)
        return min(found, default=None)

    def add(self, match: HttpMatch, number: int) -> None:
        """Remember a match of the rule."""
        scope, conditions = _scope(match), _conditions(match)
        self._exact[match.uri, scope, conditions] = number
        prefix = _prefix(match)
        if prefix and self._prefixes.setdefault((scope, conditions, prefix), number) == number:
            lengths = self._lengths.setdefault((scope, conditions), [])
            if len(prefix) not in lengths:
                lengths.append(len(prefix))


def _selections(conditions: _Conditions) -> list[_Conditions]:
    """Every part of the conditions, as a match with only those is broader."""
    if not conditions:
        return [conditions]
    if len(conditions) > _EXAMINED:
        return [frozenset(), conditions]
    return [frozenset(part) for size in range(len(conditions) + 1) for part in combinations(conditions, size)]


def _prefix(match: HttpMatch) -> str:
    uri = match.uri
    if uri is None or not uri.prefix:
        return ""
    return uri.prefix.lower() if match.ignore_uri_case else uri.prefix


def _scope(match: HttpMatch) -> _Condition:
    """What has to be equal for two matches to be compared at all."""
    return (match.ignore_uri_case, match.gateways, match.stat_prefix)


def _conditions(match: HttpMatch) -> _Conditions:
    """Everything that a match asks for besides the path."""
    found: list[_Condition] = []
    for field, condition in (("scheme", match.scheme), ("method", match.method), ("authority", match.authority)):
        if condition is not None:
            found.append((field, condition))
    if match.port:
        found.append(("port", match.port))
    if match.source_namespace:
        found.append(("namespace", match.source_namespace))
    found += _named("header", match.headers)
    found += _named("without", match.without_headers)
    found += _named("query", match.query_params)
    found += [("label", key, value) for key, value in match.source_labels.items()]
    return frozenset(found)


def _named(sort: str, conditions: Mapping[str, StringMatch | None]) -> list[_Condition]:
    return [(sort, name, condition or _PRESENT) for name, condition in conditions.items()] if conditions else []


def _connection(match: TlsMatch | L4Match) -> Hashable:
    names = match.sni_hosts if isinstance(match, TlsMatch) else ()
    return (
        names,
        match.destination_subnets,
        match.port,
        match.source_subnet,
        frozenset(match.source_labels.items()),
        match.gateways,
        match.source_namespace,
    )
