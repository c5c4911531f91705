"""Logs are followed while this instance leads; what they say becomes status and Events."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs
from tests.unit.runtime.ejections.scene import (
    CLUSTER,
    FIRST,
    ONE,
    OTHER_CLASS,
    RULE_NAME,
    SECOND,
    TWO,
    Told,
    rule,
    shop,
)
from tests.unit.runtime.stage import EDGE

from lateen.infra.proxy_events import Limit
from lateen.kube.logs import ContainerRestarted, LogLine
from lateen.runtime.ejections.book import EjectionBook
from lateen.runtime.ejections.facts import ProxyPod
from lateen.runtime.ejections.overflows import GATHERING
from lateen.runtime.ejections.watch import GATHERING as GATHERING_EJECTIONS
from lateen.runtime.ejections.watch import OVERLAP, EjectionWatch

POLICY = "outlierDetection: {consecutive5xxErrors: 3}, connectionPool: {tcp: {maxConnections: 1}}"
NOON = 1_795_867_200.0
OVERFLOW = json.dumps({"cluster": CLUSTER, "details": "{overflow}", "lateen": "overflow"}, separators=(",", ":"))


def outlier(action: str, address: str = FIRST, *, second: int = 0) -> str:
    return json.dumps(
        {
            "type": "CONSECUTIVE_5XX",
            "timestamp": f"2026-11-28T12:00:{second:02}Z",
            "cluster_name": CLUSTER,
            "upstream_url": address,
            "action": action,
            "enforced": action == "EJECT",
        }
    )


class Leader:
    """Leads as told."""

    def __init__(self) -> None:
        """Begin without leading."""
        self.leading = False
        self._news = asyncio.Condition()

    async def wait_until(self, *, leading: bool) -> None:
        async with self._news:
            await self._news.wait_for(lambda: self.leading is leading)

    async def become(self, *, leading: bool) -> None:
        """Change its mind, and let everything happen that follows."""
        self.leading = leading
        async with self._news:
            self._news.notify_all()
        await turns()


class Scene:
    """A watch with logs that tests write."""

    def __init__(self) -> None:
        """Start at noon, with nobody leading."""
        self.stage = shop(POLICY)
        self.told = Told()
        self.leader = Leader()
        self.now = NOON
        self.logs: dict[ProxyPod, asyncio.Queue[LogLine | ContainerRestarted | Exception | None]] = {}
        self.followed: list[ProxyPod] = []
        self._tick = asyncio.Condition()
        self.watch = EjectionWatch(
            self.stage.control,
            self.told,
            self.leader,
            self._follow,
            clock=lambda: self.now,
            wall_clock=lambda: self.now,
            sleep=self._sleep,
        )
        self.stage.control.ejections = self.watch.keeper.of

    @property
    def shown(self) -> list[tuple[str, str]]:
        """Proxies and addresses in the rule's status."""
        return [(host.proxy, host.address) for host in self.stage.control.status(RULE_NAME).ejections]

    def log(self, pod: ProxyPod) -> "asyncio.Queue[LogLine | ContainerRestarted | Exception | None]":
        return self.logs.setdefault(pod, asyncio.Queue())

    async def write(self, pod: ProxyPod, *lines: str) -> None:
        """Write lines now, and let them be heard."""
        for line in lines:
            self.log(pod).put_nowait(LogLine(self.now, line.encode()))
        await turns()

    async def after(self, seconds: float) -> None:
        """Let time go by."""
        self.now += seconds
        async with self._tick:
            self._tick.notify_all()
        await turns()

    async def news(self) -> list[str]:
        """Let a moment go by, and give the reasons of what is told."""
        await self.after(GATHERING_EJECTIONS)
        return [reason for reason, _ in self.told.take()]

    async def _sleep(self, _: float) -> None:
        async with self._tick:
            await self._tick.wait()

    async def _follow(self, pod: ProxyPod) -> AsyncIterator[LogLine | ContainerRestarted]:
        self.followed.append(pod)
        while (item := await self.log(pod).get()) is not None:
            if isinstance(item, Exception):
                raise item
            yield item


async def turns() -> None:
    """Let everything happen that only waits for its turn."""
    for _ in range(40):
        await asyncio.sleep(0)


