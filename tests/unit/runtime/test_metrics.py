"""Metrics as Prometheus reads them."""

import re
from pathlib import Path

from lateen.compile.compiler import Outcome
from lateen.ir.proxy import ProxyId
from lateen.ir.resource import ResourceType
from lateen.model.keys import Key, Kind
from lateen.runtime.journal import Compiled, Refused, WentLive
from lateen.runtime.metrics import Metrics, Reading
from lateen.xds.events import Acknowledged, StreamId

EDGE = ProxyId("edge", "istio=ingressgateway")
ROOT = Path(__file__).parents[3]


def lines(metrics: Metrics) -> set[str]:
    return {line for line in metrics.text().decode().splitlines() if not line.startswith("#")}


def test_batches_are_counted_and_timed() -> None:
    metrics = Metrics()
    key = Key(Kind.GATEWAY, "edge", "gw")
    metrics.hear(Compiled(1, Outcome(accepted=(key,), removed=(key,), recomputed=4), {}, seconds=0.002, sent=3))
    metrics.hear(WentLive(1, 0.02))
    metrics.hear(WentLive(2, 9.0, superseded=True))
    said = lines(metrics)
    assert {"lateen_changes_total 2.0", "lateen_cells_total 4.0", "lateen_resources_total 3.0"} <= said
    assert {"lateen_compile_seconds_count 1.0", "lateen_push_seconds_sum 0.02"} <= said


def test_verdicts_of_proxies_are_counted() -> None:
    metrics = Metrics()
    metrics.hear(Refused(EDGE, "Listener 0.0.0.0_80", "no", ()))
    metrics.observe(Acknowledged(StreamId(EDGE, "pod", 1), ResourceType.CLUSTER, {}, 0.004))
    assert {'lateen_rejections_total{type="Listener"} 1.0', "lateen_ack_seconds_count 1.0"} <= lines(metrics)


def test_readings_are_taken_when_somebody_asks() -> None:
    metrics, leading = Metrics(), [0.0]
    metrics.watch(
        lambda: [
            Reading("lateen_leader", "Whether it leads.", {(): leading[0]}),
            Reading("lateen_writes", "Writes.", {("edge",): 2.0}, labels=("namespace",), counts=True),
        ]
    )
    assert "lateen_leader 0.0" in lines(metrics)
    leading[0] = 1.0
    assert {"lateen_leader 1.0", 'lateen_writes_total{namespace="edge"} 2.0'} <= lines(metrics)


def test_every_metric_stands_on_its_page() -> None:
    """Histograms and counters are made in `metrics`, gauges in `readings`."""
    told = re.findall(r"^\| `(lateen_\w+)`", (ROOT / "docs/metrics.md").read_text(), re.MULTILINE)
    sources = (ROOT / "operator/lateen/runtime" / name for name in ("metrics.py", "readings.py"))
    made = {name for source in sources for name in re.findall(r'"(lateen_\w+)"', source.read_text())}
    assert sorted(name.removesuffix("_total") for name in told) == sorted(made)
