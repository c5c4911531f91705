"""Resources that proxies refused, and what is served in their place.

A rejection holds for one version of one resource and for a whole class of proxies: all
Envoys of a class run the same configuration, so the next one would refuse it as well.
Until the resource changes, reconnecting and new streams are served the last version that
an Envoy acknowledged (the pin), and with it the clusters and endpoints that it names,
even if they are no longer wanted by anybody else.
"""

from collections.abc import Callable, Iterable, Iterator
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

    __slots__ = ("_changed", "_rejections", "_support")

    def __init__(self, changed: Callable[[tuple[ResourceKey, ...]], None]) -> None:
        """Start empty; `changed` hears of every key whose standing changed."""
        self._changed = changed
        self._rejections: dict[ResourceKey, Rejection] = {}
        self._support: dict[ResourceKey, Resource] = {}

    def __iter__(self) -> Iterator[Rejection]:
        """Go through the rejections in the order they came."""
        return iter(tuple(self._rejections.values()))

    def verdict(self, key: ResourceKey, version: str) -> Rejection | None:
        """Tell whether this version was refused."""
        rejection = self._rejections.get(key)
        return rejection if rejection is not None and rejection.version == version else None

    def support(self, key: ResourceKey) -> Resource | None:
        """Find what a pinned resource needs and nobody else wants any more."""
        return self._support.get(key)

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
        self._rejections[rejection.key] = rejection
        self._announce([rejection.key])

    def release(self, keys: Iterable[ResourceKey]) -> None:
        """Forget what was refused: a newer version was acknowledged, or the resource is gone."""
        found = [key for key in keys if self._rejections.pop(key, None) is not None]
        if found:
            self._announce(found)

    def _announce(self, keys: list[ResourceKey]) -> None:
        before = self._support
        after = {resource.key: resource for rejection in self._rejections.values() for resource in rejection.support}
        self._support = after
        moved = (key for key in (*before, *after) if before.get(key) != after.get(key))
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

    def rejections(self) -> Iterator[tuple[ProxyId, Rejection]]:
        """Go through everything that is refused at the moment."""
        for proxy, quarantine in self._proxies.items():
            for rejection in quarantine:
                yield proxy, rejection
