"""Journal entries as JSON."""

import json
from typing import Any

from tests.unit.runtime.stage import CART, EDGE, GATEWAY, ROUTES, Stage

from lateen.infra.base import Phase, ProxyState
from lateen.ir.finding import Finding
from lateen.model.keys import Key, Kind
from lateen.model.objects import Origin
from lateen.runtime.journal import (
    Compiled,
    Draining,
    Entry,
    FileReported,
    Happened,
    Listening,
    PortTaken,
    ProxyChanged,
    Refused,
    Restored,
    Serving,
    Started,
    Stopped,
    WentLive,
)
from lateen.runtime.journal_records import record_of
from lateen.runtime.notices import Notice, notice_of_finding
from lateen.sources.base import FileProblem, FileReport


def record(entry: Entry) -> dict[str, Any]:
    def notice(finding: Finding) -> Notice:
        return notice_of_finding(finding, Origin("a.yaml", 1, 0), lambda *_: 5)

    made = record_of(entry, notice)
    assert json.loads(json.dumps(made)) == made, "it is JSON"
    return made


def test_a_batch_names_its_objects_and_findings() -> None:
    stage = Stage()
    stage.apply(GATEWAY, ROUTES)
    (compiled,) = stage.told(Compiled)
    made = record(compiled)
    assert made["event"] == "compiled"
    assert made["accepted"] == ["Gateway/default/edge", "VirtualService/default/shop"]
    assert (made["rejected"], made["removed"], made["number"]) == ([], [], 1)
    (finding,) = made["findings"]
    assert (finding["code"], finding["line"]) == ("LAT0303", 5)


def test_ports_carry_what_can_be_typed() -> None:
    stage = Stage()
    stage.apply(GATEWAY, ROUTES, CART)
    (listening,) = stage.told(Listening)
    made = record(listening)
    assert made == {
        "event": "listening",
        "ports": [
            {
                "gateway": "default/edge",
                "proxy": "shared/app=edge",
                "url": "http://127.0.0.1:10080",
                "address": "127.0.0.1",
                "port": 10080,
                "number": 80,
                "protocol": "HTTP",
                "hosts": ["shop.example.com"],
            }
        ],
    }


def test_every_other_entry_has_its_event() -> None:
    key = Key(Kind.GATEWAY, "default", "edge")
    assert record(Started("default", "1.0", 7, ("shop",)))["paths"] == ["shop"]
    assert record(WentLive(3, 0.5, 1)) == {
        "event": "live",
        "number": 3,
        "seconds": 0.5,
        "rejected": 1,
        "superseded": False,
    }
    assert record(Restored(EDGE, 0.5)) == {"event": "restored", "proxy": "shared/app=edge", "seconds": 0.5}
    assert record(Serving(0.9)) == {"event": "serving", "seconds": 0.9}
    assert record(PortTaken((), "in use")) == {"event": "port_taken", "reason": "in use", "ports": []}
    report = FileReport("a.yaml", (FileProblem("a.yaml", 3, 1, "no YAML"),))
    file = record(FileReported(report, kept=2))
    assert (file["event"], file["kept"], file["healed"]) == ("file", 2, False)
    assert record(ProxyChanged(ProxyState(EDGE, Phase.READY, 7)))["phase"] == "ready"
    refused = record(Refused(EDGE, "Listener l", "no", ((key, Origin("a.yaml", 3, 0)), (key, None))))
    assert refused["objects"] == [
        {"object": "Gateway/default/edge", "file": "a.yaml", "line": 3},
        {"object": "Gateway/default/edge", "file": "", "line": 0},
    ]
    assert record(Happened(key, "HostEjected", "words", is_warning=True)) == {
        "event": "happened",
        "object": "Gateway/default/edge",
        "reason": "HostEjected",
        "message": "words",
        "severity": "warning",
    }
    assert record(Draining(5.0)) == {"event": "draining", "seconds": 5.0}
    assert record(Stopped()) == {"event": "stopped"}
