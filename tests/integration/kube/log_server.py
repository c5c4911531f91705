"""An API server that knows one pod and its log: the part of the kubelet that these tests need."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from aiohttp import web
from kubernetes.aio.client import Configuration

from lateen.kube.access import Access
from lateen.kube.client import KubeClient

START = datetime(2026, 11, 28, 12, 0, 0, tzinfo=UTC)


async def _nothing() -> Configuration:
    """There is nothing to load anew."""
    return Configuration()


class LogServer:
    """Answers as the real one, and breaks as told."""

    def __init__(self) -> None:
        """Begin with a running container that has written nothing."""
        self.lines: list[tuple[datetime, str]] = []
        self.exists = True
        self.running = True
        self.uid = "1"
        self.container = "containerd://1"
        self.started = START
        self.refusals = 0
        """So many requests for the log are refused."""
        self.asked: list[dict[str, str]] = []
        """What requests for the log asked for."""
        self.streams = 0
        """That are open."""
        self._broken = 0
        self._ended = 0
        self._news = asyncio.Condition()
        self._runner: web.AppRunner | None = None

    async def write(self, *texts: str, after: float = 0.1) -> None:
        """Write lines, each so many seconds after the one before."""
        for text in texts:
            at = self.lines[-1][0] if self.lines else START
            self.lines.append((at + timedelta(seconds=after), text))
        await self.notify()

    async def notify(self) -> None:
        """Let everybody look at what has changed."""
        async with self._news:
            self._news.notify_all()

    async def break_off(self) -> None:
        """Break every open stream."""
        self._broken += 1
        await self.notify()

    async def end(self) -> None:
        """End every open stream, as when the container ends."""
        self._ended += 1
        await self.notify()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition holds."""
        async with asyncio.timeout(10), self._news:
            await self._news.wait_for(condition)

    @asynccontextmanager
    async def running_server(self) -> AsyncIterator[KubeClient]:
        """Listen until the block ends; gives a client."""
        app = web.Application()
        app.router.add_get("/api/v1/namespaces/shop/pods/edge-1", self._pod)
        app.router.add_get("/api/v1/namespaces/shop/pods/edge-1/log", self._log)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        configuration = Configuration(host=f"http://{host}:{port}")
        client = await KubeClient.reach(Access(configuration, _nothing))
        try:
            yield client
        finally:
            await client.close()
            await runner.cleanup()

    async def _pod(self, _: web.Request) -> web.Response:
        if not self.exists:
            return web.json_response({"reason": "NotFound", "message": "no such pod"}, status=404)
        state = {"running": {"startedAt": self.started.strftime("%Y-%m-%dT%H:%M:%SZ")}} if self.running else {}
        status = {"name": "envoy", "containerID": self.container if self.running else "", "state": state}
        other = {"name": "other", "containerID": "containerd://9", "state": {"running": {}}}
        return web.json_response(
            {"metadata": {"name": "edge-1", "uid": self.uid}, "status": {"containerStatuses": [other, status]}}
        )

    async def _log(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(dict(request.query))
        if self.refusals:
            self.refusals -= 1
            await self.notify()
            return web.json_response({"reason": "InternalError", "message": "no kubelet"}, status=500)
        response = web.StreamResponse()
        await response.prepare(request)
        since = datetime.fromisoformat(request.query.get("sinceTime", "1970-01-01T00:00:00Z"))
        place, broken, ended = 0, self._broken, self._ended
        self.streams += 1
        await self.notify()
        try:
            while (broken, ended) == (self._broken, self._ended):
                for at, text in self.lines[place:]:
                    if at >= since:
                        await response.write(f"{at.strftime('%Y-%m-%dT%H:%M:%S.%f')}000Z {text}\n".encode())
                place = len(self.lines)
                async with self._news:
                    await self._news.wait()
        finally:
            self.streams -= 1
        if broken != self._broken:
            # What comes last is the beginning of a line that never ends.
            await response.write(f'{START.strftime("%Y-%m-%dT%H:%M:%S.%f")}000Z {{"half'.encode())
            assert request.transport is not None
            request.transport.abort()
        return response
