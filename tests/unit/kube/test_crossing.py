"""Messages reach the loop's thread in order, however many come at once."""

import asyncio
import threading

from structlog.testing import capture_logs

from lateen.kube.crossing import Crossing


async def test_messages_of_another_thread_arrive_in_order_on_the_loops_thread() -> None:
    done = asyncio.Event()
    arrived: list[tuple[int, str]] = []

    def take(message: int) -> None:
        arrived.append((message, threading.current_thread().name))
        if message == 999:
            done.set()

    crossing = Crossing(asyncio.get_running_loop(), take)

    def put_all() -> None:
        for number in range(1000):
            crossing.put(number)

    thread = threading.Thread(target=put_all, name="other")
    thread.start()
    await done.wait()
    await asyncio.to_thread(thread.join)
    assert arrived == [(number, threading.main_thread().name) for number in range(1000)]


async def test_messages_that_come_while_some_are_taken_follow_at_once() -> None:
    arrived: list[int] = []
    done = asyncio.Event()

    def take(message: int) -> None:
        arrived.append(message)
        if message < 3:
            crossing.put(message + 1)
        else:
            done.set()

    crossing = Crossing(asyncio.get_running_loop(), take)
    crossing.put(1)
    await done.wait()
    assert arrived == [1, 2, 3]


def test_what_comes_after_the_loops_end_is_lost_without_an_error() -> None:
    loop = asyncio.new_event_loop()
    crossing: Crossing[int] = Crossing(loop, lambda _: None)
    loop.close()
    crossing.put(1)


async def test_a_message_that_cannot_be_taken_holds_up_no_other_one() -> None:
    done = asyncio.Event()
    arrived: list[int] = []

    def take(message: int) -> None:
        if message == 1:
            raise ValueError("a fault")
        arrived.append(message)
        if message == 2:
            done.set()

    crossing = Crossing(asyncio.get_running_loop(), take)
    with capture_logs() as logs:
        for number in range(3):
            crossing.put(number)
        await done.wait()
    assert arrived == [0, 2]
    assert [entry["event"] for entry in logs] == ["a message of the watcher cannot be taken"]
