"""Envoy as in a pod: its status pages, and how it leaves without losing a request."""

import asyncio
import json
import socket
import subprocess
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from tests.golden.proxies.proxy_golden import FULL, manifests_of
from tests.integration.envoy.static_envoy import envoy_binary
from tests.integration.infra.http2_client import Http2Connection
from tests.integration.traffic.backend import Backend
from tests.integration.xds.live_envoy import PROXY, eds, endpoints, fetch, listener, route
from tests.integration.xds.secure_house import HOST, SecureHouse
from tests.ports import free_port

from lateen.envoy.bootstrap import BootstrapOptions, build_bootstrap
from lateen.envoy.xds_tls import XdsTls
from lateen.infra.pods import BOOTSTRAP, CONFIG_FOLDER, DRAIN, TLS_FOLDER
from lateen.infra.render import Renderer

pytestmark = pytest.mark.envoy

READY: Final = "/ready"
_BRIEF_PAUSE: Final = 0.2
_PAUSE: Final = 0.05
_STREAMS: Final = 8


class Pod(SecureHouse):
    """A house whose Envoy has the bootstrap of pods, but for ports and folders."""

    def __init__(self, directory: Path) -> None:
        """Choose ports."""
        super().__init__(directory)
        self.port = free_port()
        self.admin_port = free_port()
        self.status_port = free_port()

    dual_stack = False
    """Whether pods have addresses of IPv6."""

    def bootstrap(self) -> dict[str, Any]:
        """As in a pod, with ports of this machine."""
        super().bootstrap()  # writes the files of discovery
        options = BootstrapOptions(
            self.address,
            str(PROXY),
            "envoy-1",
            admin_port=self.admin_port,
            status_port=self.status_port,
            dual_stack=self.dual_stack,
            xds_tls=XdsTls(HOST, str(self.directory)),
        )
        return build_bootstrap(options)

    def serve(self) -> None:
        """Give Envoy something to do."""
        self.publish(eds("c"), endpoints("c", self.one.port), route("r", "c"), listener("l", self.port, "r"))

    async def status(self, path: str, method: str = "GET", host: str = "127.0.0.1") -> int:
        """Ask a status page; 0: nobody answers."""
        async with httpx.AsyncClient() as client:
            try:
                answer = await client.request(method, f"http://{host}:{self.status_port}{path}")
            except httpx.ConnectError:
                return 0
        return answer.status_code

    async def until_status(self, path: str, code: int) -> None:
        """Await an answer of a status page."""
        while await self.status(path) != code:  # noqa: ASYNC110 - Envoy tells nobody, it has to be asked
            await asyncio.sleep(_PAUSE)

    @asynccontextmanager
    async def draining(self, delay: int, limit: int) -> AsyncIterator["asyncio.subprocess.Process"]:
        """Run the script that drains pods."""
        script = self.directory / DRAIN
        await asyncio.to_thread(script.write_text, (await asyncio.to_thread(Renderer.load)).drain)
        arguments = map(str, (script, delay, limit, self.admin_port, self.status_port))
        process = await asyncio.create_subprocess_exec("bash", *arguments)
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


@pytest.fixture
async def pod(tmp_path: Path) -> AsyncIterator[Pod]:
    house = Pod(tmp_path)
    async with house.running():
        yield house


async def test_a_pod_is_ready_when_it_has_had_its_first_configuration(pod: Pod) -> None:
    pod.cache.remove(PROXY)  # nobody serves it yet
    async with pod.envoy():
        assert "PRE_INITIALIZING" in await pod.admin(READY)
        assert await pod.status(READY) == 0
        pod.cache.publish(PROXY, {})
        pod.serve()
        await pod.until_status(READY, 200)
        assert (await fetch(pod.port))[0] == 200


async def test_of_the_admin_pages_three_can_be_read(pod: Pod) -> None:
    pod.serve()
    async with pod.envoy():
        await pod.until_status(READY, 200)
        assert await pod.status("/live") == 200
        assert await pod.status("/stats/prometheus?usedonly") == 200
        for path in ("/", "/stats", "/config_dump", "/certs", "/quitquitquit", "/ready/", "/stats/prometheus/.."):
            assert await pod.status(path) == 404, path
        for path in (READY, "/live", "/healthcheck/fail"):
            assert await pod.status(path, "POST") == 404, path


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
@pytest.mark.parametrize("dual_stack", [False, True])
async def test_a_pod_is_reached_by_the_families_that_it_has(pod: Pod, dual_stack: bool) -> None:  # noqa: FBT001 - a row of the table
    pod.dual_stack = dual_stack
    async with pod.envoy():
        await pod.until_status(READY, 200)
        assert await pod.status(READY, host="[::1]") == (200 if dual_stack else 0)


async def test_a_pod_leaves_without_losing_a_request(pod: Pod) -> None:
    pod.serve()
    answers = Answers()
    async with pod.envoy():
        await pod.until_status(READY, 200)
        ending = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            for _ in range(4):
                tasks.create_task(_call(pod.port, answers, ending))
            await answers.until("kept", 20)
            async with pod.draining(1, 30) as script:
                await pod.until_status(READY, 503)
                assert await pod.status("/live") == 200
                await answers.until("closed", 20)
                ending.set()  # nobody calls any more
                assert await asyncio.wait_for(script.wait(), 10) == 0
    assert set(answers.counted) == {"kept", "closed"}


