"""Which hosts are ejected now, by which proxy, and until when.

A proxy tells when it ejects a host and when the host returns. It does not tell when it forgets an
ejection, because its cluster changed, the host left, or the proxy ended: those ends are noticed here.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from lateen.infra.proxy_events import HostEjected, HostReturned
from lateen.ir.proxy import ProxyId
from lateen.model.keys import Key
from lateen.runtime.ejections.announcer import Announcer, News
from lateen.runtime.ejections.facts import ClusterFacts, Facts, ProxyPod
from lateen.runtime.ejections.words import (
    cause_text,
    duration,
    grace,
    host_text,
    interval,
    multiplier,
    rfc3339,
    seconds_text,
)
from lateen.status.base import EjectedHost

EJECTED: Final = "HostEjected"
RETURNED: Final = "HostReturned"
"""Reasons of Events."""


class Place(NamedTuple):
    """One host, as one proxy sees it."""

    pod: ProxyPod
    cluster: str
    address: str


@dataclass(frozen=True, slots=True)
class Standing:
    """An ejection that lasts."""

    place: Place
    facts: ClusterFacts
    pod: str
    """Of the host; empty when it has none."""
    cause: str
    since: float
    until: float
    """Both in seconds since 1970."""

    @property
    def overdue(self) -> float:
        """When its end must have been told."""
        return self.until + grace(self.facts.ejection)

    def shown(self) -> EjectedHost:
        """How status shows it."""
        return EjectedHost(
            address=self.place.address,
            pod=self.pod,
            service=self.facts.service,
            proxy=self.place.pod.name,
            cause=self.cause,
            since=rfc3339(self.since),
            until=rfc3339(self.until),
        )


class _Past(NamedTuple):
    """What is left of an ejection after the host's return: how much longer the next one is."""

    multiplier: int
    forgotten: float
    """From when on it has no effect, in seconds since 1970."""


