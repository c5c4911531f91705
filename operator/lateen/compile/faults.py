"""Faults of the program: which objects they are about, in which words, and how none hurts other objects.

A cell that raises keeps its row. Where that cell is about other objects than the one that changed, they
would not get on any more; so the change that makes it raise is taken back, and its object keeps its
last good version.
"""

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from lateen.compile.clusters import ClusterTables
from lateen.compile.codes import Code, secret_code
from lateen.compile.names import WantedSecret
from lateen.compile.secrets import SecretTables
from lateen.engine import Commit, Derived, Engine, Index, Table, words_of
from lateen.ir.finding import Finding
from lateen.model.keys import Key, Kind
from lateen.semantics.secrets import SecretError

RETURNABLE: Final = (
    Kind.GATEWAY,
    Kind.SERVICE_ENTRY,
    Kind.WORKLOAD_ENTRY,
    Kind.DESTINATION_RULE,
    Kind.VIRTUAL_SERVICE,
)
"""Kinds of which a change can wait, those first that others build upon: a fault that shows once both are there is the
other one's. Kinds of Kubernetes say what is the case, and not what somebody wishes."""

MOST_TRIES: Final = 200
"""Commits that a search for culprits may take. Where very many objects fail it is no single one's fault."""


class Input(NamedTuple):
    """What a batch does to one input row; None: no such row."""

    table: Table[Key, Any]
    before: Any
    after: Any


def fault_about(key: Key, where: str, error: Exception) -> Finding:
    """Say of an object that the program fails at it, and what to report."""
    kind, place = type(error).__name__, _place(error)
    return Code.INTERNAL_ERROR.about(
        key, f"{where}: {kind}: {words_of(error)}{place}; a fault of Lateen, please report it with this object"
    )


class Faults:
    """The cells that cannot be computed, by the objects they are about."""

    def __init__(self, engine: Engine, clusters: ClusterTables, secrets: SecretTables) -> None:
        """Start without any."""
        self._engine = engine
        self._clusters = clusters
        self._secrets = secrets
        self._owners: dict[tuple[str, Hashable], tuple[Key, ...]] = {}
        self._cells: dict[Key, dict[tuple[str, Hashable], None]] = {}
        """The same the other way around: asking about one object costs nothing for the others."""

    def note(self, commit: Commit, touched: Collection[Key]) -> list[Key]:
        """Lay each failed cell at the door of its objects; give those about which there is something else to say.

        Args:
            commit: the news.
            touched: the objects of the batch; the first one is told of what is nobody's.
        """
        news: dict[Key, None] = {}
        for cell in commit.healed:
            news |= dict.fromkeys(self._forget(cell))
        for name, key in commit.failed:
            news |= dict.fromkeys(self._forget((name, key)))
            owners = self._owners_of(name, key) or (() if isinstance(key, WantedSecret) else tuple(touched)[:1])
            self._owners[name, key] = owners
            for owner in owners:
                self._cells.setdefault(owner, {})[name, key] = None
            news |= dict.fromkeys(owners)
        return [*news]

    def about(self, key: Key) -> Iterator[Finding]:
        """Say what of an object cannot be computed."""
        for name, cell in self._cells.get(key, ()):
            table = self._engine.tables[name]
            error = table.errors.get(cell) if isinstance(table, Derived) else None
            if isinstance(error, SecretError):
                yield secret_code(error).about(key, str(error))
            elif error is not None:
                yield fault_about(key, name, error)

    def take_back(self, inputs: Mapping[Key, Input]) -> dict[Key, Finding]:
        """Take back those changes of a batch that make cells fail which are about other objects.

        Returns:
            the objects whose change is taken back, with what is to be said of them.
        """
        self._engine.settle()
        if self._harm(inputs) is None:
            return {}
        returnable = [key for key in inputs if key.kind in RETURNABLE]
        changes = {key: inputs[key] for key in sorted(returnable, key=lambda key: RETURNABLE.index(key.kind))}
        culprits = find_culprits(changes, self._put, lambda: self._harm(inputs))
        return {key: fault_about(key, name, error) for key, (name, error) in culprits.items()}

    def _put(self, changes: Iterable[tuple[Key, Input]], *, back: bool) -> None:
        for key, (table, before, after) in changes:
            self._engine.set(table, key, before if back else after)
        self._engine.settle()

    def _harm(self, changed: Collection[Key]) -> tuple[str, Exception] | None:
        """The first fault of this batch that is not about a single object which has changed itself."""
        for table, cell in self._engine.failing():
            error = table.errors[cell]
            owners = self._owners_of(table.name, cell)
            alone = len(owners) == 1 and owners[0] in changed
            if not isinstance(error, SecretError) and not alone:
                return table.name, error
        return None

    def _forget(self, cell: tuple[str, Hashable]) -> tuple[Key, ...]:
        owners = self._owners.pop(cell, ())
        for owner in owners:
            cells = self._cells[owner]
            cells.pop(cell, None)
            if not cells:
                del self._cells[owner]
        return owners

    def _owners_of(self, table: str, cell: Any) -> tuple[Key, ...]:
        """The objects a cell is about, as far as its key or those who ask for it say."""
        if isinstance(cell, WantedSecret):  # Gateways have findings of their own about their credentials
            upstreams = self._clusters.upstreams.values
            naming = self._secrets.of_clusters.sorted_keys(cell)
            origins = (origin for cluster in naming for origin in upstreams[cluster].cluster.origins)
            return tuple(dict.fromkeys(key for key in origins if key.kind is Kind.DESTINATION_RULE))
        parts = (cell,) if isinstance(cell, Key) else cell if isinstance(cell, tuple) else ()
        owner = next((part for part in parts if isinstance(part, Key)), None)
        if owner is not None:
            return (owner,)
        found = self._engine.tables[table]
        follows = found.follows if isinstance(found, Derived) else ()
        members = (key for source in follows if isinstance(source, Index) for key in source.sorted_keys(cell))
        return tuple(dict.fromkeys(key for key in members if isinstance(key, Key)))


def find_culprits(
    changes: Mapping[Key, Input],
    put: Callable[..., None],
    failure: Callable[[], tuple[str, Exception] | None],
) -> dict[Key, tuple[str, Exception]]:
    """Halve a batch until what fails is found; a few good objects cost little, however many there are.

    Args:
        changes: the batch, which is in force; it is brought into force again in this order.
        put: brings changes into force, or takes them back.
        failure: what fails at the moment.

    Returns:
        the changes that are taken back; none, where it would not help to take back all, or too many would have to be.
    """
    put(changes.items(), back=True)
    if failure() is not None:
        put(changes.items(), back=False)
        return {}
    culprits: dict[Key, tuple[str, Exception]] = {}
    waiting = [[*changes.items()]]
    tries = 0
    while waiting:
        group = waiting.pop()
        tries += 1
        if tries > MOST_TRIES:
            put(changes.items(), back=False)
            return {}
        put(group, back=False)
        found = failure()
        if found is None:
            continue
        put(group, back=True)
        if len(group) == 1:
            culprits[group[0][0]] = found
        else:
            half = len(group) // 2
            waiting += [group[half:], group[:half]]
    return culprits


def _place(error: Exception) -> str:
    """Where it happened: file and line, without a path of this machine."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    return f" ({trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno})"
