"""What every proxy should have, and who wants to hear of changes.

Limits: one event loop, no locks. Publishing costs as much as the number of changes, not
as the number of resources.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TypeAlias

from lateen.ir.proxy import ProxyId
from lateen.ir.resource import Resource, ResourceKey, ResourceType
from lateen.xds.quarantine import ProxyQuarantine, Quarantine

ChangeListener: TypeAlias = Callable[[tuple[ResourceKey, ...]], None]
"""Told the changed keys in the order of publication, and nothing else, on the event loop."""


class DesiredSet:
    """What one class of proxies should have: the published resources, and what quarantine adds to them."""

    __slots__ = ("_by_type", "quarantine")

    def __init__(self, quarantine: ProxyQuarantine) -> None:
        """Start empty."""
        self.quarantine = quarantine
        self._by_type: dict[ResourceType, dict[str, Resource]] = {type_: {} for type_ in ResourceType}

    def get(self, key: ResourceKey) -> Resource | None:
        """Find one resource, be it published or needed by a pinned one."""
        return self._by_type[key.type].get(key.name) or self.quarantine.support(key)

    def names(self, type_: ResourceType) -> Collection[str]:
        """Name every resource of one type."""
        published = self._by_type[type_]
        supported = [name for name in self.quarantine.supported(type_) if name not in published]
        return (*published, *supported)

    def published(self) -> Iterator[Resource]:
        """Go through the published resources, in make-before-break order of their types."""
        for resources in self._by_type.values():
            yield from resources.values()

    def apply(self, changes: Mapping[ResourceKey, Resource | None]) -> tuple[ResourceKey, ...]:
        """Put in and take out; return the keys that really changed."""
        changed = []
        for key, resource in changes.items():
            resources = self._by_type[key.type]
            before = resources.get(key.name)
            if resource is None:
                resources.pop(key.name, None)
            else:
                resources[key.name] = resource
            if before != resource:
                changed.append(key)
        return tuple(changed)


class ResourceCache:
    """The desired resources of every class of proxies."""

    __slots__ = ("_desired", "_listeners", "_proxy_listeners", "quarantine")

    def __init__(self) -> None:
        """Start without any proxy."""
        self._desired: dict[ProxyId, DesiredSet] = {}
        self._listeners: dict[ProxyId, list[ChangeListener]] = {}
        self._proxy_listeners: list[Callable[[], None]] = []
        self.quarantine = Quarantine(self._notify)

    @property
    def proxies(self) -> frozenset[ProxyId]:
        """Every class that exists, with or without resources."""
        return frozenset(self._desired)

    def publish(self, proxy: ProxyId, changes: Mapping[ResourceKey, Resource | None]) -> None:
        """Change what one class should have; None takes a resource away.

        The first call makes the class exist, even with no changes at all. Subscribed
        streams hear of the keys that really changed.

        Raises:
            ValueError: a resource is published under a key that is not its own.
        """
        for key, resource in changes.items():
            if resource is not None and resource.key != key:
                raise ValueError(f"{resource.key.name!r} is published as {key.name!r}")
        desired = self._desired.get(proxy)
        if desired is None:
            desired = self._desired[proxy] = DesiredSet(self.quarantine.of(proxy))
            self._notify_proxies()
        changed = desired.apply(changes)
        desired.quarantine.release(key for key in changed if changes[key] is None)
        if changed:
            self._notify(proxy, changed)

    def remove(self, proxy: ProxyId) -> None:
        """Let a class cease to exist."""
        if self._desired.pop(proxy, None) is not None:
            self.quarantine.remove(proxy)
            self._notify_proxies()

    def desired(self, proxy: ProxyId) -> DesiredSet | None:
        """Open what one class should have, as it changes; None: there is no such class."""
        return self._desired.get(proxy)

    def snapshot(self, proxy: ProxyId) -> Mapping[ResourceKey, Resource]:
        """Copy what is published for one class at this moment; empty when there is no such class."""
        desired = self._desired.get(proxy)
        return {} if desired is None else {resource.key: resource for resource in desired.published()}

    def subscribe(self, proxy: ProxyId, listener: ChangeListener) -> Callable[[], None]:
        """Hear of changed keys of one class. Returns what ends the subscription."""
        listeners = self._listeners.setdefault(proxy, [])
        listeners.append(listener)
        return lambda: listeners.remove(listener)

    def subscribe_proxies(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Hear when classes appear or disappear. Returns what ends the subscription."""
        self._proxy_listeners.append(listener)
        return lambda: self._proxy_listeners.remove(listener)

    def _notify(self, proxy: ProxyId, keys: tuple[ResourceKey, ...]) -> None:
        for listener in tuple(self._listeners.get(proxy, ())):
            listener(keys)

    def _notify_proxies(self) -> None:
        for listener in tuple(self._proxy_listeners):
            listener()
