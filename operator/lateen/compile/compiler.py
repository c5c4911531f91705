"""The compiler: changes in, encoded resources and findings out. There is only this one.

`compile()` is the same with a single batch: files on a command line, goldens and tests go
through it; a running instance keeps a `Compiler` and gives it each batch of changes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lateen.compile.codes import Code, finding_of, secret_code
from lateen.compile.findings import Findings
from lateen.compile.graph import Graph, build_graph, proxy_of
from lateen.compile.names import WantedSecret
from lateen.compile.settings import CompileSettings
from lateen.engine import Commit, Index
from lateen.ir.deployment import ProxyDeployment
from lateen.ir.proxy import ListeningPort, Proxy, ProxyId
from lateen.ir.resource import Resource, ResourceKey
from lateen.model.keys import Key, Kind
from lateen.model.objects import Change, Problem, Severity
from lateen.semantics.secrets import SecretError
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


class Compiler:
    """Keeps the compiled state and brings it up to date with each batch."""

    def __init__(self, settings: CompileSettings, intake: Intake) -> None:
        """Start with no objects."""
        self.settings = settings
        self.graph: Graph = build_graph(settings)
        self._intake = intake
        self._problems: dict[Key, Findings] = {}
        self._failures: dict[tuple[str, Any], tuple[Key, ...]] = {}

    def apply(self, changes: Iterable[Change]) -> Outcome:
        """Take in a batch and return what it changed. An object that is refused keeps its last good version."""
        accepted: list[Key] = []
        refused: list[Key] = []
        removed: list[Key] = []
        touched: dict[Key, None] = {}
        for change in changes:
            key = change.key
            table = self.graph.inputs.table(key.kind)
            touched[key] = None
            if change.raw is None:
                self._problems.pop(key, None)
                removed.append(key)
                if table is not None:
                    self.graph.engine.set(table, key, None)
                continue
            admission = self._intake.admit(key, change.raw)
            self._keep_problems(key, admission.problems)
            if admission.object is None:
                refused.append(key)
                continue
            accepted.append(key)
            if table is not None:
                self.graph.engine.set(table, key, admission.object)
        commit = self.graph.engine.commit()
        self._note_failures(commit, touched)
        touched |= dict.fromkeys(self._changed_findings(commit))
        return Outcome(
            resources=self._changed_resources(commit),
            proxies={key: new for key, (_, new) in commit.changes_of(self.graph.placement.proxies).items()},
            deployments={key: new for key, (_, new) in commit.changes_of(self.graph.deployments.deployments).items()},
            findings={key: self.findings_of(key) for key in touched},
            accepted=tuple(accepted),
            refused=tuple(refused),
            removed=tuple(removed),
            recomputed=commit.recomputed,
        )

    def findings_of(self, key: Key) -> Findings:
        """Everything there is to say about one object now."""
        out = list(self._problems.get(key, ()))
        for table in self.graph.findings:
            out += table.values.get(key, ())
        for (name, cell), owners in self._failures.items():
            if key in owners:
                error = self.graph.engine.tables[name].errors[cell]  # type: ignore[attr-defined]  # only derived fail
                if isinstance(error, SecretError):
                    out.append(secret_code(error).about(key, str(error)))
                else:
                    out.append(Code.INTERNAL_ERROR.about(key, f"{name}: {type(error).__name__}: {error}"))
        return tuple(out)

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

    def _keep_problems(self, key: Key, problems: Iterable[Problem]) -> None:
        found = tuple(finding_of(key, problem, Code.INVALID_FIELD) for problem in problems)
        if found:
            self._problems[key] = found
        else:
            self._problems.pop(key, None)

    def _note_failures(self, commit: Commit, touched: dict[Key, None]) -> None:
        """Lay each failed cell at the door of the objects it is about."""
        for cell in commit.healed:
            touched |= dict.fromkeys(self._failures.pop(cell, ()))
        for name, key in commit.failed:
            owners = self._owners(name, key, tuple(touched)[:1])
            self._failures[name, key] = owners
            touched |= dict.fromkeys(owners)

    def _owners(self, table: str, cell: Any, otherwise: tuple[Key, ...]) -> tuple[Key, ...]:
        """The objects a cell is about, as far as its key or those who ask for it say."""
        if isinstance(cell, WantedSecret):  # Gateways have findings of their own about their credentials
            upstreams = self.graph.clusters.upstreams.values
            naming = self.graph.secrets.of_clusters.sorted_keys(cell)
            origins = (origin for cluster in naming for origin in upstreams[cluster].cluster.origins)
            return tuple(dict.fromkeys(key for key in origins if key.kind is Kind.DESTINATION_RULE))
        parts = (cell,) if isinstance(cell, Key) else cell if isinstance(cell, tuple) else ()
        owner = next((part for part in parts if isinstance(part, Key)), None)
        if owner is not None:
            return (owner,)
        follows: tuple[Any, ...] = self.graph.engine.tables[table].follows  # type: ignore[attr-defined]  # see above
        members = (key for source in follows if isinstance(source, Index) for key in source.sorted_keys(cell))
        return tuple(dict.fromkeys(key for key in members if isinstance(key, Key))) or otherwise

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