@asynccontextmanager
async def running(*pods: ProxyPod, leading: bool = True) -> AsyncIterator[Scene]:
    scene = Scene()
    for pod in pods:
        scene.watch.pod_appeared(pod)
    task = asyncio.create_task(scene.watch.run())
    await turns()
    if leading:
        await scene.leader.become(leading=True)
    try:
        yield scene
    finally:
        task.cancel()
        await asyncio.wait([task])
    assert task.cancelled()


async def test_an_ejection_in_a_log_is_in_the_rules_status_and_told() -> None:
    async with running(ONE) as scene:
        await scene.write(ONE, "something else", outlier("EJECT"))
        assert scene.shown == [("edge-1", FIRST)]
        assert await scene.news() == ["HostEjected"]
        assert scene.watch.keeper.ejected_now() == {EDGE: 1}
        await scene.write(ONE, outlier("UNEJECT", second=30))
        assert scene.shown == []
        assert await scene.news() == ["HostReturned"]
        assert (scene.watch.keeper.ejected_now(), scene.watch.keeper.ejected_total) == ({EDGE: 0}, {EDGE: 1})


async def test_what_several_proxies_do_within_a_moment_is_told_at_once() -> None:
    async with running(ONE, TWO) as scene:
        await scene.write(TWO, outlier("EJECT"))
        await scene.write(ONE, outlier("EJECT", second=1))
        await scene.after(GATHERING_EJECTIONS)
        ((_, message),) = scene.told.take()
        assert "ejected by proxies edge-2, edge-1 for 30 s (until 12:00:31Z)" in message


async def test_overflows_in_a_log_are_told_after_a_moment() -> None:
    async with running(ONE) as scene:
        await scene.write(ONE, OVERFLOW, OVERFLOW)
        assert scene.told.take() == []
        await scene.after(GATHERING)
        ((reason, message),) = scene.told.take()
        assert reason == "PoolOverflow"
        assert "2 requests were refused" in message
        assert scene.watch.keeper.overflowed_total == {(EDGE, Limit.REQUEST): 2}


async def test_status_is_written_anew_when_an_ejection_comes_and_goes() -> None:
    async with running(ONE) as scene:
        looping = asyncio.create_task(scene.stage.control.run())
        await turns()
        await scene.write(ONE, outlier("EJECT"))
        assert [host.address for host in scene.stage.status.statuses[RULE_NAME].ejections] == [FIRST]
        await scene.write(ONE, outlier("UNEJECT"))
        assert scene.stage.status.statuses[RULE_NAME].ejections == ()
        looping.cancel()
        await asyncio.wait([looping])


async def test_only_the_leader_follows_logs() -> None:
    async with running(ONE, leading=False) as scene:
        assert scene.followed == []
        await scene.leader.become(leading=True)
        assert scene.followed == [ONE]
        scene.watch.pod_appeared(TWO)
        await scene.write(TWO, outlier("EJECT"))
        assert (scene.followed, scene.shown) == ([ONE, TWO], [("edge-2", FIRST)])
        await scene.leader.become(leading=False)
        assert (scene.shown, scene.watch.keeper.ejected_now()) == ([], {EDGE: 0})
        await scene.leader.become(leading=True)
        assert scene.followed == [ONE, TWO, ONE, TWO]


async def test_a_new_leader_shows_what_was_before_and_tells_only_what_is_new() -> None:
    async with running(ONE, leading=False) as scene:
        scene.now = NOON - OVERLAP - 1
        await scene.write(ONE, outlier("EJECT"), OVERFLOW)
        scene.now = NOON
        await scene.write(ONE, outlier("EJECT", SECOND))
        await scene.leader.become(leading=True)
        assert scene.shown == [("edge-1", FIRST), ("edge-1", SECOND)]
        assert await scene.news() == ["HostEjected"]
        assert (scene.watch.keeper.ejected_total, scene.watch.keeper.overflowed_total) == ({EDGE: 1}, {})


async def test_a_pod_that_is_gone_is_followed_no_longer() -> None:
    async with running(ONE, TWO) as scene:
        await scene.write(ONE, outlier("EJECT"))
        await scene.write(TWO, outlier("EJECT"))
        scene.watch.pod_gone("default", "edge-1")
        scene.watch.pod_gone("default", "no-proxy")
        await scene.write(ONE, outlier("EJECT", SECOND))
        assert scene.shown == [("edge-2", FIRST)]
        scene.watch.pod_gone("default", "edge-2")
        assert (scene.shown, scene.watch.keeper.ejected_now()) == ([], {})
        scene.watch.pod_appeared(TWO)
        await turns()
        assert scene.followed == [ONE, TWO, TWO]


