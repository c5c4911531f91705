"""Counts of several replicas, added up."""

import asyncio
from collections.abc import AsyncIterator, Iterable

import pytest

from lateen.errors import LateenError
from lateen.model.keys import Key, Kind
from lateen.runtime.replicas import Replicas
from lateen.status.conditions import Progress

CART = Key(Kind.VIRTUAL_SERVICE, "shop", "cart")
USER = Key(Kind.VIRTUAL_SERVICE, "shop", "user")
OTHER = "10.0.0.2:18000"


class Replica:
    """One replica; others are reached in the same process."""

    def __init__(self, network: "dict[str, Replica]") -> None:
        """Count nothing."""
        self.counts: dict[Key, Progress] = {}
        self.news: asyncio.Queue[Key] = asyncio.Queue()
        self.pauses: asyncio.Queue[float] = asyncio.Queue()
        self.replicas = Replicas(
            self.counts.get, lambda: (CART, USER), call=self._call, on_news=self._on_news, sleep=self._sleep
        )
        self._network = network

    def count(self, key: Key, progress: Progress) -> None:
        self.counts[key] = progress
        self.replicas.tell([key])

    def total(self, key: Key) -> Progress | None:
        return self.replicas.total(key, self.counts.get(key))

    async def _call(self, address: str) -> AsyncIterator[bytes]:
        if address not in self._network:
            raise LateenError("no route")
        async for message in self._network[address].replicas.messages():
            yield message

    def _on_news(self, keys: Iterable[Key]) -> None:
        for key in keys:
            self.news.put_nowait(key)

    async def _sleep(self, pause: float) -> None:
        self.pauses.put_nowait(pause)
        await asyncio.sleep(0)


async def test_proxies_of_all_replicas_count() -> None:
    network: dict[str, Replica] = {}
    here, there = Replica(network), Replica(network)
    network[OTHER] = there
    here.counts[CART] = Progress(2, 2, "", "v1")
    there.counts[CART] = Progress(1, 0, "", "v1")
    task = asyncio.create_task(here.replicas.run())
    here.replicas.meet([OTHER])
    assert await here.news.get() == CART
    assert here.total(CART) == Progress(3, 2)
    there.count(CART, Progress(1, 1, "", "v1"))
    assert await here.news.get() == CART
    assert here.total(CART) == Progress(3, 3)
    assert here.total(USER) is None
    here.replicas.meet([])
    assert await here.news.get() == CART
    assert here.total(CART) == Progress(2, 2)
    task.cancel()
    await asyncio.wait([task])


async def test_acknowledgements_of_other_versions_do_not_count() -> None:
    network: dict[str, Replica] = {}
    here, there = Replica(network), Replica(network)
    network[OTHER] = there
    here.counts[CART] = Progress(1, 1, "", "v2")
    there.counts[CART] = Progress(1, 1, "refused", "v1")
    task = asyncio.create_task(here.replicas.run())
    here.replicas.meet([OTHER])
    await here.news.get()
    assert here.total(CART) == Progress(2, 1)
    there.count(CART, Progress(1, 0, "refused again", "v2"))
    await here.news.get()
    assert here.total(CART) == Progress(2, 1, "refused again")
    task.cancel()
    await asyncio.wait([task])


async def test_a_class_is_absent_when_no_replica_has_a_proxy_of_it() -> None:
    network: dict[str, Replica] = {}
    here, there = Replica(network), Replica(network)
    network[OTHER] = there
    here.counts[CART] = Progress(0, 0, "", "v1", frozenset({"edge/a=b", "edge/c=d"}))
    there.counts[CART] = Progress(1, 1, "", "v1", frozenset({"edge/c=d"}))
    task = asyncio.create_task(here.replicas.run())
    here.replicas.meet([OTHER])
    await here.news.get()
    assert here.total(CART) == Progress(1, 1, absent=frozenset({"edge/c=d"}))
    task.cancel()
    await asyncio.wait([task])


async def test_a_replica_that_cannot_be_reached_is_tried_ever_more_rarely() -> None:
    here = Replica({})
    task = asyncio.create_task(here.replicas.run())
    here.replicas.meet([OTHER])
    assert [await here.pauses.get() for _ in range(6)] == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0]
    assert here.replicas.connected == ()
    task.cancel()
    await asyncio.wait([task])


async def test_many_objects_come_in_portions() -> None:
    keys = [Key(Kind.VIRTUAL_SERVICE, "shop", f"rule-{number}") for number in range(1200)]
    replicas = Replicas(lambda _: Progress(1, 1, "", "v"), lambda: keys, call=Replica({})._call, on_news=print)
    messages = replicas.messages()
    sizes = [len((await anext(messages)).split(b"],[")) for _ in range(3)]
    assert sizes == [500, 500, 200]
    await messages.aclose()  # type: ignore[attr-defined] # it is a generator


async def test_a_kind_that_only_a_later_release_knows_takes_no_other_counts_away() -> None:
    news: asyncio.Queue[Key] = asyncio.Queue()

    async def call(_: str) -> AsyncIterator[bytes]:
        yield b'[["FutureKind","shop","new","v1",1,1,""],["VirtualService","shop","cart","v1",2,1,""]]'
        await asyncio.Event().wait()

    def on_news(keys: Iterable[Key]) -> None:
        for key in keys:
            news.put_nowait(key)

    replicas = Replicas(lambda _: None, tuple, call=call, on_news=on_news)
    task = asyncio.create_task(replicas.run())
    replicas.meet([OTHER])
    assert await news.get() == CART
    assert replicas.total(CART, Progress(0, 0, "", "v1")) == Progress(2, 1)
    assert replicas.connected == (OTHER,)
    task.cancel()


@pytest.mark.parametrize(
    "message", [b"[{}]", b"[[]]", b"[null]", b"7", b'[["VirtualService"]]', b'[["Gateway","a","b",1,[],{},2]]']
)
async def test_a_replica_that_speaks_otherwise_is_left_out_and_tried_again(message: bytes) -> None:
    pauses: asyncio.Queue[float] = asyncio.Queue()

    async def call(_: str) -> AsyncIterator[bytes]:
        yield message

    async def sleep(pause: float) -> None:
        pauses.put_nowait(pause)
        await asyncio.sleep(0)

    replicas = Replicas(lambda _: None, tuple, call=call, on_news=lambda _: None, sleep=sleep)
    task = asyncio.create_task(replicas.run())
    replicas.meet([OTHER])
    assert await pauses.get() > 0
    assert await pauses.get() > 0
    assert not task.done()
    task.cancel()
    await asyncio.wait([task])
