"""The control loop: the way of an object from the source that reads it to the status that is written of it.

    take ─► flush ─► Compiler.apply ─► Publication.publish ─► streams ─► Envoys
                                            │ ChangeLedger.track            │ ACK, NACK
                   StatusSink ◄─ StatusKeeper ◄─ _note ◄─ Verdicts.observe ◄┘
                                     └─ asks `status`: Statements

One coroutine takes batches, one starts and stops proxies, one watches ports, one writes status.
None of them waits for another, so neither a slow proxy nor a slow status sink holds up a change.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Final

import structlog

from lateen.compile.compiler import Compiler, Outcome
from lateen.infra.base import Phase, ProxyPlan, ProxyState
from lateen.ir.finding import Finding
from lateen.ir.proxy import ProxyId
from lateen.model.keys import Key, Kind
from lateen.model.objects import Change, Origin, Severity
from lateen.runtime.arrivals import Arrivals
from lateen.runtime.batches import BatchBook, BatchRecord, one_by_one
from lateen.runtime.followed import Batch, Followed
from lateen.runtime.journal import Compiled, Entry, FileReported, ProxyChanged, Serving
from lateen.runtime.port_book import PortBook
from lateen.runtime.port_guard import PortGuard
from lateen.runtime.progress import Parts
from lateen.runtime.proxy_keeper import ProxyKeeper
from lateen.runtime.publication import Publication, Published
from lateen.runtime.seams import Seams
from lateen.runtime.statements import Statements
from lateen.runtime.status_keeper import StatusKeeper
from lateen.runtime.verdicts import Verdicts
from lateen.sources.base import FileProblem, FileReport, SourceEvent
from lateen.status.base import EjectedHost, ObjectStatus
from lateen.status.conditions import Progress
from lateen.xds.cache import ResourceCache
from lateen.xds.delta import DeltaStream
from lateen.xds.events import Event
from lateen.xds.ledger import ChangeLedger, LiveChange

REPAIRING: Final = 5.0
"""Seconds until what could not be published is tried again, if no batch comes before."""

_SILENT: Final = frozenset({Kind.SERVICE, Kind.ENDPOINT_SLICE, Kind.POD, Kind.SECRET})
"""Kinds that have a status of their own, which is not Lateen's to write."""

