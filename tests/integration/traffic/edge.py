"""A whole instance on this machine for one test module: compiler, xDS server, and a real Envoy.

`apply` takes YAML as users write it, and returns when every proxy has acknowledged the change.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from tests.integration.traffic.client import Answer, Client
from tests.ports import free_port

from lateen.infra.admin import AdminClient
from lateen.infra.binary import find_envoy
from lateen.infra.local import LocalProxyRunner, surroundings_of_this_machine
from lateen.ir.finding import Finding
from lateen.ir.proxy import ProxyId
from lateen.model.keys import Key
from lateen.model.objects import Change, Severity
from lateen.runtime.app import build_intake, running
from lateen.runtime.instance import Instance
from lateen.runtime.journal import Compiled, Entry, Happened, Refused, WentLive
from lateen.settings import ProxySettings, UpSettings
from lateen.sources.memory import MemorySource
from lateen.sources.yaml_documents import read_documents

MESH = ProxyId("shared", "mesh")
_PATIENCE = 20.0
_POLL = 0.02


class Edge:
    """A running instance, its proxies, and a client."""

    def __init__(self, directory: Path, *, mesh: bool = False) -> None:
        """Prepare; `running_edge` runs it."""
        self.port = free_port()
        """Of the Gateway `edge/edge`, which serves every host."""
        self.mesh_port = free_port() if mesh else 0
        self.http_port = free_port()
        """Where port 80 of Gateways can be reached."""
        self.client = Client()
        self.settings = UpSettings(
            paths=(),
            mesh_port=self.mesh_port,
            port_shift=self.http_port - 80,
            proxy=ProxySettings(concurrency=1, drain_seconds=0.0),
        )
        self.refused: list[Refused] = []
        self.happened: asyncio.Queue[Happened] = asyncio.Queue()
        self._directory = directory
        self._source = MemorySource()
        self._intake = build_intake(self.settings)
        self._applying = asyncio.Lock()
        self._entries: asyncio.Queue[Compiled | WentLive] = asyncio.Queue()
        self._instance: Instance | None = None

    @property
    def instance(self) -> Instance:
        """The running instance."""
        assert self._instance is not None
        return self._instance

    @property
    def runner(self) -> LocalProxyRunner:
        """What runs the proxies."""
        assert isinstance(self.instance.runner, LocalProxyRunner)
        return self.instance.runner

    @property
    def proxies(self) -> list[ProxyId]:
        """The proxies that run, those of Gateways first."""
        return sorted(self.runner.states, key=lambda proxy: proxy == MESH)

    async def apply(self, *texts: str, faulty: bool = False) -> dict[Key, tuple[Finding, ...]]:
        """Add or change objects; return when the change is live on every proxy, with what was found.

        Args:
            texts: YAML.
            faulty: errors are expected.

        Raises:
            AssertionError: an object was found to be wrong, or a proxy refused something.
        """
        changes = []
        for text in texts:
            reading = read_documents(text, "test.yaml")
            assert not reading.problems, reading.problems
            for document in reading.documents:
                key = self._intake.identify(document.raw)
                assert isinstance(key, Key), key
                changes.append(Change(key, document.raw))
        return await self._change(changes, faulty=faulty)

    async def remove(self, *keys: Key, faulty: bool = False) -> None:
        """Remove objects; return when the change is live. `faulty`: what is left has errors thereupon."""
        await self._change([Change(key, None) for key in keys], faulty=faulty)

    def hand_over(self, changes: Iterable[Change]) -> None:
        """Apply one batch, and wait for nothing."""
        self._source.put(*changes)

    async def _change(self, changes: list[Change], *, faulty: bool = False) -> dict[Key, tuple[Finding, ...]]:
        async with self._applying, asyncio.timeout(_PATIENCE):
            while not self._entries.empty():  # of what was there at the start
                self._entries.get_nowait()
            self._source.put(*changes)
            compiled = await self._entries.get()
            assert isinstance(compiled, Compiled)
            wrong = [
                f"{key}: {finding.message}"
                for key, findings in compiled.findings.items()
                for finding in findings
                if finding.severity is Severity.ERROR
            ]
            while not isinstance(live := await self._entries.get(), WentLive) or live.number < compiled.number:
                pass
        assert bool(wrong) is faulty, "\n".join(wrong) or "an error was expected"
        assert not live.rejected, self.refused
        return compiled.findings

    def admin(self, proxy: ProxyId | None = None) -> AdminClient:
        """Talk to a proxy's admin pages; to those of the first Gateway's proxy unless told."""
        return AdminClient(self.runner.states[proxy or self.proxies[0]].admin)

    async def stats(self, pattern: str, proxy: ProxyId | None = None) -> dict[str, int]:
        """Give statistics by name; those that never counted are left out."""
        async with self.admin(proxy) as admin:
            return await admin.stats(pattern)

    async def until(self, condition: Callable[[dict[str, int]], bool], pattern: str = "") -> dict[str, int]:
        """Wait until statistics meet a condition, and give them."""
        async with self.admin() as admin, asyncio.timeout(_PATIENCE):
            # Envoy tells nobody that a number has changed; it has to be asked.
            while not condition(stats := await admin.stats(pattern)):  # noqa: ASYNC110 - see above
                await asyncio.sleep(_POLL)
        return stats

    async def get(self, host: str, target: str = "/", **options: str) -> Answer:
        """Ask the Gateway, with keyword arguments as headers (`x_user="a"` for `x-user: a`)."""
        return await self.client.request(self.port, host, target, headers=named_headers(options))

    def _hear(self, entry: Entry) -> None:
        if isinstance(entry, Compiled | WentLive):
            self._entries.put_nowait(entry)
        elif isinstance(entry, Happened):
            self.happened.put_nowait(entry)
        elif isinstance(entry, Refused):
            self.refused.append(entry)

    async def _run(self, ready: asyncio.Event, stop: asyncio.Event) -> None:
        around = surroundings_of_this_machine(find_envoy(None, os.environ), log_level="error")
        async with running(
            self.settings,
            source=self._source,
            intake=self._intake,
            build_runner=lambda *told: LocalProxyRunner(self._directory, around, *told),
            xds_address="127.0.0.1:0",
            journal=self._hear,
        ) as self._instance:
            await self.apply(gateway("edge", self.port))
            for proxy in self.proxies:
                await self.runner.wait_ready(proxy)
            ready.set()
            await stop.wait()


@asynccontextmanager
async def running_edge(directory: Path, *, mesh: bool = False) -> AsyncIterator[Edge]:
    """Run an instance, with a Gateway for every host, until the block ends.

    It has a task of its own, because fixtures are entered and left by different ones.
    """
    edge = Edge(directory, mesh=mesh)
    ready, stop = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(edge._run(ready, stop))
    becoming_ready = asyncio.create_task(ready.wait())
    await asyncio.wait({task, becoming_ready}, return_when=asyncio.FIRST_COMPLETED, timeout=_PATIENCE)
    becoming_ready.cancel()
    try:
        if ready.is_set():
            yield edge
    finally:
        await edge.client.close()
        stop.set()
        await task


def gateway(name: str, port: int, *, protocol: str = "HTTP", hosts: str = '"*"', tls: str = "") -> str:
    """Write a Gateway in the namespace `edge`."""
    return f"""
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {{name: {name}, namespace: edge}}
spec:
  selector: {{app: edge}}
  servers:
    - port: {{number: {port}, name: {name}, protocol: {protocol}}}
      hosts: [{hosts}]
      {f"tls: {tls}" if tls else ""}
"""


def named_headers(options: dict[str, str]) -> dict[str, str]:
    """Turn keyword arguments into headers."""
    return {name.replace("_", "-"): value for name, value in options.items()}
