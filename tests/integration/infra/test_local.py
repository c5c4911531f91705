"""Envoys as processes of this machine: real ones, and programs that fail in an Envoy's place."""

import asyncio
import contextlib
import json
import os
import random
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lateen.errors import ProxyError
from lateen.infra.admin import AdminClient
from lateen.infra.base import Phase, ProxyPlan, ProxyState
from lateen.infra.binary import find_envoy
from lateen.infra.local import LocalProxyRunner, surroundings_of_this_machine
from lateen.infra.proxy_events import Limit, PoolOverflowed, ProxyEvent
from lateen.infra.supervisor import Surroundings
from lateen.ir.proxy import ProxyId

PROXY = ProxyId("default", "istio=ingressgateway")
ECHO = "type.googleapis.com/envoy.extensions.filters.network.echo.v3.Echo"


def bootstrap(port: int = 0) -> str:
    """Give the least that runs: admin pages and a listener that echoes."""
    local = {"address": "127.0.0.1"}
    listener = {
        "name": "echo",
        "address": {"socket_address": {**local, "port_value": port}},
        "enable_reuse_port": False,
        "filter_chains": [{"filters": [{"name": "echo", "typed_config": {"@type": ECHO}}]}],
    }
    return json.dumps(
        {
            "admin": {"address": {"socket_address": {**local, "port_value": 0}}},
            "static_resources": {"listeners": [listener]},
        }
    )


def plan(port: int = 0, *, drain_seconds: float = 0.0) -> ProxyPlan:
    return ProxyPlan(PROXY, bootstrap(port), concurrency=1, drain_seconds=drain_seconds)


class Watched:
    """A runner whose states can be waited for."""

    def __init__(self, directory: Path, binary: Path, patience: float = 5.0) -> None:
        """Run `binary` without pauses between its lives."""
        self.states: asyncio.Queue[ProxyState] = asyncio.Queue()
        self.pauses: list[float] = []
        around = Surroundings(binary, time.monotonic, random.random, self._sleep, patience)
        self.events: asyncio.Queue[tuple[ProxyId, ProxyEvent]] = asyncio.Queue()
        self.runner = LocalProxyRunner(
            directory, around, self.states.put_nowait, lambda *event: self.events.put_nowait(event)
        )

    async def _sleep(self, pause: float) -> None:
        self.pauses.append(pause)

    async def until(self, phase: Phase) -> ProxyState:
        while (state := await self.states.get()).phase is not phase:
            pass
        return state


@contextlib.asynccontextmanager
async def watched(directory: Path, binary: Path, patience: float = 5.0) -> AsyncIterator[Watched]:
    runner = Watched(directory, binary, patience)
    try:
        yield runner
    finally:
        await runner.runner.close()


@pytest.fixture
def envoy() -> Path:
    return find_envoy(None, os.environ)


def script(path: Path, body: str) -> Path:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


async def ended(pid: int) -> None:
    """Wait for the end of a process that need not be a child."""
    over = asyncio.Event()
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop = asyncio.get_running_loop()
    loop.add_reader(descriptor, over.set)
    try:
        await over.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


@pytest.mark.envoy
async def test_a_proxy_becomes_ready_and_is_gone_after_close(tmp_path: Path, envoy: Path) -> None:
    async with watched(tmp_path / "proxies", envoy) as proxies:
        assert (await proxies.runner.ensure(plan())).phase is Phase.STARTING
        await proxies.runner.wait_ready(PROXY)
        state = proxies.runner.states[PROXY]
        assert state.phase is Phase.READY
        assert os.getsid(state.pid) == state.pid, "a terminal's Ctrl-C must not reach it"
        async with AdminClient(state.admin) as admin:
            assert (await admin.server_info())["state"] == "LIVE"
            assert (await admin.listeners())["echo"].startswith("127.0.0.1:")
        directory = tmp_path / "proxies" / "default_istio=ingressgateway"
        assert directory.stat().st_mode & 0o777 == 0o700
        assert (directory / "bootstrap.yaml").stat().st_mode & 0o777 == 0o600
        again = await proxies.runner.ensure(plan())
        assert again.pid == state.pid, "the same plan changes nothing"
    assert (await proxies.until(Phase.STOPPED)).pid == 0
    await ended(state.pid)
    assert proxies.runner.states == {}
    with pytest.raises(ProxyError, match="was closed"):
        await proxies.runner.ensure(plan())


