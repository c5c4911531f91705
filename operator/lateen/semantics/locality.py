"""Locality: which endpoints are near, how much each place gets, who takes over when it fails.

A `Proximity` is the one setting in effect, whatever it was written as; `arrange` turns
backends into localities with priorities and weights (istio-semantics §1.3.3, §3.6).
One departure: a proxy that does not know its own place ranks no place above another.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Final

from lateen.ir.endpoint import Locality
from lateen.ir.proxy import Proxy
from lateen.semantics.backends import (
    HOST_LABEL,
    NETWORK_LABEL,
    REGION_LABEL,
    SUBZONE_LABEL,
    ZONE_LABEL,
    Backend,
    split_place,
    with_topology,
)

_MAX_WEIGHT: Final = 2**32 - 1
_PREFER_ZONE: Final = (NETWORK_LABEL, REGION_LABEL, ZONE_LABEL)
_PREFER_NODE: Final = (*_PREFER_ZONE, SUBZONE_LABEL, HOST_LABEL)
_DISTRIBUTIONS: Final = {
    "PreferClose": _PREFER_ZONE,
    "PreferSameZone": _PREFER_ZONE,
    "PreferSameNode": _PREFER_NODE,
}


@dataclass(frozen=True, slots=True)
class Share:
    """Traffic from one place: percent by destination place. `*` may end a place."""

    origin: str
    percent: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Proximity:
    """How a proxy treats near and far endpoints of one service."""

    shares: tuple[Share, ...] = ()
    takeovers: tuple[tuple[str, str], ...] = ()
    """(region, the region that takes over first)."""
    labels: tuple[str, ...] = ()
    """Labels, most important first, that make an endpoint near; `label=value` or the proxy's own value."""
    by_place: bool = True
    """Rank by region, zone and subzone when no labels are given."""
    without_ejection: bool = False
    """Rank even though nobody is ejected."""
    zone_aware: bool | None = None
    """Envoy's own zone-aware routing; None: not configured."""
    min_cluster_size: int | None = None

    def weighted(self, *, ejects: bool) -> bool:
        """Whether Envoy has to honour the weights of localities."""
        ranked = (ejects or self.without_ejection) and bool(self.takeovers or self.labels)
        return self.zone_aware is None and (bool(self.shares) or ranked)


EVERYWHERE: Final = Proximity(by_place=False)
"""Near and far make no difference."""

BY_PLACE: Final = Proximity()
"""What holds when nobody asked for anything: near first, once endpoints can be ejected."""


def preferred_by_service(traffic_distribution: str) -> Proximity | None:
    """What a Service's `trafficDistribution` asks for; None: nothing, or an unknown value."""
    labels = _DISTRIBUTIONS.get(traffic_distribution)
    return None if labels is None else Proximity(labels=labels, without_ejection=True)


def covers(rule: str, place: str) -> bool:
    """Whether a place written in a rule (`region`, `region/zone`, `region/*`, `*`) covers a place."""
    wanted, actual = split_place(rule), split_place(place)
    if wanted[0] not in {"*", actual[0]}:
        return False
    return all(want in {"", "*", have} for want, have in zip(wanted[1:], actual[1:], strict=True))


def ranks(proximity: Proximity, proxy: Proxy, *, ejects: bool) -> bool:
    """Whether endpoints get priorities for this proxy."""
    if proximity.shares or not (ejects or proximity.without_ejection):
        return False
    return bool(proximity.labels) or (proximity.by_place and bool(proxy.locality))


def looks_at_labels(proximity: Proximity, proxy: Proxy, *, ejects: bool) -> bool:
    """Whether the arrangement depends on labels and places of the endpoints at all."""
    return bool(proxy.locality or proximity.shares) or ranks(proximity, proxy, ejects=ejects)