class EjectionBook:
    """Keeps the current ejections."""

    def __init__(self, facts: Facts, announcer: Announcer, on_change: Callable[[Iterable[Key]], None]) -> None:
        """Start empty.

        Args:
            facts: what is known about clusters.
            announcer: tells what happens.
            on_change: told the DestinationRules whose current ejections changed.
        """
        self._facts = facts
        self._announcer = announcer
        self._on_change = on_change
        self._standing: dict[Place, Standing] = {}
        self._by_rule: dict[Key, dict[Place, None]] = {}
        self._past: dict[Place, _Past] = {}

    def __len__(self) -> int:
        """Count the current ejections."""
        return len(self._standing)

    @property
    def is_waiting(self) -> bool:
        """Whether time alone can change anything."""
        return bool(self._standing or self._past)

    def count(self, proxy: ProxyId) -> int:
        """Count the current ejections of one class of proxies."""
        return sum(place.pod.proxy == proxy for place in self._standing)

    def of(self, key: Key) -> tuple[EjectedHost, ...]:
        """Show the current ejections of one DestinationRule, in an order that does not depend on time."""
        return tuple(self._standing[place].shown() for place in sorted(self._by_rule.get(key, ())))

    def eject(self, pod: ProxyPod, event: HostEjected, *, tell: bool) -> None:
        """Note an ejection; `tell`: it is news, not history."""
        facts = self._facts.cluster(pod.proxy, event.cluster)
        if facts is None:
            return
        place = Place(pod, event.cluster, event.address)
        past = self._past.pop(place, None)
        times = multiplier(event, past.multiplier if past is not None else None, facts.ejection)
        lasts = duration(times, facts.ejection)
        standing = Standing(
            place,
            facts,
            pod=self._facts.pod_at(pod.proxy, event.cluster, event.address),
            cause=cause_text(event.cause, facts),
            since=event.at,
            until=event.at + lasts,
        )
        self._past[place] = _Past(times, standing.overdue + times * interval(facts.ejection))
        self._put(standing)
        if tell:
            until = rfc3339(standing.until).partition("T")[2]
            after = f"for {seconds_text(lasts)} (until {until}): {standing.cause}"
            self._tell(standing, EJECTED, f"{seconds_text(lasts)}: {standing.cause}", after)

    def restore(self, pod: ProxyPod, event: HostReturned, *, tell: bool) -> None:
        """Note that a host returned; `tell`: it is news, not history."""
        place = Place(pod, event.cluster, event.address)
        standing = self._standing.get(place)
        past = self._past.get(place)
        if standing is None:
            return
        if past is not None:
            until = event.at + past.multiplier * interval(standing.facts.ejection)
            self._past[place] = past._replace(forgotten=until)
        self._end([standing])
        if tell:
            after = seconds_text(max(event.at - standing.since, 0.0))
            self._tell(standing, RETURNED, "returned", f"again, after {after}")

    # Ends that no proxy tells

    def forget_proxy(self, pod: ProxyPod, before: float | None = None) -> None:
        """A proxy is gone, or (`before` is given) was started again then, and knows nothing of what was before."""
        ended = [each for each in self._of(pod) if before is None or each.since < before]
        for place in [place for place in self._past if place.pod == pod and before is None]:
            del self._past[place]
        for standing in ended:
            self._past.pop(standing.place, None)
        self._end(ended)
        if before is not None:
            for standing in ended:
                self._tell(standing, RETURNED, "restarted", "again: the proxy was started anew")

    def look_at_cluster(self, proxy: ProxyId, cluster: str) -> None:
        """A cluster or its endpoints changed: end what the proxies of the class forget thereby."""
        found = [
            each for each in self._standing.values() if (each.place.pod.proxy, each.place.cluster) == (proxy, cluster)
        ]
        if not found:
            return
        facts = self._facts.cluster(proxy, cluster)
        for standing in found:
            same = facts is not None and facts.version == standing.facts.version
            if facts is not None and same and self._facts.has_host(proxy, cluster, standing.place.address):
                self._assign(standing, facts)
                continue
            self._past.pop(standing.place, None)
            self._end([standing])
            if facts is not None and not same:
                self._tell(standing, RETURNED, "changed", "again: its cluster was changed, which ends all ejections")

    def look(self, now: float) -> None:
        """End what must have ended by now without a word that was heard."""
        self._end([standing for standing in self._standing.values() if standing.overdue < now])
        for place in [place for place, past in self._past.items() if past.forgotten < now]:
            del self._past[place]

    def clear(self) -> None:
        """Forget everything, without a word: somebody else keeps the book now."""
        self._standing.clear()
        self._by_rule.clear()
        self._past.clear()

    def _of(self, pod: ProxyPod) -> Iterator[Standing]:
        return (standing for standing in self._standing.values() if standing.place.pod == pod)

    def _assign(self, standing: Standing, facts: ClusterFacts) -> None:
        """The same cluster may come from other rules than before."""
        if facts.rules != standing.facts.rules:
            self._end([standing])
            self._put(replace(standing, facts=facts))

    def _put(self, standing: Standing) -> None:
        self._drop(standing.place)
        self._standing[standing.place] = standing
        for rule in standing.facts.rules:
            self._by_rule.setdefault(rule, {})[standing.place] = None
        self._on_change(standing.facts.rules)

    def _end(self, ended: Iterable[Standing]) -> None:
        changed: dict[Key, None] = {}
        for standing in tuple(ended):
            self._drop(standing.place)
            changed.update(dict.fromkeys(standing.facts.rules))
        if changed:
            self._on_change(changed)

    def _drop(self, place: Place) -> None:
        standing = self._standing.pop(place, None)
        for rule in standing.facts.rules if standing is not None else ():
            places = self._by_rule[rule]
            del places[place]
            if not places:
                del self._by_rule[rule]

    def _tell(self, standing: Standing, reason: str, sort: str, after: str) -> None:
        host = f"{host_text(standing.place.address, standing.pod)} of {standing.facts.service}"
        type_, verb = ("Warning", "ejected by") if reason == EJECTED else ("Normal", "gets requests from")
        for rule in standing.facts.rules:
            self._announcer.tell(News(rule, type_, reason, f"{host} {verb}", sort), standing.place.pod.name, after)
