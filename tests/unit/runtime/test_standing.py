"""How objects of a running instance stand, and being told when that changes."""

import asyncio
from collections.abc import Awaitable, Callable

from tests.unit.runtime.stage import CART, GATEWAY, ROUTES, Stage, key

from lateen.model.keys import Key
from lateen.runtime.standing import at_once, next_standing
from lateen.sources.base import FileProblem, FileReport
from lateen.status.conditions import ConditionType
from lateen.status.verdict import Standing, Verdict

SHOP = key(ROUTES)


def standing(
    stage: Stage,
    asked: Key = SHOP,
    *,
    known: str = "",
    seconds: float = 60,
    catch_up: Callable[[], Awaitable[None]] = at_once,
) -> Awaitable[Standing]:
    return next_standing(
        stage.control, asked, ConditionType.PROGRAMMED, known=known, seconds=seconds, catch_up=catch_up
    )


async def test_an_object_holds_once_every_proxy_has_it() -> None:
    stage = Stage()
    stage.apply(GATEWAY, ROUTES, CART)
    first = await standing(stage)
    assert first.verdict is Verdict.OPEN
    news = asyncio.ensure_future(standing(stage, known=first.message))
    await asyncio.sleep(0)
    assert not news.done()
    stage.connect().run()
    assert (await news)[1:] == (Verdict.HOLDS, "Programmed is True: acknowledged by 1 of 1 proxies")


async def test_what_is_written_when_it_is_asked_counts() -> None:
    stage = Stage()
    stage.apply(GATEWAY, ROUTES, CART)
    proxy = stage.connect()
    proxy.run()

    async def catch_up() -> None:
        stage.remove(ROUTES)

    assert (await standing(stage, catch_up=catch_up)).verdict is Verdict.ABSENT


async def test_a_broken_file_refuses_what_it_held() -> None:
    stage = Stage()
    stage.apply(GATEWAY, ROUTES, CART)
    stage.connect().run()
    stage.control.take([FileReport("shop.yaml", (FileProblem("shop.yaml", 3, 1, "no YAML"),))])
    waiting = asyncio.ensure_future(standing(stage))
    await asyncio.sleep(0)
    assert not waiting.done(), "what was taken is not handled yet"
    stage.control.flush()
    assert (await waiting)[1:] == (Verdict.REFUSED, "shop.yaml:3:1: no YAML; what was read before stays in use")


async def test_an_object_that_nobody_has_read_may_be_in_a_broken_file() -> None:
    stage = Stage()
    stage.apply(GATEWAY)
    assert (await standing(stage))[1:] == (Verdict.ABSENT, "it does not exist")
    stage.control.take([FileReport("x.yaml", (FileProblem("x.yaml", 3, 1, "no YAML"),))])
    stage.control.flush()
    assert (await standing(stage)).message == "it does not exist; perhaps because of x.yaml:3:1: no YAML"


async def test_nothing_new_is_an_answer_too_after_a_while() -> None:
    stage = Stage()
    stage.apply(GATEWAY, ROUTES, CART)
    first = await standing(stage)
    assert await standing(stage, known=first.message, seconds=0.001) == first


async def test_who_is_never_caught_up_is_answered() -> None:
    stage = Stage()

    async def never() -> None:
        await asyncio.Event().wait()

    late = await standing(stage, seconds=0.001, catch_up=never)
    assert late[1:] == (Verdict.OPEN, "what has been written is still being read")
