"""Status at a real API server: what is written, what stays, and what is not written again."""

from collections.abc import AsyncIterator
from typing import Any, Final

import pytest
from tests.apiserver.client import ApiClient

from lateen.kube.client import ApiError, KubeClient
from lateen.kube.resources import RESOURCES
from lateen.model.keys import Key, Kind
from lateen.status.base import EjectedHost, ObjectStatus
from lateen.status.conditions import Condition, ConditionType
from lateen.status.kube import Before, KubeStatusSink

pytestmark = [pytest.mark.apiserver, pytest.mark.timeout(240)]

RULE: Final[dict[str, Any]] = {
    "apiVersion": "networking.istio.io/v1",
    "kind": "DestinationRule",
    "metadata": {"name": "reviews"},
    "spec": {"host": "reviews"},
}
KEY: Final = Key(Kind.DESTINATION_RULE, "default", "reviews")
RESOURCE: Final = RESOURCES[Kind.DESTINATION_RULE]
EJECTED: Final = EjectedHost(
    address="10.1.2.3:8080",
    pod="reviews-1",
    service="reviews.default.svc.cluster.local",
    proxy="lateen-1",
    cause="5 consecutive 5xx answers",
    since="2026-01-01T00:00:00Z",
    until="",
)


def status(programmed: str, *ejections: EjectedHost, generation: int = 1, message: str = "") -> ObjectStatus:
    accepted = Condition(ConditionType.ACCEPTED, "True", "Accepted")
    return ObjectStatus(
        (accepted, Condition(ConditionType.PROGRAMMED, programmed, "Programmed", message)), generation, ejections
    )


class Clock:
    """Seconds since 1970, as a test sets them."""

    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def rule(api: ApiClient) -> AsyncIterator[ApiClient]:
    api.apply(RULE)
    yield api
    api.delete(RULE)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sink(kube: KubeClient, clock: Clock) -> KubeStatusSink:
    return KubeStatusSink(kube, wall=clock)


def conditions_of(api: ApiClient) -> dict[str, dict[str, Any]]:
    return {each["type"]: each for each in api.get(RULE)["status"]["conditions"]}


def observe(sink: KubeStatusSink, api: ApiClient) -> None:
    """As the watch does."""
    found = api.get(RULE)
    sink.observe(KEY, found.get("status", {}), found["metadata"]["resourceVersion"])


async def test_status_is_what_kubectl_shows_and_waits_for(rule: ApiClient, sink: KubeStatusSink) -> None:
    await sink.write(KEY, status("True", message="acknowledged by 2 of 2 proxies"))
    assert rule.table(RULE)["Programmed"] == "True"
    assert rule.get(RULE)["status"]["observedGeneration"] == 1
    assert conditions_of(rule)["Programmed"] == {
        "type": "Programmed",
        "status": "True",
        "reason": "Programmed",
        "message": "acknowledged by 2 of 2 proxies",
        "observedGeneration": 1,
        "lastTransitionTime": "2027-01-15T08:00:00Z",
    }


async def test_the_time_of_a_transition_is_when_the_answer_changed(
    rule: ApiClient, sink: KubeStatusSink, clock: Clock
) -> None:
    await sink.write(KEY, status("False"))
    clock.now += 60
    await sink.write(KEY, status("True", generation=2))
    times = {type_: each["lastTransitionTime"] for type_, each in conditions_of(rule).items()}
    assert times == {"Accepted": "2027-01-15T08:00:00Z", "Programmed": "2027-01-15T08:01:00Z"}


async def test_what_is_right_is_not_written_again_by_a_new_process(rule: ApiClient, kube: KubeClient) -> None:
    said = status("True", EJECTED)
    await KubeStatusSink(kube).write(KEY, said)
    before = rule.get(RULE)
    restarted = KubeStatusSink(kube)
    assert not restarted.is_written(KEY, said)
    observe(restarted, rule)
    assert restarted.is_written(KEY, said)
    ignorant = KubeStatusSink(kube)
    await ignorant.write(KEY, said)
    assert (ignorant.writes, rule.get(RULE)) == (0, before)


async def test_conditions_of_others_stay(rule: ApiClient, sink: KubeStatusSink) -> None:
    theirs = {"type": "Reconciled", "status": "True", "reason": "Istiod"}
    await sink.write(KEY, status("False"))
    observe(sink, rule)
    ours = rule.get(RULE)["status"]["conditions"]
    rule.patch_status(RULE, {"conditions": [theirs, *ours]})  # which the watch has not told yet
    await sink.write(KEY, status("True"))
    assert conditions_of(rule)["Reconciled"] == theirs
    assert conditions_of(rule)["Programmed"]["status"] == "True"
    await sink.write(KEY, status("False"))
    assert set(conditions_of(rule)) == {"Reconciled", "Accepted", "Programmed"}


async def test_ejections_go_when_there_are_none(rule: ApiClient, sink: KubeStatusSink) -> None:
    await sink.write(KEY, status("True", EJECTED))
    assert rule.get(RULE)["status"]["ejections"] == [
        {
            "address": "10.1.2.3:8080",
            "pod": "reviews-1",
            "service": "reviews.default.svc.cluster.local",
            "proxy": "lateen-1",
            "cause": "5 consecutive 5xx answers",
            "since": "2026-01-01T00:00:00Z",
        }
    ]
    assert not sink.is_written(KEY, status("True"))
    await sink.write(KEY, status("True"))
    assert "ejections" not in rule.get(RULE)["status"]


async def test_an_observation_that_is_older_than_a_write_is_passed_over(rule: ApiClient, sink: KubeStatusSink) -> None:
    old = rule.get(RULE)
    await sink.write(KEY, status("True"))
    sink.observe(KEY, old.get("status", {}), old["metadata"]["resourceVersion"])
    assert sink.is_written(KEY, status("True"))
    observe(sink, rule)
    assert sink.is_written(KEY, status("True"))


async def test_an_object_that_is_gone_needs_no_status(rule: ApiClient, sink: KubeStatusSink) -> None:
    observe(sink, rule)
    rule.delete(RULE)
    await sink.write(KEY, status("True"))
    sink.observe(KEY, None)
    await sink.write(KEY, status("True"))
    assert sink.writes == 0


async def test_a_refusal_is_an_error(rule: ApiClient, sink: KubeStatusSink) -> None:
    broken = EjectedHost("10.1.2.3:8080", "", "", "", "", "yesterday", "")
    with pytest.raises(ApiError) as refused:
        await sink.write(KEY, status("True", broken))
    assert (refused.value.code, sink.writes) == (422, 0)


async def test_who_listens_hears_what_was_said_before(rule: ApiClient, kube: KubeClient) -> None:
    heard: list[tuple[Before, ObjectStatus]] = []
    sink = KubeStatusSink(kube, on_written=lambda _, before, now: heard.append((before, now)))
    await sink.write(KEY, status("False"))
    await sink.write(KEY, status("True"))
    assert [{type_: each.status for type_, each in before.items()} for before, _ in heard] == [
        {},
        {"Accepted": "True", "Programmed": "False"},
    ]
    assert [now for _, now in heard] == [status("False"), status("True")]
