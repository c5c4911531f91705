"""Wishes about proxies, and what becomes of them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from structlog.testing import capture_logs
from tests.unit.runtime.election import Election
from tests.virtual_time import in_virtual_time

from lateen.errors import ProxyError
from lateen.infra.base import Phase, ProxyPlan, ProxyState
from lateen.infra.memory import MemoryProxyRunner
from lateen.ir.proxy import ProxyId
from lateen.runtime.leadership import AlwaysLeader, Leadership
from lateen.runtime.proxy_keeper import ProxyKeeper

A = ProxyId("shared", "a")
B = ProxyId("shared", "b")


class Runner(MemoryProxyRunner):
    """Fails and drains on demand."""

    def __init__(self) -> None:
        """Start willing."""
        super().__init__()
        self.failures: list[str] = []
        self.drained = asyncio.Event()
        self.drained.set()
        self.fulfilled: list[ProxyPlan] = []

    async def ensure(self, plan: ProxyPlan) -> ProxyState:
        if self.failures:
            raise ProxyError(self.failures.pop())
        self.fulfilled.append(plan)
        return await super().ensure(plan)

    async def remove(self, proxy: ProxyId) -> None:
        await self.drained.wait()
        await super().remove(proxy)


class Scene:
    """A keeper and what it says."""

    def __init__(self) -> None:
        """Begin."""
        self.runner = Runner()
        self.failed: list[ProxyState] = []
        self.gone: list[ProxyId] = []
        self.pauses: list[float] = []
        self.bootstrap = "{}"
        self.faults = 0
        """How often the plan of `A` fails."""
        self.keeper = ProxyKeeper(
            self.runner,
            AlwaysLeader(),
            self._plan,
            on_failure=self.failed.append,
            on_gone=self.gone.append,
            sleep=self._sleep,
        )

    def _plan(self, proxy: ProxyId) -> ProxyPlan:
        if proxy == A and self.faults:
            self.faults -= 1
            raise KeyError("port")
        return ProxyPlan(proxy, self.bootstrap)

    async def _sleep(self, pause: float) -> None:
        self.pauses.append(pause)

    @property
    def running(self) -> Mapping[ProxyId, ProxyState]:
        """What runs."""
        return self.runner.states


@asynccontextmanager
async def keeping() -> AsyncIterator[Scene]:
    scene = Scene()
    task = asyncio.create_task(scene.keeper.run())
    yield scene
    task.cancel()
    await asyncio.wait([task])


async def turns(number: int = 10) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


async def test_what_is_wanted_runs_until_it_is_not() -> None:
    async with keeping() as scene:
        scene.keeper.want(A, wanted=True)
        scene.keeper.want(B, wanted=True)
        await turns()
        assert set(scene.running) == {A, B}
        scene.keeper.want(A, wanted=False)
        assert scene.keeper.is_leaving(A)
        await turns()
        assert set(scene.running) == {B}
        assert scene.gone == [A]
        assert not scene.keeper.is_leaving(A)


async def test_a_proxy_that_drains_holds_up_no_other_one() -> None:
    async with keeping() as scene:
        scene.keeper.want(A, wanted=True)
        await turns()
        scene.runner.drained.clear()
        scene.keeper.want(A, wanted=False)
        scene.keeper.want(B, wanted=True)
        await turns()
        assert set(scene.running) == {A, B}
        scene.runner.drained.set()
        await turns()
        assert set(scene.running) == {B}


async def test_the_last_wish_counts() -> None:
    async with keeping() as scene:
        scene.keeper.want(A, wanted=True)
        await turns()
        scene.runner.drained.clear()
        scene.keeper.want(A, wanted=False)
        await turns()
        scene.keeper.want(A, wanted=True)
        scene.runner.drained.set()
        await turns()
        assert set(scene.running) == {A}
        assert scene.gone == []


async def test_a_wish_that_comes_again_is_fulfilled_by_the_plan_of_that_moment() -> None:
    async with keeping() as scene:
        scene.keeper.want(A, wanted=True)
        await turns()
        scene.bootstrap = '{"node": {}}'
        scene.keeper.want(A, wanted=True)
        await turns()
        assert [plan.bootstrap for plan in scene.runner.fulfilled] == ["{}", '{"node": {}}']


async def test_a_runner_that_fails_is_asked_again_ever_more_rarely() -> None:
    async with keeping() as scene:
        scene.runner.failures = ["no space", "no space", "no space"]
        scene.keeper.want(A, wanted=True)
        await turns()
        assert set(scene.running) == {A}
        assert scene.failed == [ProxyState(A, Phase.FAILING, error="no space")] * 3
        assert scene.pauses == [0.5, 1.0, 2.0]


async def test_a_fault_of_the_program_at_one_proxy_holds_up_no_other_one() -> None:
    with capture_logs():  # tracebacks would be printed with their source, which blocks
        async with keeping() as scene:
            scene.faults = 3
            for proxy in (A, B):
                scene.keeper.want(proxy, wanted=True)
            await turns()
            assert set(scene.running) == {A, B}
        words = "KeyError: 'port'; a fault of Lateen, please report it"
        assert scene.failed == [ProxyState(A, Phase.FAILING, error=words)] * 3
        assert scene.pauses == [0.5, 1.0, 2.0]


DELAY = 30.0


class Removals(MemoryProxyRunner):
    """Remembers when proxies went, and fails on demand."""

    def __init__(self) -> None:
        """Start willing."""
        super().__init__()
        self.removed: list[tuple[ProxyId, float]] = []
        self.failures: list[str] = []

    async def remove(self, proxy: ProxyId) -> None:
        if self.failures:
            raise ProxyError(self.failures.pop())
        self.removed.append((proxy, asyncio.get_running_loop().time()))
        await super().remove(proxy)


@asynccontextmanager
async def delaying(
    runner: Removals, leadership: Leadership | None = None, on_gone: Callable[[ProxyId], None] = lambda _: None
) -> AsyncIterator[ProxyKeeper]:
    """Remove what is not wanted half a minute later."""
    keeper = ProxyKeeper(
        runner,
        leadership or AlwaysLeader(),
        lambda proxy: ProxyPlan(proxy, "{}"),
        on_failure=lambda _: None,
        on_gone=on_gone,
        removal_delay=DELAY,
    )
    task = asyncio.create_task(keeper.run())
    yield keeper
    task.cancel()
    await asyncio.wait([task])


@in_virtual_time
async def test_what_is_not_wanted_any_more_stays_for_a_while() -> None:
    runner = Removals()
    async with delaying(runner) as keeper:
        keeper.want(A, wanted=True)
        await asyncio.sleep(1)
        keeper.want(A, wanted=False)
        await asyncio.sleep(DELAY - 1)
        assert set(runner.states) == {A}
        await asyncio.sleep(2)
        assert runner.removed == [(A, 1 + DELAY)]


@in_virtual_time
async def test_nothing_happens_to_what_is_wanted_again_in_time() -> None:
    runner = Removals()
    async with delaying(runner) as keeper:
        keeper.want(A, wanted=True)
        await asyncio.sleep(1)
        keeper.want(A, wanted=False)
        await asyncio.sleep(DELAY - 1)
        keeper.want(A, wanted=True)
        await asyncio.sleep(10 * DELAY)
        assert runner.removed == []
        keeper.want(A, wanted=False)
        await asyncio.sleep(DELAY + 1)
        assert runner.removed == [(A, 12 * DELAY)]


@in_virtual_time
async def test_what_was_found_and_nobody_wished_for_stays_as_long() -> None:
    runner = Removals()
    async with delaying(runner) as keeper:
        await runner.ensure(ProxyPlan(A, "{}"))
        keeper.want(B, wanted=True)
        for _ in range(3):
            keeper.let_go(A)
            keeper.let_go(B)
            await asyncio.sleep(DELAY / 2)
        assert runner.removed == [(A, DELAY)]
        assert set(runner.states) == {B}


@in_virtual_time
async def test_a_removal_that_fails_is_tried_again_without_another_delay() -> None:
    runner = Removals()
    async with delaying(runner) as keeper:
        keeper.want(A, wanted=True)
        await asyncio.sleep(1)
        runner.failures = ["no", "no"]
        keeper.want(A, wanted=False)
        await asyncio.sleep(DELAY + 5)
        assert runner.removed == [(A, 1 + DELAY + 0.5 + 1.0)]


@in_virtual_time
async def test_a_new_leader_begins_the_delay_anew() -> None:
    runner, turns = Removals(), Election(leading=False)
    async with delaying(runner, turns) as keeper:
        await runner.ensure(ProxyPlan(A, "{}"))
        keeper.want(A, wanted=False)
        await asyncio.sleep(10 * DELAY)
        turns.set(leading=True)
        await asyncio.sleep(DELAY - 1)
        assert runner.removed == []
        await asyncio.sleep(2)
        assert runner.removed == [(A, 11 * DELAY)]


@in_virtual_time
async def test_who_leads_no_more_removes_nothing() -> None:
    runner, turns = Removals(), Election(leading=True)
    async with delaying(runner, turns) as keeper:
        keeper.want(A, wanted=False)
        await asyncio.sleep(DELAY - 1)
        turns.set(leading=False)
        await asyncio.sleep(10 * DELAY)
        assert runner.removed == []


@in_virtual_time
async def test_a_follower_forgets_what_the_leader_has_removed() -> None:
    runner, turns, gone = Removals(), Election(leading=False), list[ProxyId]()
    async with delaying(runner, turns, gone.append) as keeper:
        await runner.ensure(ProxyPlan(A, "{}"))  # the leader did
        await runner.ensure(ProxyPlan(B, "{}"))
        keeper.want(A, wanted=True)
        keeper.want(B, wanted=True)
        await asyncio.sleep(1)
        keeper.want(A, wanted=False)
        await asyncio.sleep(10 * DELAY)
        assert gone == []
        await runner.remove(A)
        await runner.remove(B)  # somebody else did, and it is wanted
        keeper.stir(A)
        keeper.stir(B)
        await asyncio.sleep(1)
        assert gone == [A]
        assert not keeper.is_leaving(A)
        keeper.want(A, wanted=True)
        turns.set(leading=True)
        await asyncio.sleep(1)
        assert set(runner.states) == {A, B}


@in_virtual_time
async def test_a_follower_forgets_at_once_what_never_ran() -> None:
    runner, turns, gone = Removals(), Election(leading=False), list[ProxyId]()
    async with delaying(runner, turns, gone.append) as keeper:
        keeper.want(A, wanted=True)
        await asyncio.sleep(1)
        keeper.want(A, wanted=False)
        await asyncio.sleep(1)
        assert gone == [A]
        turns.set(leading=True)
        await asyncio.sleep(10 * DELAY)
        assert runner.removed == []
