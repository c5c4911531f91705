"""What is told of objects, and what is too much."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tests import virtual_time
from tests.virtual_time import in_virtual_time

from lateen.kube.budget import WriteBudget
from lateen.kube.client import ApiError
from lateen.kube.events import BURST, CAPACITY, EventRecorder, cut
from lateen.kube.resources import ApiResource
from lateen.model.keys import Key, Kind
from lateen.model.objects import Origin

ORIGIN = Origin(uid="1-2-3", api_version="networking.istio.io/v1")
START = 1_800_000_000.0


def key(number: int = 0) -> Key:
    return Key(Kind.DESTINATION_RULE, "shop", f"rule-{number}")


class Events:
    """Events as an API server has them."""

    def __init__(self) -> None:
        """Begin without any."""
        self.found: dict[str, dict[str, Any]] = {}
        self.times: list[float] = []
        self.errors: list[ApiError] = []
        self.after_commit = False

    def _answer(self) -> None:
        self.times.append(virtual_time.now())
        if self.errors and not self.after_commit:
            raise self.errors.pop(0)

    async def create(self, resource: ApiResource, manifest: Mapping[str, Any]) -> dict[str, Any]:
        assert resource.plural == "events"
        self._answer()
        name = manifest["metadata"]["name"]
        if name in self.found:
            raise ApiError(409, "AlreadyExists", "it exists")
        self.found[name] = dict(manifest)
        if self.errors:
            raise self.errors.pop(0)
        return self.found[name]

    async def merge(self, resource: ApiResource, namespace: str, name: str, patch: Mapping[str, Any]) -> dict[str, Any]:
        assert (resource.plural, namespace) == ("events", "shop")
        self._answer()
        if name not in self.found:
            raise ApiError(404, "NotFound", "there is none")
        self.found[name].update(patch)
        return self.found[name]

    @property
    def told(self) -> list[tuple[str, int]]:
        return [(each["message"], each["count"]) for each in self.found.values()]


@asynccontextmanager
async def recording(events: Events, *, origin: Origin | None = ORIGIN) -> AsyncIterator[EventRecorder]:
    recorder = EventRecorder(
        events,
        lambda _: origin,
        instance="lateen-0",
        budget=WriteBudget(clock=virtual_time.now),
        clock=virtual_time.now,
        wall=lambda: START + virtual_time.now(),
    )
    task = asyncio.create_task(recorder.run())
    yield recorder
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


@in_virtual_time
async def test_an_event_names_its_object_and_its_author() -> None:
    events = Events()
    async with recording(events) as recorder:
        recorder.record(key(), "Warning", "HostEjected", "reviews-1 is ejected")
        await asyncio.sleep(1)
    (event,) = events.found.values()
    assert event["metadata"]["namespace"] == "shop"
    assert event["metadata"]["name"].startswith("rule-0.")
    assert event["involvedObject"] == {
        "apiVersion": "networking.istio.io/v1",
        "kind": "DestinationRule",
        "namespace": "shop",
        "name": "rule-0",
        "uid": "1-2-3",
    }
    assert (event["type"], event["reason"], event["count"]) == ("Warning", "HostEjected", 1)
    assert event["firstTimestamp"] == event["lastTimestamp"] == "2027-01-15T08:00:00Z"
    assert (event["source"], event["reportingInstance"]) == ({"component": "lateen"}, "lateen-0")


@in_virtual_time
async def test_a_repetition_within_ten_minutes_raises_the_count() -> None:
    events = Events()
    async with recording(events) as recorder:
        for _ in range(3):
            recorder.record(key(), "Normal", "Again", "the same")
            await asyncio.sleep(500)
        assert events.told == [("the same", 3)]
        (event,) = events.found.values()
        assert (event["firstTimestamp"], event["lastTimestamp"]) == ("2027-01-15T08:00:00Z", "2027-01-15T08:16:40Z")
        await asyncio.sleep(200)
        recorder.record(key(), "Normal", "Again", "the same")
        await asyncio.sleep(1)
    assert events.told == [("the same", 3), ("the same", 1)]


@in_virtual_time
async def test_many_repetitions_cost_few_writes_and_are_all_counted() -> None:
    events = Events()
    async with recording(events) as recorder:
        for _ in range(1000):
            recorder.record(key(), "Normal", "Again", "the same")
            await asyncio.sleep(0.1)
        await asyncio.sleep(120)
    assert events.told == [("the same", 1000)]
    assert len(events.times) <= BURST + 4
    assert recorder.dropped == 0


@in_virtual_time
async def test_an_object_with_much_to_tell_is_heard_less_and_less_and_others_as_ever() -> None:
    events = Events()
    async with recording(events) as recorder:
        for number in range(100):
            recorder.record(key(), "Normal", "Noise", f"noise {number}")
        recorder.record(key(1), "Normal", "Signal", "signal")
        await asyncio.sleep(60)
        assert events.told == [*((f"noise {number}", 1) for number in range(BURST)), ("signal", 1)]
        assert recorder.dropped == 90
        recorder.record(key(), "Normal", "Noise", "a minute later")
        recorder.record(key(), "Normal", "Noise", "too early")
        await asyncio.sleep(1)
    assert events.told[-1] == ("a minute later", 1)


@in_virtual_time
async def test_many_objects_share_the_budget_and_leave_a_reserve() -> None:
    events = Events()
    async with recording(events) as recorder:
        for number in range(300):
            recorder.record(key(number), "Normal", "Told", "something")
        await asyncio.sleep(60)
    assert len(events.found) == 300
    assert sum(time < 1 for time in events.times) <= 40 + 20
    for second in range(1, 14):
        assert sum(second <= time < second + 1 for time in events.times) <= 20


@in_virtual_time
async def test_what_nobody_can_write_does_not_pile_up() -> None:
    events = Events()
    async with recording(events) as recorder:
        for number in range(3 * CAPACITY):
            recorder.record(key(number), "Normal", "Told", "something")
        assert (recorder.waiting, recorder.dropped) == (CAPACITY, 2 * CAPACITY)


@pytest.mark.parametrize("after_commit", [True, False])
def test_an_event_whose_answer_is_lost_is_written_once(*, after_commit: bool) -> None:
    async def main() -> None:
        events = Events()
        events.errors = [ApiError(0, "Unreachable", "lost"), ApiError(503, "", "later")]
        events.after_commit = after_commit
        async with recording(events) as recorder:
            recorder.record(key(), "Normal", "Told", "something")
            await asyncio.sleep(60)
        assert events.told == [("something", 1)]
        assert (recorder.written, recorder.dropped) == (1, 0)

    virtual_time.run(main())


@in_virtual_time
async def test_an_event_that_is_refused_is_dropped_and_others_follow() -> None:
    events = Events()
    events.errors = [ApiError(403, "Forbidden", "the namespace is being terminated")]
    async with recording(events) as recorder:
        recorder.record(key(0), "Normal", "Told", "something")
        recorder.record(key(1), "Normal", "Told", "something")
        await asyncio.sleep(60)
    assert [each["involvedObject"]["name"] for each in events.found.values()] == ["rule-1"]
    assert (recorder.written, recorder.dropped) == (1, 1)


@in_virtual_time
async def test_an_event_that_has_expired_is_written_anew_with_its_count() -> None:
    events = Events()
    async with recording(events) as recorder:
        recorder.record(key(), "Normal", "Told", "something")
        await asyncio.sleep(1)
        events.found.clear()
        recorder.record(key(), "Normal", "Told", "something")
        await asyncio.sleep(1)
    assert events.told == [("something", 2)]


@in_virtual_time
async def test_nothing_is_told_of_an_object_that_is_gone() -> None:
    events = Events()
    async with recording(events, origin=None) as recorder:
        recorder.record(key(), "Normal", "Told", "something")
        await asyncio.sleep(1)
    assert (events.found, recorder.dropped) == ({}, 0)


@in_virtual_time
async def test_what_was_told_long_ago_is_forgotten() -> None:
    events = Events()
    async with recording(events) as recorder:
        for number in range(20_000):
            recorder.record(key(number), "Normal", "Told", "something")
            await asyncio.sleep(1)
        assert len(recorder._series) + len(recorder._objects) < 4 * CAPACITY
    assert len(events.found) == 20_000


@pytest.mark.parametrize(
    ("text", "short"),
    [("x" * 1024, "x" * 1024), ("x" * 1025, "x" * 1021 + "…"), ("ü" * 600, "ü" * 510 + "…")],
)
def test_long_messages_are_cut(text: str, short: str) -> None:
    assert cut(text) == short
    assert len(cut(text).encode()) <= 1024
