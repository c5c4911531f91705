"""Changes that come together leave together, and none waits for long."""

import asyncio
from collections.abc import Sequence

from lateen.model.keys import Key, Kind
from lateen.model.objects import Change
from lateen.sources.base import SourceEvent
from lateen.sources.batches import Batches


def change(name: str, raw: object = None) -> Change:
    return Change(Key(Kind.SERVICE, "shop", name), {"is": raw})


class Sink:
    def __init__(self) -> None:
        """Keep every batch."""
        self.batches: list[list[SourceEvent]] = []
        self.filled = asyncio.Event()

    def __call__(self, events: Sequence[SourceEvent]) -> None:
        self.batches.append(list(events))
        self.filled.set()


async def test_everything_before_the_release_is_one_batch() -> None:
    sink = Sink()
    batches = Batches(sink, asyncio.get_running_loop(), quiet=0)
    batches.add(change("cart"))
    await asyncio.sleep(0)
    batches.add(change("basket"))
    assert sink.batches == []
    batches.release()
    assert sink.batches == [[change("cart"), change("basket")]]


async def test_nothing_is_a_batch_as_well_when_it_is_released() -> None:
    sink = Sink()
    Batches(sink, asyncio.get_running_loop()).release()
    assert sink.batches == [[]]


async def test_of_several_changes_of_an_object_the_last_one_counts() -> None:
    sink = Sink()
    batches = Batches(sink, asyncio.get_running_loop())
    batches.add(change("cart", 1))
    batches.add(change("basket"))
    batches.add(change("cart", 2))
    batches.release()
    assert sink.batches == [[change("basket"), change("cart", 2)]]


async def test_a_batch_goes_by_itself_when_nothing_more_comes() -> None:
    sink = Sink()
    batches = Batches(sink, asyncio.get_running_loop())
    batches.release()
    sink.filled.clear()
    batches.add(change("cart"))
    batches.add(change("basket"))
    await sink.filled.wait()
    assert sink.batches == [[], [change("cart"), change("basket")]]


async def test_a_batch_goes_although_more_keeps_coming() -> None:
    sink = Sink()
    loop = asyncio.get_running_loop()
    batches = Batches(sink, loop, quiet=10.0, longest=0.01)
    batches.release()
    sink.filled.clear()
    batches.add(change("cart"))
    await sink.filled.wait()
    assert sink.batches[1] == [change("cart")]


async def test_after_the_close_nothing_goes_any_more() -> None:
    sink = Sink()
    loop = asyncio.get_running_loop()
    batches = Batches(sink, loop, quiet=0)
    batches.release()
    batches.add(change("cart"))
    batches.close()
    turned = asyncio.Event()
    loop.call_later(0.001, turned.set)
    await turned.wait()
    assert sink.batches == [[]]
