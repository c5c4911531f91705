"""Which hosts are ejected now, and what is told of it."""

import pytest
from tests.unit.runtime.ejections.scene import (
    CLUSTER,
    FIRST,
    ONE,
    RULE_NAME,
    SECOND,
    SERVICE,
    SLICE,
    STRANGER,
    TWO,
    Told,
    ejected,
    pod,
    returned,
    rule,
    shop,
)
from tests.unit.runtime.stage import EDGE, Stage

from lateen.infra.proxy_events import HostEjected, HostReturned
from lateen.model.keys import Key, Kind
from lateen.runtime.ejections.announcer import Announcer
from lateen.runtime.ejections.book import EjectionBook
from lateen.runtime.ejections.facts import Facts
from lateen.status.base import EjectedHost

NOON = 1_795_867_200.0
"""2026-11-28T12:00:00Z."""
CAUSE = "3 consecutive 5xx answers or failed connections"


def book_of(stage: Stage) -> tuple[EjectionBook, Told]:
    told = Told()
    return EjectionBook(Facts(stage.control), Announcer(told, lambda: 0.0, 0.0), told.change), told


@pytest.fixture
def stage() -> Stage:
    return shop()


def test_an_ejection_is_shown_and_told_with_pod_cause_and_time(stage: Stage) -> None:
    book, told = book_of(stage)
    book.eject(ONE, ejected(NOON), tell=True)
    shown = EjectedHost(FIRST, "cart-a", SERVICE, "edge-1", CAUSE, "2026-11-28T12:00:00Z", "2026-11-28T12:00:30Z")
    assert book.of(RULE_NAME) == (shown,)
    assert told.events == [
        (
            RULE_NAME,
            "Warning",
            "HostEjected",
            f"pod cart-a (10.0.0.1:80) of {SERVICE} ejected by proxy edge-1 for 30 s (until 12:00:30Z): {CAUSE}",
        )
    ]
    assert told.changed == [RULE_NAME]


def test_a_pod_is_found_by_its_address_where_no_slice_names_it(stage: Stage) -> None:
    book, _ = book_of(stage)
    stage.apply(pod("cart-z", "10.9.9.9"))
    book.eject(ONE, ejected(NOON, STRANGER), tell=True)
    assert [host.pod for host in book.of(RULE_NAME)] == ["cart-z"]


def test_a_host_that_is_no_pod_goes_by_its_address(stage: Stage) -> None:
    book, told = book_of(stage)
    book.eject(ONE, ejected(NOON, STRANGER), tell=True)
    assert [host.pod for host in book.of(RULE_NAME)] == [""]
    assert told.take()[0][1].startswith(f"host {STRANGER} of {SERVICE} ejected")


def test_a_return_ends_an_ejection_and_is_told(stage: Stage) -> None:
    book, told = book_of(stage)
    book.eject(ONE, ejected(NOON), tell=True)
    told.take()
    book.restore(ONE, returned(NOON + 36.2), tell=True)
    assert book.of(RULE_NAME) == ()
    assert told.events == [
        (
            RULE_NAME,
            "Normal",
            "HostReturned",
            f"pod cart-a (10.0.0.1:80) of {SERVICE} gets requests from proxy edge-1 again, after 36.2 s",
        )
    ]
    assert told.changed == [RULE_NAME, RULE_NAME]


def test_history_is_shown_but_not_told(stage: Stage) -> None:
    book, told = book_of(stage)
    book.eject(ONE, ejected(NOON), tell=False)
    book.eject(ONE, ejected(NOON, SECOND), tell=False)
    book.restore(ONE, returned(NOON + 30), tell=False)
    assert [host.address for host in book.of(RULE_NAME)] == [SECOND]
    assert told.events == []


def test_each_proxy_has_ejections_of_its_own(stage: Stage) -> None:
    book, _ = book_of(stage)
    book.eject(TWO, ejected(NOON), tell=True)
    book.eject(ONE, ejected(NOON + 1), tell=True)
    assert [host.proxy for host in book.of(RULE_NAME)] == ["edge-1", "edge-2"]
    assert (len(book), book.count(EDGE)) == (2, 2)
    book.restore(ONE, returned(NOON + 40), tell=True)
    assert [host.proxy for host in book.of(RULE_NAME)] == ["edge-2"]


@pytest.mark.parametrize("event", [ejected(cluster="lateen-xds"), ejected(cluster="outbound|1||gone")])
def test_clusters_that_are_not_ours_or_gone_are_ignored(stage: Stage, event: HostEjected) -> None:
    book, told = book_of(stage)
    book.eject(ONE, event, tell=True)
    book.restore(ONE, HostReturned(0.0, "lateen-xds", FIRST), tell=True)
    assert (len(book), told.events, told.changed) == (0, [], [])


# How long


def lasts(book: EjectionBook) -> str:
    (host,) = book.of(RULE_NAME)
    return host.until.removeprefix("2026-11-28T").removesuffix("Z")


def test_each_ejection_in_a_row_lasts_longer() -> None:
    stage = shop("outlierDetection: {interval: 10s, baseEjectionTime: 20s}")
    book, _ = book_of(stage)
    book.eject(ONE, ejected(NOON), tell=True)
    assert lasts(book) == "12:00:20"
    book.restore(ONE, returned(NOON + 20), tell=True)
    book.eject(ONE, ejected(NOON + 25, number=2, rested=5), tell=True)
    assert lasts(book) == "12:01:05"
    book.restore(ONE, returned(NOON + 65), tell=True)
    book.eject(ONE, ejected(NOON + 80, number=3, rested=15), tell=True)
    assert lasts(book) == "12:02:00"  # one look at the healthy host took one off