_log = structlog.get_logger(__name__)


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
        self.origins: dict[Key, Origin] = {}
        self.file_problems: dict[str, tuple[FileProblem, ...]] = {}
        self.ejections: Callable[[Key], tuple[EjectedHost, ...]] = lambda _: ()
        """Hosts that are ejected because of a DestinationRule; whoever follows the proxies' logs sets it."""
        self.serving = asyncio.Event()
        """Set when, for the first time, all proxies are ready and have acknowledged everything."""
        self.news = asyncio.Event()
        """Wakes those who wait on it whenever something happened, and is never set for longer."""
        self._seams = seams
        self._clock = clock
        self._started = clock()
        self._taken: list[SourceEvent] = []
        self._wake = asyncio.Event()
        self._number = 0
        self._is_whole = True
        self._repairing: asyncio.TimerHandle | None = None
        self._pods: dict[ProxyId, tuple[int, bool]] = {}
        self._arrivals = arrivals = Arrivals(clock)
        self.proxies = ProxyKeeper(
            seams.runner,
            seams.leadership,
            plan,
            on_failure=self.on_proxy,
            on_gone=self._forget_proxy,
            removal_delay=seams.removal_delay,
        )
        self.ledger = ChangeLedger[Followed](streams, self._on_live, clock, on_settled=self._on_settled)
        self._publication = publication = Publication(
            compiler, cache, self.ledger, self.proxies, seams, tell=self.tell, note=self._note
        )
        self._verdicts = Verdicts(
            publication, self.ledger, arrivals, self.origins, scales=seams.scales, tell=self.tell, note=self._note
        )
        self._statements = Statements(
            compiler,
            publication,
            seams,
            origins=self.origins,
            streams=lambda proxy: arrivals.without(streams(proxy)),
            ejections=self._ejected,
        )
        self._status = StatusKeeper(
            seams.status,
            seams.leadership,
            self.status,
            everything=lambda: [key for key in self.origins if key.kind not in _SILENT],
            budget=seams.budget,
        )

    # In: changes from the source.

    def take(self, events: Sequence[SourceEvent]) -> None:
        """Take a batch from a source; the loop's next turn handles it together with whatever else has come."""
        self._taken += events
        self._wake.set()

    @property
    def is_behind(self) -> bool:
        """Whether something was taken and is not handled yet."""
        return bool(self._taken)

    def flush(self) -> None:
        """Handle everything taken so far, now. The first batch is handled so before proxies are admitted."""
        taken, self._taken = self._taken, []
        try:
            if taken:
                self._handle(taken)
            if not self._number:  # the proxy of the mesh port needs no objects
                self._compile(deque())
        except Exception:  # noqa: BLE001 - the compiler isolates what fails in it; this is a fault of the loop
            _log.exception("a batch of changes could not be handled to its end; what was lost of it is looked for")
            self._is_whole = False
        if not self._is_whole:
            self._repair()
        self._spread_news()

    def _handle(self, events: list[SourceEvent]) -> None:
        changes: deque[Change] = deque()
        reports: list[FileReport] = []
        for event in events:
            if isinstance(event, FileReport):
                reports.append(event)
            elif isinstance(event, Change):
                changes.append(event)
                self._place(event)
            else:
                self.origins[event.key] = event.origin
        events.clear()  # see `one_by_one`
        self._report(reports)
        if changes:
            self._compile(changes)

    def _place(self, change: Change) -> None:
        if change.raw is None:
            self.origins.pop(change.key, None)
        else:
            self.origins[change.key] = change.origin

    def _report(self, reports: Iterable[FileReport]) -> None:
        """Tell what is wrong with files now. A broken one keeps its objects."""
        kept: Counter[str] | None = None
        for report in reports:
            before = self.file_problems.pop(report.file, ())
            if report.problems:
                self.file_problems[report.file] = report.problems
            broken = _has_errors(report.problems)
            if broken and kept is None:
                kept = Counter(origin.file for origin in self.origins.values())
            healed = _has_errors(before) and not broken
            self.tell(FileReported(report, kept[report.file] if broken and kept is not None else 0, healed))

    # On: compiled, and published to the proxies.

    def _compile(self, changes: deque[Change]) -> None:
        started, objects = self._clock(), len(changes)
        keys = [change.key for change in changes]
        self._pass_on(self._apply(changes), keys, objects, started)

    def _apply(self, changes: deque[Change]) -> Outcome:
        """Compile a batch; one that breaks the compiler all the same is taken object by object."""
        try:
            return self.compiler.apply(one_by_one(changes))
        except Exception:  # noqa: BLE001 - see below
            _log.exception("a batch could not be compiled as a whole; its objects are taken one by one")
        self._is_whole = False
        while changes:
            change = changes.popleft()
            try:
                self.compiler.apply([change])
            except Exception as error:  # noqa: BLE001 - whatever is wrong with one object, others are taken
                _log.exception("an object cannot be compiled", object=str(change.key))
                self.compiler.blame(change.key, error)
        return Outcome()

    def _pass_on(self, outcome: Outcome, keys: Iterable[Key], objects: int, started: float) -> None:
        """Publish an outcome, follow it until it is live, and tell everybody.

        Args:
            outcome: of the compiler.
            keys: the objects that changed.
            objects: how many these are.
            started: when they were taken.
        """
        self._number += 1
        published = self._publication.publish(outcome)
        touched = dict.fromkeys((*keys, *outcome.findings, *published.moved))
        seconds = self._clock() - started
        # Those that stayed say the same again once their new versions are live: no news in between.
        stayed = (key for key in published.stayed if key not in touched)
        self.batches.add(BatchRecord(self._number, objects, started, seconds), (*stayed, *touched))
        self._tell_compiled(outcome, published, seconds)
        self.ledger.track(Batch(self._number), published.versions)
        self._note(touched)

    def _tell_compiled(self, outcome: Outcome, published: Published, seconds: float) -> None:
        findings = {key: self.findings(key) for key in outcome.findings}
        self.tell(Compiled(self._number, outcome, findings, seconds, sum(map(len, published.sent.values()))))
        self._publication.tell_ports(outcome, published)

    def _repair(self) -> None:
        """Publish whatever of all that is compiled proxies lack, and look at every object."""
        try:
            outcome = self._publication.lacking(self.compiler.everything())
            self._pass_on(outcome, self.origins, 0, self._clock())
            self._is_whole = True
        except Exception:  # noqa: BLE001 - what runs stays as it is, and it is tried again
            _log.exception("what was lost could not be found; it is tried again", seconds=REPAIRING)
            if self._repairing is not None:
                self._repairing.cancel()
            self._repairing = asyncio.get_running_loop().call_later(REPAIRING, self._wake.set)

    # Back: what proxies say.

    def observe(self, event: Event, /) -> None:
        """Hear what happens on the streams."""
        self._verdicts.observe(event)
        self._spread_news()

    def _on_settled(self, change: Followed) -> None:
        self._verdicts.settled(change)

    def _on_live(self, change: LiveChange[Followed]) -> None:
        self._verdicts.live(change)
        self._note_serving()

    def on_proxy(self, state: ProxyState) -> None:
        """Hear what happens to the proxies' processes."""
        self.tell(ProxyChanged(state))
        if state.phase is Phase.STOPPED:
            self.proxies.stir(state.proxy)
        if state.phase is Phase.RESTARTING:
            self._verdicts.expect(state.proxy)
            self._publication.withdraw(state.proxy)
        pods = state.ready_pods, state.is_unready
        if self._pods.get(state.proxy, (0, False)) != pods:
            self._pods[state.proxy] = pods
            self._note(self.parts.named_by(state.proxy))
        self._note_serving()

    def _forget_proxy(self, proxy: ProxyId) -> None:
        """A proxy that is not wanted any more is gone."""
        self._verdicts.forget(proxy)
        self._pods.pop(proxy, None)
        self.cache.remove(proxy)

    def _note_serving(self) -> None:
        states = self._seams.runner.states.values()
        ready = bool(states) and all(state.phase is Phase.READY for state in states)
        if ready and self._number and not self.serving.is_set() and not self.ledger.waiting:
            self.serving.set()
            self.tell(Serving(self._clock() - self._started))

    # Out: news of objects, and what is said of them.

    def _note(self, keys: Iterable[Key]) -> None:
        """There is news of objects: for their status, and for other replicas."""
        keys = tuple(key for key in keys if key.kind not in _SILENT)
        self._status.tell(keys)
        self._seams.others.tell(keys)
        self._spread_news()

    def _spread_news(self) -> None:
        self.news.set()
        self.news.clear()

    def look_again(self, keys: Iterable[Key]) -> None:
        """Write the status of these objects anew, where it differs; something outside has changed."""
        self._status.tell(keys)

    def put_right(self, key: Key) -> None:
        """Write the status of an object anew, where it differs; somebody else has changed it."""
        self._status.put_right(key)

    def findings(self, key: Key) -> tuple[Finding, ...]:
        """Everything there is to say about an object now, taken ports and the proxies' refusals included."""
        return self._statements.findings(key)

    def progress(self, key: Key) -> Progress | None:
        """How far this replica's own proxies are with an object; None: no proxy needs it."""
        return self._statements.progress(key)

    def status(self, key: Key) -> ObjectStatus:
        """What users are told about an object now; no conditions when it is gone."""
        return self._statements.status(key)

    def _ejected(self, key: Key) -> tuple[EjectedHost, ...]:
        return self.ejections(key)

    def tell(self, entry: Entry) -> None:
        """Write to the journal. Whatever it does, proxies are served."""
        try:
            self._seams.journal(entry)
        except Exception as error:  # noqa: BLE001 - see above
            _log.warning("an entry is lost to the journal", entry=type(entry).__name__, error=repr(error))

    # The parts, for those who ask.

    @property
    def parts(self) -> Parts:
        """Which resources each object has a part in."""
        return self._publication.parts

    @property
    def guard(self) -> PortGuard:
        """Listeners that wait for their ports."""
        return self._publication.guard

    @property
    def ports(self) -> PortBook:
        """Where Gateways can be reached."""
        return self._publication.ports

    @property
    def batches(self) -> BatchBook:
        """The last batches."""
        return self._verdicts.batches

    @property
    def waiting(self) -> int:
        """How many changes are not live yet; in a cluster: on this replica's own proxies."""
        return self.ledger.held_up if self._seams.scales else len(self.ledger.waiting)

    @property
    def unwritten(self) -> int:
        """Objects whose status this instance, if it leads, has still to look at or to write."""
        return self._status.waiting if self.leading else 0

    @property
    def leading(self) -> bool:
        """Whether this instance starts proxies and writes status."""
        return self._seams.leadership.leading

    # What runs.

    async def run(self) -> None:
        """Handle batches, proxies, ports and status until cancelled."""
        if self._seams.scales:  # other replicas may have all the proxies, which come and go
            self.serving.set()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._handle_batches(), name="batches")
            tasks.create_task(self.proxies.run(), name="proxies")
            tasks.create_task(self._write_status(), name="status")
            tasks.create_task(self.guard.run(), name="ports")

    async def _handle_batches(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            self.flush()

    async def _write_status(self) -> None:
        """Wait for the proxies of an instance that was started again, then write."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._seams.patience):
                await self._arrivals.complete.wait()
        await self._status.run()


def _has_errors(problems: Iterable[FileProblem]) -> bool:
    return any(problem.severity is Severity.ERROR for problem in problems)
