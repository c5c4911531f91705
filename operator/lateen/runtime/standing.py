"""How an object of a running instance stands: what `lateen wait` asks."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias, TypedDict

from lateen.model.keys import Key
from lateen.model.objects import Severity
from lateen.runtime.control import Control
from lateen.sources.base import FileProblem
from lateen.status.conditions import ConditionType
from lateen.status.verdict import Standing, Verdict, judge

CatchUp: TypeAlias = Callable[[], Awaitable[None]]
"""Returns once everything that has been written by now has been taken in."""


async def at_once() -> None:
    """Where nothing is read from files, there is nothing to catch up with."""


class StandingFields(TypedDict):
    """The JSON form."""

    verdict: str
    message: str


async def next_standing(
    control: Control, key: Key, wanted: ConditionType, *, known: str, seconds: float, catch_up: CatchUp
) -> Standing:
    """Say how an object stands, as soon as that is not what the asker knows.

    Args:
        control: the instance.
        key: the object.
        wanted: the condition that is waited for.
        known: the message that the asker knows; empty: none, and what has been written by now is to count.
        seconds: after which to answer anyway.
        catch_up: takes in what has been written.
    """
    standing = Standing(key, Verdict.OPEN, "what has been written is still being read")
    try:
        async with asyncio.timeout(seconds):
            if not known:
                await catch_up()
            while control.is_behind:
                await control.news.wait()
            while (standing := standing_of(control, key, wanted)).message == known:
                await control.news.wait()
    except TimeoutError:
        pass
    return standing


def standing_of(control: Control, key: Key, wanted: ConditionType) -> Standing:
    """Say how an object stands now. What a broken file held before does not count: it is not what is written."""
    origin = control.origins.get(key)
    files = control.file_problems if origin is None else (origin.file,)
    broken = next(
        (each for file in files for each in control.file_problems.get(file, ()) if each.severity is Severity.ERROR),
        None,
    )
    if origin is not None and broken is None:
        return judge(key, wanted, control.status(key).conditions)
    return _unread(key, broken, known=origin is not None)


def _unread(key: Key, broken: FileProblem | None, *, known: bool) -> Standing:
    if known:
        return Standing(key, Verdict.REFUSED, f"{broken}; what was read before stays in use")
    return Standing(key, Verdict.ABSENT, "it does not exist" + (f"; perhaps because of {broken}" if broken else ""))
