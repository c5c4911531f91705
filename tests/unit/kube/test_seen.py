"""What counts as news, whatever the order in which reports come."""

from collections.abc import Mapping
from typing import Any

import pytest

from lateen.kube.seen import Seen
from lateen.kube.sighting import Contact, Page, Sighting
from lateen.kube.trimming import sight
from lateen.model.keys import Key, Kind

Statuses = list[tuple[Key, Mapping[str, Any] | None]]

CART = Key(Kind.VIRTUAL_SERVICE, "shop", "cart")


def cart(version: int, *, generation: int = 1, uid: str = "a", **parts: Any) -> Sighting:
    metadata = {
        "namespace": "shop",
        "name": "cart",
        "uid": uid,
        "generation": generation,
        "resourceVersion": str(version),
        **parts.pop("metadata", {}),
    }
    return sight(Kind.VIRTUAL_SERVICE, {"kind": "VirtualService", "metadata": metadata, **parts})


def deleted(version: int) -> Sighting:
    return Sighting(CART, version, None)


def page(version: int, *sightings: Sighting, is_first: bool = True, is_last: bool = True, reader: str = "") -> Page:
    return Page(Kind.VIRTUAL_SERVICE, version, sightings, is_first=is_first, is_last=is_last, reader=reader)


@pytest.fixture
def statuses() -> Statuses:
    return []


@pytest.fixture
def seen(statuses: Statuses) -> Seen:
    return Seen(lambda key, status, _version: statuses.append((key, status)))


def test_a_new_object_is_news_with_its_origin(seen: Seen) -> None:
    change = seen.meet(cart(5, generation=3, spec={"hosts": ["cart"]}))
    assert change is not None
    assert change.raw is not None
    assert change.raw["spec"] == {"hosts": ["cart"]}
    assert change.origin.generation == 3
    assert change.origin.uid == "a"
    assert change.origin.api_version == "networking.istio.io/v1"


def test_a_version_in_which_nothing_that_is_read_differs_is_no_news(seen: Seen) -> None:
    seen.meet(cart(5))
    assert seen.meet(cart(6, status={"conditions": []})) is None
    assert seen.version(CART) == 6


@pytest.mark.parametrize(
    "edit",
    [
        {"generation": 2},
        {"uid": "b"},
        {"metadata": {"labels": {"app": "cart"}}},
        {"metadata": {"annotations": {"networking.istio.io/exportTo": "."}}},
        {"metadata": {"deletionTimestamp": "2025-01-01T00:00:00Z"}},
    ],
)
def test_whatever_is_read_is_news_when_it_differs(seen: Seen, edit: dict[str, Any]) -> None:
    seen.meet(cart(5))
    assert seen.meet(cart(6, **edit)) is not None


def test_an_older_version_that_comes_later_is_stale(seen: Seen) -> None:
    seen.meet(cart(7, generation=2))
    assert seen.meet(cart(6)) is None
    assert seen.meet(deleted(6)) is None
    assert seen.version(CART) == 7


def test_a_deletion_is_news_once(seen: Seen) -> None:
    seen.meet(cart(5))
    change = seen.meet(deleted(6))
    assert change is not None
    assert (change.key, change.raw) == (CART, None)
    assert seen.meet(deleted(6)) is None


def test_the_deletion_of_an_unknown_object_is_no_news(seen: Seen) -> None:
    assert seen.meet(deleted(6)) is None


def test_what_was_deleted_does_not_come_back_by_a_stale_report(seen: Seen) -> None:
    seen.meet(cart(5))
    seen.meet(deleted(6))
    assert seen.meet(cart(5)) is None
    assert seen.meet(cart(8, uid="b")) is not None


def test_the_stale_report_of_a_deletion_is_awaited_until_the_gone_are_forgotten_twice(seen: Seen) -> None:
    seen.meet(deleted(6))
    seen.forget_the_gone()
    assert seen.meet(cart(5)) is None
    seen.forget_the_gone()
    assert seen.meet(cart(5)) is not None


