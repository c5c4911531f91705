"""The control loop: batches of changes in; published resources, planned proxies and status out.

One coroutine takes batches, one starts and stops proxies, one writes status. None of them waits
for another, so neither a slow proxy nor a slow status sink holds up a change.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from lateen.compile.codes import Code
from lateen.compile.compiler import Compiler, Outcome
from lateen.infra.base import ProxyPlan
from lateen.ir.finding import Finding
from lateen.ir.proxy import ListeningPort, ProxyId
from lateen.ir.resource import ResourceKey
from lateen.model.keys import Key
from lateen.model.objects import Change, Origin
from lateen.runtime.journal import Compiled, FileReported, Listening, Refused, WentLive
from lateen.runtime.progress import Parts
from lateen.runtime.seams import Seams
from lateen.sources.base import FileProblem, FileReport, SourceEvent
from lateen.status.conditions import Condition, conditions
from lateen.xds.cache import ResourceCache
from lateen.xds.delta import DeltaStream
from lateen.xds.events import Event, Rejected
from lateen.xds.ledger import ChangeLedger, LiveChange

HISTORY = 100
"""Batches that `lateen status` can tell about."""


@dataclass(slots=True)
class BatchRecord:
    """What is remembered of one batch; times in seconds."""

    number: int
    objects: int
    compiled: float
    live: float | None = None
    rejected: int = 0


class Control:
    """Keeps compiler, cache, proxies and status in step with the sources."""

    def __init__(
        self,
        compiler: Compiler,
        cache: ResourceCache,
        seams: Seams,
        *,
        plan: Callable[[ProxyId], ProxyPlan],
        streams: Callable[[ProxyId], Iterable[DeltaStream]],
        clock: Callable[[], float],
    ) -> None:
        """Put the parts together; nothing runs before `run`."""
        self.compiler = compiler
        self.cache = cache
        self.ledger = ChangeLedger(streams, self._on_live, clock)
        self.origins: dict[Key, Origin] = {}
        self.file_problems: dict[str, tuple[FileProblem, ...]] = {}
        self.batches: deque[BatchRecord] = deque(maxlen=HISTORY)
        self.ports: tuple[ListeningPort, ...] = ()
        self.parts = Parts()
        self._streams = streams
        self._seams = seams
        self._plan = plan
        self._clock = clock
        self._taken: list[SourceEvent] = []
        self._wake = asyncio.Event()
        self._wanted: asyncio.Queue[tuple[ProxyId, bool]] = asyncio.Queue()
        self._unwritten: dict[Key, None] = {}
        self._write = asyncio.Event()
        self._number = 0
        self._touched: dict[int, tuple[Key, ...]] = {}

    def take(self, events: Sequence[SourceEvent]) -> None:
        """Take a batch from a source; the loop's next turn handles it together with whatever else has come."""
        self._taken += events
        self._wake.set()

    def observe(self, event: Event, /) -> None:
        """Hear what happens on the streams."""
        self.ledger(event)
        if isinstance(event, Rejected):
            origins = tuple((key, self.origins.get(key)) for key in event.origins)
            resource = f"{event.key.type.name} {event.key.name}"
            self._seams.journal(Refused(event.stream.proxy, resource, event.message, origins))
            self._tell_status(event.origins)

    def findings(self, key: Key) -> tuple[Finding, ...]:
        """Everything there is to say about an object now, the proxies' refusals included."""
        found = list(self.compiler.findings_of(key))
        for proxy, rejection in self.cache.quarantine.rejections():
            desired = self.cache.desired(proxy)
            wanted = desired.get(rejection.key) if desired is not None else None
            if key in rejection.origins and wanted is not None and wanted.version == rejection.version:
                message = f"proxy {proxy} refused {rejection.key.name}: {rejection.message}"
                found.append(Finding(key, Code.REJECTED.id, Code.REJECTED.severity, message))
        return tuple(found)

    def conditions(self, key: Key) -> tuple[Condition, ...]:
        """What users are told about an object now; nothing when it is gone."""
        if key not in self.origins:
            return ()
        return conditions(self.findings(key), self.parts.progress(key, self.cache, self._streams))

    async def run(self) -> None:
        """Handle batches, proxies and status until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._handle_batches())
            tasks.create_task(self._keep_proxies())
            tasks.create_task(self._write_status())

    def flush(self) -> None:
        """Handle everything taken so far, now. The first batch is handled so before proxies are admitted."""
        taken, self._taken = self._taken, []
        if taken:
            self._handle(taken)

    async def _handle_batches(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            self.flush()

    def _handle(self, events: Iterable[SourceEvent]) -> None:
        started = self._clock()
        changes: list[Change] = []
        for event in events:
            if isinstance(event, FileReport):
                self._report(event)
            elif isinstance(event, Change):
                changes.append(event)
                self._place(event)
            else:
                self.origins[event.key] = event.origin
        if changes:
            self._compile(changes, started)

    def _report(self, report: FileReport) -> None:
        if report.problems:
            self.file_problems[report.file] = report.problems
        else:
            self.file_problems.pop(report.file, None)
        self._seams.journal(FileReported(report))

    def _place(self, change: Change) -> None:
        if change.raw is None:
            self.origins.pop(change.key, None)
        else:
            self.origins[change.key] = change.origin

    def _compile(self, changes: Sequence[Change], started: float) -> None:
        self._number += 1
        number = self._number
        outcome = self.compiler.apply(changes)
        self._publish(outcome)
        touched = {change.key: None for change in changes} | dict.fromkeys(outcome.findings)
        self._touched[number] = tuple(touched)
        seconds = self._clock() - started
        self.batches.append(BatchRecord(number, len(changes), seconds))
        findings = {key: self.findings(key) for key in outcome.findings}
        sent = sum(map(len, outcome.resources.values()))
        self._seams.journal(Compiled(number, outcome, findings, seconds, sent))
        ports = tuple(self.compiler.listening())
        if ports != self.ports:
            self.ports = ports
            self._seams.journal(Listening(ports))
        self.ledger.track(str(number), _versions(outcome))
        self._tell_status(touched)

    def _publish(self, outcome: Outcome) -> None:
        """Let proxies exist before their resources, and resources go before their proxies."""
        for proxy, wanted in outcome.proxies.items():
            if wanted is not None:
                self.cache.publish(proxy, {})
                self._wanted.put_nowait((proxy, True))
        for proxy, changed in outcome.resources.items():
            self.parts.update(proxy, self.cache.desired(proxy), changed)
            self.cache.publish(proxy, changed)
        for proxy, wanted in outcome.proxies.items():
            if wanted is None:
                self.cache.remove(proxy)
                self.ledger.forget(proxy)
                self._wanted.put_nowait((proxy, False))

    async def _keep_proxies(self) -> None:
        while True:
            proxy, wanted = await self._wanted.get()
            await self._seams.leadership.wait_until(leading=True)
            if wanted:
                await self._seams.runner.ensure(self._plan(proxy))
            else:
                await self._seams.runner.remove(proxy)

    def _on_live(self, change: LiveChange) -> None:
        number, rejected = int(change.change), len(change.rejected)
        for record in self.batches:
            if record.number == number:
                record.live, record.rejected = change.seconds, rejected
        self._seams.journal(WentLive(number, change.seconds, rejected))
        self._tell_status(self._touched.pop(number, ()))

    def _tell_status(self, keys: Iterable[Key]) -> None:
        self._unwritten.update(dict.fromkeys(keys))
        self._write.set()

    async def _write_status(self) -> None:
        while True:
            await self._write.wait()
            self._write.clear()
            await self._seams.leadership.wait_until(leading=True)
            while self._unwritten:
                key = next(iter(self._unwritten))
                del self._unwritten[key]
                await self._seams.status.write(key, self.conditions(key))


def _versions(outcome: Outcome) -> dict[ProxyId, dict[ResourceKey, str | None]]:
    return {
        proxy: {key: resource.version if resource is not None else None for key, resource in changed.items()}
        for proxy, changed in outcome.resources.items()
        if outcome.proxies.get(proxy, proxy) is not None
    }
