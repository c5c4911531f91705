"""What `lateen up` says, word by word."""

import re

from tests.unit.runtime.stage import CART, EDGE, GATEWAY, ROUTES, Stage, key

from lateen.cli.narrator import BAD, GOOD, QUIET, Line, Narrator
from lateen.infra.base import Phase, ProxyState
from lateen.ir.finding import Finding
from lateen.ir.proxy import ListeningPort
from lateen.model.keys import Key, Kind
from lateen.model.objects import Origin, Severity
from lateen.runtime.journal import (
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
from lateen.runtime.notices import Notice, notice_of_finding
from lateen.settings import UpSettings
from lateen.sources.base import FileProblem, FileReport

PORT = ListeningPort(EDGE, "default/edge", 80, "127.0.0.1", 10080, "HTTP", ("shop.example.com",))


def notice(finding: Finding) -> Notice:
    return notice_of_finding(finding, Origin("shop.yaml", 2, 0), lambda origin, path: origin.line + len(path))


def lines(*entries: Entry) -> list[str]:
    narrator = Narrator(notice)
    return [line.text for entry in entries for line in narrator.lines(entry)]


def steady(text: str) -> str:
    """Take out how many resources there are, and how long it took."""
    return re.sub(r"\d+ resources?( for proxies, compiled in) [\d.]+ ms", r"N resources\1 T ms", text)


def test_the_first_line_says_who_speaks_and_what_is_read() -> None:
    assert lines(Started("default", "1.0", 7, ("a", "b"))) == ["lateen 1.0, instance 'default' (pid 7), reads a, b"]


def test_a_batch_says_what_was_accepted_and_what_that_changes() -> None:
    stage = Stage()
    stage.apply(GATEWAY, CART)
    stage.apply(ROUTES)
    stage.remove(ROUTES)
    assert [steady(text) for text in lines(*stage.entries)] == [
        "#1 Gateway default/edge, ServiceEntry default/cart accepted: N resources for proxies, compiled in T ms",
        "http://127.0.0.1:10080 Gateway default/edge, its port 80, for shop.example.com",
        "ports under 1024 need privileges, so 10000 is added to them (--port-shift)",
        "#2 VirtualService default/shop accepted: N resources for proxies, compiled in T ms",
        "#3 VirtualService default/shop removed: N resources for proxies, compiled in T ms",
    ]


def test_a_large_batch_is_counted() -> None:
    stage = Stage()
    stage.apply(*(CART.replace("name: cart}", f"name: cart-{number}}}") for number in range(4)))
    assert lines(*stage.entries)[0] == "#1 4 objects accepted: nothing changes for proxies"


def test_without_a_gateway_it_waits_for_one() -> None:
    stage = Stage()
    stage.control.flush()
    assert lines(*stage.entries) == [
        "#1 no objects: nothing changes for proxies",
        "there is no Gateway yet, so there is nothing to run; waiting for one",
    ]


def test_without_its_last_gateway_a_proxy_stops() -> None:
    stage = Stage()
    stage.apply(GATEWAY)
    stage.remove(GATEWAY)
    assert lines(*stage.entries)[-2:] == [
        "#2 Gateway default/edge removed: 1 proxy to stop",
        "http://127.0.0.1:10080 is closed (Gateway default/edge)",
    ]


def test_a_rejected_object_is_explained_with_its_line() -> None:
    stage = Stage()
    stage.apply(GATEWAY, ROUTES, CART)
    stage.entries.clear()
    stage.apply(ROUTES.replace("http:\n", "http:\n    - timeout: soon\n"))
    assert lines(*stage.entries) == [
        "#2 VirtualService default/shop rejected: nothing changes for proxies",
        "#2 what is rejected keeps its last good version, if there was one",
        (
            "shop.yaml:6: error VirtualService default/shop: spec.http[0].timeout: 'soon' is not a duration;"
            ' write for example "5s", "100ms" or "1h30m" [LAT0101]'
        ),
    ]


def test_what_was_said_is_not_repeated_until_it_is_solved() -> None:
    stage = Stage()
    stage.apply(GATEWAY, ROUTES)
    stage.apply(GATEWAY.replace("name: http,", "name: web,"))
    stage.apply(CART)
    texts = lines(*stage.entries)
    missing = [text for text in texts if "[LAT0303]" in text]
    assert len(missing) == 1
    assert texts[-1] == "VirtualService default/shop: all problems are solved"


def test_a_change_is_live_when_proxies_acknowledged_it() -> None:
    assert lines(WentLive(2, 0.0042), WentLive(3, 0.012, rejected=1), WentLive(4, 1.5, superseded=True)) == [
        "#2 live in 4.2 ms, acknowledged by every proxy",
        "#3 settled in 12 ms: 1 resource refused, the last accepted version stays",
        "#4 was overtaken by a later change",
    ]
    assert lines(Serving(0.93)) == ["serving, 930 ms after the start; Ctrl-C ends it"]
    assert lines(Restored(EDGE, 0.038)) == ["proxy shared/app=edge has everything again, 38 ms after it connected"]


def test_ports_that_open_and_close_are_told_once() -> None:
    other = ListeningPort(EDGE, "default/edge", 8443, "0.0.0.0", 8443, "HTTPS", ("*",))
    mesh = UpSettings(paths=(), mesh_port=9090)
    stage = Stage(mesh)
    stage.control.flush()
    assert "http://127.0.0.1:9090 for calls between services, by Host (--mesh-port)" in lines(*stage.entries)
    assert lines(Listening((PORT,)), Listening((PORT, other)), Listening((other,))) == [
        "http://127.0.0.1:10080 Gateway default/edge, its port 80, for shop.example.com",
        "ports under 1024 need privileges, so 10000 is added to them (--port-shift)",
        "https://127.0.0.1:8443 Gateway default/edge, for *",
        "http://127.0.0.1:10080 is closed (Gateway default/edge)",
    ]


def test_a_taken_port_names_its_holder() -> None:
    assert lines(PortTaken((PORT,), "127.0.0.1:10080 is in use by pid 7 (nginx)")) == [
        "127.0.0.1:10080 is in use by pid 7 (nginx); Gateway default/edge waits until it is free"
    ]


def test_a_file_that_breaks_says_what_stays_and_heals() -> None:
    report = FileReport("shop.yaml", (FileProblem("shop.yaml", 3, 1, "not YAML"),))
    assert lines(
        FileReported(report, kept=2),
        FileReported(report, kept=1),
        FileReported(report),
        FileReported(FileReport("shop.yaml"), healed=True),
    ) == [
        "shop.yaml:3:1: error: not YAML [LAT0100]",
        "shop.yaml has errors; the 2 objects that were read from it last stay in use",
        "shop.yaml:3:1: error: not YAML [LAT0100]",
        "shop.yaml has errors; the object that was read from it last stays in use",
        "shop.yaml:3:1: error: not YAML [LAT0100]",
        "shop.yaml has no errors any more",
    ]


def test_a_kind_that_is_not_read_is_mentioned_once_and_quietly() -> None:
    def report(line: int) -> FileReported:
        problem = FileProblem(
            "shop.yaml", line, 0, "Deployment of apps is not read by Lateen", Severity.INFO, ("kind",)
        )
        return FileReported(FileReport("shop.yaml", (problem,)))

    narrator = Narrator(notice)
    text = "shop.yaml:3: info: kind: Deployment of apps is not read by Lateen [LAT0103]"
    assert list(narrator.lines(report(3))) == [Line(text, QUIET)]
    assert list(narrator.lines(report(9))) == []


def test_a_proxy_that_crashes_is_told_once_per_reason() -> None:
    assert lines(
        ProxyChanged(ProxyState(EDGE, Phase.STARTING, 7)),
        ProxyChanged(ProxyState(EDGE, Phase.READY, 7)),
        ProxyChanged(ProxyState(EDGE, Phase.RESTARTING, error="ended by SIGKILL")),
        ProxyChanged(ProxyState(EDGE, Phase.RESTARTING, error="ended by SIGKILL", restarts=1)),
        ProxyChanged(ProxyState(EDGE, Phase.STARTING, 8, error="ended by SIGKILL")),
        ProxyChanged(ProxyState(EDGE, Phase.READY, 8)),
        ProxyChanged(ProxyState(EDGE, Phase.DRAINING, 8)),
        ProxyChanged(ProxyState(EDGE, Phase.STOPPED)),
    ) == [
        "proxy shared/app=edge is ready (pid 7)",
        "proxy shared/app=edge ended: ended by SIGKILL; it is started again",
        "proxy shared/app=edge runs again (pid 8)",
        "proxy shared/app=edge is gone",
    ]


def test_what_happens_to_an_object_is_told_with_its_name() -> None:
    rule = Key(Kind.DESTINATION_RULE, "shop", "cart")
    assert lines(Happened(rule, "HostEjected", "host 127.0.0.1:9001 of cart ejected", is_warning=True)) == [
        "DestinationRule shop/cart: host 127.0.0.1:9001 of cart ejected"
    ]


def test_what_a_proxy_refuses_is_told_with_object_and_file() -> None:
    owners = ((key(ROUTES), Origin("shop.yaml", 12, 0)), (key(GATEWAY), None))
    assert lines(Refused(EDGE, "RouteConfiguration r", "bad regex", owners), Refused(EDGE, "Listener l", "no", ())) == [
        "proxy shared/app=edge refused RouteConfiguration r: bad regex",
        (
            "it comes from VirtualService default/shop (shop.yaml:12), Gateway default/edge;"
            " the last accepted version stays in use"
        ),
        "proxy shared/app=edge refused Listener l: no",
        "the last accepted version stays in use",
    ]


def test_the_end_is_told() -> None:
    assert lines(Draining(5.0), Stopped()) == [
        "draining, for 5 s at most; Ctrl-C again ends it at once",
        "stopped",
    ]


def test_colours_say_how_good_it_is() -> None:
    narrator = Narrator(notice)
    assert [line.colour for line in narrator.lines(Serving(1.0))] == [GOOD]
    assert [line.colour for line in narrator.lines(PortTaken((PORT,), "in use"))] == [BAD]