def test_a_successor_is_not_deleted_by_the_late_deletion_of_its_predecessor(seen: Seen) -> None:
    seen.meet(cart(5))
    seen.meet(cart(9, uid="b"))
    assert seen.meet(deleted(7)) is None
    assert seen.version(CART) == 9


def test_what_a_complete_list_does_not_have_is_gone(seen: Seen) -> None:
    seen.meet(cart(5))
    assert [change.raw for change in seen.take(page(8))] == [None]


def test_what_is_newer_than_a_list_is_kept(seen: Seen) -> None:
    seen.meet(cart(9))
    assert list(seen.take(page(8))) == []


def test_nothing_is_gone_before_the_last_page(seen: Seen) -> None:
    seen.meet(cart(5))
    assert list(seen.take(page(8, is_last=False))) == []
    assert seen.is_listing(Kind.VIRTUAL_SERVICE)
    assert [change.raw for change in seen.take(page(8, is_first=False))] == [None]
    assert not seen.is_listing(Kind.VIRTUAL_SERVICE)


def test_a_list_that_begins_anew_forgets_the_pages_it_had(seen: Seen) -> None:
    list(seen.take(page(4, cart(3), is_last=False)))
    list(seen.take(page(8, is_last=False)))
    assert [change.raw for change in seen.take(page(8, is_first=False))] == [None]


def test_the_rest_of_a_list_whose_beginning_was_missed_deletes_nothing(seen: Seen) -> None:
    seen.meet(cart(5))
    assert list(seen.take(page(8, is_first=False))) == []


def test_a_contact_is_no_news(seen: Seen) -> None:
    assert list(seen.take(Contact(Kind.VIRTUAL_SERVICE))) == []


def test_the_status_is_told_at_every_version_and_when_the_object_goes(seen: Seen, statuses: Statuses) -> None:
    status = {"observedGeneration": 1}
    seen.meet(cart(5))
    seen.meet(cart(6, status=status))
    seen.meet(cart(4, status={"observedGeneration": 0}))
    seen.meet(deleted(7))
    assert statuses == [(CART, {}), (CART, status), (CART, None)]


def test_what_was_known_of_statuses_is_void_when_versions_begin_anew(seen: Seen, statuses: Statuses) -> None:
    seen.meet(cart(50, status={"ours": 1}))
    statuses.clear()
    seen.rewind(Kind.VIRTUAL_SERVICE)
    seen.meet(cart(5, status={"ours": 0}))
    assert [status for _, status in statuses] == [None, {"ours": 0}]


def test_the_status_of_kubernetes_own_kinds_is_told_to_nobody(seen: Seen, statuses: Statuses) -> None:
    seen.meet(sight(Kind.SERVICE, {"metadata": {"name": "cart", "namespace": "shop"}, "status": {"loadBalancer": {}}}))
    assert statuses == []


def test_two_lists_that_are_read_at_once_bury_nothing_of_each_other(seen: Seen) -> None:
    other = sight(
        Kind.VIRTUAL_SERVICE,
        {"metadata": {"namespace": "shop", "name": "basket", "uid": "b", "resourceVersion": "2"}},
    )
    one = sight(
        Kind.VIRTUAL_SERVICE,
        {"metadata": {"namespace": "shop", "name": "cart", "uid": "c", "resourceVersion": "3"}},
    )
    list(seen.take(page(9, one, is_last=False, reader="audit")))
    list(seen.take(page(9, other, is_last=False)))
    list(seen.take(page(9, other, is_first=False, reader="audit")))
    assert {key.name for key in seen.keys(Kind.VIRTUAL_SERVICE)} == {"cart", "basket"}


def test_a_status_that_cannot_be_read_costs_no_object() -> None:
    def fail(_key: Key, _status: object, _version: str) -> None:
        raise TypeError("a list is expected")

    seen = Seen(fail)
    raw = {"metadata": {"namespace": "shop", "name": "cart", "uid": "c", "resourceVersion": "3"}, "status": {"x": 1}}
    assert seen.meet(sight(Kind.VIRTUAL_SERVICE, raw)) is not None
