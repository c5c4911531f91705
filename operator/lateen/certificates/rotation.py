"""Replacing an authority by the next one, so that at every moment everybody trusts who signs.

1. A successor is made. It is trusted, and signs nothing.
2. When everybody has had time to learn of it, it becomes the signer. The old one retires: it
   signs nothing, and is trusted.
3. When the last certificate of the old one has expired, the old one is trusted no more.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from lateen.certificates.authority import SKEW, Lifetimes, renewal_time
from lateen.certificates.certificate import Certificate, KeyPair


@dataclass(frozen=True, slots=True)
class Successor:
    """An authority that is trusted and signs nothing yet."""

    pair: KeyPair
    since: float
    """When it was made known."""


@dataclass(frozen=True, slots=True)
class Retired:
    """An authority that signs nothing any more."""

    certificate: Certificate
    until: float
    """When its last certificate has expired."""


@dataclass(frozen=True, slots=True)
class AuthorityState:
    """Who signs, and who is trusted."""

    signer: KeyPair
    successor: Successor | None = None
    retired: tuple[Retired, ...] = ()

    @property
    def trusted(self) -> tuple[Certificate, ...]:
        """Everybody whose certificates are good, in an order that does not depend on who signs."""
        successor = () if self.successor is None else (self.successor.pair.certificate,)
        found = (self.signer.certificate, *successor, *(each.certificate for each in self.retired))
        return tuple(sorted(found, key=lambda each: (each.not_before, each.fingerprint)))

    @property
    def bundle(self) -> bytes:
        """The certificates of `trusted` as one text."""
        return b"".join(each.pem for each in self.trusted)

    def vouches_for(self, certificate: Certificate) -> bool:
        """Whether somebody who is trusted has signed a certificate."""
        return any(certificate.is_issued_by(authority) for authority in self.trusted)


def advance(
    state: AuthorityState,
    now: float,
    lifetimes: Lifetimes,
    create: Callable[[], KeyPair],
    *,
    known: bool = True,
    wanted: bool = False,
) -> AuthorityState:
    """Take the steps that are due; the same state when none is.

    Args:
        state: who signs and who is trusted.
        now: the present.
        lifetimes: how long things last.
        create: makes an authority.
        known: whether all who check certificates have been given the present bundle. No successor signs
            before; except that an expired authority is replaced in any case.
        wanted: begin now, however long the signer would last.
    """
    state = _promote(state, now, lifetimes, known=known)
    state = _announce(state, now, create, wanted=wanted)
    state = _promote(state, now, lifetimes, known=False)  # who was announced just now is known to nobody
    return _drop(state, now)


def _announce(state: AuthorityState, now: float, create: Callable[[], KeyPair], *, wanted: bool) -> AuthorityState:
    if state.successor is not None:
        due = now >= state.successor.pair.certificate.not_after
    else:
        due = wanted or now >= renewal_time(state.signer.certificate, 0.0)
    return replace(state, successor=Successor(create(), now)) if due else state


def _promote(state: AuthorityState, now: float, lifetimes: Lifetimes, *, known: bool) -> AuthorityState:
    if state.successor is None:
        return state
    expired = now >= state.signer.certificate.not_after
    if not expired and not (known and now >= state.successor.since + lifetimes.trust_delay):
        return state
    old = state.signer.certificate
    retired = Retired(old, min(now + lifetimes.leaf + SKEW, old.not_after))
    return AuthorityState(state.successor.pair, None, (*state.retired, retired))


def _drop(state: AuthorityState, now: float) -> AuthorityState:
    kept = tuple(each for each in state.retired if now < each.until)
    return state if kept == state.retired else replace(state, retired=kept)