async def test_a_pod_that_is_heard_of_twice_is_followed_once() -> None:
    async with running(ONE, ONE) as scene:
        scene.watch.pod_appeared(ONE)
        await turns()
        assert scene.followed == [ONE]
        scene.watch.pod_appeared(ONE._replace(proxy=OTHER_CLASS))
        await turns()
        assert scene.followed == [ONE, ONE._replace(proxy=OTHER_CLASS)]
        assert scene.watch.keeper.ejected_now() == {OTHER_CLASS: 0}


async def test_a_change_of_the_cluster_ends_its_ejections_at_once() -> None:
    async with running(ONE) as scene:
        await scene.write(ONE, outlier("EJECT"))
        scene.stage.apply(rule("outlierDetection: {consecutive5xxErrors: 9}"))
        assert scene.shown == []
        assert await scene.news() == ["HostEjected", "HostReturned"]


async def test_a_proxy_that_is_started_again_has_no_ejections() -> None:
    async with running(ONE) as scene:
        await scene.write(ONE, outlier("EJECT"))
        scene.log(ONE).put_nowait(ContainerRestarted(NOON + 1))
        await turns()
        assert scene.shown == []


async def test_an_ejection_ends_after_a_while_when_nothing_is_heard() -> None:
    async with running(ONE) as scene:
        await scene.write(ONE, outlier("EJECT"))
        await scene.after(79)
        assert scene.shown == [("edge-1", FIRST)]
        await scene.after(2)
        assert scene.shown == []


async def test_a_fault_in_reading_a_log_stops_nothing_else() -> None:
    async with running(ONE, TWO) as scene:
        with capture_logs() as logs:
            scene.log(ONE).put_nowait(RuntimeError("a fault of ours"))
            await turns()
        assert [entry["log_level"] for entry in logs] == ["error"]
        await scene.write(TWO, outlier("EJECT"))
        assert scene.shown == [("edge-2", FIRST)]
        await scene.after(1)
        await scene.write(ONE, outlier("EJECT"))
        assert scene.shown == [("edge-1", FIRST), ("edge-2", FIRST)]


async def test_what_is_read_again_after_a_fault_is_not_told_again() -> None:
    async with running(ONE) as scene:
        await scene.write(ONE, outlier("EJECT"))
        with capture_logs():
            scene.log(ONE).put_nowait(RuntimeError("a fault of ours"))
            await turns()
        scene.log(ONE).put_nowait(LogLine(scene.now - 1, outlier("EJECT").encode()))
        assert await scene.news() == ["HostEjected"]
        assert scene.shown == [("edge-1", FIRST)]
        await scene.after(10)
        assert scene.told.take() == []
        await scene.write(ONE, outlier("UNEJECT"))
        assert await scene.news() == ["HostReturned"]


async def test_a_fault_in_telling_is_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(ONE) as scene:

        def break_down(*_: object) -> None:
            raise RuntimeError("a fault of ours")

        with capture_logs() as logs, monkeypatch.context() as patch:
            patch.setattr(scene.told, "record", break_down)
            await scene.write(ONE, OVERFLOW)
            await scene.after(GATHERING)
        assert [entry["log_level"] for entry in logs] == ["error"]
        await scene.after(1)
        await scene.write(ONE, outlier("EJECT"))
        assert scene.shown == [("edge-1", FIRST)]


async def test_a_fault_in_looking_at_changes_holds_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(ONE) as scene:
        await scene.write(ONE, outlier("EJECT"))
        monkeypatch.setattr(EjectionBook, "look_at_cluster", None)
        with capture_logs() as logs:
            scene.stage.apply(rule("outlierDetection: {consecutive5xxErrors: 9}"))
        assert [entry["log_level"] for entry in logs] == ["error"]


async def test_a_log_that_ends_is_not_followed_again() -> None:
    async with running(ONE) as scene:
        scene.log(ONE).put_nowait(None)
        await turns()
        assert scene.followed == [ONE]
