"""Waiting for objects whose standing a test decides."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from lateen.errors import LateenError
from lateen.model.keys import Key, Kind
from lateen.runtime.waiting import absent, wait_for
from lateen.status.verdict import Standing, Verdict

CART = Key(Kind.VIRTUAL_SERVICE, "shop", "cart")
USER = Key(Kind.VIRTUAL_SERVICE, "shop", "user")


def pending(key: Key, message: str = "not yet") -> Standing:
    return Standing(key, Verdict.OPEN, message)


def live(key: Key) -> Standing:
    return Standing(key, Verdict.HOLDS, "live")


def refused(key: Key) -> Standing:
    return Standing(key, Verdict.REFUSED, "bad")


class Told:
    """Follows objects through what a test gives, and then for ever."""

    def __init__(self, *standings: Standing) -> None:
        """Keep them for each object in order."""
        self._standings = standings

    async def __call__(self, key: Key) -> AsyncGenerator[Standing, None]:
        for standing in self._standings:
            if standing.key == key:
                yield standing
        await asyncio.Event().wait()


async def test_it_ends_when_everything_holds() -> None:
    told: list[Standing] = []
    follow = Told(pending(CART), live(USER), pending(CART), pending(CART, "nearly"), live(CART))
    assert await wait_for([CART, USER], follow, seconds=60, tell=told.append) == [live(CART), live(USER)]
    mine = [each.message for each in told if each.key == CART]
    assert mine == ["not yet", "nearly", "live"], "only changes are told"


@pytest.mark.parametrize("hopeless", [refused(USER), absent(USER)])
async def test_one_that_is_refused_or_absent_ends_it_for_all(hopeless: Standing) -> None:
    standings = await wait_for([CART, USER], Told(pending(CART), hopeless), seconds=60)
    assert standings == [pending(CART), hopeless]


async def test_it_goes_on_if_so_asked() -> None:
    follow = Told(refused(CART), absent(CART), live(CART))
    assert await wait_for([CART], follow, seconds=60, keep_waiting=True) == [live(CART)]


async def test_the_last_that_is_known_is_told_when_the_time_is_over() -> None:
    assert await wait_for([CART], Told(pending(CART)), seconds=0.001) == [pending(CART)]


async def test_no_time_means_one_look() -> None:
    assert await wait_for([CART], Told(pending(CART), live(CART)), seconds=0) == [pending(CART)]


async def test_who_cannot_be_asked_is_an_error() -> None:
    async def follow(_: Key) -> AsyncGenerator[Standing, None]:
        for message in ("no instance runs",):
            raise LateenError(message)
        yield live(CART)

    with pytest.raises(LateenError, match="no instance runs"):
        await wait_for([CART, USER], follow, seconds=60)
