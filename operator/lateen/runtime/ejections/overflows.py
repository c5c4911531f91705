"""Requests that full connection pools turned away: counted, and told once in a while."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from lateen.infra.proxy_events import Limit, PoolOverflowed
from lateen.kube.recorder import Recorder
from lateen.model.keys import Key
from lateen.runtime.ejections.facts import ClusterFacts, Facts, ProxyPod
from lateen.runtime.ejections.words import limits_text, proxies_text, seconds_text

OVERFLOW: Final = "PoolOverflow"
"""Reason of Events."""

GATHERING: Final = 2.0
"""Seconds from the first overflow to its Event: they seldom come alone."""

PERIOD: Final = 60.0
"""Seconds between two Events about one cluster of one DestinationRule."""

_SINGULAR: Final = {
    Limit.REQUEST: "request was refused",
    Limit.CONNECTION: "connection was closed",
    Limit.RETRY: "retry was not made",
}
_PLURAL: Final = {
    Limit.REQUEST: "requests were refused",
    Limit.CONNECTION: "connections were closed",
    Limit.RETRY: "retries were not made",
}


class _Subject(NamedTuple):
    rule: Key
    cluster: str


@dataclass(slots=True)
class _Window:
    """What came since the last Event."""

    facts: ClusterFacts
    opened: float
    due: float
    counts: Counter[Limit] = field(default_factory=Counter)
    proxies: dict[str, None] = field(default_factory=dict)


class OverflowCounter:
    """Gathers overflows into Events."""

    def __init__(self, facts: Facts, recorder: Recorder, clock: Callable[[], float]) -> None:
        """Start empty.

        Args:
            facts: what is known about clusters.
            recorder: makes Events.
            clock: monotonic seconds.
        """
        self._facts = facts
        self._recorder = recorder
        self._clock = clock
        self._unsorted: Counter[tuple[ProxyPod, PoolOverflowed]] = Counter()
        self._windows: dict[_Subject, _Window] = {}

    @property
    def is_waiting(self) -> bool:
        """Whether time alone can change anything."""
        return bool(self._windows or self._unsorted)

    def add(self, pod: ProxyPod, event: PoolOverflowed) -> None:
        """Count one overflow. There may be thousands in a second, so this does no more."""
        self._unsorted[pod, event] += 1

    def look(self) -> None:
        """Tell what is due."""
        now = self._clock()
        unsorted, self._unsorted = self._unsorted, Counter()
        for (pod, event), count in unsorted.items():
            self._sort(pod, event, count, now)
        for subject, window in tuple(self._windows.items()):
            if window.due > now:
                continue
            if not window.counts:
                del self._windows[subject]
                continue
            self._tell(subject, window, now - window.opened)
            self._windows[subject] = _Window(window.facts, now, now + PERIOD)

    def clear(self) -> None:
        """Forget what was not told."""
        self._windows.clear()
        self._unsorted.clear()

    def _sort(self, pod: ProxyPod, event: PoolOverflowed, count: int, now: float) -> None:
        facts = self._facts.cluster(pod.proxy, event.cluster)
        if facts is None:
            return
        for rule in facts.rules:
            subject = _Subject(rule, event.cluster)
            window = self._windows.get(subject)
            if window is None:
                window = self._windows[subject] = _Window(facts, now, now + GATHERING)
            window.facts = facts
            window.counts[event.limit] += count
            window.proxies[pod.name] = None

    def _tell(self, subject: _Subject, window: _Window, seconds: float) -> None:
        ref = window.facts.ref
        parts = [
            f"{count} {_SINGULAR[limit] if count == 1 else _PLURAL[limit]} ({limits_text(limit, window.facts)})"
            for limit, count in sorted(window.counts.items())
        ]
        who = proxies_text([*window.proxies])
        text = f"{window.facts.service} port {ref.port} is at its limits: in the last {seconds_text(round(seconds))}, "
        self._recorder.record(subject.rule, "Warning", OVERFLOW, f"{text}{', '.join(parts)}, by {who}")
