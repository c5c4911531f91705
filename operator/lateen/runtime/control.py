"""The control loop: batches of changes in; published resources, planned proxies and status out.

One coroutine takes batches, one starts and stops proxies, one watches ports, one writes status.
None of them waits for another, so neither a slow proxy nor a slow status sink holds up a change.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress

import structlog

from lateen.compile.codes import Code
from lateen.compile.compiler import Compiler, Outcome, Resources
from lateen.infra.base import Phase, ProxyPlan, ProxyState
from lateen.ir.finding import Finding
from lateen.ir.proxy import ProxyId
from lateen.ir.resource import Resource, ResourceKey, ResourceType
from lateen.model.keys import Key, Kind
from lateen.model.objects import Change, Origin, Severity
from lateen.runtime.arrivals import Arrivals
from lateen.runtime.batches import BatchBook, BatchRecord, one_by_one
from lateen.runtime.journal import (
    Compiled,
    Entry,
    FileReported,
    ProxyChanged,
    Refused,
    Restored,
    Serving,
    WentLive,
)
from lateen.runtime.port_book import PortBook
from lateen.runtime.port_guard import Held, PortGuard, PortProbe
from lateen.runtime.progress import Concerned, Parts, with_unheard
from lateen.runtime.proxy_keeper import ProxyKeeper
from lateen.runtime.seams import Seams
from lateen.runtime.status_keeper import StatusKeeper
from lateen.sources.base import FileProblem, FileReport, SourceEvent
from lateen.status.base import EjectedHost, ObjectStatus
from lateen.status.conditions import Progress, conditions
from lateen.xds.cache import ResourceCache
from lateen.xds.delta import DeltaStream
from lateen.xds.events import Connected, Disconnected, Event, Rejected
from lateen.xds.ledger import ChangeLedger, LiveChange

COMING_BACK = 10.0
"""Seconds that a proxy which lost its stream gets to come back before the objects that it serves are looked at."""

_RESTORING = "restore "
_OPENING = "open "
"""Prefixes of the names under which the ledger follows what is no batch; batches are plain numbers."""

_CANNOT_BIND = "cannot bind"
"""How Envoy begins when it cannot open a port (Envoy 1.40)."""

_EVERYWHERE = PortProbe(is_free=lambda _address, _port: True, one_machine=False)
"""Where every proxy has a machine of its own."""

_LISTENER = ResourceType.LISTENER

_SILENT = frozenset({Kind.SERVICE, Kind.ENDPOINT_SLICE, Kind.POD, Kind.SECRET})
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
        self.ledger = ChangeLedger(streams, self._on_live, clock, on_settled=self._on_settled)
        self.origins: dict[Key, Origin] = {}
        self.file_problems: dict[str, tuple[FileProblem, ...]] = {}
        self.batches = BatchBook()
        self.parts = Parts()
        self.ejections: Callable[[Key], tuple[EjectedHost, ...]] = lambda _: ()
        """Hosts that are ejected because of a DestinationRule; whoever follows the proxies' logs sets it."""
        self.serving = asyncio.Event()
        """Set when, for the first time, all proxies are ready and have acknowledged everything."""
        self.news = asyncio.Event()
        """Wakes those who wait on it whenever something happened, and is never set for longer."""
        self._streams = streams
        self._seams = seams
        self._clock = clock
        self._started = clock()
        self._taken: list[SourceEvent] = []
        self._wake = asyncio.Event()
        self._number = 0
        self._opened = 0
        self._arrivals = Arrivals(clock)
        self._restarting: set[ProxyId] = set()
        self._ready_pods: dict[ProxyId, int] = {}
        self._status = StatusKeeper(
            seams.status,
            seams.leadership,
            self.status,
            everything=lambda: [key for key in self.origins if key.kind not in _SILENT],
            budget=seams.budget,
        )
        self.proxies = ProxyKeeper(
            seams.runner,
            seams.leadership,
            plan,
            on_failure=self.on_proxy,
            on_gone=self._forget_proxy,
            removal_delay=seams.removal_delay,
        )
        self.guard = PortGuard(
            seams.ports or _EVERYWHERE,
            own_pids=lambda: {state.pid for state in seams.runner.states.values()},
            publish=self._publish_listener,
            on_taken=self._on_port_taken,
        )
        self.ports = PortBook(compiler, self.guard, self.tell)

    def take(self, events: Sequence[SourceEvent]) -> None:
        """Take a batch from a source; the loop's next turn handles it together with whatever else has come."""
        self._taken += events
        self._wake.set()

    def observe(self, event: Event, /) -> None:
        """Hear what happens on the streams."""
        self.ledger(event)
        if isinstance(event, Rejected):
            self._on_rejected(event)
        elif isinstance(event, Connected):
            self._on_connected(event)
        elif isinstance(event, Disconnected) and self._seams.scales:
            self._arrivals.settle(event.stream.number)
            self._miss(event.stream.proxy)
        self._spread_news()

    def on_proxy(self, state: ProxyState) -> None:
        """Hear what happens to the proxies' processes."""
        self.tell(ProxyChanged(state))
        if state.phase is Phase.RESTARTING:
            self._restarting.add(state.proxy)
            self.guard.withdraw(state.proxy, [*self._published(state.proxy)])
        if self._ready_pods.get(state.proxy, 0) != state.ready_pods:
            self._ready_pods[state.proxy] = state.ready_pods
            self._note(self.parts.named_by(state.proxy))
        self._note_serving()

    def tell(self, entry: Entry) -> None:
        """Write to the journal. Whatever it does, proxies are served."""
        try:
            self._seams.journal(entry)
        except Exception as error:  # noqa: BLE001 - see above
            _log.warning("an entry is lost to the journal", entry=type(entry).__name__, error=repr(error))

    def findings(self, key: Key) -> tuple[Finding, ...]:
        """Everything there is to say about an object now, taken ports and the proxies' refusals included."""
        found = [*self.compiler.findings_of(key), *self.ports.findings(key)]
        for proxy, rejection in self.cache.quarantine.about(key):
            desired = self.cache.desired(proxy)
            wanted = desired.get(rejection.key) if desired is not None else None
            if wanted is not None and wanted.version == rejection.version:
                message = f"proxy {proxy} refused {rejection.key.name}: {rejection.message}"
                found.append(Code.REJECTED.about(key, message))
        return tuple(found)

    def status(self, key: Key) -> ObjectStatus:
        """What users are told about an object now; no conditions when it is gone."""
        origin = self.origins.get(key)
        if origin is None:
            return ObjectStatus(())
        heard = self._seams.others.total(key, self.progress(key))
        progress = with_unheard(heard, self.parts.classes_of(key), self._seams.runner.states)
        found = conditions(self.findings(key), progress, kind=key.kind, generation=origin.generation)
        return ObjectStatus(
            found,
            origin.generation,
            self.ejections(key),
            is_served=progress is None or progress.proxies > 0,
            is_arriving=heard is not None and heard.is_arriving,
        )

    def progress(self, key: Key) -> Progress | None:
        """How far this replica's own proxies are with an object; None: no proxy needs it."""
        return self.parts.progress(key, self.cache, self._loaded)

    def _loaded(self, proxy: ProxyId) -> list[DeltaStream]:
        return self._arrivals.without(self._streams(proxy))

    @property
    def waiting(self) -> int:
        """How many changes are not live yet; in a cluster: on this replica's own proxies."""
        return self.ledger.held_up if self._seams.scales else len(self.ledger.waiting)

    def look_again(self, keys: Iterable[Key]) -> None:
        """Write the status of these objects anew, where it differs; something outside has changed."""
        self._status.tell(keys)

    async def run(self) -> None:
        """Handle batches, proxies, ports and status until cancelled."""
        if self._seams.scales:  # other replicas may have all the proxies, which come and go
            self.serving.set()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._handle_batches(), name="batches")
            tasks.create_task(self.proxies.run(), name="proxies")
            tasks.create_task(self._write_status(), name="status")
            tasks.create_task(self.guard.run(), name="ports")

    async def _write_status(self) -> None:
        """Wait for the proxies of an instance that was started again, then write."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._seams.patience):
                await self._arrivals.complete.wait()
        await self._status.run()

    def flush(self) -> None:
        """Handle everything taken so far, now. The first batch is handled so before proxies are admitted."""
        taken, self._taken = self._taken, []
        if taken:
            self._handle(taken)
        if not self._number:  # the proxy of the mesh port needs no objects
            self._compile([], self._clock())
        self._spread_news()

    @property
    def leading(self) -> bool:
        """Whether this instance starts proxies and writes status."""
        return self._seams.leadership.leading

    @property
    def is_behind(self) -> bool:
        """Whether something was taken and is not handled yet."""
        return bool(self._taken)

    async def _handle_batches(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                self.flush()
            except Exception:  # noqa: BLE001 - cells of the compiler fail one by one; this is a fault of the loop
                _log.exception("a batch of changes could not be handled; what runs stays as it is")

    def _handle(self, events: list[SourceEvent]) -> None:
        started = self._clock()
        changes: list[Change] = []
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
        for report in reports:
            self._report(report)
        if changes:
            self._compile(changes, started)

    def _report(self, report: FileReport) -> None:
        before = self.file_problems.pop(report.file, ())
        if report.problems:
            self.file_problems[report.file] = report.problems
        broken = _has_errors(report.problems)
        healed = _has_errors(before) and not broken
        kept = sum(origin.file == report.file for origin in self.origins.values()) if broken else 0
        self.tell(FileReported(report, kept, healed))

    def _place(self, change: Change) -> None:
        if change.raw is None:
            self.origins.pop(change.key, None)
        else:
            self.origins[change.key] = change.origin

    def _compile(self, changes: list[Change], started: float) -> None:
        self._number += 1
        number = self._number
        touched = dict.fromkeys(change.key for change in changes)
        objects = len(changes)
        outcome = self.compiler.apply(one_by_one(changes))
        published, concerned = self._publish(outcome)
        touched |= dict.fromkeys((*outcome.findings, *(key for each in concerned for key in each.moved)))
        seconds = self._clock() - started
        # Those that stayed say the same again once their new versions are live: no news in between.
        stayed = (key for each in concerned for key in each.stayed if key not in touched)
        self.batches.add(BatchRecord(number, objects, started, seconds), (*stayed, *touched))
        findings = {key: self.findings(key) for key in outcome.findings}
        sent = sum(map(len, published.values()))
        self.tell(Compiled(number, outcome, findings, seconds, sent))
        gateways = any(key.kind is Kind.GATEWAY for key in (*outcome.accepted, *outcome.removed))
        if gateways or any(key.type is _LISTENER for changed in published.values() for key in changed):
            self.ports.note()
        self.ledger.track(str(number), {proxy: _versions(changed) for proxy, changed in published.items()})
        self._note(touched)

    def _publish(self, outcome: Outcome) -> tuple[dict[ProxyId, Resources], list[Concerned]]:
        """Let proxies exist before their resources.

        A process that goes keeps what it has. Pods that nobody wants have nothing to serve, for as long as they stay.

        Returns:
            what was published, without the listeners that wait for their ports; and whose resources that were.
        """
        published: dict[ProxyId, Resources] = {}
        concerned: list[Concerned] = []
        leftovers: dict[ProxyId, dict[ResourceKey, None]] = {}
        for proxy, wanted in outcome.proxies.items():
            if wanted is None:
                self.ledger.forget(proxy)
                self.guard.forget(proxy)
            else:
                if self.proxies.is_leaving(proxy):
                    leftovers[proxy] = dict.fromkeys(self.cache.snapshot(proxy))
                self.cache.publish(proxy, {})
            self.proxies.want(proxy, wanted=wanted is not None)
        for proxy, deployment in outcome.deployments.items():
            if deployment is not None and self._seams.scales:
                self.proxies.want(proxy, wanted=True)  # its ports or options changed
        for proxy, changed in outcome.resources.items():
            if outcome.proxies.get(proxy, proxy) is None:
                if self._seams.scales:
                    concerned.append(self._publish_some(proxy, changed))
                else:
                    concerned.append(self.parts.update(proxy, self.cache.desired(proxy), changed))
                continue
            complete: Resources = {**leftovers.get(proxy, {}), **changed}
            published[proxy] = self.guard.sift(proxy, complete)
            concerned.append(self._publish_some(proxy, published[proxy]))
        return published, concerned

    def _publish_some(self, proxy: ProxyId, changes: Resources) -> Concerned:
        concerned = self.parts.update(proxy, self.cache.desired(proxy), changes)
        self.cache.publish(proxy, changes)
        return concerned

    def _publish_listener(self, proxy: ProxyId, changes: Resources) -> None:
        """Publish what the guard lets through after a while, or takes back."""
        self._publish_some(proxy, changes)
        if any(resource is not None for resource in changes.values()):
            self._opened += 1
            self.ledger.track(f"{_OPENING}{self._opened}", {proxy: _versions(changes)})
        else:
            self.ports.note()
        self._note(key for resource in changes.values() if resource is not None for key in resource.origins)

    def _published(self, proxy: ProxyId) -> Iterable[Resource]:
        desired = self.cache.desired(proxy)
        return () if desired is None else (each for each in desired.published() if each.key.type is _LISTENER)

    def _forget_proxy(self, proxy: ProxyId) -> None:
        """A proxy that is not wanted any more is gone."""
        self._restarting.discard(proxy)
        self.cache.remove(proxy)

    def _on_port_taken(self, proxy: ProxyId, listener: ResourceKey, held: Held) -> None:
        self.ports.note_taken(proxy, listener, held)
        self._note(held.resource.origins)

    # What proxies say

    def _on_rejected(self, event: Rejected) -> None:
        origins = tuple((key, self.origins.get(key)) for key in event.origins)
        resource = f"{event.key.type.value.rpartition('.')[2]} {event.key.name}"
        self.tell(Refused(event.stream.proxy, resource, event.message, origins))
        self._note(event.origins)
        desired = self.cache.desired(event.stream.proxy)
        refused = desired.get(event.key) if desired is not None else None
        if refused is not None and event.key.type is _LISTENER and event.message.startswith(_CANNOT_BIND):
            self.guard.withdraw(event.stream.proxy, [refused], refused=True)

    def _on_connected(self, event: Connected) -> None:
        """Follow a proxy that was started again until it has everything. One that only lost its stream still does."""
        proxy = event.stream.proxy
        if self._seams.scales:
            self._arrivals.come(event.stream.number)
        elif proxy not in self._restarting:
            return
        self._restarting.discard(proxy)
        everything = {key: resource.version for key, resource in self.cache.snapshot(proxy).items()}
        self.ledger.track(f"{_RESTORING}{event.stream.number} {proxy}", {proxy: everything})

    def _miss(self, proxy: ProxyId) -> None:
        """A proxy lost its stream. Most come back at once: only one that does not is told of."""
        loop = asyncio.get_running_loop()
        loop.call_later(COMING_BACK, lambda: self._note(self.parts.named_by(proxy)))

    def _on_settled(self, change: str) -> None:
        """One class has taken over its part. Another one may have no proxy here, and the rest is not to wait for it."""
        if change.isdecimal():
            self._note(self.batches.touched(int(change)))

    def _on_live(self, change: LiveChange) -> None:
        if change.change.startswith(_RESTORING):
            self._on_restored(change)
            return
        if change.change.startswith(_OPENING):
            self.ports.note()
            return
        number, rejected = int(change.change), len(change.rejected)
        if number == 1:
            self._arrivals.go_live()
        self.tell(WentLive(number, change.seconds, rejected, change.superseded))
        self._note(self.batches.live(number, change.seconds, rejected))
        self._note_serving()

    def _on_restored(self, change: LiveChange) -> None:
        number, _, text = change.change.removeprefix(_RESTORING).partition(" ")
        proxy = ProxyId(*text.split("/", 1))
        self._arrivals.settle(int(number))
        self.tell(Restored(proxy, change.seconds))
        if self._seams.scales:
            self._note(self.parts.named_by(proxy))

    def _note(self, keys: Iterable[Key]) -> None:
        """There is news of objects: for their status, and for other replicas."""
        keys = tuple(key for key in keys if key.kind not in _SILENT)
        self._status.tell(keys)
        self._seams.others.tell(keys)
        self._spread_news()

    def _spread_news(self) -> None:
        self.news.set()
        self.news.clear()

    def _note_serving(self) -> None:
        states = self._seams.runner.states.values()
        ready = bool(states) and all(state.phase is Phase.READY for state in states)
        if ready and self._number and not self.serving.is_set() and not self.ledger.waiting:
            self.serving.set()
            self.tell(Serving(self._clock() - self._started))


def _has_errors(problems: Iterable[FileProblem]) -> bool:
    return any(problem.severity is Severity.ERROR for problem in problems)


def _versions(changes: Resources) -> Mapping[ResourceKey, str | None]:
    return {key: resource.version if resource is not None else None for key, resource in changes.items()}
