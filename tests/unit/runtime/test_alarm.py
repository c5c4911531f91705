"""A pause ends by time or by news."""

import asyncio

from lateen.runtime.alarm import Alarm


async def _for_ever(seconds: float) -> None:
    await asyncio.Event().wait()


async def test_a_pause_ends_when_its_time_is_over() -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    await Alarm(sleep).pause(3.0)
    assert slept == [3.0]


async def test_news_end_a_pause() -> None:
    alarm = Alarm(_for_ever)
    pausing = asyncio.create_task(alarm.pause(3.0))
    await asyncio.sleep(0)
    alarm.ring()
    await pausing


async def test_news_that_came_before_end_the_next_pause_only() -> None:
    alarm = Alarm(_for_ever)
    alarm.ring()
    await alarm.pause(3.0)
    pausing = asyncio.create_task(alarm.pause(3.0))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not pausing.done()
    pausing.cancel()
