"""The compiler: changes in, encoded resources and findings out. There is only this one.

`compile()` is the same with a single batch: files on a command line, goldens and tests go
through it; a running instance keeps a `Compiler` and gives it each batch of changes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from lateen.compile.codes import Code, finding_of
from lateen.compile.faults import Faults, Input, fault_about
from lateen.compile.findings import Findings
from lateen.compile.graph import Graph, build_graph, proxy_of
from lateen.compile.settings import CompileSettings
from lateen.engine import Commit
from lateen.ir.deployment import ProxyDeployment
from lateen.ir.proxy import ListeningPort, Proxy, ProxyId
from lateen.ir.resource import Resource, ResourceKey
from lateen.model.keys import Key
from lateen.model.objects import Change, Problem, Severity
from lateen.validation.intake import Intake

Resources = Mapping[ResourceKey, Resource | None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one batch of changes came to."""

    resources: Mapping[ProxyId, Resources] = field(default_factory=dict)
    """Changed resources by proxy; None: removed."""
    proxies: Mapping[ProxyId, Proxy | None] = field(default_factory=dict)
    """Proxies that appeared, changed or (None) are no longer wanted."""
    deployments: Mapping[ProxyId, ProxyDeployment | None] = field(default_factory=dict)
    """What it takes to run them in a cluster, where that appeared, changed or (None) went."""
    findings: Mapping[Key, Findings] = field(default_factory=dict)
    """All findings of each object whose findings changed; empty: it has none left."""
    accepted: tuple[Key, ...] = ()
    refused: tuple[Key, ...] = ()
    """Not admitted: what was admitted before stays in use."""
    removed: tuple[Key, ...] = ()
    recomputed: int = 0
    """Cells that ran."""


@dataclass(slots=True)
class _Batch:
    """What becomes of the objects of one batch; the last change of each counts."""

    touched: dict[Key, None] = field(default_factory=dict)
    accepted: dict[Key, None] = field(default_factory=dict)
    refused: dict[Key, None] = field(default_factory=dict)
    removed: dict[Key, None] = field(default_factory=dict)
    inputs: dict[Key, Input] = field(default_factory=dict)

    def accept(self, key: Key) -> None:
        """It is in the tables."""
        self.refused.pop(key, None)
        self.accepted[key] = None

    def refuse(self, key: Key) -> None:
        """It is not; what was there before is."""
        self.accepted.pop(key, None)
        self.refused[key] = None

    def remove(self, key: Key) -> None:
        """It is gone."""
        self.inputs.pop(key, None)
        self.removed[key] = None


