"""What is known of the watcher's health by what it reports. How it is kept running is tried with a real API server."""

import asyncio

import pytest

from lateen.kube.sighting import Contact, Page, Report, Sighting
from lateen.kube.watcher import Watcher
from lateen.kube.watching import WatchHealth, WatchSettings
from lateen.model.keys import Key, Kind


@pytest.fixture
def health() -> WatchHealth:
    return WatchHealth()


@pytest.fixture
def reports() -> list[Report]:
    return []


@pytest.fixture
def watcher(health: WatchHealth, reports: list[Report]) -> Watcher:
    return Watcher(reports.append, health, WatchSettings(), clock=lambda: 7.0)


def test_everything_is_passed_on(watcher: Watcher, reports: list[Report]) -> None:
    told: list[Report] = [
        Contact(Kind.POD),
        Page(Kind.POD, 5, ()),
        Sighting(Key(Kind.POD, "shop", "cart"), 6, None),
    ]
    for each in told:
        watcher._hear(each)
    assert reports == told


def test_it_is_connected_while_no_kind_fails(watcher: Watcher, health: WatchHealth) -> None:
    assert not health.connected
    watcher._hear(Contact(Kind.POD))
    assert health.connected
    watcher._hear(Contact(Kind.POD, "503 Service Unavailable"))
    watcher._hear(Contact(Kind.SERVICE))
    assert (health.connected, health.problem) == (False, "Pod: 503 Service Unavailable")
    watcher._hear(Contact(Kind.POD))
    assert (health.connected, health.problem) == (True, "")


def test_a_kind_is_listed_when_its_last_page_has_come(watcher: Watcher, health: WatchHealth) -> None:
    watcher._hear(Page(Kind.POD, 0, (), is_last=False))
    assert health.listed == set()
    watcher._hear(Page(Kind.POD, 5, (), is_first=False))
    assert health.listed == {Kind.POD}


def test_only_objects_count_as_events(watcher: Watcher, health: WatchHealth) -> None:
    watcher._hear(Contact(Kind.POD))
    assert health.last_event is None
    watcher._hear(Sighting(Key(Kind.POD, "shop", "cart"), 6, None))
    assert health.last_event == 7.0


def test_an_end_is_counted_and_explained(watcher: Watcher, health: WatchHealth) -> None:
    watcher._hear(Contact(Kind.POD))
    watcher._hear(Page(Kind.POD, 5, ()))
    watcher._note_end("410 gone")
    assert (health.connected, health.restarts, health.problem, health.listed) == (False, 1, "410 gone", set())


async def test_to_ask_for_a_restart_before_the_start_changes_nothing(watcher: Watcher) -> None:
    watcher.restart()
    await asyncio.sleep(0)
    assert not watcher._is_asked
