"""`lateen status` and `lateen dump` at an operator of two replicas, through an API server."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result
from tests.apiserver.pods import Pods, serving_pods
from tests.unit.runtime.stage import CART, GATEWAY, ROUTES, SETTINGS, objects

from lateen.cli.main import cli
from lateen.infra.memory import MemoryProxyRunner
from lateen.infra.state import InstanceInfo
from lateen.runtime.app import build_intake, running
from lateen.runtime.control_api import build_control_api, serving_on
from lateen.sources.memory import MemorySource


async def serve(stack: AsyncExitStack, name: str) -> int:
    """Run one replica, and give the port of its control API."""
    instance = await stack.enter_async_context(
        running(
            SETTINGS,
            source=MemorySource(objects(GATEWAY, ROUTES, CART, file="")),
            intake=build_intake(SETTINGS),
            build_runner=MemoryProxyRunner,
            xds_address="127.0.0.1:0",
            journal=lambda _: None,
        )
    )
    info = InstanceInfo(name, 7, "127.0.0.1:0", "2026-01-01T00:00:00+00:00")
    app = build_control_api(instance, info, "1.0", lambda origin, _: origin.line)
    return await stack.enter_async_context(serving_on(app, "127.0.0.1", 0))


@contextmanager
def replicas(*names: str) -> Iterator[dict[str, int]]:
    """Run replicas in a thread with a loop of their own, for commands have theirs."""
    ports: dict[str, int] = {}
    ready = threading.Event()
    ends: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def run() -> None:
        async with AsyncExitStack() as stack:
            for name in names:
                ports[name] = await serve(stack, name)
            over = asyncio.Event()
            ends.append((asyncio.get_running_loop(), over))
            ready.set()
            await over.wait()

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    try:
        assert ready.wait(30)
        yield ports
    finally:
        for loop, over in ends:
            loop.call_soon_threadsafe(over.set)
        thread.join()


@pytest.fixture(scope="module")
def operator() -> Iterator[dict[str, int]]:
    with replicas("lateen-0", "lateen-1") as ports:
        yield ports


def run(pods: Pods, directory: Path, *arguments: str) -> Result:
    with serving_pods(pods, directory) as kubeconfig:
        return CliRunner().invoke(cli, [*arguments, "--kubeconfig", kubeconfig])


def test_status_shows_all_replicas_and_the_objects(operator: dict[str, int], tmp_path: Path) -> None:
    pods = Pods(operator)
    result = run(pods, tmp_path, "status")
    assert (result.exit_code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert [line.partition(",")[0] for line in lines[:2]] == [
        "operator lateen-0 (lateen 1.0)",
        "operator lateen-1 (lateen 1.0)",
    ]
    assert ["object", "Accepted", "ResolvedRefs", "Programmed"] in [line.split() for line in lines]
    forwards = sorted(path for path in pods.asked if "portforward" in path)
    assert forwards == [
        f"/api/v1/namespaces/lateen-system/pods/lateen-{number}/portforward?ports=15100" for number in range(2)
    ]


def test_status_can_be_read_by_tools(operator: dict[str, int], tmp_path: Path) -> None:
    report = json.loads(run(Pods(operator), tmp_path, "status", "-o", "json", "-n", "elsewhere").stdout)
    assert [each["name"] for each in report["replicas"]] == ["lateen-0", "lateen-1"]
    assert report["objects"] == []


def test_dump_lists_what_proxies_are_given(operator: dict[str, int], tmp_path: Path) -> None:
    result = run(Pods(operator), tmp_path, "dump", "routes")
    assert result.exit_code == 0
    assert yaml.safe_load(result.stdout)["name"] == "http.10080/shop.example.com"
    assert ", pending" in result.stdout


def test_a_replica_that_does_not_answer_is_left_out(operator: dict[str, int], tmp_path: Path) -> None:
    result = run(Pods({**operator, "lateen-2": 1}), tmp_path, "status", "-o", "json")
    assert result.exit_code == 0
    assert len(json.loads(result.stdout)["replicas"]) == 2
    assert result.stderr == ("lateen: pod lateen-system/lateen-2 of the operator cannot be asked: connection refused\n")


def test_without_any_answer_it_fails(tmp_path: Path) -> None:
    result = run(Pods({"lateen-2": 1}), tmp_path, "status")
    assert result.exit_code == 1
    assert result.stderr == ("lateen: pod lateen-system/lateen-2 of the operator cannot be asked: connection refused\n")


def test_who_may_not_forward_is_told_so(tmp_path: Path) -> None:
    result = run(Pods({"lateen-0": 1}, forbidden=True), tmp_path, "dump", "all")
    assert result.exit_code == 1
    assert result.stderr == (
        'lateen: the cluster does not allow it: User "u" cannot create resource "pods/portforward"\n'
    )


def test_no_operator_is_reported(tmp_path: Path) -> None:
    assert run(Pods({}), tmp_path, "status").stderr.startswith("lateen: no operator runs in this cluster: ")
    pods = Pods({})
    result = run(pods, tmp_path, "status", "--operator-namespace", "lateen")
    assert result.stderr.startswith("lateen: no operator runs in namespace 'lateen': ")
    assert pods.asked == ["/api/v1/namespaces/lateen/pods"]


def test_files_are_not_compiled_by_a_cluster(tmp_path: Path) -> None:
    assert run(Pods({}), tmp_path, "dump", "all", str(tmp_path)).exit_code == 2