def arrange(backends: Iterable[Backend], proximity: Proximity, proxy: Proxy, *, ejects: bool) -> tuple[Locality, ...]:
    """Sort backends into localities, nearest priority first.

    `ejects`: the effective policy has outlier detection; without it traffic would never move
    to another priority, so there are none.
    """
    by_place: dict[str, list[Backend]] = {}
    for backend in backends:
        by_place.setdefault(backend.place, []).append(backend)
    places = sorted(by_place)
    if proximity.shares:
        return _share(proximity.shares, proxy.locality, [(place, by_place[place]) for place in places])
    if not ranks(proximity, proxy, ejects=ejects):
        return tuple(_locality(place, by_place[place]) for place in places)
    rank = _ranking(proximity, proxy)
    groups: dict[tuple[int, str], list[Backend]] = {}
    for place in places:
        for backend in by_place[place]:
            groups.setdefault((rank(backend), place), []).append(backend)
    dense = {value: index for index, value in enumerate(sorted({key[0] for key in groups}))}
    return tuple(_locality(place, groups[value, place], priority=dense[value]) for value, place in sorted(groups))


def _locality(place: str, backends: Sequence[Backend], *, priority: int = 0) -> Locality:
    """Make a locality whose weight is the sum of its endpoints' weights."""
    return Locality(tuple(backend.endpoint for backend in backends), place=place, priority=priority)


def _weight(locality: Locality) -> int:
    """Sum up the endpoints' weights, within Envoy's limit."""
    return min(sum(endpoint.weight for endpoint in locality.endpoints), _MAX_WEIGHT)


def _share(
    shares: Sequence[Share], origin: str, groups: Sequence[tuple[str, Sequence[Backend]]]
) -> tuple[Locality, ...]:
    """Give each destination place its percentage; places that none names lose their endpoints."""
    localities = [_locality(place, backends) for place, backends in groups]
    share = next((share for share in shares if covers(share.origin, origin)), None)
    if share is None:
        return tuple(localities)
    weights: dict[int, int] = {}
    for destination, percent in share.percent:
        members = [
            index
            for index, locality in enumerate(localities)
            if index not in weights and covers(destination, locality.place)
        ]
        total = sum(_weight(localities[index]) for index in members)
        for index in members:
            weights[index] = ceil(_weight(localities[index]) * percent / total)
    return tuple(replace(localities[index], weight=weights[index]) for index in sorted(weights))


def _ranking(proximity: Proximity, proxy: Proxy) -> Callable[[Backend], int]:
    """Build the function that ranks a backend: 0 is nearest, gaps are allowed."""
    own = with_topology(proxy.labels, proxy.locality)
    place = _zone_aware_rank if proximity.zone_aware else _place_rank
    factor = 3 if proximity.zone_aware else 5
    use_place = bool(proxy.locality) and (proximity.zone_aware or not proximity.labels or bool(proximity.takeovers))

    def rank(backend: Backend) -> int:
        near = _label_rank(proximity.labels, own, backend.labels) if proximity.labels else 0
        return near * factor + place(proximity.takeovers, proxy.locality, backend.place) if use_place else near

    return rank


def _label_rank(labels: Sequence[str], own: Mapping[str, str], theirs: Mapping[str, str]) -> int:
    """Rank by the first label that differs: the later it comes, the nearer the endpoint."""
    lowest, extra = len(labels), 0
    for index, label in enumerate(labels):
        name, written, value = label.partition("=")
        if theirs.get(name, "") == (value if written else own.get(name, "")):
            continue
        if index == 0 and name == NETWORK_LABEL:
            extra = lowest  # another network is behind all others, which still differ among themselves
            continue
        return extra + lowest - index
    return extra


def _place_rank(takeovers: Iterable[tuple[str, str]], own: str, theirs: str) -> int:
    """Rank by region, zone and subzone; the region that takes over comes before all other regions."""
    here, there = split_place(own), split_place(theirs)
    if here[0] == there[0]:
        if here[1] != there[1]:
            return 2
        return 0 if here[2] == there[2] else 1
    target = next((to for region, to in takeovers if region == here[0]), None)
    return 3 if target is None or target == there[0] else 4


def _zone_aware_rank(takeovers: Iterable[tuple[str, str]], own: str, theirs: str) -> int:
    """Rank by region only; Envoy itself prefers the zone."""
    here, there = split_place(own)[0], split_place(theirs)[0]
    if here == there:
        return 0
    return 1 if any(region == here and to == there for region, to in takeovers) else 2
