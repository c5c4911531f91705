"""The phases of a rotation, with time passing by hand."""

import pytest

from lateen.certificates.authority import DAY, SKEW, Lifetimes, Usage, create_authority, issue
from lateen.certificates.certificate import Certificate
from lateen.certificates.rotation import AuthorityState, advance

START = 1_800_000_000.0
HOUR = 3600.0
LIFETIMES = Lifetimes(authority=90 * DAY, leaf=DAY, trust_delay=16 * HOUR)


class Story:
    """One authority through the times."""

    def __init__(self) -> None:
        """Begin with a new one."""
        self.now = START
        self.state = AuthorityState(create_authority(self.now, LIFETIMES.authority))

    def after(self, seconds: float, *, known: bool = True, wanted: bool = False) -> AuthorityState:
        """Let time pass, then take the steps that are due."""
        self.now += seconds
        self.state = advance(
            self.state,
            self.now,
            LIFETIMES,
            lambda: create_authority(self.now, LIFETIMES.authority),
            known=known,
            wanted=wanted,
        )
        return self.state

    def leaf(self) -> Certificate:
        """Issue a certificate of now."""
        return issue(
            self.state.signer, now=self.now, lifetime=LIFETIMES.leaf, usages=[Usage.CLIENT], uris=["a:b"]
        ).certificate


@pytest.fixture
def story() -> Story:
    return Story()


def test_nothing_happens_in_the_first_two_thirds_of_an_authoritys_life(story: Story) -> None:
    first = story.state
    assert story.after(59 * DAY) is first


def test_a_successor_is_trusted_first_and_signs_nothing(story: Story) -> None:
    old = story.state.signer
    state = story.after(60 * DAY)
    assert state.successor is not None
    assert state.signer is old
    assert set(state.trusted) == {old.certificate, state.successor.pair.certificate}
    assert story.after(16 * HOUR - 1) is state


def test_the_successor_signs_when_everybody_has_had_time_to_trust_it(story: Story) -> None:
    old = story.state.signer.certificate
    trusted = story.after(60 * DAY)
    state = story.after(16 * HOUR)
    assert trusted.successor is not None
    assert state.signer is trusted.successor.pair
    assert state.successor is None
    assert [each.certificate for each in state.retired] == [old]


def test_a_change_of_the_signer_changes_nothing_about_who_is_trusted(story: Story) -> None:
    before = story.after(60 * DAY).bundle
    assert story.after(16 * HOUR).bundle == before


def test_no_successor_signs_before_the_bundle_is_known_to_all(story: Story) -> None:
    story.after(60 * DAY)
    waiting = story.after(3 * DAY, known=False)
    assert waiting.successor is not None
    assert story.after(1.0).successor is None


def test_the_old_authority_is_trusted_until_its_last_certificate_expired(story: Story) -> None:
    story.after(60 * DAY)
    story.after(16 * HOUR - 1)
    last = story.leaf()
    story.after(1.0)
    assert story.after(DAY - 2).vouches_for(last)
    assert story.now < last.not_after
    assert len(story.after(SKEW + 2).trusted) == 1
    assert story.now > last.not_after


def test_every_certificate_is_trusted_while_it_lasts(story: Story) -> None:
    """Two rotations, two hours at a time."""
    issued: list[Certificate] = []
    signers = set()
    for _ in range(150 * 12):
        state = story.after(2 * HOUR)
        issued = [each for each in issued if each.not_after > story.now]
        if not issued or issued[-1].not_before + SKEW <= story.now - 6 * HOUR:
            issued.append(story.leaf())
        signers.add(state.signer.certificate.fingerprint)
        assert all(state.vouches_for(each) for each in issued)
        assert state.signer.certificate.not_after - story.now >= LIFETIMES.leaf
    assert len(signers) == 3


def test_even_without_a_delay_a_successor_is_made_known_before_it_signs() -> None:
    lifetimes = Lifetimes(trust_delay=0.0)
    old = AuthorityState(create_authority(START, lifetimes.authority))
    announced = advance(old, START, lifetimes, lambda: create_authority(START, lifetimes.authority), wanted=True)
    assert announced.signer is old.signer
    assert advance(announced, START, lifetimes, lambda: old.signer).signer is not old.signer


def test_a_rotation_can_be_wanted_at_any_time(story: Story) -> None:
    state = story.after(HOUR, wanted=True)
    assert state.successor is not None
    assert story.after(HOUR, wanted=True) is state


def test_an_authority_that_expired_unattended_is_replaced_at_once(story: Story) -> None:
    state = story.after(91 * DAY, known=False)
    assert state.signer.certificate.not_after > story.now
    assert (state.successor, state.retired) == (None, ())


def test_a_successor_that_expired_as_well_is_replaced_at_once(story: Story) -> None:
    story.after(60 * DAY)
    assert story.after(365 * DAY).signer.certificate.not_after > story.now
