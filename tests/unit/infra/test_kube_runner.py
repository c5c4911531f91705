"""When objects of proxies are written and removed, seen from the requests."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from structlog.testing import capture_logs
from tests.unit.infra.objects_api import ObjectsApi

from lateen.infra.base import Phase, ProxyPlan
from lateen.infra.kube import AUDIT_SECONDS, KubeProxyRunner
from lateen.infra.naming import object_name
from lateen.infra.pods import ControlPlane, plan_pods
from lateen.infra.turns import AT_ONCE, TELL_SECONDS, Turns
from lateen.ir.deployment import ProxyDeployment, ServicePort
from lateen.ir.proxy import ProxyId
from lateen.kube.ownership import ForeignObjectError
from lateen.settings import ProxyDefaults

EDGE = ProxyId("shop", "istio=edge")
OTHER = ProxyId("shop", "istio=other")


class Identities:
    """Remembers who has a certificate."""

    def __init__(self) -> None:
        """Refuse nobody."""
        self.kept: set[ProxyId] = set()
        self.foreign: set[ProxyId] = set()
        self.broken: set[ProxyId] = set()

    async def ensure(self, proxy: ProxyId) -> None:
        if proxy in self.foreign:
            raise ForeignObjectError(f"Secret of {proxy} exists already")
        if proxy in self.broken:
            raise KeyError("data")
        self.kept.add(proxy)

    async def remove(self, proxy: ProxyId) -> None:
        self.kept.discard(proxy)


class Scene:
    """A runner, and what it is told of."""

    def __init__(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Begin."""
        self.api = ObjectsApi()
        self.identities = Identities()
        self.unwanted: list[ProxyId] = []
        self.runner = KubeProxyRunner(
            self.api, ProxyDefaults(), instance="lateen-system", identities=self.identities, sleep=sleep
        )

    async def audit(self, *wanted: ProxyId) -> None:
        """Look whether everything is as it should be."""
        await self.runner.audit(lambda: wanted, self.unwanted.append)


def plan(proxy: ProxyId = EDGE) -> ProxyPlan:
    port = ServicePort("http-80", 80, 10080)
    deployment = ProxyDeployment(proxy, proxy.namespace, {"a": "b"}, (port,), {})
    return plan_pods(deployment, ControlPlane("lateen-xds.lateen-system.svc:18000", "lateen-xds.lateen-system.svc"))


async def test_a_class_has_its_certificate_as_long_as_it_has_objects() -> None:
    scene = Scene()
    await scene.runner.ensure(plan())
    assert scene.identities.kept == {EDGE}
    await scene.runner.remove(EDGE)
    assert scene.identities.kept == set()
    assert scene.api.objects == {}


async def test_a_certificate_that_cannot_be_kept_is_told_as_any_other_object_is() -> None:
    scene = Scene()
    scene.identities.foreign = {EDGE}
    with pytest.raises(ForeignObjectError):
        await scene.runner.ensure(plan())
    assert scene.runner.states[EDGE].phase is Phase.FAILING
    assert scene.runner.states[EDGE].error == "Secret of shop/istio=edge exists already"
    assert scene.api.writes == [], "the class waits"
    scene.identities.foreign = set()
    await scene.audit(EDGE)
    assert scene.runner.states[EDGE].error == ""
    assert "Deployment" in scene.api.kinds()


async def test_a_class_that_is_not_wanted_any_more_is_told_of_and_left_as_it_is() -> None:
    scene = Scene()
    for proxy in (EDGE, OTHER):
        await scene.runner.ensure(plan(proxy))
    scene.api.writes.clear()
    await scene.audit(OTHER)
    assert scene.unwanted == [EDGE]
    assert scene.api.writes == []
    assert scene.identities.kept == {EDGE, OTHER}


