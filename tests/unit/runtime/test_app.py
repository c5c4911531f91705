"""Instances as a whole, with proxies that only exist on paper."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.unit.runtime.stage import EDGE, GATEWAY, ROUTES, SETTINGS, objects

from lateen.compile.settings import CompileSettings
from lateen.errors import InputError, LateenError
from lateen.infra.base import OnEvent, OnState
from lateen.infra.memory import MemoryProxyRunner
from lateen.infra.ports import PortHolder
from lateen.runtime.app import build_intake, compile_settings, running
from lateen.runtime.instance import Instance, first_cause
from lateen.runtime.journal import Compiled, Draining, Entry, Stopped
from lateen.runtime.port_guard import PortProbe
from lateen.settings import UpSettings
from lateen.sources.base import Sink, Source
from lateen.sources.memory import MemorySource


class FailingSource:
    """Gives what there is, then fails."""

    def __init__(self, error: Exception, *, early: bool = False) -> None:
        """Fail with `error`."""
        self._error = error
        self._early = early
        self.fail = asyncio.Event()

    async def run(self, sink: Sink, synced: asyncio.Event) -> None:
        if not self._early:
            sink(objects(GATEWAY))
            synced.set()
            await self.fail.wait()
        raise self._error


@asynccontextmanager
async def instance(
    source: Source, entries: list[Entry], ports: PortProbe | None = None
) -> AsyncIterator[tuple[Instance, MemoryProxyRunner]]:
    runners: list[MemoryProxyRunner] = []

    def build_runner(on_state: OnState, on_event: OnEvent) -> MemoryProxyRunner:
        runners.append(MemoryProxyRunner(on_state, on_event))
        return runners[0]

    async with running(
        SETTINGS,
        source=source,
        intake=build_intake(SETTINGS),
        build_runner=build_runner,
        xds_address="127.0.0.1:0",
        journal=entries.append,
        ports=ports,
    ) as made:
        yield made, runners[0]


async def test_everything_that_was_there_is_compiled_before_anybody_is_served() -> None:
    entries: list[Entry] = []
    async with instance(MemorySource(objects(GATEWAY, ROUTES)), entries) as (made, runner):
        assert isinstance(entries[0], Compiled)
        assert EDGE in made.control.cache.proxies
        for _ in range(10):
            await asyncio.sleep(0)
        assert '"id": "shared/app=edge"' in runner.plans[EDGE].bootstrap
    assert runner.closed
    assert [type(entry) for entry in entries if isinstance(entry, Draining | Stopped)] == [Draining, Stopped]


async def test_a_source_that_cannot_start_says_why_without_wrapping() -> None:
    with pytest.raises(InputError, match="no such directory"):
        async with instance(FailingSource(InputError("no such directory"), early=True), []):
            raise AssertionError("must not be entered")


async def test_a_source_that_fails_later_ends_the_instance_with_its_error() -> None:
    source = FailingSource(OSError("disk gone"))

    async def run() -> None:
        async with instance(source, []):
            source.fail.set()
            await asyncio.Event().wait()

    with pytest.raises(OSError, match="disk gone"):
        await run()


async def test_an_instance_that_could_serve_nothing_does_not_start() -> None:
    probe = PortProbe(
        is_free=lambda *_: False,
        find_holders=lambda *_: (PortHolder(7, "nginx"),),
        describe=lambda address, port: f"{address}:{port} is in use by pid 7 (nginx)",
    )
    with pytest.raises(InputError, match=r"nothing can be served: 127.0.0.1:10080 is in use by pid 7 \(nginx\)"):
        async with instance(MemorySource(objects(GATEWAY)), [], probe):
            raise AssertionError("must not be entered")


def test_of_errors_that_come_together_the_one_for_users_is_told() -> None:
    inner = BaseExceptionGroup("tasks", [ValueError("a bug"), LateenError("a reason")])
    assert str(first_cause(BaseExceptionGroup("more", [inner]))) == "a reason"
    assert str(first_cause(BaseExceptionGroup("more", [ValueError("a bug")]))) == "a bug"


def test_the_compiler_trusts_the_authorities_of_the_settings() -> None:
    assert compile_settings(UpSettings(paths=(), trust_file="/trusted.pem")).system_trust_file == "/trusted.pem"
    assert compile_settings(UpSettings(paths=())).system_trust_file == CompileSettings().system_trust_file