async def test_events_on_standard_output_are_handed_on_and_the_rest_is_not_logged(tmp_path: Path) -> None:
    overflow = '{"cluster":"outbound|80||cart","details":null,"lateen":"overflow"}'
    body = f"echo something; echo a word >&2; printf '%s' '{overflow[:20]}'; echo '{overflow[20:]}'; exec sleep 100"
    async with watched(tmp_path / "p", script(tmp_path / "envoy", body)) as proxies:
        await proxies.runner.ensure(plan())
        assert await proxies.events.get() == (PROXY, PoolOverflowed("outbound|80||cart", Limit.CONNECTION))
        await proxies.runner.remove(PROXY)
    assert (tmp_path / "p" / "default_istio=ingressgateway" / "envoy.log").read_text() == "a word\n"


@pytest.mark.envoy
async def test_another_plan_replaces_the_process(tmp_path: Path, envoy: Path) -> None:
    async with watched(tmp_path, envoy) as proxies:
        await proxies.runner.ensure(plan())
        before = await proxies.until(Phase.READY)
        await proxies.runner.ensure(ProxyPlan(PROXY, bootstrap() + "\n", concurrency=1, drain_seconds=0.0))
        after = await proxies.until(Phase.READY)
        assert after.pid != before.pid
        await ended(before.pid)


@pytest.mark.envoy
async def test_a_proxy_that_crashes_is_started_again(tmp_path: Path, envoy: Path) -> None:
    async with watched(tmp_path, envoy) as proxies:
        await proxies.runner.ensure(plan())
        before = await proxies.until(Phase.READY)
        os.kill(before.pid, signal.SIGSEGV)
        crashed = await proxies.until(Phase.RESTARTING)
        assert crashed.error.startswith("Caught Segmentation fault")
        after = await proxies.until(Phase.READY)
        assert (after.restarts, after.error) == (1, "")
        assert after.pid != before.pid
        assert 0.1 < proxies.pauses[0] <= 0.2


@pytest.mark.envoy
async def test_a_proxy_that_cannot_start_says_why_and_starts_once_it_can(tmp_path: Path, envoy: Path) -> None:
    async with watched(tmp_path, envoy) as proxies:
        with socket.socket() as holder:
            holder.bind(("127.0.0.1", 0))
            holder.listen()
            port = holder.getsockname()[1]
            await proxies.runner.ensure(plan(port))
            state = await proxies.until(Phase.FAILING)
            assert state.error == f"cannot bind '127.0.0.1:{port}': Address already in use"
        assert (await proxies.until(Phase.READY)).restarts >= 3
        assert proxies.pauses == sorted(proxies.pauses)


@pytest.mark.envoy
async def test_a_bootstrap_that_envoy_refuses_is_reported_in_its_words(tmp_path: Path, envoy: Path) -> None:
    async with watched(tmp_path, envoy) as proxies:
        await proxies.runner.ensure(ProxyPlan(PROXY, '{"no_such_field": 1}'))
        assert "no_such_field" in (await proxies.until(Phase.FAILING)).error


@pytest.mark.envoy
async def test_a_proxy_is_drained_until_its_connections_end(tmp_path: Path, envoy: Path) -> None:
    async with watched(tmp_path, envoy) as proxies:
        await proxies.runner.ensure(plan(drain_seconds=50.0))
        state = await proxies.until(Phase.READY)
        async with AdminClient(state.admin) as admin:
            host, _, port = (await admin.listeners())["echo"].rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"one")
        assert await reader.readexactly(3) == b"one"
        removing = asyncio.create_task(proxies.runner.remove(PROXY))
        await proxies.until(Phase.DRAINING)
        writer.write(b"two")
        assert await reader.readexactly(3) == b"two", "a connection lives on while the proxy drains"
        writer.close()
        await writer.wait_closed()
        await removing
        await proxies.until(Phase.STOPPED)


