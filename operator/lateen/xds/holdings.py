"""What one stream knows of its proxy: what it has, what is on its way, what names what.

Pure bookkeeping: nothing here decides what is sent.
"""

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from lateen.ir.resource import Resource, ResourceKey, ResourceType

NAMING = frozenset({ResourceType.LISTENER, ResourceType.SCOPE, ResourceType.ROUTE})
"""The types whose resources name others, and are therefore sent after them."""


@dataclass(frozen=True, slots=True, eq=False)
class Copy:
    """One version of one resource, at the proxy or on its way there."""

    version: str | None
    """As sent on the wire; None: a removal."""
    resource: Resource | None
    """None: a removal, or reported by the proxy and not known here."""
    meets: "Copy | None" = None
    """For endpoints: the copy of the cluster that is there when they arrive."""


UNCERTAIN = Copy("?", None)
"""What a proxy has that may or may not have taken something over: no version, so it is sent again."""


@dataclass(slots=True, eq=False)
class Holding:
    """Everything about one resource on one stream."""

    key: ResourceKey
    acked: Copy | None = None
    flights: list[Copy] = field(default_factory=list)
    """Sent and not judged yet, oldest first."""
    ghosts: list[Copy] = field(default_factory=list)
    """Refused together with others and not sent again: nobody knows whether the proxy took them over."""
    again: bool = False
    """The proxy asked for it by name: it is sent even if it is there."""
    live: bool = False
    """For clusters: can take requests."""
    live_at: float | None = None
    """For clusters: when they are presumed to be."""
    leaves_at: float | None = None
    """For clusters that go: when nothing can look them up any more."""

    @property
    def newest(self) -> Copy | None:
        """What the proxy has, or will have when everything under way has arrived."""
        if self.flights:
            return self.flights[-1]
        return UNCERTAIN if self.ghosts else self.acked

    @property
    def version(self) -> str | None:
        """The version of `newest`; None: nothing."""
        newest = self.newest
        return None if newest is None else newest.version

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing is, will be, or might be at the proxy."""
        return self.acked is None and not self.flights and not self.ghosts


def support_of(resource: Resource, holdings: Mapping[ResourceKey, Holding]) -> Iterator[Resource]:
    """Go through what a resource needs, directly or not, as the proxy has it."""
    for need in resource.needs:
        followers = (ResourceKey(ResourceType.ENDPOINTS, need.name),) if need.type is ResourceType.CLUSTER else ()
        for key in (need, *followers):
            holding = holdings.get(key)
            if holding is not None and holding.acked is not None and holding.acked.resource is not None:
                yield holding.acked.resource
                yield from support_of(holding.acked.resource, holdings)


@dataclass(slots=True)
class Subscription:
    """What the proxy wants to hear of one type."""

    wildcard: bool = False
    names: set[str] = field(default_factory=set)
    answered: bool = False
    """False: the first request waits for any answer at all, even an empty one."""
    acknowledged_at: float | None = None
    rejections: int = 0

    def covers(self, name: str) -> bool:
        """Tell whether the proxy wants this resource."""
        return self.wildcard or name in self.names


@dataclass(frozen=True, slots=True)
class InFlight:
    """One response that the proxy has not judged yet."""

    type: ResourceType
    copies: tuple[tuple[Holding, Copy], ...]
    sent_at: float


class Usage:
    """Who names whom at the proxy, acknowledged and on the way; counted per copy."""

    __slots__ = ("_by_need", "unknown")

    def __init__(self) -> None:
        """Start with nothing named."""
        self._by_need: dict[ResourceKey, Counter[ResourceKey]] = {}
        self.unknown: set[ResourceKey] = set()
        """Resources at the proxy whose content is not known here: they may name anything."""

    def take(self, key: ResourceKey, copy: Copy) -> None:
        """A copy is, or may soon be, in use."""
        if copy.resource is None:
            if copy.version is not None and key.type in NAMING:
                self.unknown.add(key)
            return
        for need in copy.resource.needs:
            self._by_need.setdefault(need, Counter())[key] += 1

    def drop(self, key: ResourceKey, copy: Copy) -> list[ResourceKey]:
        """A copy is not in use any more. Returns what nothing names now."""
        if copy.resource is None:
            self.unknown.discard(key)
            return []
        freed = []
        for need in copy.resource.needs:
            users = self._by_need[need]
            users[key] -= 1
            if not users[key]:
                del users[key]
            if not users:
                del self._by_need[need]
                freed.append(need)
        return freed

    def users(self, key: ResourceKey) -> tuple[ResourceKey, ...]:
        """Name who names a resource."""
        return tuple(self._by_need.get(key, ()))


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a resource is not sent, or not removed, yet."""

    reason: str
    """For people: `waits for`, `is still named by` …."""
    keys: tuple[ResourceKey, ...] = ()
    """What is in the way."""

    def __str__(self) -> str:
        """Print the reason with the first names."""
        names = ", ".join(key.name for key in self.keys[:3])
        more = f" and {len(self.keys) - 3} more" if len(self.keys) > 3 else ""
        return f"{self.reason} {names}{more}" if names else self.reason


class Holds:
    """The resources that wait, found by what they wait for."""

    __slots__ = ("_held", "_waiters")

    def __init__(self) -> None:
        """Start with nothing waiting."""
        self._held: dict[ResourceKey, tuple[Hold, frozenset[ResourceKey]]] = {}
        self._waiters: dict[ResourceKey, set[ResourceKey]] = {}

    def __iter__(self) -> Iterator[tuple[ResourceKey, Hold]]:
        """Go through everything that waits."""
        return ((key, hold) for key, (hold, _) in self._held.items())

    def __contains__(self, key: ResourceKey) -> bool:
        """Tell whether a resource waits."""
        return key in self._held

    def hold(self, key: ResourceKey, hold: Hold, watch: Iterable[ResourceKey]) -> None:
        """Let `key` wait until one of `watch` changes its standing."""
        self.release(key)
        watched = frozenset(watch)
        self._held[key] = (hold, watched)
        for need in watched:
            self._waiters.setdefault(need, set()).add(key)

    def release(self, key: ResourceKey) -> None:
        """Let `key` wait no longer."""
        found = self._held.pop(key, None)
        if found is None:
            return
        for need in found[1]:
            waiters = self._waiters[need]
            waiters.discard(key)
            if not waiters:
                del self._waiters[need]

    def waiters(self, need: ResourceKey) -> tuple[ResourceKey, ...]:
        """Name what waits for `need`."""
        return tuple(self._waiters.get(need, ()))

    def of_type(self, type_: ResourceType) -> Iterator[ResourceKey]:
        """Name everything of one type that waits."""
        return (key for key in self._held if key.type is type_)

    def has(self, type_: ResourceType) -> bool:
        """Tell whether anything of one type waits."""
        return any(key.type is type_ for key in self._held)


class Agenda:
    """The resources to look at, each once, clusters first and routes last."""

    __slots__ = ("_by_type", "_known")

    def __init__(self) -> None:
        """Start empty."""
        self._by_type: dict[ResourceType, deque[ResourceKey]] = {type_: deque() for type_ in ResourceType}
        self._known: set[ResourceKey] = set()

    def add(self, keys: Iterable[ResourceKey]) -> None:
        """Put resources on the agenda; those that are there stay where they are."""
        for key in keys:
            if key not in self._known:
                self._known.add(key)
                self._by_type[key.type].append(key)

    def next(self) -> ResourceKey | None:
        """Take the next one off; None: done."""
        for keys in self._by_type.values():
            if keys:
                key = keys.popleft()
                self._known.discard(key)
                return key
        return None