def test_an_ejection_whose_past_is_unknown_lasts_no_longer_than_their_number_says() -> None:
    stage = shop("outlierDetection: {interval: 10s, baseEjectionTime: 20s}")
    book, _ = book_of(stage)
    book.eject(ONE, ejected(NOON, number=9, rested=1), tell=True)
    assert lasts(book) == "12:03:00"
    book.eject(TWO, ejected(NOON, number=9, rested=1000), tell=True)
    assert [host.until[11:19] for host in book.of(RULE_NAME)] == ["12:03:00", "12:00:20"]


def test_no_ejection_lasts_longer_than_five_minutes_or_the_base_time() -> None:
    book, _ = book_of(shop("outlierDetection: {baseEjectionTime: 100s}"))
    book.eject(ONE, ejected(NOON, number=9, rested=1), tell=True)
    assert lasts(book) == "12:05:00"
    book, _ = book_of(shop("outlierDetection: {baseEjectionTime: 1000s}"))
    book.eject(ONE, ejected(NOON, number=9, rested=1), tell=True)
    assert lasts(book) == "12:16:40"


# Ends that no proxy tells


def test_ejections_end_with_their_proxy(stage: Stage) -> None:
    book, told = book_of(stage)
    for proxy in (ONE, TWO):
        book.eject(proxy, ejected(NOON), tell=True)
    told.take()
    book.forget_proxy(ONE)
    assert [host.proxy for host in book.of(RULE_NAME)] == ["edge-2"]
    assert told.events == []


def test_a_proxy_that_is_started_again_has_forgotten_what_was_before(stage: Stage) -> None:
    book, told = book_of(stage)
    book.eject(ONE, ejected(NOON), tell=True)
    book.eject(ONE, ejected(NOON + 10, SECOND), tell=True)
    told.take()
    book.forget_proxy(ONE, before=NOON + 5)
    assert [host.address for host in book.of(RULE_NAME)] == [SECOND]
    ((reason, message),) = told.take()
    assert reason == "HostReturned"
    assert message.endswith("gets requests from proxy edge-1 again: the proxy was started anew")


def test_an_ejection_ends_when_the_host_leaves(stage: Stage) -> None:
    book, told = book_of(stage)
    book.eject(ONE, ejected(NOON), tell=True)
    book.eject(ONE, ejected(NOON, SECOND), tell=True)
    told.take()
    stage.apply(SLICE.replace("10.0.0.1", "10.0.0.3"), pod("cart-a", "10.0.0.3"))
    book.look_at_cluster(EDGE, CLUSTER)
    assert [host.address for host in book.of(RULE_NAME)] == [SECOND]
    assert told.events == []


def test_an_ejection_outlives_changes_of_other_hosts(stage: Stage) -> None:
    book, _ = book_of(stage)
    book.eject(ONE, ejected(NOON), tell=True)
    stage.apply(SLICE.replace("10.0.0.2", "10.0.0.3"))
    book.look_at_cluster(EDGE, CLUSTER)
    assert len(book) == 1


def test_a_change_of_the_cluster_ends_its_ejections_and_is_told(stage: Stage) -> None:
    book, told = book_of(stage)
    book.eject(ONE, ejected(NOON), tell=True)
    told.take()
    stage.apply(rule("outlierDetection: {consecutive5xxErrors: 4}"))
    book.look_at_cluster(EDGE, CLUSTER)
    assert book.of(RULE_NAME) == ()
    ((reason, message),) = told.take()
    assert reason == "HostReturned"
    assert "its cluster was changed" in message


def test_ejections_end_with_their_cluster(stage: Stage) -> None:
    book, told = book_of(stage)
    book.eject(ONE, ejected(NOON), tell=True)
    told.take()
    stage.remove(rule())
    book.look_at_cluster(EDGE, CLUSTER)
    assert (len(book), told.events) == (0, [])


def test_an_ejection_follows_its_cluster_to_another_rule(stage: Stage) -> None:
    book, told = book_of(stage)
    book.eject(ONE, ejected(NOON), tell=True)
    other = Key(Kind.DESTINATION_RULE, "default", "cart-2")
    stage.remove(rule())
    stage.apply(rule(name="cart-2"))
    told.changed.clear()
    book.look_at_cluster(EDGE, CLUSTER)
    assert book.of(RULE_NAME) == ()
    assert [host.address for host in book.of(other)] == [FIRST]
    assert told.changed == [RULE_NAME, other]


def test_an_ejection_whose_end_was_not_heard_ends_after_a_while(stage: Stage) -> None:
    book, told = book_of(stage)
    book.eject(ONE, ejected(NOON), tell=True)
    told.take()
    book.look(NOON + 79)
    assert len(book) == 1
    book.look(NOON + 81)
    assert (len(book), told.events) == (0, [])


def test_the_past_is_forgotten_when_it_has_no_effect_any_more(stage: Stage) -> None:
    book, _ = book_of(stage)
    book.eject(ONE, ejected(NOON), tell=True)
    book.restore(ONE, returned(NOON + 30), tell=True)
    book.look(NOON + 35)
    assert book.is_waiting
    book.look(NOON + 41)
    assert not book.is_waiting


def test_a_book_that_somebody_else_keeps_is_emptied_without_a_word(stage: Stage) -> None:
    book, told = book_of(stage)
    book.eject(ONE, ejected(NOON), tell=True)
    changed = len(told.changed)
    book.clear()
    assert (book.of(RULE_NAME), len(book), book.is_waiting, len(told.changed)) == ((), 0, False, changed)
