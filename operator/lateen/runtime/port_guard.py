"""Listeners whose ports somebody else has: held back, explained, and published once the port is free.

Envoy binds with `SO_REUSEPORT`: on a port that another Envoy of the same user has it gets no
error, and half of the connections. So each port is asked for before its listener is published.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lateen.infra.ports import PortHolder, describe_conflict, find_holders, is_free
from lateen.ir.proxy import ProxyId
from lateen.ir.resource import Resource, ResourceKey, ResourceType

PAUSE = 1.0
"""Seconds between two looks at a port that is taken."""

_ANY = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared, not bound

ListenerName = tuple[ProxyId, ResourceKey]
Changes = Mapping[ResourceKey, Resource | None]


@dataclass(frozen=True, slots=True)
class PortProbe:
    """What can be learned of this machine's ports."""

    is_free: Callable[[str, int], bool] = is_free
    """Quick."""
    find_holders: Callable[[str, int], tuple[PortHolder, ...]] = find_holders
    """Blocks."""
    describe: Callable[[str, int], str] = describe_conflict
    """Blocks."""
    one_machine: bool = True
    """Whether all proxies run on this machine, so that no two of them can have one port."""


@dataclass(slots=True)
class Held:
    """One listener that waits."""

    resource: Resource
    address: str
    port: int
    reason: str = ""
    """Who has the port; empty until that is looked up."""


class PortGuard:
    """Stands between the compiler and the cache of a machine that is shared with others."""

    def __init__(
        self,
        probe: PortProbe,
        *,
        own_pids: Callable[[], Collection[int]],
        publish: Callable[[ProxyId, Changes], None],
        on_taken: Callable[[ProxyId, ResourceKey, Held], None],
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:
        """Hold nothing back yet.

        Args:
            probe: asks the machine.
            own_pids: this instance's proxies, which may share a port with each other for a while.
            publish: called with a listener whose port is free now, or (None) is no more.
            on_taken: told who has the port of a listener that waits, whenever that changes.
            sleep: waits between two looks.
        """
        self._probe = probe
        self._own_pids = own_pids
        self._publish = publish
        self._on_taken = on_taken
        self._sleep = sleep
        self._held: dict[ListenerName, Held] = {}
        self._passed: set[ListenerName] = set()
        self._wake = asyncio.Event()

    @property
    def held(self) -> Mapping[ListenerName, Held]:
        """What waits."""
        return self._held

    @property
    def passed(self) -> Collection[ListenerName]:
        """The listeners that are published."""
        return self._passed

    def sift(self, proxy: ProxyId, changes: Changes) -> Changes:
        """Take out the listeners that cannot be published now."""
        names = [key for key in changes if key.type is ResourceType.LISTENER]
        return {**changes, **self._without(proxy, names, changes)} if names else changes

    def forget(self, proxy: ProxyId) -> None:
        """A proxy is gone, and its listeners with it."""
        for name in [each for each in (*self._held, *self._passed) if each[0] == proxy]:
            self._held.pop(name, None)
            self._passed.discard(name)

    def withdraw(self, proxy: ProxyId, resources: Iterable[Resource], *, refused: bool = False) -> None:
        """Take back published listeners whose ports somebody else has by now.

        Args:
            proxy: whose listeners; none of its processes has them open.
            resources: the listeners.
            refused: the proxy could not open them, whatever the probe says.
        """
        for resource in resources:
            name, (address, port) = (proxy, resource.key), address_of(resource.key)
            if name in self._passed and (refused or not self._probe.is_free(address, port)):
                self._passed.discard(name)
                self._held[name] = Held(resource, address, port)
                self._publish(proxy, {resource.key: None})
                self._wake.set()

    async def run(self) -> None:
        """Look at what waits, until cancelled."""
        while True:
            await self._wake.wait()
            while self._held:
                await self.look()
                if self._held:
                    await self._sleep(PAUSE)
            self._wake.clear()

    async def look(self) -> None:
        """Publish what has become possible, and learn who is in the way of the rest."""
        for name, held in list(self._held.items()):
            reason = await self._obstacle(name, held)
            if self._held.get(name) is not held:
                continue
            if not reason:
                del self._held[name]
                self._passed.add(name)
                self._publish(name[0], {held.resource.key: held.resource})
            elif reason != held.reason:
                held.reason = reason
                self._on_taken(*name, held)

    def _without(self, proxy: ProxyId, keys: Iterable[ResourceKey], changes: Changes) -> Changes:
        """Decide about each listener; those that wait are absent for the proxy."""
        absent: dict[ResourceKey, None] = {}
        for key in keys:
            name, resource = (proxy, key), changes[key]
            if resource is None:
                self._held.pop(name, None)
                self._passed.discard(name)
                continue
            if name in self._passed:
                continue
            held = self._held.get(name)
            address, port = address_of(key)
            if held is not None:
                held.resource = resource
                absent[key] = None
            elif self._probe.is_free(address, port) and self._rival(name) is None:
                self._passed.add(name)
            else:
                self._held[name] = Held(resource, address, port)
                self._wake.set()
                absent[key] = None
        return absent

    def _rival(self, name: ListenerName) -> ProxyId | None:
        """Find another proxy of ours that listens there for good: Envoys would share the connections."""
        if not self._probe.one_machine:
            return None
        proxy, (address, port) = name[0], address_of(name[1])
        for other, key in self._passed:
            its_address, its_port = address_of(key)
            if other != proxy and its_port == port and (its_address == address or {its_address, address} & _ANY):
                return other
        return None

    async def _obstacle(self, name: ListenerName, held: Held) -> str:
        """Say who is in the way; empty when nobody is, or only a proxy of ours that is about to leave."""
        rival = self._rival(name)
        if rival is not None:
            return f"{held.address}:{held.port} is served by proxy {rival} of this instance"
        if self._probe.is_free(held.address, held.port):
            return ""
        holders = await asyncio.to_thread(self._probe.find_holders, held.address, held.port)
        pids = self._own_pids()
        if holders and all(holder.pid in pids for holder in holders):
            return ""
        return await asyncio.to_thread(self._probe.describe, held.address, held.port)


def address_of(listener: ResourceKey) -> tuple[str, int]:
    """Take a listener's name apart: `127.0.0.1_8080`."""
    address, _, port = listener.name.rpartition("_")
    return address, int(port)
