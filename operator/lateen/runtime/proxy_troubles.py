"""Tells on Gateways why their proxies do not run: in words of Kubernetes, where `kubectl describe` shows them."""

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Final

from lateen.infra.base import Phase, ProxyState
from lateen.ir.proxy import ProxyId
from lateen.kube.recorder import Recorder
from lateen.model.keys import Key

FAILING: Final = "ProxiesFailing"
READY: Final = "ProxiesReady"
"""Reasons of Events."""

MOST_GATEWAYS: Final = 20
"""Gateways that are told of one class: many may share it, and one tells enough."""


class ProxyTroubles:
    """Hears how proxies are, and makes an Event of what is new."""

    def __init__(
        self, gateways: Callable[[ProxyId], Iterable[Key]], recorder: Recorder, leads: Callable[[], bool]
    ) -> None:
        """Know of no trouble.

        Args:
            gateways: those of a class, in a fixed order.
            recorder: takes Events.
            leads: whether this replica is the one that tells.
        """
        self._gateways = gateways
        self._recorder = recorder
        self._leads = leads
        self._errors: dict[ProxyId, str] = {}

    def hear(self, state: ProxyState) -> None:
        """Take note of how a class is."""
        before = self._errors.pop(state.proxy, "")
        if state.error:
            self._errors[state.proxy] = state.error
            if state.error != before:
                running = f"{state.ready_pods} of {state.pods} proxies are ready: " if state.pods else ""
                self._tell(state.proxy, "Warning", FAILING, running + state.error)
        elif before and state.phase is Phase.READY:
            self._tell(state.proxy, "Normal", READY, f"{state.ready_pods} of {state.pods} proxies are ready")

    def _tell(self, proxy: ProxyId, type_: str, reason: str, message: str) -> None:
        if self._leads():
            for gateway in islice(self._gateways(proxy), MOST_GATEWAYS):
                self._recorder.record(gateway, type_, reason, message)
