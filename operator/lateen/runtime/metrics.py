"""What Prometheus is told: counters and histograms of what happened, gauges read when it asks."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from lateen.runtime.journal import Compiled, Entry, Refused, WentLive
from lateen.xds.events import Acknowledged, Event

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Bounds of all histograms: a change is compiled in under a millisecond, and is live within a few."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One metric that is read when Prometheus asks."""

    name: str
    """Without `_total`, which counters get by themselves."""
    help: str
    values: Mapping[tuple[str, ...], float]
    """By the values of the labels."""
    labels: tuple[str, ...] = ()
    counts: bool = False
    """Whether it only ever grows."""


class Metrics:
    """The metrics of one instance; names begin with `lateen_`."""

    def __init__(self) -> None:
        """Count from zero."""
        self.registry = CollectorRegistry()
        self._compile = Histogram(
            "lateen_compile_seconds",
            "From taking a batch of changes to having published its resources.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._push = Histogram(
            "lateen_push_seconds",
            "From publishing a batch to its acknowledgement by every connected proxy.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._ack = Histogram(
            "lateen_ack_seconds",
            "From sending one response to its acknowledgement.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._changes = Counter("lateen_changes", "Objects that appeared, changed or went.", registry=self.registry)
        self._resources = Counter("lateen_resources", "Resources that changed for a class.", registry=self.registry)
        self._cells = Counter("lateen_cells", "Cells of the compiler that ran.", registry=self.registry)
        self._rejections = Counter(
            "lateen_rejections", "Resources that a proxy refused.", ["type"], registry=self.registry
        )

    def watch(self, read: Callable[[], Iterable[Reading]]) -> None:
        """Read more whenever Prometheus asks."""
        self.registry.register(_Readings(read))

    def hear(self, entry: Entry) -> None:
        """Take note of an entry of the journal."""
        if isinstance(entry, Compiled):
            outcome = entry.outcome
            self._compile.observe(entry.seconds)
            self._changes.inc(len(outcome.accepted) + len(outcome.refused) + len(outcome.removed))
            self._resources.inc(entry.sent)
            self._cells.inc(outcome.recomputed)
        elif isinstance(entry, WentLive) and not entry.superseded:
            self._push.observe(entry.seconds)
        elif isinstance(entry, Refused):
            self._rejections.labels(entry.resource.partition(" ")[0]).inc()

    def observe(self, event: Event, /) -> None:
        """Take note of what happens on the streams."""
        if isinstance(event, Acknowledged):
            self._ack.observe(event.seconds)

    def text(self) -> bytes:
        """Print everything in Prometheus' text format."""
        return generate_latest(self.registry)


class _Readings(Collector):
    """Turns readings into metrics."""

    def __init__(self, read: Callable[[], Iterable[Reading]]) -> None:
        self._read = read

    def describe(self) -> Iterable[Metric]:
        """Say nothing beforehand, so that nothing is read before there is anything."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Read everything."""
        for reading in self._read():
            family = (CounterMetricFamily if reading.counts else GaugeMetricFamily)(
                reading.name, reading.help, labels=reading.labels
            )
            for labels, value in sorted(reading.values.items()):
                family.add_metric(labels, value)
            yield family
