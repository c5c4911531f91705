"""A runner that only remembers: for tests of what is above it."""

from collections.abc import Mapping
from types import MappingProxyType

from lateen.errors import ProxyError
from lateen.infra.base import OnEvent, OnState, Phase, ProxyPlan, ProxyState
from lateen.ir.proxy import ProxyId


class MemoryProxyRunner:
    """Every proxy that is ensured is ready at once."""

    def __init__(self, on_state: OnState | None = None, on_event: OnEvent | None = None) -> None:
        """Tell `on_state` of every change, as the real ones do; there are no ejections."""
        del on_event
        self._on_state = on_state
        self._states: dict[ProxyId, ProxyState] = {}
        self.plans: dict[ProxyId, ProxyPlan] = {}
        """The plans in force."""
        self.closed = False

    @property
    def states(self) -> Mapping[ProxyId, ProxyState]:
        """What is known about every proxy that ought to run."""
        return MappingProxyType(self._states)

    async def ensure(self, plan: ProxyPlan) -> ProxyState:
        """Remember the plan.

        Raises:
            ProxyError: the runner was closed.
        """
        if self.closed:
            raise ProxyError("the proxy runner was closed")
        before = self._states.get(plan.proxy)
        if before is not None and self.plans[plan.proxy] == plan:
            return before
        self.plans[plan.proxy] = plan
        state = ProxyState(plan.proxy, Phase.READY, restarts=before.restarts + 1 if before else 0)
        self._tell(state)
        return state

    async def remove(self, proxy: ProxyId) -> None:
        """Forget the plan."""
        if self.plans.pop(proxy, None) is not None:
            self._tell(ProxyState(proxy, Phase.STOPPED))
            del self._states[proxy]

    async def close(self) -> None:
        """Forget all plans."""
        for proxy in list(self.plans):
            await self.remove(proxy)
        self.closed = True

    def _tell(self, state: ProxyState) -> None:
        self._states[state.proxy] = state
        if self._on_state is not None:
            self._on_state(state)
