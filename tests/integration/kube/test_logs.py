"""A pod's log is followed through what happens to servers, connections and containers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.integration.kube.log_server import START, LogServer

from lateen.kube.client import KubeClient
from lateen.kube.logs import FIRST_PAUSE, LONGEST_PAUSE, ContainerRestarted, LogLine, PodLog


class Reader:
    """Reads one log, without the pauses."""

    def __init__(self, client: KubeClient) -> None:
        """Read nothing yet."""
        self.heard: list[str] = []
        self.times: list[float] = []
        self.restarts: list[float] = []
        self.pauses: list[float] = []
        self._log = PodLog(client, "shop", "edge-1", "envoy", beginning=b"{", sleep=self._pause)
        self._news = asyncio.Condition()

    async def read(self) -> None:
        async for item in self._log.follow():
            match item:
                case LogLine(at, text):
                    self.heard.append(text.decode())
                    self.times.append(at)
                case ContainerRestarted(at):
                    self.restarts.append(at)
            async with self._news:
                self._news.notify_all()

    async def until(self, *heard: str) -> None:
        async with asyncio.timeout(10), self._news:
            await self._news.wait_for(lambda: len(self.heard) >= len(heard))
        assert self.heard == list(heard)

    async def until_paused(self, times: int) -> None:
        async with asyncio.timeout(10), self._news:
            await self._news.wait_for(lambda: len(self.pauses) >= times)

    async def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        async with self._news:
            self._news.notify_all()


@pytest.fixture
def server() -> LogServer:
    return LogServer()


@asynccontextmanager
async def reading(server: LogServer) -> AsyncIterator[Reader]:
    async with server.running_server() as client:
        reader = Reader(client)
        task = asyncio.create_task(reader.read())
        try:
            yield reader
        finally:
            task.cancel()
            await asyncio.wait([task])
            if not task.cancelled():
                task.result()


async def test_lines_come_as_they_are_written_with_the_past_first(server: LogServer) -> None:
    await server.write("{1}", "{2}")
    async with reading(server) as reader:
        await reader.until("{1}", "{2}")
        await server.write("{3}")
        await reader.until("{1}", "{2}", "{3}")
        assert reader.times[-1] == pytest.approx(START.timestamp() + 0.3)
        assert server.asked == [{"container": "envoy", "follow": "true", "timestamps": "true", "sinceSeconds": "3600"}]


async def test_a_broken_stream_is_read_on_without_loss_or_repetition(server: LogServer) -> None:
    async with reading(server) as reader:
        await server.until(lambda: server.streams == 1)
        await server.write("{1}", "{2}", "{2}", after=0.0)
        await server.write("{3}", "{4}")
        await reader.until("{1}", "{2}", "{2}", "{3}", "{4}")
        await server.break_off()
        await server.write("{5}", after=0.0)
        await reader.until("{1}", "{2}", "{2}", "{3}", "{4}", "{5}")
        await server.break_off()
        await server.write("{6}")
        await reader.until("{1}", "{2}", "{2}", "{3}", "{4}", "{5}", "{6}")
        assert server.asked[-1]["sinceTime"] == "2026-11-28T11:59:59Z"


async def test_equal_lines_of_one_moment_are_counted(server: LogServer) -> None:
    await server.write("{1}", "{1}", "{1}", after=0.0)
    async with reading(server) as reader:
        await reader.until("{1}", "{1}", "{1}")
        await server.break_off()
        await server.write("{1}", after=0.0)
        await reader.until("{1}", "{1}", "{1}", "{1}")


async def test_other_lines_are_left_out(server: LogServer) -> None:
    async with reading(server) as reader:
        await server.until(lambda: server.streams == 1)
        await server.write("[warning] main", "{1}", "", "[info] " + "long " * 100_000, "{2}")
        await reader.until("{1}", "{2}")
        await server.break_off()
        await server.write("{3}")
        await reader.until("{1}", "{2}", "{3}")


async def test_a_server_that_is_away_is_asked_less_and_less_often(server: LogServer) -> None:
    server.refusals = 8
    async with reading(server) as reader:
        await server.until(lambda: server.streams == 1)
        assert reader.pauses == [0.5, 1.0, 2.0, 4.0, 8.0, LONGEST_PAUSE, LONGEST_PAUSE, LONGEST_PAUSE]
        await server.write("{1}")
        await reader.until("{1}")
        await server.break_off()
        await server.until(lambda: len(server.asked) == 10)
        assert reader.pauses[-1] == FIRST_PAUSE


async def test_a_container_that_is_started_again_is_told_before_its_lines(server: LogServer) -> None:
    async with reading(server) as reader:
        await server.until(lambda: server.streams == 1)
        await server.write("{1}")
        await reader.until("{1}")
        server.container = "containerd://2"
        await server.end()
        await server.write("{2}")
        await reader.until("{1}", "{2}")
        assert reader.restarts == [START.timestamp()]


async def test_a_container_that_does_not_run_yet_is_waited_for(server: LogServer) -> None:
    server.running = False
    async with reading(server) as reader:
        await reader.until_paused(3)
        assert server.asked == []
        server.running = True
        await server.write("{1}")
        await reader.until("{1}")
        assert reader.restarts == []


@pytest.mark.parametrize("replaced", [False, True], ids=["gone", "replaced"])
async def test_reading_ends_when_the_pod_is_gone(server: LogServer, *, replaced: bool) -> None:
    async with server.running_server() as client:
        reader = Reader(client)
        task = asyncio.create_task(reader.read())
        await server.until(lambda: server.streams == 1)
        server.exists, server.uid = replaced, "2"
        await server.end()
        async with asyncio.timeout(10):
            await task
