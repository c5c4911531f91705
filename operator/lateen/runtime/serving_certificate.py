"""The certificate that this replica shows, issued and renewed in memory: no file, no Secret, no other replica."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

import structlog

from lateen.certificates.authority import Lifetimes, Usage, issue, renewal_time
from lateen.certificates.certificate import Certificate
from lateen.certificates.stored import Bearer
from lateen.runtime.alarm import Alarm
from lateen.runtime.authority_keeper import AuthorityKeeper

_LONGEST_SLEEP = 60.0
"""Seconds after which the clock is looked at again: it may have been set."""

_log = structlog.get_logger(__name__)


class _Current(NamedTuple):
    bearer: Bearer
    signer: Certificate
    renew_at: float


class ServingCertificate:
    """One certificate of this process and the authorities it trusts, always good."""

    def __init__(
        self,
        authority: AuthorityKeeper,
        lifetimes: Lifetimes,
        *,
        dns_names: Sequence[str],
        uris: Sequence[str] = (),
        clock: Callable[[], float],
        chance: Callable[[], float],
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:
        """Issue the first one.

        Args:
            authority: who signs; has been read.
            lifetimes: how long certificates last.
            dns_names: host names it is for.
            uris: identities it is for; with any, it is good for clients as well.
            clock: seconds since 1970.
            chance: from 0 to 1; spreads renewals.
            sleep: waits for the next renewal.
        """
        self._authority = authority
        self._lifetimes = lifetimes
        self._dns_names = tuple(dns_names)
        self._uris = tuple(uris)
        self._clock = clock
        self._chance = chance
        self._alarm = Alarm(sleep)
        self._listeners: list[Callable[[], None]] = []
        self._current = self._issue()

    @property
    def bearer(self) -> Bearer:
        """The certificate of the moment. May be read on any thread: it is one reference to what never changes."""
        return self._current.bearer

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Hear of every new certificate and every change of who is trusted. Returns what ends the subscription."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def run(self) -> None:
        """Renew until cancelled."""
        end = self._authority.subscribe(self._alarm.ring)
        try:
            while True:
                self.refresh()
                await self._alarm.pause(min(max(self._current.renew_at - self._clock(), 0.0), _LONGEST_SLEEP))
        finally:
            end()

    def refresh(self) -> None:
        """Issue again what is due, or signed by somebody who signs no more; trust whom the authority trusts."""
        state, current = self._authority.state, self._current
        if current.signer != state.signer.certificate or self._clock() >= current.renew_at:
            self._current = self._issue()
        elif current.bearer.trusted != state.bundle:
            self._current = current._replace(bearer=Bearer(current.bearer.pair, state.bundle))
        else:
            return
        for listener in tuple(self._listeners):
            listener()

    def _issue(self) -> _Current:
        state = self._authority.state
        pair = issue(
            state.signer,
            now=self._clock(),
            lifetime=self._lifetimes.leaf,
            usages=[Usage.SERVER, Usage.CLIENT] if self._uris else [Usage.SERVER],
            uris=self._uris,
            dns_names=self._dns_names,
        )
        certificate = pair.certificate
        _log.debug("own certificate issued", hosts=self._dns_names, until=certificate.not_after)
        renew_at = renewal_time(certificate, self._chance())
        return _Current(Bearer(pair, state.bundle), state.signer.certificate, renew_at)