async def test_a_pod_leaves_without_losing_a_stream_of_http2(pod: Pod) -> None:
    backend = Backend("one")
    await backend.listen()
    pod.publish(eds("c"), endpoints("c", backend.port), route("r", "c"), listener("l", pod.port, "r"))
    answers, ended = Answers(), list[Http2Connection]()
    async with pod.envoy(), AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
        await pod.until_status(READY, 200)
        ending = asyncio.Event()
        for _ in range(2):
            tasks.create_task(_call_by_http2(pod.port, answers, ended, ending))
        await answers.until("200", 50)
        with backend.holding():
            await backend.until_requests(backend.requests + 2 * _STREAMS)  # all streams that there are wait
            script = await stack.enter_async_context(pod.draining(1, 30))
            await pod.until_status(READY, 503)
        await answers.until("200", 2 * _STREAMS + 50)  # the rest on new connections, until everybody has heard of it
        ending.set()
        assert await asyncio.wait_for(script.wait(), 10) == 0
    await backend.stop()
    assert set(answers.counted) == {"200"}
    assert len(ended) > 2
    assert all(connection.spares_open_streams for connection in ended)


async def test_a_pod_stays_while_new_connections_come_though_none_lasts(pod: Pod) -> None:
    pod.serve()
    answers = Answers()
    async with pod.envoy():
        await pod.until_status(READY, 200)
        async with pod.draining(1, 30) as script, asyncio.TaskGroup() as tasks:
            ending = asyncio.Event()
            tasks.create_task(_call_briefly(pod.port, answers, ending))
            await answers.until("brief", 25)
            assert script.returncode is None
            ending.set()
            assert await asyncio.wait_for(script.wait(), 10) == 0


async def test_a_connection_that_stays_is_waited_for_but_not_for_ever(pod: Pod) -> None:
    pod.serve()
    async with pod.envoy():
        await pod.until_status(READY, 200)
        reader, writer = await asyncio.open_connection("127.0.0.1", pod.port)
        await _ask(reader, writer)
        async with pod.draining(0, 3) as script:
            await pod.until_status(READY, 503)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(script.wait(), 0.5)
            assert await asyncio.wait_for(script.wait(), 10) == 0
        assert await _ask(reader, writer)  # it was kept until the end, and is told that this is the last answer
        writer.close()


class Answers:
    """Answers by kind, and a way to await many."""

    def __init__(self) -> None:
        """Count from nothing."""
        self.counted: Counter[str] = Counter()
        self._changed = asyncio.Event()

    def add(self, kind: str) -> None:
        """Count one."""
        self.counted[kind] += 1
        self._changed.set()

    async def until(self, kind: str, more: int) -> None:
        """Await some more of a kind."""
        wanted = self.counted[kind] + more
        while self.counted[kind] < wanted:
            self._changed.clear()
            await self._changed.wait()


async def _call(port: int, answers: "Answers", ending: asyncio.Event) -> None:
    """Send requests on one connection after the other, as long as each lasts."""
    while not ending.is_set():
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        closed = False
        while not closed and not ending.is_set():
            closed = await _ask(reader, writer)
            answers.add("closed" if closed else "kept")
        writer.close()


async def _call_briefly(port: int, answers: "Answers", ending: asyncio.Event) -> None:
    """Open a connection for each request, with pauses in which there is none."""
    while not ending.is_set():
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await _ask(reader, writer)
        writer.close()
        answers.add("brief")
        await asyncio.sleep(_BRIEF_PAUSE)


async def _call_by_http2(port: int, answers: Answers, ended: list[Http2Connection], ending: asyncio.Event) -> None:
    """Send requests on streams beside each other, on one connection after the other: no stream after a GOAWAY."""
    while not ending.is_set():
        async with await Http2Connection.open(port) as connection:

            async def call(connection: Http2Connection = connection) -> None:
                while not ending.is_set() and not connection.is_ending:
                    answers.add(str(await connection.get("t")))

            async with asyncio.TaskGroup() as streams:
                for _ in range(_STREAMS):
                    streams.create_task(call())
            if connection.is_ending:
                ended.append(connection)


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Send a request; return whether the answer says that the connection ends."""
    writer.write(b"GET / HTTP/1.1\r\nhost: t\r\n\r\n")
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    assert head.startswith("http/1.1 200")
    await reader.readexactly(int(head.partition("content-length:")[2].partition("\r\n")[0]))
    return "connection: close" in head


async def test_envoy_accepts_what_pods_are_given(tmp_path: Path) -> None:
    house = SecureHouse(tmp_path)  # for its certificates
    await asyncio.to_thread(_validate, tmp_path, house.certificates)


def _validate(folder: Path, certificates: Path) -> None:
    (config,) = (each for each in manifests_of(FULL) if each["kind"] == "ConfigMap")
    folders = {CONFIG_FOLDER: str(folder), TLS_FOLDER: str(certificates)}
    for name, text in config["data"].items():
        moved = text
        for there, here in folders.items():
            moved = moved.replace(there, here)
        (folder / name).write_text(moved)
    (deployment,) = (each for each in manifests_of(FULL) if each["kind"] == "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    arguments = [each.replace(CONFIG_FOLDER, str(folder)).replace("$(POD_NAME)", "pod") for each in container["args"]]
    command = [str(envoy_binary()), *arguments, "--mode", "validate"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=50)  # noqa: S603 - our own binary
    assert done.returncode == 0, done.stderr
    assert json.loads((folder / BOOTSTRAP).read_text())["cluster_manager"]["outlier_detection"]["event_log_path"]
