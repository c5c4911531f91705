"""Resources that proxies refused, and what is served in their place.

A rejection holds for one version of one resource and for a whole class of proxies: all
Envoys of a class run the same configuration, so the next one would refuse it as well.
Until the resource changes, reconnecting and new streams are served the last version that
an Envoy acknowledged (the pin), and with it the clusters and endpoints that it names,
even if they are no longer wanted by anybody else.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from lateen.ir.proxy import ProxyId
from lateen.ir.resource import Resource, ResourceKey, ResourceType
from lateen.model.keys import Key


@dataclass(frozen=True, slots=True)
class Rejection:
    """One refused version."""

    key: ResourceKey
    version: str
    message: str
    """Envoy's words."""
    origins: tuple[Key, ...] = ()
    pinned: Resource | None = None
    """What is served instead; None: whatever the proxy has, if anything."""
    support: tuple[Resource, ...] = ()
    """What the pinned resource names, as it was when it was acknowledged."""


class ProxyQuarantine:
    """The rejections of one class of proxies."""

    __slots__ = ("_changed", "_of_origins", "_rejections", "_support")

    def __init__(self, changed: Callable[[tuple[ResourceKey, ...]], None]) -> None:
        """Start empty; `changed` hears of every key whose standing changed."""
        self._changed = changed
        self._rejections: dict[ResourceKey, Rejection] = {}
        self._support: dict[ResourceKey, dict[ResourceKey, Resource]] = {}
        """What pinned resources need, by the resource that was refused: of several the newest counts."""
        self._of_origins: dict[Key, dict[ResourceKey, None]] = {}

    def __iter__(self) -> Iterator[Rejection]:
        """Go through the rejections in the order they came."""
        return iter(tuple(self._rejections.values()))

    def verdict(self, key: ResourceKey, version: str) -> Rejection | None:
        """Tell whether this version was refused."""
        rejection = self._rejections.get(key)
        return rejection if rejection is not None and rejection.version == version else None

    def support(self, key: ResourceKey) -> Resource | None:
        """Find what a pinned resource needs and nobody else wants any more."""
        found = self._support.get(key)
        return None if found is None else next(reversed(found.values()))

    def about(self, origin: Key) -> Iterator[Rejection]:
        """Go through the refused versions that an object has a part in."""
        return (self._rejections[key] for key in self._of_origins.get(origin, ()))

    def supported(self, type_: ResourceType) -> Iterator[str]:
        """Name everything of one type that pinned resources need."""
        return (key.name for key in self._support if key.type is type_)

    def reject(self, rejection: Rejection) -> None:
        """Take note of a refused version.

        An earlier rejection of the same resource gives its pin to this one when the
        proxy that refused it had nothing acknowledged itself.
        """
        earlier = self._rejections.get(rejection.key)
        if earlier is not None and rejection.pinned is None:
            rejection = Rejection(
                rejection.key,
                rejection.version,
                rejection.message,
                rejection.origins,
                earlier.pinned,
                earlier.support,
            )
        if earlier == rejection:
            return
        before = self._drop(rejection.key)
        self._rejections[rejection.key] = rejection
        for resource in rejection.support:
            before.setdefault(resource.key, self.support(resource.key))
            self._support.setdefault(resource.key, {})[rejection.key] = resource
        for origin in rejection.origins:
            self._of_origins.setdefault(origin, {})[rejection.key] = None
        self._announce([rejection.key], before)

    def release(self, keys: Iterable[ResourceKey]) -> None:
        """Forget what was refused: a newer version was acknowledged, or the resource is gone."""
        found: list[ResourceKey] = []
        before: dict[ResourceKey, Resource | None] = {}
        for key in keys:
            if key in self._rejections:
                found.append(key)
                before = {**self._drop(key), **before}
        if found:
            self._announce(found, before)

    def _drop(self, key: ResourceKey) -> dict[ResourceKey, Resource | None]:
        """Forget one rejection; return what was in support of it, as it was before."""
        rejection = self._rejections.pop(key, None)
        if rejection is None:
            return {}
        before = {resource.key: self.support(resource.key) for resource in rejection.support}
        for resource in rejection.support:
            supporters = self._support[resource.key]
            supporters.pop(key, None)
            if not supporters:
                del self._support[resource.key]
        for origin in dict.fromkeys(rejection.origins):
            refused = self._of_origins[origin]
            del refused[key]
            if not refused:
                del self._of_origins[origin]
        return before

    def _announce(self, keys: list[ResourceKey], before: Mapping[ResourceKey, Resource | None]) -> None:
        moved = (key for key, resource in before.items() if self.support(key) != resource)
        self._changed(tuple(dict.fromkeys((*keys, *moved))))


class Quarantine:
    """The rejections of every class of proxies."""

    __slots__ = ("_changed", "_proxies")

    def __init__(self, changed: Callable[[ProxyId, tuple[ResourceKey, ...]], None]) -> None:
        """Start empty; `changed` hears of every key whose standing changed."""
        self._changed = changed
        self._proxies: dict[ProxyId, ProxyQuarantine] = {}

    def of(self, proxy: ProxyId) -> ProxyQuarantine:
        """Open the quarantine of one class."""
        found = self._proxies.get(proxy)
        if found is None:
            found = self._proxies[proxy] = ProxyQuarantine(lambda keys: self._changed(proxy, keys))
        return found

    def remove(self, proxy: ProxyId) -> None:
        """Forget everything about one class."""
        self._proxies.pop(proxy, None)

    def about(self, origin: Key) -> Iterator[tuple[ProxyId, Rejection]]:
        """Go through the refused versions that an object has a part in."""
        for proxy, quarantine in self._proxies.items():
            for rejection in quarantine.about(origin):
                yield proxy, rejection
