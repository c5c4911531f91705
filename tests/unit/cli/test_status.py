"""`lateen status` as people read it."""

import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from lateen.cli.main import cli
from lateen.cli.status import describe
from lateen.infra.state import InstanceInfo, open_instance
from lateen.runtime.instance_report import (
    ChangeFields,
    ConditionFields,
    EjectedFields,
    InstanceFields,
    ObjectFields,
    PendingFields,
    ProxyFields,
    Report,
    StreamFields,
    TakenFields,
    TypeFields,
)
from lateen.runtime.listening import PortFields
from lateen.runtime.notices import NoticeFields

EJECTED = "of cart.shop/v1, by proxy shared/app=edge until 2026-01-01T00:00:30Z: 3 consecutive 5xx answers"
STREAM = StreamFields(
    connected_seconds=61.0,
    types=[
        TypeFields(
            type="clusters", version="97c9eea5b8af", count=2, under_way=0, acknowledged_seconds_ago=4.0, rejections=1
        ),
        TypeFields(type="routes", version="", count=0, under_way=1, acknowledged_seconds_ago=None, rejections=0),
    ],
    pending=[PendingFields(type="routes", name="http.80/a", reason="waits for b")],
    node="shared/app=edge",
    replica="",
)
REPORT = Report(
    instance=InstanceFields(
        name="default",
        pid=7,
        version="1.0",
        started="2026-01-01T00:00:00+00:00",
        uptime_seconds=7300.0,
        directories=["shop"],
        serving=True,
        waiting=1,
        leading=True,
    ),
    replicas=[],
    proxies=[
        ProxyFields(
            proxy="shared/app=edge",
            phase="ready",
            pid=8,
            admin="127.0.0.1:9901",
            restarts=1,
            error="",
            streams=[STREAM],
            pods=0,
            ready_pods=0,
        ),
        ProxyFields(
            proxy="shared/b",
            phase="failing",
            pid=0,
            admin="",
            restarts=0,
            error="cannot be started",
            streams=[],
            pods=0,
            ready_pods=0,
        ),
    ],
    listening=[
        PortFields(
            gateway="default/edge",
            proxy="shared/app=edge",
            url="http://127.0.0.1:10080",
            address="127.0.0.1",
            port=10080,
            number=80,
            protocol="HTTP",
            hosts=["shop.example.com"],
        ),
    ],
    taken=[TakenFields(proxy="shared/b", address="127.0.0.1", port=81, reason="127.0.0.1:81 is in use")],
    changes=[
        ChangeFields(number=2, objects=1, seconds_ago=3.0, compile_seconds=0.0004, live_seconds=None, rejected=0),
        ChangeFields(number=1, objects=3, seconds_ago=9.0, compile_seconds=0.02, live_seconds=0.3, rejected=1),
    ],
    objects=[
        ObjectFields(
            kind="Gateway",
            namespace="default",
            name="edge",
            file="shop.yaml",
            line=2,
            conditions=[
                ConditionFields(type="Accepted", status="True", reason="Accepted", message=""),
                ConditionFields(type="Programmed", status="False", reason="Pending", message="0 of 1"),
            ],
        ),
    ],
    ejected=[
        EjectedFields(
            object="DestinationRule/default/cart",
            address="127.0.0.1:9001",
            pod="",
            service="cart.shop/v1",
            proxy="shared/app=edge",
            cause="3 consecutive 5xx answers",
            since="2026-01-01T00:00:00Z",
            until="2026-01-01T00:00:30Z",
        )
    ],
    findings=[
        NoticeFields(
            file="shop.yaml",
            line=9,
            column=0,
            kind="Gateway",
            namespace="default",
            name="edge",
            path="spec.servers[0]",
            code="LAT0201",
            severity="error",
            message="contradiction",
        ),
    ],
)


def test_everything_stands_in_its_section() -> None:
    assert list(describe(REPORT)) == [
        "instance 'default' (pid 7, lateen 1.0), up for 2 h, reads shop: serving, 1 change not acknowledged yet",
        "",
        "PROXIES",
        "  shared/app=edge: ready, pid 8, started again 1 time, admin http://127.0.0.1:9901",
        "    connected for 1 min",
        "    type      acknowledged  under way  version       last ACK  NACKs",
        "    clusters  2             0          97c9eea5b8af  4 s ago   1",
        "    routes    0             1          -             never     0",
        "    waits: routes http.80/a: waits for b",
        "  shared/b: failing",
        "    cannot be started",
        "",
        "LISTENING",
        "  http://127.0.0.1:10080  Gateway default/edge  port 80  shop.example.com",
        "  127.0.0.1:81 is in use; proxy shared/b waits until it is free",
        "",
        "CHANGES",
        "  #2  3 s ago  1 object   compiled in 0.4 ms  not live yet",
        "  #1  9 s ago  3 objects  compiled in 20 ms   live in 300 ms, 1 resource refused",
        "",
        "OBJECTS",
        "  object                Accepted  ResolvedRefs  Programmed       file",
        "  Gateway default/edge  True      -             False (Pending)  shop.yaml:2",
        "",
        "EJECTED",
        f"  127.0.0.1:9001 {EJECTED}",
        "",
        "FINDINGS",
        "  shop.yaml:9: error Gateway default/edge: spec.servers[0]: contradiction [LAT0201]",
    ]


