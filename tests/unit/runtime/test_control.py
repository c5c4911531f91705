"""Batches in; resources, proxies, conditions and the journal out."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.unit.runtime.stage import CART, EDGE, GATEWAY, ROUTES, Stage, key, objects
from tests.virtual_time import in_virtual_time

from lateen.compile.mesh import MESH_PROXY
from lateen.infra.base import Phase, ProxyPlan, ProxyState
from lateen.infra.ports import PortHolder
from lateen.ir.proxy import ProxyId
from lateen.ir.resource import ResourceKey, ResourceType
from lateen.model.objects import Origin, Severity
from lateen.runtime.arrivals import LOADING
from lateen.runtime.journal import (
    Compiled,
    Entry,
    FileReported,
    Listening,
    PortTaken,
    ProxyChanged,
    Refused,
    Restored,
    Serving,
    WentLive,
)
from lateen.runtime.port_guard import PortProbe
from lateen.settings import UpSettings
from lateen.sources.base import FileProblem, FileReport, Move
from lateen.status.conditions import ConditionType, Progress

LISTENER = ResourceKey(ResourceType.LISTENER, "127.0.0.1_10080")
ROUTE = ResourceKey(ResourceType.ROUTE, "http.10080/shop.example.com")


@asynccontextmanager
async def looping(stage: Stage) -> AsyncIterator[None]:
    """Run the control loop meanwhile."""
    task = asyncio.create_task(stage.control.run())
    await turns()
    yield
    await turns()
    task.cancel()
    await asyncio.wait([task])


async def turns(number: int = 30) -> None:
    """Let everything happen that only waits for its turn."""
    for _ in range(number):
        await asyncio.sleep(0)


def condition(stage: Stage, text: str, type_: ConditionType) -> tuple[str, str]:
    (found,) = (each for each in stage.control.status(key(text)).conditions if each.type is type_)
    return found.status, found.reason


async def test_a_batch_is_live_when_the_proxy_has_acknowledged_all_of_it() -> None:
    stage = Stage()
    async with looping(stage):
        stage.apply(GATEWAY, ROUTES, CART)
        await turns()
        (compiled,) = stage.told(Compiled)
        assert isinstance(compiled, Compiled)
        assert (compiled.number, len(compiled.outcome.accepted)) == (1, 3)
        assert stage.told(WentLive) == stage.told(Serving) == []
        assert condition(stage, ROUTES, ConditionType.PROGRAMMED) == ("False", "Pending")
        proxy = stage.connect()
        assert condition(stage, ROUTES, ConditionType.PROGRAMMED) == ("False", "Pending")
        stage.now = 2.0
        proxy.run()
        assert stage.told(WentLive) == [WentLive(1, 2.0)]
        assert stage.told(Serving) == [Serving(2.0)]
        assert condition(stage, ROUTES, ConditionType.PROGRAMMED) == ("True", "Programmed")
        assert ROUTE in proxy.has
    assert {each.type: each.status for each in stage.status.statuses[key(ROUTES)].conditions} == {
        ConditionType.ACCEPTED: "True",
        ConditionType.RESOLVED_REFS: "True",
        ConditionType.PROGRAMMED: "True",
    }


async def test_a_later_batch_sends_what_changed() -> None:
    stage = Stage()
    async with looping(stage):
        stage.apply(GATEWAY, ROUTES, CART)
        proxy = stage.connect()
        proxy.run()
        before = proxy.has[ROUTE]
        stage.apply(ROUTES.replace("/cart", "/basket"))
        proxy.run()
        assert proxy.has[ROUTE] != before
        last = stage.told(Compiled)[-1]
        assert isinstance(last, Compiled)
        assert last.sent == 1
        assert stage.told(WentLive)[-1] == WentLive(2, 0.0)
        assert [record.live for record in stage.control.batches.records] == [0.0, 0.0]


async def test_an_object_says_so_when_another_one_makes_it_of_use() -> None:
    def written() -> dict[ConditionType, str]:
        return {each.type: each.reason for each in stage.status.statuses[key(CART)].conditions}

    stage = Stage(scales=True)
    async with looping(stage):
        stage.apply(GATEWAY, CART)
        await turns()
        assert written()[ConditionType.PROGRAMMED] == "NotUsed"
        proxy = stage.connect()
        stage.apply(ROUTES)
        await turns()
        assert written()[ConditionType.PROGRAMMED] == "Pending"
        proxy.run()
        await turns()
        assert written()[ConditionType.PROGRAMMED] == "Programmed"
        stage.remove(ROUTES)
        proxy.run()
        await turns()
        assert written()[ConditionType.PROGRAMMED] == "NotUsed"


async def test_what_a_class_has_acknowledged_is_told_though_another_class_has_no_proxy_here() -> None:
    stage = Stage(scales=True)
    other = GATEWAY.replace("name: edge", "name: other").replace("app: edge", "app: other")
    async with looping(stage):
        stage.apply(GATEWAY, other, CART, ROUTES.replace("[edge]", "[edge, other]"))
        stage.connect().run()
        await turns()
        (written,) = (
            each for each in stage.status.statuses[key(ROUTES)].conditions if each.type is ConditionType.PROGRAMMED
        )
        assert written.message.endswith("acknowledged by 1 of 1 proxies")


async def test_a_proxy_that_serves_and_is_not_connected_has_acknowledged_nothing() -> None:
    stage = Stage(scales=True)
    async with looping(stage):
        stage.apply(GATEWAY, ROUTES, CART)
        stage.connect().run()
        await turns()
        assert condition(stage, ROUTES, ConditionType.PROGRAMMED) == ("True", "Programmed")
        stage.runner._tell(ProxyState(EDGE, Phase.READY, pods=2, ready_pods=2))
        await turns()
        written = {each.type: each.message for each in stage.status.statuses[key(ROUTES)].conditions}
        assert written[ConditionType.PROGRAMMED] == "acknowledged by 1 of 2 proxies"


async def test_an_object_is_programmed_once_one_of_its_proxies_is_ready_for_requests() -> None:
    stage = Stage(scales=True)
    async with looping(stage):
        stage.runner._tell(ProxyState(EDGE, Phase.STARTING, pods=2, is_unready=True))
        stage.apply(GATEWAY, ROUTES, CART)
        stage.connect().run()
        stage.connect().run()
        await turns()
        written = {each.type: each.message for each in stage.status.statuses[key(ROUTES)].conditions}
        assert written[ConditionType.PROGRAMMED] == f"no proxy of {EDGE} is ready; acknowledged by 2 of 2 proxies"
        stage.runner._tell(ProxyState(EDGE, Phase.READY, pods=2, ready_pods=1))
        await turns()
        assert condition(stage, ROUTES, ConditionType.PROGRAMMED) == ("True", "Programmed")


async def test_an_object_that_is_refused_keeps_its_last_good_version() -> None:
    stage = Stage()
    async with looping(stage):
        stage.apply(GATEWAY, ROUTES, CART)
        proxy = stage.connect()
        proxy.run()
        before = proxy.has[ROUTE]
        stage.apply(ROUTES.replace("prefix: /cart", "prefix: [1]"))
        proxy.run()
        assert proxy.has[ROUTE] == before
        assert condition(stage, ROUTES, ConditionType.ACCEPTED) == ("False", "Invalid")


async def test_what_a_proxy_refuses_is_told_with_the_object_behind_it() -> None:
    stage = Stage()
    async with looping(stage):
        stage.apply(GATEWAY, ROUTES, CART)
        proxy = stage.connect()
        proxy.run()
        proxy.refuses[ROUTE.name] = "bad regex"
        stage.apply(ROUTES.replace("/cart", "/basket"))
        proxy.run()
        owner = (key(ROUTES), Origin("shop.yaml", 2, 0))
        assert stage.told(Refused) == [Refused(EDGE, f"RouteConfiguration {ROUTE.name}", "bad regex", (owner,))]
        assert stage.told(WentLive)[-1] == WentLive(2, 0.0, rejected=1)
        assert condition(stage, ROUTES, ConditionType.PROGRAMMED) == ("False", "Rejected")
        assert [finding.code for finding in stage.control.findings(key(ROUTES))] == ["LAT0401"]


async def test_a_proxy_that_is_started_again_is_followed_until_it_has_everything() -> None:
    stage = Stage()
    async with looping(stage):
        stage.apply(GATEWAY, ROUTES, CART)
        first = stage.connect()
        first.run()
        first.disconnect()
        stage.control.on_proxy(ProxyState(EDGE, Phase.RESTARTING, error="crashed"))
        stage.now = 5.0
        second = stage.connect()
        assert stage.told(Restored) == []
        stage.now = 5.5
        second.run()
        assert stage.told(Restored) == [Restored(EDGE, 0.5)]
        assert second.has == first.has


async def test_a_proxy_that_only_lost_its_stream_is_not_news() -> None:
    stage = Stage()
    async with looping(stage):
        stage.apply(GATEWAY, ROUTES, CART)
        first = stage.connect()
        first.run()
        first.disconnect()
        stage.connect()
        assert not stage.control.ledger.waiting


async def test_a_proxy_that_has_just_come_counts_once_it_has_everything() -> None:
    stage = Stage(scales=True)
    stage.apply(GATEWAY, ROUTES, CART)
    stage.connect().run()
    assert stage.control.progress(key(ROUTES)) == Progress(1, 1)
    second = stage.connect()
    assert stage.control.progress(key(ROUTES)) == Progress(1, 1)
    second.run()
    assert stage.control.progress(key(ROUTES)) == Progress(2, 2)
    third = stage.connect()
    third.disconnect()
    assert stage.control.progress(key(ROUTES)) == Progress(2, 2)
    assert stage.control._arrivals._since == {}


async def test_a_proxy_that_takes_nothing_counts_after_a_while() -> None:
    stage = Stage(scales=True)
    stage.apply(GATEWAY, ROUTES, CART)
    stage.connect()
    assert stage.control.progress(key(ROUTES)) == Progress(absent=frozenset({str(EDGE)}))
    stage.now += LOADING
    assert stage.control.progress(key(ROUTES)) == Progress(1, 0)


async def test_a_proxy_without_gateways_is_drained_before_its_class_goes() -> None:
    stage = Stage()
    async with looping(stage):
        stage.apply(GATEWAY, ROUTES, CART)
        await turns()
        assert list(stage.runner.plans) == [EDGE]
        stage.remove(GATEWAY)
        assert LISTENER in stage.cache.snapshot(EDGE), "what drains keeps what it has"
        await turns()
        assert stage.runner.plans == {}
        assert stage.cache.proxies == frozenset()
        assert stage.told(Listening)[-1] == Listening(())


async def test_a_gateway_that_returns_while_its_proxy_drains_is_served_again() -> None:
    stage = Stage()
    async with looping(stage):
        stage.apply(GATEWAY, ROUTES, CART)
        await turns()
        stage.remove(GATEWAY)
        stage.apply(GATEWAY.replace("number: 80", "number: 81"))
        await turns()
        names = {name.name for name in stage.cache.snapshot(EDGE) if name.type is ResourceType.LISTENER}
        assert names == {"127.0.0.1_10081"}, "nothing of the time before is left"
        assert list(stage.runner.plans) == [EDGE]


@in_virtual_time
async def test_a_gateway_that_is_deleted_and_made_again_finds_its_proxies_where_they_were() -> None:
    stage = Stage(scales=True, removal_delay=30.0)
    async with looping(stage):
        stage.apply(GATEWAY, ROUTES, CART)
        await asyncio.sleep(1)
        proxy = stage.connect()
        proxy.run()
        served = dict(proxy.has)
        assert LISTENER in served
        plan = stage.runner.plans[EDGE]
        stage.remove(GATEWAY)
        proxy.run()
        assert LISTENER not in proxy.has, "the deletion counts at once"
        await asyncio.sleep(29)
        stage.apply(GATEWAY)
        proxy.run()
        assert proxy.has == served
        await asyncio.sleep(60)
        assert stage.runner.plans[EDGE] is plan
        assert stage.runner.states[EDGE].restarts == 0
        assert stage.told(ProxyChanged) == [ProxyChanged(ProxyState(EDGE, Phase.READY))]


@in_virtual_time
async def test_proxies_that_no_gateway_wants_for_a_while_go() -> None:
    stage = Stage(scales=True, removal_delay=30.0)
    async with looping(stage):
        stage.apply(GATEWAY, ROUTES, CART)
        await asyncio.sleep(1)
        stage.remove(GATEWAY)
        await asyncio.sleep(29)
        assert stage.cache.proxies == {EDGE}
        await asyncio.sleep(2)
        assert stage.runner.plans == {}
        assert stage.cache.proxies == frozenset()


@in_virtual_time
async def test_proxies_that_are_found_running_go_unless_a_gateway_wants_them() -> None:
    stage = Stage(scales=True, removal_delay=30.0)
    stray = ProxyId("shared", "app=stray")
    async with looping(stage):
        stage.apply(GATEWAY, ROUTES, CART)
        await stage.runner.ensure(ProxyPlan(stray, "{}"))
        stage.control.proxies.let_go(stray)
        stage.control.proxies.let_go(EDGE)
        await asyncio.sleep(31)
        assert list(stage.runner.plans) == [EDGE]


async def test_a_taken_port_is_explained_and_served_once_it_is_free() -> None:
    taken = {10080}
    probe = PortProbe(
        is_free=lambda *place: place[1] not in taken,
        find_holders=lambda *_: (PortHolder(7, "nginx"),),
        describe=lambda *place: f"{place[1]} is in use",
    )
    stage = Stage(ports=probe)
    stage.apply(GATEWAY, ROUTES, CART)
    assert LISTENER not in stage.cache.snapshot(EDGE)
    await stage.control.guard.look()
    (entry,) = stage.told(PortTaken)
    assert isinstance(entry, PortTaken)
    assert entry.reason == "10080 is in use"
    assert [each.gateway for each in entry.ports] == ["default/edge"]
    assert stage.told(Listening) == []
    (finding,) = stage.control.findings(key(GATEWAY))
    assert (finding.code, finding.path) == ("LAT0202", ("spec", "servers", 0, "port", "number"))
    assert "10080 is in use" in finding.message
    taken.clear()
    proxy = stage.connect()
    proxy.run()
    await stage.control.guard.look()
    assert stage.told(Listening) == [], "it is not open yet"
    proxy.run()
    assert LISTENER in proxy.has
    assert [each.port for each in stage.control.ports.open] == [10080]
    assert stage.control.findings(key(GATEWAY)) == ()


async def test_a_listener_that_a_proxy_cannot_open_waits_for_its_port() -> None:
    free = True
    probe = PortProbe(
        is_free=lambda *_: free, find_holders=lambda *_: (PortHolder(7, "nginx"),), describe=lambda *_: "taken"
    )
    stage = Stage(ports=probe)
    stage.apply(GATEWAY, ROUTES, CART)
    proxy = stage.connect()
    proxy.refuses[LISTENER.name] = "cannot bind '127.0.0.1:10080': Address already in use"
    free = False
    proxy.run()
    assert LISTENER not in stage.cache.snapshot(EDGE)
    await stage.control.guard.look()
    assert len(stage.told(Refused)) == len(stage.told(PortTaken)) == 1
    proxy.refuses.clear()
    free = True
    await stage.control.guard.look()
    proxy.run()
    assert LISTENER in proxy.has


async def test_ports_are_asked_for_again_when_a_proxy_has_crashed() -> None:
    free = True
    stage = Stage(ports=PortProbe(is_free=lambda *_: free, find_holders=lambda *_: (), describe=lambda *_: "taken"))
    stage.apply(GATEWAY)
    free = False
    stage.control.on_proxy(ProxyState(EDGE, Phase.RESTARTING, error="crashed"))
    assert LISTENER not in stage.cache.snapshot(EDGE)
    assert stage.told(ProxyChanged) == [ProxyChanged(ProxyState(EDGE, Phase.RESTARTING, error="crashed"))]


async def test_the_mesh_port_is_listed_even_without_any_object() -> None:
    stage = Stage(UpSettings(paths=(), mesh_port=9090))
    stage.control.flush()
    (listening,) = stage.told(Listening)
    assert isinstance(listening, Listening)
    assert [(port.gateway, port.port, port.proxy) for port in listening.ports] == [("mesh", 9090, MESH_PROXY)]


async def test_a_file_that_breaks_says_what_it_keeps_and_one_that_heals_says_so() -> None:
    stage = Stage()
    stage.apply(GATEWAY, ROUTES)
    broken = FileReport("shop.yaml", (FileProblem("shop.yaml", 3, 1, "not YAML"),))
    stage.control.take([broken])
    stage.control.take([FileReport("shop.yaml")])
    stage.control.flush()
    assert stage.told(FileReported) == [
        FileReported(broken, kept=2),
        FileReported(FileReport("shop.yaml"), healed=True),
    ]
    assert stage.control.file_problems == {}


async def test_a_kind_that_is_not_read_breaks_no_file() -> None:
    stage = Stage()
    stage.apply(GATEWAY)
    report = FileReport("shop.yaml", (FileProblem("shop.yaml", 9, 0, "Pod is not read", Severity.INFO),))
    stage.control.take([report])
    stage.control.take([FileReport("shop.yaml")])
    stage.control.flush()
    assert stage.told(FileReported) == [FileReported(report), FileReported(FileReport("shop.yaml"))]


async def test_an_object_that_moves_is_found_at_its_new_place() -> None:
    stage = Stage()
    stage.apply(GATEWAY)
    stage.control.take([Move(key(GATEWAY), Origin("edge.yaml", 7, 0))])
    stage.control.flush()
    assert stage.control.origins[key(GATEWAY)].file == "edge.yaml"
    assert len(stage.told(Compiled)) == 1


async def test_a_journal_that_fails_stops_nothing() -> None:
    def fail(_: Entry) -> None:
        raise OSError("disk full")

    stage = Stage(journal=fail)
    async with looping(stage):
        stage.control.take(objects(GATEWAY, ROUTES, CART))
        await turns()
        proxy = stage.connect()
        proxy.run()
        assert ROUTE in proxy.has


async def test_batches_that_come_together_are_compiled_together() -> None:
    stage = Stage()
    async with looping(stage):
        stage.control.take(objects(GATEWAY))
        stage.control.take(objects(ROUTES))
        await turns()
        assert len(stage.told(Compiled)) == 1