@pytest.mark.envoy
async def test_a_connection_that_never_ends_does_not_keep_the_proxy(tmp_path: Path, envoy: Path) -> None:
    async with watched(tmp_path, envoy) as proxies:
        await proxies.runner.ensure(plan(drain_seconds=0.2))
        state = await proxies.until(Phase.READY)
        async with AdminClient(state.admin) as admin:
            host, _, port = (await admin.listeners())["echo"].rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        await proxies.runner.remove(PROXY)
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b""
        writer.close()


PARENT = """
import asyncio, pathlib, sys
from lateen.infra.base import ProxyPlan
from lateen.infra.local import LocalProxyRunner, surroundings_of_this_machine
from lateen.ir.proxy import ProxyId

async def main():
    proxy = ProxyId("default", "all")
    runner = LocalProxyRunner(pathlib.Path(sys.argv[1]), surroundings_of_this_machine(pathlib.Path(sys.argv[2])))
    await runner.ensure(ProxyPlan(proxy, sys.argv[3]))
    await runner.wait_ready(proxy)
    print(runner.states[proxy].pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.envoy
async def test_a_proxy_does_not_outlive_a_killed_parent(tmp_path: Path, envoy: Path) -> None:
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PARENT, str(tmp_path), str(envoy), bootstrap()),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert parent.stdout is not None
    pid = int(await parent.stdout.readline())
    parent.kill()
    await parent.wait()
    await ended(pid)


async def test_a_program_that_ends_silently_is_reported_with_its_status(tmp_path: Path) -> None:
    async with watched(tmp_path / "p", script(tmp_path / "envoy", "exit 3")) as proxies:
        await proxies.runner.ensure(plan())
        assert (await proxies.until(Phase.FAILING)).error == "ended with status 3"


async def test_a_program_that_is_killed_is_reported_with_the_signal(tmp_path: Path) -> None:
    async with watched(tmp_path / "p", script(tmp_path / "envoy", "kill -9 $$")) as proxies:
        await proxies.runner.ensure(plan())
        assert (await proxies.until(Phase.RESTARTING)).error == "ended by SIGKILL"


async def test_a_program_that_is_not_there_is_reported(tmp_path: Path) -> None:
    async with watched(tmp_path / "p", tmp_path / "gone") as proxies:
        await proxies.runner.ensure(plan())
        assert "No such file or directory" in (await proxies.until(Phase.FAILING)).error


async def test_a_process_deaf_to_the_request_to_end_is_forced(tmp_path: Path) -> None:
    deaf = script(tmp_path / "envoy", "trap '' TERM\necho listening\nwhile :; do sleep 0.05; done")
    async with watched(tmp_path / "p", deaf, patience=0.1) as proxies:
        await proxies.runner.ensure(plan())
        while not (pid := (await proxies.states.get()).pid):
            pass
    await ended(pid)


async def test_a_proxy_removed_while_it_waits_to_be_restarted_is_gone_at_once(tmp_path: Path) -> None:
    around = Surroundings(
        script(tmp_path / "envoy", "exit 1"), time.monotonic, random.random, lambda _: asyncio.sleep(3600)
    )
    phases: asyncio.Queue[Phase] = asyncio.Queue()
    runner = LocalProxyRunner(tmp_path / "p", around, lambda state: phases.put_nowait(state.phase))
    await runner.ensure(plan())
    while await phases.get() is not Phase.RESTARTING:
        pass
    await runner.remove(PROXY)
    await runner.remove(PROXY)
    assert runner.states == {}
    with pytest.raises(ProxyError, match="no proxy default/istio=ingressgateway"):
        await runner.wait_ready(PROXY)


async def test_a_bootstrap_that_cannot_be_written_is_reported_and_tried_again(tmp_path: Path) -> None:
    async with watched(tmp_path / "p", tmp_path / "envoy") as proxies:
        blocker = tmp_path / "p" / "default_istio=ingressgateway" / "bootstrap.yaml"
        blocker.mkdir(parents=True)
        await proxies.runner.ensure(plan())
        assert "Is a directory" in (await proxies.until(Phase.FAILING)).error


async def test_a_place_where_no_directory_can_be_made_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    runner = LocalProxyRunner(tmp_path / "file" / "p", surroundings_of_this_machine(tmp_path / "envoy"))
    with pytest.raises(ProxyError, match="Not a directory"):
        await runner.ensure(plan())