def test_an_ejected_pod_goes_by_its_name() -> None:
    (host,) = REPORT["ejected"]
    lines = describe({**REPORT, "ejected": [{**host, "pod": "cart-1"}]})
    assert f"  cart-1 (127.0.0.1:9001) {EJECTED}" in lines


def test_sections_without_content_are_left_out() -> None:
    empty = Report(
        instance={**REPORT["instance"], "serving": False, "waiting": 0},
        proxies=[],
        listening=[],
        taken=[],
        changes=[],
        objects=[],
        ejected=[],
        findings=[],
        replicas=[],
    )
    assert list(describe(empty)) == ["instance 'default' (pid 7, lateen 1.0), up for 2 h, reads shop: starting"]


def test_an_operator_is_shown_with_all_replicas_and_their_streams() -> None:
    instance = REPORT["instance"]
    first = {**instance, "name": "lateen-0", "directories": [], "waiting": 0}
    second = {**first, "name": "lateen-1", "leading": False}
    streams: list[StreamFields] = [
        {**STREAM, "node": "edge-0", "replica": "lateen-0"},
        {**STREAM, "node": "edge-1", "replica": "lateen-1"},
    ]
    report: Any = {
        **REPORT,
        "replicas": [first, second],
        "proxies": [
            {
                **REPORT["proxies"][0],
                "pid": 0,
                "admin": "",
                "restarts": 0,
                "streams": streams,
                "pods": 3,
                "ready_pods": 2,
            }
        ],
        "objects": [{**each, "file": "", "line": 0} for each in REPORT["objects"]],
    }
    lines = list(describe(report))
    assert lines[:2] == [
        "operator lateen-0 (lateen 1.0), up for 2 h, leads: serving",
        "operator lateen-1 (lateen 1.0), up for 2 h: serving",
    ]
    assert lines[3:8] == [
        "PROXIES",
        "  shared/app=edge: ready, 2 of 3 pods ready",
        "    proxy   connected  to        acknowledged  under way  last ACK  NACKs",
        "    edge-0  for 1 min  lateen-0  2             1          4 s ago   1",
        "    edge-1  for 1 min  lateen-1  2             1          4 s ago   1",
    ]
    assert "  object                Accepted  ResolvedRefs  Programmed" in lines
    assert "  shared/app=edge  Gateway default/edge  port 80  shop.example.com" in lines
    report["replicas"] = [second]
    assert list(describe(report))[1].startswith("no replica leads at the moment")


def test_of_many_objects_only_those_are_shown_that_something_is_to_be_said_of() -> None:
    (bad,) = REPORT["objects"]
    good: list[ObjectFields] = [{**bad, "name": str(number), "conditions": []} for number in range(60)]

    def shown(objects: list[ObjectFields]) -> list[str]:
        lines = list(describe({**REPORT, "objects": objects, "ejected": [], "findings": []}))
        return lines[lines.index("OBJECTS") + 1 :]

    assert shown([bad, *good]) == [
        "  object                Accepted  ResolvedRefs  Programmed       file",
        "  Gateway default/edge  True      -             False (Pending)  shop.yaml:2",
        "  60 other objects, all accepted, resolved and programmed",
    ]
    assert shown(good) == ["  60 objects, all accepted, resolved and programmed"]


def test_an_instance_that_does_not_run_is_reported_with_those_that_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    with open_instance(tmp_path / "lateen", "other") as other:
        info = InstanceInfo("other", os.getpid(), str(other.control_socket), "", ("shop", "edge"))
        other.announce(info)
        result = CliRunner().invoke(cli, ["status"])
        silent = CliRunner().invoke(cli, ["status", "--name", "other"])
    assert result.exit_code == silent.exit_code == 1
    assert result.stderr == (
        f"lateen: no instance named 'default' is running; running: other (pid {info.pid}, shop, edge)\n"
    )
    assert silent.stderr.startswith(f"lateen: instance 'other' (pid {info.pid}) does not answer yet: ")
