"""Which resources an object has a part in, and how far the proxies are with them."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Final, NamedTuple

from lateen.infra.base import ProxyState
from lateen.ir.proxy import ProxyId
from lateen.ir.resource import Resource, ResourceKey
from lateen.model.keys import Key
from lateen.status.conditions import Progress
from lateen.xds.cache import DesiredSet, ResourceCache
from lateen.xds.delta import DeltaStream
from lateen.xds.report import Settlement

_DONE: Final = frozenset({Settlement.LIVE, Settlement.UNASKED})


Streams = Callable[[ProxyId], Iterable[DeltaStream]]
"""The connected streams of one class of proxies."""


class Concerned(NamedTuple):
    """Objects behind resources that change, though they themselves may not have changed."""

    moved: tuple[Key, ...]
    """Those that have a part in more or fewer resources than before."""
    stayed: tuple[Key, ...]
    """Those that have a part in another version of the same resources."""


class Parts:
    """Object → its resources. Kept up to date with each publication, so that asking costs little."""

    def __init__(self) -> None:
        """Start empty."""
        self._parts: dict[Key, set[tuple[ProxyId, ResourceKey]]] = {}

    def update(
        self, proxy: ProxyId, before: DesiredSet | None, after: Mapping[ResourceKey, Resource | None]
    ) -> Concerned:
        """Note whose resources are about to be published in place of those in `before`; say who is concerned."""
        moved: dict[Key, None] = {}
        stayed: dict[Key, None] = {}
        for key, resource in after.items():
            part = (proxy, key)
            old = before.get(key) if before is not None else None
            losing = dict.fromkeys(old.origins if old is not None else ())
            having = dict.fromkeys(resource.origins if resource is not None else ())
            stayed |= dict.fromkeys(origin for origin in having if origin in losing)
            for origin in (each for each in losing if each not in having):
                moved[origin] = None
                parts = self._parts.get(origin)
                if parts is not None:
                    parts.discard(part)
                    if not parts:
                        del self._parts[origin]
            for origin in (each for each in having if each not in losing):
                moved[origin] = None
                self._parts.setdefault(origin, set()).add(part)
        return Concerned(tuple(moved), tuple(stayed))

    def of(self, key: Key) -> frozenset[tuple[ProxyId, ResourceKey]]:
        """Every resource that an object has a part in, by proxy."""
        return frozenset(self._parts.get(key, ()))

    def classes_of(self, key: Key) -> frozenset[ProxyId]:
        """The classes of proxies that have a part of an object."""
        return frozenset(proxy for proxy, _ in self._parts.get(key, ()))

    def named_by(self, proxy: ProxyId) -> tuple[Key, ...]:
        """Every object that has a part in what one class of proxies is given."""
        return tuple(key for key, parts in self._parts.items() if any(owner == proxy for owner, _ in parts))

    def progress(self, key: Key, cache: ResourceCache, streams: Streams) -> Progress | None:
        """How many connected proxies have acknowledged all of an object's resources; None: it has none."""
        wanted: dict[ProxyId, dict[ResourceKey, str]] = {}
        refusals = []
        for proxy, name in self._parts.get(key, ()):
            desired = cache.desired(proxy)
            resource = desired.get(name) if desired is not None else None
            if desired is None or resource is None:
                continue
            refused = desired.quarantine.verdict(name, resource.version)
            if refused is not None:
                refusals.append(f"{name.name}: {refused.message}")
            wanted.setdefault(proxy, {})[name] = resource.version
        if not wanted:
            return None
        answers: list[bool] = []
        absent = []
        for proxy, versions in wanted.items():
            connected = tuple(streams(proxy))
            if not connected:
                absent.append(str(proxy))
            answers += [
                all(stream.settlement(name, version) in _DONE for name, version in versions.items())
                for stream in connected
            ]
        rejection = min(refusals, default="")
        return Progress(len(answers), sum(answers), rejection, _hash(wanted), frozenset(absent))


def as_clients_see(
    progress: Progress | None, classes: Collection[ProxyId], states: Mapping[ProxyId, ProxyState]
) -> Progress | None:
    """Look at pods, too: those that no replica hears serve what they had, and those that are not ready get nothing."""
    if progress is None:
        return None
    known = [states[proxy] for proxy in classes if proxy in states]
    unready = frozenset(str(state.proxy) for state in known if state.is_unready) - progress.absent
    serving = sum(state.ready_pods for state in known)
    return replace(progress, proxies=max(progress.proxies, serving), unready=unready)


def _hash(wanted: Mapping[ProxyId, Mapping[ResourceKey, str]]) -> str:
    digest = sha256()
    for line in sorted(
        f"{proxy} {key.type} {key.name} {version}\n"
        for proxy, versions in wanted.items()
        for key, version in versions.items()
    ):
        digest.update(line.encode())
    return digest.hexdigest()[:16]