async def test_what_somebody_deletes_of_a_class_that_is_not_wanted_is_not_put_back() -> None:
    scene = Scene()
    for proxy in (EDGE, OTHER):
        await scene.runner.ensure(plan(proxy))
        del scene.api.objects["Service", proxy.namespace, object_name(proxy)]
    scene.api.writes.clear()
    await scene.audit(OTHER)
    assert scene.api.writes == [f"apply Service {object_name(OTHER)}"]


async def test_a_fault_of_the_program_at_one_class_holds_up_no_other_one() -> None:
    scene = Scene()
    for proxy in (EDGE, OTHER):
        await scene.runner.ensure(plan(proxy))
    for proxy in (EDGE, OTHER):
        del scene.api.objects["Service", proxy.namespace, object_name(proxy)]
    scene.identities.broken.add(EDGE)
    scene.api.writes.clear()
    with capture_logs():  # tracebacks would be printed with their source, which blocks
        await scene.audit(EDGE, OTHER)
    assert scene.api.writes == [f"apply Service {object_name(OTHER)}"]


async def test_a_class_that_the_next_leader_has_removed_is_forgotten() -> None:
    scene = Scene()
    await scene.runner.ensure(plan())
    await scene.audit(EDGE)
    scene.runner.is_gone(EDGE)
    assert scene.runner.states[EDGE].phase is Phase.STARTING, "it is wanted, and made again"
    await scene.audit()
    scene.runner.is_gone(EDGE)
    assert scene.runner.states == {}


async def test_a_new_operator_is_told_of_what_no_gateway_wants() -> None:
    before, scene = Scene(), Scene()
    await before.runner.ensure(plan())
    scene.api.objects = before.api.objects
    await scene.audit()
    assert scene.unwanted == [EDGE]
    await scene.runner.remove(EDGE)
    assert scene.api.objects == {}


async def test_a_new_leader_looks_at_once_at_what_there_is() -> None:
    leads = False
    found: asyncio.Queue[ProxyId] = asyncio.Queue()

    async def sleep(seconds: float) -> None:
        nonlocal leads
        leads = True  # while it waits, it is elected
        await (asyncio.Event().wait() if seconds >= AUDIT_SECONDS else asyncio.sleep(0))

    before, scene = Scene(), Scene(sleep=sleep)
    await before.runner.ensure(plan())
    scene.api.objects = before.api.objects
    following = asyncio.create_task(scene.runner.run(leads=lambda: leads, wanted=tuple, on_unwanted=found.put_nowait))
    assert await found.get() == EDGE
    following.cancel()
    await asyncio.wait([following])


async def test_many_classes_are_written_a_few_at_a_time() -> None:
    scene = Scene()
    classes = [ProxyId(f"team-{number}", "istio=edge") for number in range(100)]
    await asyncio.gather(*(scene.runner.ensure(plan(proxy)) for proxy in classes))
    assert scene.api.most_at_once == AT_ONCE
    assert scene.api.kinds().count("Deployment") == len(classes)
    scene.api.most_at_once = 0
    await asyncio.gather(*(scene.runner.remove(proxy) for proxy in classes))
    assert scene.api.most_at_once == AT_ONCE
    assert scene.api.objects == {}


async def test_who_waits_for_many_classes_is_told_how_far_they_are() -> None:
    now = 0.0
    turns = Turns(2, clock=lambda: now)

    async def write() -> None:
        nonlocal now
        async with turns.turn():
            await asyncio.sleep(0)
            now += TELL_SECONDS / 2

    with capture_logs() as logs:
        await asyncio.gather(*(write() for _ in range(7)))
    told = [(line["event"], line["written"], line.get("left")) for line in logs]
    assert told == [
        ("proxies are being written", 2, 5),
        ("proxies are being written", 4, 3),
        ("proxies are being written", 6, 1),
        ("all proxies are written", 7, None),
    ]


async def test_what_is_written_at_once_is_not_worth_a_word() -> None:
    turns = Turns(2, clock=lambda: 0.0)

    async def write() -> None:
        async with turns.turn():
            await asyncio.sleep(0)

    with capture_logs() as logs:
        await asyncio.gather(*(write() for _ in range(7)))
    assert logs == []
