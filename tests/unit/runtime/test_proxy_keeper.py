"""Wishes about proxies, and what becomes of them."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from lateen.errors import ProxyError
from lateen.infra.base import Phase, ProxyPlan, ProxyState
from lateen.infra.memory import MemoryProxyRunner
from lateen.ir.proxy import ProxyId
from lateen.runtime.leadership import AlwaysLeader
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
        self.keeper = ProxyKeeper(
            self.runner,
            AlwaysLeader(),
            lambda proxy: ProxyPlan(proxy, self.bootstrap),
            on_failure=self.failed.append,
            on_gone=self.gone.append,
            sleep=self._sleep,
        )

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
