"""What the audit finds, and what it does about it. Here the API server is a dictionary."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

import pytest

from lateen.kube.audit import KeyAudit, Listing, compare
from lateen.kube.client import ApiError, KubeClient
from lateen.kube.resources import RESOURCES, ApiResource
from lateen.kube.seen import Seen
from lateen.kube.session import read_page
from lateen.kube.sighting import Contact, Page, Report, Sighting
from lateen.kube.trimming import sight
from lateen.kube.watching import WATCHED, WatchHealth, WatchSettings
from lateen.model.keys import Key, Kind
from lateen.model.objects import Change

ROUTE: Final = Kind.VIRTUAL_SERVICE
CART, BASKET = Key(ROUTE, "shop", "cart"), Key(ROUTE, "shop", "basket")


def route(name: str, version: int) -> dict[str, Any]:
    metadata = {"namespace": "shop", "name": name, "resourceVersion": str(version), "generation": version}
    return {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": metadata}


def seen_with(*routes: dict[str, Any]) -> Seen:
    seen = Seen(lambda _key, _status, _version: None)
    for each in routes:
        seen.meet(sight(ROUTE, each))
    return seen


class ApiServer:
    """Answers what the audit asks."""

    def __init__(self) -> None:
        """Know all kinds, and no object."""
        self.version = 10
        self.objects: dict[str, list[dict[str, Any]]] = {RESOURCES[kind].plural: [] for kind in WATCHED}
        self.errors: list[ApiError] = []
        self.forbidden: set[str] = set()
        self.full_reads: list[str] = []
        self.listed: dict[str, Callable[[], object]] = {}
        """What happens soon after the versions of a kind were listed."""

    def _answer(self, plural: str) -> dict[str, Any]:
        if self.errors:
            raise self.errors.pop(0)
        if plural in self.forbidden:
            raise ApiError(403, "Forbidden", "no")
        if plural not in self.objects:
            raise ApiError(404, "NotFound", "")
        return {"metadata": {"resourceVersion": str(self.version)}, "items": self.objects[plural]}

    async def request(self, _method: str, path: str, **_: Any) -> dict[str, Any]:
        return self._answer(path.rpartition("/")[2])

    async def pieces(self, resource: ApiResource, *, metadata_only: bool = False) -> AsyncIterator[Mapping[str, Any]]:
        answer = self._answer(resource.plural)
        if not metadata_only:
            self.full_reads.append(resource.plural)
        for item in answer["items"]:
            yield {"items": [item]}
        yield {**answer, "items": []}
        if metadata_only and resource.plural in self.listed:
            asyncio.get_running_loop().call_soon(self.listed[resource.plural])


@dataclass
class Bench:
    """An audit between a watcher that is played by the test and an API server."""

    server: ApiServer = field(default_factory=ApiServer)
    seen: Seen = field(default_factory=seen_with)
    health: WatchHealth = field(default_factory=WatchHealth)
    changes: list[Change] = field(default_factory=list)
    restarts: int = 0
    patience: float = 0.01

    def __post_init__(self) -> None:
        """Follow all kinds."""
        self.health.listed = set(WATCHED)
        settings = WatchSettings(audit_patience=self.patience, start_patience=self.patience)
        self.audit = KeyAudit(
            cast("KubeClient", self.server),
            self.seen,
            self.health,
            settings,
            report=self.report,
            restart=self.restart,
        )

    def report(self, report: Report) -> None:
        self.changes += self.seen.take(report)
        self.audit.note(report)

    def restart(self) -> None:
        self.restarts += 1

    @property
    def found(self) -> list[tuple[str, bool]]:
        return [(change.key.name, change.raw is None) for change in self.changes]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_equal_versions_are_no_difference() -> None:
    assert not compare(seen_with(route("cart", 5)), ROUTE, Listing(7, {CART: 5}))


def test_what_is_listed_later_than_seen_is_behind() -> None:
    difference = compare(seen_with(route("cart", 5)), ROUTE, Listing(7, {CART: 6, BASKET: 4}))
    assert difference.behind == {CART: 6, BASKET: 4}
    assert difference.surplus == {}


def test_what_is_seen_and_not_listed_is_surplus() -> None:
    assert compare(seen_with(route("cart", 5)), ROUTE, Listing(7, {})).surplus == {CART: 5}


def test_what_was_seen_later_than_the_listing_is_right() -> None:
    assert not compare(seen_with(route("cart", 9)), ROUTE, Listing(7, {}))
    assert not compare(seen_with(route("cart", 9)), ROUTE, Listing(7, {CART: 6}))


def test_what_was_seen_to_go_after_the_listing_is_right() -> None:
    seen = seen_with(route("cart", 5))
    seen.meet(Sighting(CART, 9, None))
    assert not compare(seen, ROUTE, Listing(7, {CART: 5}))


def test_of_a_kind_that_is_gone_everything_is_surplus() -> None:
    assert compare(seen_with(route("cart", 5)), ROUTE, None).surplus == {CART: 5}


def test_what_the_watcher_tells_settles_a_difference() -> None:
    seen = seen_with(route("cart", 5), route("shelf", 3))
    difference = compare(seen, ROUTE, Listing(7, {BASKET: 6}))
    seen.meet(sight(ROUTE, route("basket", 6)))
    seen.meet(Sighting(CART, 7, None))
    difference.settle(seen)
    assert (difference.behind, [key.name for key in difference.surplus]) == ({}, ["shelf"])


async def test_an_audit_that_finds_nothing_changes_nothing(bench: Bench) -> None:
    bench.report(read_page(ROUTE, {"items": [route("cart", 5)], "metadata": {}}, is_first=True))
    bench.server.objects["virtualservices"] = [route("cart", 5)]
    bench.changes.clear()
    await bench.audit.look()
    assert (bench.changes, bench.restarts, bench.server.full_reads, bench.health.audits) == ([], 0, [], 1)


async def test_what_was_missed_is_read_and_the_watcher_started_anew(bench: Bench) -> None:
    bench.report(sight(ROUTE, route("cart", 5)))
    bench.report(sight(ROUTE, route("shelf", 5)))
    bench.changes.clear()
    bench.server.objects["virtualservices"] = [route("basket", 6), route("shelf", 7)]
    await bench.audit.look()
    assert sorted(bench.found) == [("basket", False), ("cart", True), ("shelf", False)]
    assert (bench.health.missed_changes, bench.health.missing_deletions) == (2, 1)
    assert (bench.restarts, bench.server.full_reads) == (1, ["virtualservices"])


async def test_a_watcher_that_is_only_late_is_given_time() -> None:
    bench = Bench(patience=60.0)
    bench.report(sight(ROUTE, route("cart", 5)))
    bench.changes.clear()
    bench.server.objects["virtualservices"] = [route("basket", 6)]

    def tell() -> None:
        bench.report(sight(ROUTE, route("basket", 6)))
        bench.report(Sighting(CART, 7, None))

    bench.server.listed["virtualservices"] = tell
    await bench.audit.look()
    assert bench.found == [("basket", False), ("cart", True)]
    assert (bench.restarts, bench.health.missed_changes, bench.health.missing_deletions) == (0, 0, 0)


async def test_a_kind_that_is_there_and_not_followed_starts_the_watcher_anew(bench: Bench) -> None:
    bench.health.listed.discard(Kind.SIDECAR)
    await bench.audit.look()
    assert (bench.restarts, bench.changes) == (1, [])


async def test_a_watcher_that_started_before_a_kind_was_served_starts_anew_before_the_next_audit(bench: Bench) -> None:
    bench.health.listed.discard(ROUTE)
    await bench.audit.look_at_kinds()
    assert (bench.restarts, bench.server.full_reads) == (1, [])


async def test_a_watcher_that_follows_all_there_is_stays(bench: Bench) -> None:
    del bench.server.objects["sidecars"]
    bench.health.listed.discard(Kind.SIDECAR)
    await bench.audit.look_at_kinds()
    assert bench.restarts == 0


async def test_a_kind_that_is_gone_takes_its_objects_along(bench: Bench) -> None:
    bench.report(sight(ROUTE, route("cart", 5)))
    bench.changes.clear()
    del bench.server.objects["virtualservices"]
    await bench.audit.look()
    assert (bench.found, bench.health.absent) == ([("cart", True)], frozenset({ROUTE}))


async def test_an_api_server_that_was_put_back_to_an_earlier_state_is_believed(bench: Bench) -> None:
    bench.report(sight(ROUTE, route("cart", 50)))
    bench.report(sight(ROUTE, route("shelf", 60)))
    bench.report(Sighting(BASKET, 70, None))
    bench.changes.clear()
    bench.server.objects["virtualservices"] = [route("cart", 5), route("basket", 6)]
    await bench.audit.look()
    assert sorted(bench.found) == [("basket", False), ("cart", False), ("shelf", True)]
    assert (bench.restarts, bench.seen.newest(ROUTE)) == (1, 6)


async def test_a_kind_that_must_not_be_read_does_not_hold_up_the_others(bench: Bench) -> None:
    bench.server.forbidden = {"gateways"}
    bench.server.objects["virtualservices"] = [route("cart", 5)]
    await bench.audit.look()
    assert bench.found == [("cart", False)]


async def test_at_the_start_it_is_enough_that_the_watcher_has_read_everything(bench: Bench) -> None:
    bench.server.objects["virtualservices"] = [route("cart", 5)]
    await bench.audit.first()
    assert (bench.server.full_reads, bench.restarts, bench.health.absent) == ([], 0, frozenset())


async def test_at_the_start_kinds_that_are_not_there_are_not_waited_for(bench: Bench) -> None:
    del bench.server.objects["sidecars"]
    bench.health.listed.discard(Kind.SIDECAR)
    await bench.audit.first()
    assert (bench.restarts, bench.health.absent) == (0, frozenset({Kind.SIDECAR}))


async def test_at_the_start_what_the_watcher_cannot_read_is_read(bench: Bench) -> None:
    bench.health.listed.discard(ROUTE)
    bench.server.objects["virtualservices"] = [route("cart", 5)]
    await bench.audit.first()
    assert (bench.found, bench.restarts) == ([("cart", False)], 1)


async def test_at_the_start_events_and_failures_are_no_progress(bench: Bench) -> None:
    bench.health.listed.discard(ROUTE)
    starting = asyncio.create_task(bench.audit.first())
    while not starting.done():
        bench.report(Contact(ROUTE, "500"))
        bench.report(sight(Kind.SERVICE, {"metadata": {"name": "cart"}}))
        await asyncio.sleep(0)
    assert bench.server.full_reads == ["virtualservices"]


async def test_at_the_start_lists_are_waited_for() -> None:
    bench = Bench(patience=60.0)
    bench.health.listed.discard(ROUTE)
    starting = asyncio.create_task(bench.audit.first())
    loop = asyncio.get_running_loop()

    def turn(number: int) -> None:
        if number == 5:
            bench.health.listed.add(ROUTE)
        bench.report(Page(ROUTE, 7, (), is_first=number == 0, is_last=number == 5))
        if number < 5:
            loop.call_soon(turn, number + 1)

    loop.call_soon(turn, 0)
    await starting
    assert (bench.server.full_reads, bench.restarts) == ([], 0)


async def test_an_api_server_that_fails_is_asked_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lateen.kube.audit._FIRST_PAUSE", 0.0)
    bench.server.errors = [ApiError(0, "Unreachable", "refused"), ApiError(503, "", ""), ApiError(410, "", "")]
    await bench.audit.look()
    assert bench.health.audits == 1
