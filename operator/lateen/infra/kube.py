"""Proxies as Deployments: rendered from their plans, applied, and kept so.

Every replica of the operator knows how the proxies are; whoever leads makes them so.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final, Protocol

import structlog

from lateen.errors import LateenError, ProxyError
from lateen.infra.base import OnState, Phase, ProxyPlan, ProxyState
from lateen.infra.deployment_watch import DeploymentWatch
from lateen.infra.naming import APPLIED, CLASS, object_name, operator_labels
from lateen.infra.render import Renderer, wants_service
from lateen.infra.turns import Turns
from lateen.ir.deployment import PROXY_LABEL
from lateen.ir.proxy import ProxyId
from lateen.kube.apply import ObjectId, ObjectSets, SetId
from lateen.kube.client import KubeClient, Manifest
from lateen.kube.resources import (
    AUTOSCALERS,
    CONFIG_MAPS,
    DEPLOYMENTS,
    DISRUPTION_BUDGETS,
    NETWORK_POLICIES,
    SERVICE_ACCOUNTS,
    SERVICES,
)
from lateen.settings import ProxyDefaults

MADE: Final = (
    SERVICE_ACCOUNTS,
    SERVICES,
    CONFIG_MAPS,
    NETWORK_POLICIES,
    DEPLOYMENTS,
    AUTOSCALERS,
    DISRUPTION_BUDGETS,
)
"""Kinds of objects of a class, the last to be removed first: as long as one is there, the rest is found by it."""

AUDIT_SECONDS: Final = 60.0
"""How often the leader looks whether everything is as it was made."""

_log = structlog.get_logger(__name__)


class Identities(Protocol):
    """Gives the pods of each class what they prove themselves with: a Secret beside its other objects."""

    async def ensure(self, proxy: ProxyId) -> None:
        """Have the Secret of a class, and keep it good.

        Raises:
            LateenError: it cannot be written, or is somebody else's.
        """

    async def remove(self, proxy: ProxyId) -> None:
        """Delete it, unless it is somebody else's.

        Raises:
            LateenError: it cannot be deleted.
        """


class KubeProxyRunner:
    """Runs each class of proxies as a Deployment with what belongs to it."""

    def __init__(
        self,
        client: KubeClient,
        defaults: ProxyDefaults,
        *,
        instance: str,
        identities: Identities,
        namespace: str = "",
        on_state: OnState | None = None,
        turns: Turns | None = None,
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:
        """Know of no proxies yet.

        Args:
            client: the API server.
            defaults: how proxies run where no Gateway says otherwise.
            instance: the operator's namespace; tells its proxies from those of other operators.
            identities: keeps the proxies' certificates.
            namespace: where all proxies are; empty: each class in its own. Nothing is asked of other namespaces.
            on_state: told of every change.
            turns: how many classes are written at a time; None: a few.
            sleep: waits.
        """
        self._defaults = defaults
        self._instance = instance
        self._identities = identities
        self._on_state = on_state
        self._turns = turns or Turns()
        self._sleep = sleep
        ours = operator_labels(instance)
        self._sets = ObjectSets(
            client, MADE, ours=ours, set_label=PROXY_LABEL, hash_annotation=APPLIED, namespace=namespace
        )
        self._watch = DeploymentWatch(client, self._sets.selector, self, namespace=namespace, sleep=sleep)
        self._renderer: Renderer | None = None
        self._looking = asyncio.Lock()
        self._plans: dict[ProxyId, ProxyPlan] = {}
        self._wanted: Callable[[], Collection[ProxyId]] = lambda: self._plans
        self._holders: dict[SetId, ProxyId] = {}
        self._locks: dict[ProxyId, asyncio.Lock] = {}
        self._states: dict[ProxyId, ProxyState] = {}
        self._refusals: dict[ProxyId, str] = {}
        """Why a class could not be made as planned; what ran before goes on."""
        self._manifests: dict[ProxyId, tuple[ProxyPlan, tuple[Manifest, ...]]] = {}
        self._suspicion = asyncio.Event()
        """Set when a Deployment was changed or deleted, and not by us."""

    @property
    def states(self) -> Mapping[ProxyId, ProxyState]:
        """What is known about every proxy that ought to run."""
        return MappingProxyType(self._states)

    async def ensure(self, plan: ProxyPlan) -> ProxyState:
        """Make a class of proxies run as planned. Nothing is written where everything is so already.

        Raises:
            ApiError: the API server refuses, or is not there.
            ForeignObjectError: an object that is needed is somebody else's.
            InputError: the plan is not one for a cluster.
            ProxyError: another class has the name.
        """
        which = self._hold(plan.proxy)
        renderer = await self._prepare()
        async with self._lock(plan.proxy), self._turns.turn():
            self._plans[plan.proxy] = plan
            await self._apply(renderer, which, plan)
        return self._states.setdefault(plan.proxy, ProxyState(plan.proxy, Phase.STARTING))

    async def remove(self, proxy: ProxyId) -> None:
        """Delete all objects of a class; its pods drain and end by themselves.

        Raises:
            ApiError: the API server refuses, or is not there.
        """
        await self._prepare()
        async with self._lock(proxy), self._turns.turn():
            self._plans.pop(proxy, None)
            which = _set_of(proxy)
            if self._holders.get(which, proxy) == proxy:
                _log.info("removing proxies that no Gateway needs", proxy=str(proxy))
                await self._identities.remove(proxy)
                await self._sets.remove(which)
                self._holders.pop(which, None)
        self._locks.pop(proxy, None)
        self._forget(proxy)

    async def close(self) -> None:
        """Leave all proxies running."""

    async def run(
        self,
        *,
        leads: Callable[[], bool],
        wanted: Callable[[], Collection[ProxyId]],
        on_unwanted: Callable[[ProxyId], None],
    ) -> None:
        """Follow how proxies are and, if leading, keep them as they were made, until cancelled.

        Run it only once all Gateways are known.

        Args:
            leads: whether this replica does.
            wanted: every class that ought to exist.
            on_unwanted: told of every other one, again and again as long as it exists; nothing is done about it here.
        """
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watch.run(), name="follow proxies")
            while True:
                looks = leads()
                if looks:
                    self._suspicion.clear()
                    try:
                        await self.audit(wanted, on_unwanted)
                    except LateenError as error:
                        _log.warning("proxies cannot be looked after", error=str(error))
                await self._sleep(1.0)  # whatever somebody does, we answer no faster than that
                if looks:
                    await self._wait(AUDIT_SECONDS)

    async def audit(self, wanted: Callable[[], Collection[ProxyId]], on_unwanted: Callable[[ProxyId], None]) -> None:
        """Put back what somebody has changed or deleted of classes that are wanted, and tell of the others.

        A class of which something is refused holds up no other one.

        Raises:
            ApiError: it cannot be read what there is.
        """
        self._wanted = wanted
        renderer = await self._prepare()
        await self._sets.look()
        for which, metadata in self._sets.sets().items():
            name = metadata.get("annotations", {}).get(CLASS)
            proxy = ProxyId(which.namespace, name) if name is not None else None
            if proxy is not None and _set_of(proxy) == which and proxy not in wanted():
                on_unwanted(proxy)
        for proxy, plan in list(self._plans.items()):
            if proxy in wanted():  # asked anew each time: it takes a while
                await self._put_back(renderer, proxy, plan)

    async def _put_back(self, renderer: Renderer, proxy: ProxyId, plan: ProxyPlan) -> None:
        try:
            async with self._lock(proxy), self._turns.turn():
                if self._plans.get(proxy) is plan:
                    await self._apply(renderer, _set_of(proxy), plan)
        except LateenError as error:
            _log.warning("proxies are not as they should be", proxy=str(proxy), error=str(error))
        except Exception:  # noqa: BLE001 - a fault of the program at one class holds up no other one
            _log.exception("proxies cannot be put back", proxy=str(proxy))

    def is_so(self, state: ProxyState, metadata: Mapping[str, Any]) -> None:
        """Hear how a Deployment is."""
        known = self._sets.metadata_of(ObjectId(DEPLOYMENTS, metadata["namespace"], metadata["name"]))
        if known is not None and metadata.get("generation", 0) > known.get("generation", 0):
            self._suspicion.set()
        self._note(state)

    def is_gone(self, proxy: ProxyId) -> None:
        """Hear that a class has no Deployment any more."""
        if proxy in self._plans and proxy in self._wanted():
            self._suspicion.set()
            self._note(ProxyState(proxy, Phase.STARTING))
        else:
            self._forget(proxy)

    async def _apply(self, renderer: Renderer, which: SetId, plan: ProxyPlan) -> None:
        known, manifests = self._manifests.get(plan.proxy, (None, ()))
        if known != plan:
            manifests = renderer.render(plan, self._defaults, self._instance)
            self._manifests[plan.proxy] = plan, manifests
        # Without ports there can be no Service; one that is there keeps its address until there are some again.
        keep = {SERVICES.kind} if wants_service(plan, self._defaults) else ()
        try:
            await self._identities.ensure(plan.proxy)
            changed = await self._sets.apply(which, manifests, keep=keep)
        except LateenError as error:
            self._refusals[plan.proxy] = str(error)
            self._note(self._states.get(plan.proxy, ProxyState(plan.proxy, Phase.STARTING)))
            raise
        if self._refusals.pop(plan.proxy, None) is not None:
            before = self._states[plan.proxy]
            phase = Phase.READY if before.ready_pods else Phase.STARTING
            self._note(replace(before, phase=phase, error=""))
        if changed:
            _log.info("applied", proxy=str(plan.proxy), objects=changed)

    def _note(self, state: ProxyState) -> None:
        """Take note of how a class is; that it could not be made as planned matters most."""
        refusal = self._refusals.get(state.proxy)
        if refusal is not None:
            phase = state.phase if state.phase is Phase.READY else Phase.FAILING
            state = replace(state, phase=phase, error=refusal)
        if self._states.get(state.proxy) != state:
            self._states[state.proxy] = state
            self._tell(state)

    async def _prepare(self) -> Renderer:
        """Before anything is written for the first time: read the templates, and see what there is."""
        async with self._looking:
            if self._renderer is None:
                renderer = await asyncio.to_thread(Renderer.load)
                await self._sets.look()
                self._renderer = renderer
        return self._renderer

    async def _wait(self, seconds: float) -> None:
        """Wait for a reason to look, or until it is time."""
        pause = asyncio.ensure_future(self._sleep(seconds))
        reason = asyncio.ensure_future(self._suspicion.wait())
        try:
            await asyncio.wait({pause, reason}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            pause.cancel()
            reason.cancel()

    def _hold(self, proxy: ProxyId) -> SetId:
        """Keep the name for a class."""
        which = _set_of(proxy)
        holder = self._holders.setdefault(which, proxy)
        if holder != proxy:
            raise ProxyError(f"the proxies of {holder} have the name {which.name} already")
        return which

    def _lock(self, proxy: ProxyId) -> asyncio.Lock:
        return self._locks.setdefault(proxy, asyncio.Lock())

    def _forget(self, proxy: ProxyId) -> None:
        """A class is gone for good, be it by another leader."""
        self._plans.pop(proxy, None)
        self._manifests.pop(proxy, None)
        self._refusals.pop(proxy, None)
        lock = self._locks.get(proxy)
        if self._holders.get(_set_of(proxy)) == proxy and (lock is None or not lock.locked()):
            del self._holders[_set_of(proxy)]
        self._end(proxy)

    def _end(self, proxy: ProxyId) -> None:
        if self._states.pop(proxy, None) is not None:
            self._tell(ProxyState(proxy, Phase.STOPPED))

    def _tell(self, state: ProxyState) -> None:
        if self._on_state is not None:
            self._on_state(state)


def _set_of(proxy: ProxyId) -> SetId:
    return SetId(proxy.namespace, object_name(proxy))