class Compiler:
    """Keeps the compiled state and brings it up to date with each batch."""

    def __init__(self, settings: CompileSettings, intake: Intake) -> None:
        """Start with no objects."""
        self.settings = settings
        self.graph: Graph = build_graph(settings)
        self._intake = intake
        self._problems: dict[Key, Findings] = {}
        self._faults = Faults(self.graph.engine, self.graph.clusters, self.graph.secrets)

    def apply(self, changes: Iterable[Change]) -> Outcome:
        """Take in a batch and return what it changed. An object that is refused keeps its last good version.

        So does one at which the program fails, if others would suffer from it; it is tried again when it changes.
        """
        batch = self._take_in(changes)
        for key, finding in self._faults.take_back(batch.inputs).items():
            batch.refuse(key)
            self._problems[key] = (finding,)
        commit = self.graph.engine.commit()
        touched = batch.touched
        touched |= dict.fromkeys(self._faults.note(commit, touched))
        touched |= dict.fromkeys(self._changed_findings(commit))
        return Outcome(
            resources=self._changed_resources(commit),
            proxies={key: new for key, (_, new) in commit.changes_of(self.graph.placement.proxies).items()},
            deployments={key: new for key, (_, new) in commit.changes_of(self.graph.deployments.deployments).items()},
            findings={key: self.findings_of(key) for key in touched},
            accepted=tuple(batch.accepted),
            refused=tuple(batch.refused),
            removed=tuple(batch.removed),
            recomputed=commit.recomputed,
        )

    def everything(self) -> Outcome:
        """Return all that is compiled now, as if one batch had brought it."""
        proxies = self.graph.placement.proxies.values
        return Outcome(
            resources={proxy: self.resources(proxy) for proxy in proxies},
            proxies=dict(proxies),
            deployments=dict(self.graph.deployments.deployments.values),
            accepted=tuple(key for table in self.graph.inputs.by_kind.values() for key in table.values),
        )

    def blame(self, key: Key, error: Exception) -> None:
        """Say of an object that the program fails at it; what there is of it stays in use."""
        self._problems[key] = (fault_about(key, "the compiler", error),)

    def findings_of(self, key: Key) -> Findings:
        """Everything there is to say about one object now."""
        out = list(self._problems.get(key, ()))
        for table in self.graph.findings:
            out += table.values.get(key, ())
        return (*out, *self._faults.about(key))

    def refuses(self, key: Key) -> bool:
        """Whether the door keeps out the object as it is now; an earlier version of it may be in use."""
        return any(finding.severity is Severity.ERROR for finding in self._problems.get(key, ()))

    def listening(self) -> list[ListeningPort]:
        """Where each HTTP or TCP server of each Gateway can be reached, by proxy and port."""
        live = self.graph.listeners.listeners.values
        out = [
            ListeningPort(
                proxy=server.proxy,
                gateway=f"{key.namespace}/{key.name}",
                number=server.server.port.number,
                address=server.address,
                port=server.port,
                protocol=server.protocol,
                hosts=server.hosts,
            )
            for key, servers in self.graph.placement.gateway_servers.values.items()
            for server in servers
            if (server.proxy, server.listener) in live
        ]
        return sorted(out, key=lambda place: (place.proxy, place.port, place.gateway))

    def deployment(self, proxy: ProxyId) -> ProxyDeployment | None:
        """What it takes to run the proxies of one class in a cluster; None: there is no such class."""
        return self.graph.deployments.deployments.values.get(proxy)

    def secrets(self) -> frozenset[Key]:
        """Every Secret that some proxy needs, whether it exists or not; nobody has to read any other."""
        proxies = self.graph.placement.proxies.values

        def namespace_of(proxy: ProxyId) -> str | None:
            known = proxies.get(proxy)
            return None if known is None else known.namespace

        return self.graph.secrets.places(namespace_of)

    def resources(self, proxy: ProxyId) -> dict[ResourceKey, Resource]:
        """Everything a proxy is given now."""
        return {
            resource.key: resource
            for table in self.graph.resources()
            for key, resource in table.values.items()
            if proxy_of(key) == proxy
        }

    def _take_in(self, changes: Iterable[Change]) -> _Batch:
        """Bring a batch into the input tables; an object at which that fails keeps its last good version."""
        batch = _Batch()
        for change in changes:
            key = change.key
            batch.touched[key] = None
            try:
                self._take_one(change, batch)
            except Exception as error:  # noqa: BLE001 - whatever is wrong with one object, others are taken
                self._problems[key] = (fault_about(key, "the door", error),)
                batch.refuse(key)
        return batch

    def _take_one(self, change: Change, batch: _Batch) -> None:
        key, table = change.key, self.graph.inputs.table(change.key.kind)
        admitted = None
        if change.raw is None:
            self._problems.pop(key, None)
            batch.remove(key)
        else:
            admission = self._intake.admit(key, change.raw)
            self._keep_problems(key, admission.problems)
            admitted = admission.object
            if admitted is None:
                batch.refuse(key)
                return
        if table is not None:
            before = table.values.get(key)
            self.graph.engine.set(table, key, admitted)
            if admitted is not None:
                known = batch.inputs.get(key)
                batch.inputs[key] = Input(table, before if known is None else known.before, admitted)
        if admitted is not None:
            batch.accept(key)

    def _keep_problems(self, key: Key, problems: Iterable[Problem]) -> None:
        found = tuple(finding_of(key, problem, Code.INVALID_FIELD) for problem in problems)
        if found:
            self._problems[key] = found
        else:
            self._problems.pop(key, None)

    def _changed_findings(self, commit: Commit) -> Iterable[Key]:
        for table in self.graph.findings:
            yield from commit.changes_of(table)

    def _changed_resources(self, commit: Commit) -> dict[ProxyId, dict[ResourceKey, Resource | None]]:
        """Collect changes by proxy; where one table drops a resource that another one now makes, it stays."""
        out: dict[ProxyId, dict[ResourceKey, Resource | None]] = {}
        for table in self.graph.resources():
            for key, (old, new) in commit.changes_of(table).items():
                changed = out.setdefault(proxy_of(key), {})
                if new is not None:
                    changed[new.key] = new
                elif old is not None:
                    changed.setdefault(old.key, None)
        return out


def compile(  # noqa: A001 - the field's word for it
    changes: Iterable[Change], settings: CompileSettings, intake: Intake
) -> tuple[Compiler, Outcome]:
    """Compile one set of objects from scratch."""
    compiler = Compiler(settings, intake)
    return compiler, compiler.apply(changes)
