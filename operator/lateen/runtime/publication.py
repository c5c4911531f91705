"""What proxies are to have: compiled resources on their way into the cache, where each stream takes them from.

A proxy exists before its resources, and is served until it is gone. A listener whose port somebody
else has waits at the guard. `Parts` remembers which objects are behind each resource.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Final, NamedTuple

from lateen.compile.compiler import Compiler, Outcome, Resources
from lateen.ir.proxy import ProxyId
from lateen.ir.resource import Resource, ResourceKey, ResourceType
from lateen.model.keys import Key, Kind
from lateen.runtime.followed import Followed, Opening
from lateen.runtime.journal import Entry
from lateen.runtime.port_book import PortBook
from lateen.runtime.port_guard import Held, PortGuard, PortProbe
from lateen.runtime.progress import Concerned, Parts
from lateen.runtime.proxy_keeper import ProxyKeeper
from lateen.runtime.seams import Seams
from lateen.xds.cache import ResourceCache
from lateen.xds.ledger import ChangeLedger

_EVERYWHERE: Final = PortProbe(is_free=lambda _address, _port: True, one_machine=False)
"""Where every proxy has a machine of its own."""

_LISTENER: Final = ResourceType.LISTENER


class Published(NamedTuple):
    """What became of one outcome."""

    sent: Mapping[ProxyId, Resources]
    """Without the listeners that wait for their ports."""
    concerned: tuple[Concerned, ...]

    @property
    def moved(self) -> Iterable[Key]:
        """Objects that have a part in more or fewer resources than before."""
        return (key for each in self.concerned for key in each.moved)

    @property
    def stayed(self) -> Iterable[Key]:
        """Objects that have a part in another version of the same resources."""
        return (key for each in self.concerned for key in each.stayed)

    @property
    def versions(self) -> dict[ProxyId, Mapping[ResourceKey, str | None]]:
        """What has to be acknowledged."""
        return {proxy: versions_of(changed) for proxy, changed in self.sent.items()}


class Publication:
    """Brings outcomes of the compiler to the proxies they are for."""

    def __init__(
        self,
        compiler: Compiler,
        cache: ResourceCache,
        ledger: ChangeLedger[Followed],
        proxies: ProxyKeeper,
        seams: Seams,
        *,
        tell: Callable[[Entry], None],
        note: Callable[[Iterable[Key]], None],
    ) -> None:
        """Publish nothing yet.

        Args:
            compiler: knows where Gateways listen.
            cache: where streams take resources from.
            ledger: follows listeners that had to wait.
            proxies: makes proxies run.
            seams: the outward side.
            tell: writes to the journal.
            note: told of objects about which there is news.
        """
        self.cache = cache
        self.parts = Parts()
        self.guard = PortGuard(
            seams.ports or _EVERYWHERE,
            own_pids=lambda: {state.pid for state in seams.runner.states.values()},
            publish=self._publish_listener,
            on_taken=self._on_port_taken,
        )
        self.ports = PortBook(compiler, self.guard, tell)
        self._ledger = ledger
        self._proxies = proxies
        self._scales = seams.scales
        self._note = note
        self._opened = 0

    def publish(self, outcome: Outcome) -> Published:
        """Let proxies exist before their resources.

        A process that goes keeps what it has. Pods that nobody wants have nothing to serve, for as long as they stay.
        """
        sent: dict[ProxyId, Resources] = {}
        concerned: list[Concerned] = []
        leftovers = self._meet_proxies(outcome)
        for proxy, changed in outcome.resources.items():
            if outcome.proxies.get(proxy, proxy) is None:
                if self._scales:
                    concerned.append(self._put(proxy, changed))
                else:
                    concerned.append(self.parts.update(proxy, self.cache.desired(proxy), changed))
                continue
            complete: Resources = {**leftovers.get(proxy, {}), **changed}
            sent[proxy] = self.guard.sift(proxy, complete)
            concerned.append(self._put(proxy, sent[proxy]))
        return Published(sent, tuple(concerned))

    def tell_ports(self, outcome: Outcome, published: Published) -> None:
        """Tell where Gateways can be reached, if an outcome may have changed that."""
        gateways = any(key.kind is Kind.GATEWAY for key in (*outcome.accepted, *outcome.removed))
        if gateways or any(key.type is _LISTENER for changed in published.sent.values() for key in changed):
            self.ports.note()

    def lacking(self, everything: Outcome) -> Outcome:
        """Reduce all that is compiled to what proxies have otherwise: for when an outcome went astray."""
        resources: dict[ProxyId, dict[ResourceKey, Resource | None]] = {}
        for proxy, wanted in everything.resources.items():
            has = self.cache.snapshot(proxy)
            changed: dict[ResourceKey, Resource | None] = {key: None for key in has if key not in wanted}
            changed |= {key: resource for key, resource in wanted.items() if resource != has.get(key)}
            resources[proxy] = changed
        gone = [proxy for proxy in self.cache.proxies if proxy not in everything.proxies]
        resources |= {proxy: dict.fromkeys(self.cache.snapshot(proxy)) for proxy in gone}
        return replace(everything, resources=resources, proxies={**dict.fromkeys(gone), **everything.proxies})

    def withdraw(self, proxy: ProxyId, refused: Resource | None = None) -> None:
        """Take back listeners that a proxy cannot open: the one that it refused, or those whose ports are taken."""
        desired = self.cache.desired(proxy)
        if refused is not None:
            self.guard.withdraw(proxy, [refused], refused=True)
        elif desired is not None:
            self.guard.withdraw(proxy, [each for each in desired.published() if each.key.type is _LISTENER])

    def _meet_proxies(self, outcome: Outcome) -> dict[ProxyId, dict[ResourceKey, None]]:
        """Wish for proxies, or no more; return what those that were about to leave have too much."""
        leftovers: dict[ProxyId, dict[ResourceKey, None]] = {}
        for proxy, wanted in outcome.proxies.items():
            if wanted is None:
                self._ledger.forget(proxy)
                self.guard.forget(proxy)
            else:
                if self._proxies.is_leaving(proxy):
                    leftovers[proxy] = dict.fromkeys(self.cache.snapshot(proxy))
                self.cache.publish(proxy, {})
            self._proxies.want(proxy, wanted=wanted is not None)
        for proxy, deployment in outcome.deployments.items():
            if deployment is not None and self._scales:
                self._proxies.want(proxy, wanted=True)  # its ports or options changed
        return leftovers

    def _put(self, proxy: ProxyId, changes: Resources) -> Concerned:
        concerned = self.parts.update(proxy, self.cache.desired(proxy), changes)
        self.cache.publish(proxy, changes)
        return concerned

    def _publish_listener(self, proxy: ProxyId, changes: Resources) -> None:
        """Publish what the guard lets through after a while, or takes back."""
        self._put(proxy, changes)
        if any(resource is not None for resource in changes.values()):
            self._opened += 1
            self._ledger.track(Opening(self._opened), {proxy: versions_of(changes)})
        else:
            self.ports.note()
        self._note(key for resource in changes.values() if resource is not None for key in resource.origins)

    def _on_port_taken(self, proxy: ProxyId, listener: ResourceKey, held: Held) -> None:
        self.ports.note_taken(proxy, listener, held)
        self._note(held.resource.origins)


def versions_of(changes: Resources) -> Mapping[ResourceKey, str | None]:
    """The version that each resource has from now on; None: it is removed."""
    return {key: resource.version if resource is not None else None for key, resource in changes.items()}
