"""Changes that come together leave together, and none waits for long."""

import asyncio
from collections.abc import Sequence

import pytest
from tests.virtual_time import in_virtual_time, now

from lateen.model.keys import Key, Kind
from lateen.model.objects import Change
from lateen.sources.base import SourceEvent
from lateen.sources.batches import LONGEST, QUIET, Batches


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


def released() -> tuple[Sink, Batches]:
    """Batches that go by themselves, just after one has gone."""
    sink = Sink()
    batches = Batches(sink, asyncio.get_running_loop())
    batches.release()
    sink.batches.clear()
    sink.filled.clear()
    return sink, batches


async def test_everything_before_the_release_is_one_batch() -> None:
    sink = Sink()
    batches = Batches(sink, asyncio.get_running_loop())
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


@in_virtual_time
async def test_a_change_after_a_rest_is_not_kept_waiting() -> None:
    sink, batches = released()
    await asyncio.sleep(LONGEST)
    begun = now()
    batches.add(change("cart"))
    batches.add(change("basket"))
    await sink.filled.wait()
    assert sink.batches == [[change("cart"), change("basket")]]
    assert now() == begun


@in_virtual_time
async def test_what_follows_a_batch_closely_is_gathered_until_nothing_more_comes() -> None:
    sink, batches = released()
    begun = now()
    batches.add(change("cart"))
    await asyncio.sleep(QUIET / 2)
    batches.add(change("basket"))
    await sink.filled.wait()
    assert sink.batches == [[change("cart"), change("basket")]]
    assert now() - begun == pytest.approx(1.5 * QUIET)


@in_virtual_time
async def test_a_batch_goes_although_more_keeps_coming() -> None:
    sink, batches = released()
    begun = now()
    while not sink.batches:
        batches.add(change("cart"))
        await asyncio.sleep(QUIET / 2)
    assert now() - begun <= LONGEST + QUIET


@in_virtual_time
async def test_after_the_close_nothing_goes_any_more() -> None:
    sink, batches = released()
    batches.add(change("cart"))
    batches.close()
    await asyncio.sleep(1)
    assert sink.batches == []
