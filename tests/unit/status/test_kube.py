"""Status of objects at an API server: what is remembered, compared and written."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Final

import pytest

from lateen.kube.client import ApiError
from lateen.kube.resources import ApiResource
from lateen.model.keys import Key, Kind
from lateen.status.base import EjectedHost, ObjectStatus
from lateen.status.conditions import Condition, ConditionType
from lateen.status.kube import KubeStatusSink

KEY: Final = Key(Kind.DESTINATION_RULE, "shop", "cart")
THEIRS: Final = {"type": "Reconciled", "status": "True"}
EJECTED: Final = EjectedHost("10.1.2.3:8080", "cart-1", "cart", "lateen-1", "5 errors", "2026-01-01T00:00:00Z", "")


class Objects:
    """One object of an API server; others change it when a test says so."""

    def __init__(self) -> None:
        """Begin with an object that says nothing."""
        self.object: dict[str, Any] | None = {"metadata": {"resourceVersion": "1"}}
        self.reads = 0
        self.patches: list[dict[str, Any]] = []
        self.errors: list[ApiError] = []
        self.rivals = 0
        """How often somebody else is faster with a write."""

    def change(self, **status: Any) -> None:
        assert self.object is not None
        self.object["status"] = {**self.object.get("status", {}), **status}
        self.object["metadata"] = {"resourceVersion": str(int(self.object["metadata"]["resourceVersion"]) + 1)}

    async def get(self, resource: ApiResource, namespace: str, name: str) -> dict[str, Any] | None:
        assert (resource.plural, namespace, name) == ("destinationrules", "shop", "cart")
        self.reads += 1
        return deepcopy(self.object)

    async def merge(
        self, resource: ApiResource, namespace: str, name: str, patch: Mapping[str, Any], *, part: str = ""
    ) -> dict[str, Any]:
        assert (resource.plural, namespace, name, part) == ("destinationrules", "shop", "cart", "status")
        if self.rivals:
            self.rivals -= 1
            self.change(theirs=self.rivals)
        if self.errors:
            raise self.errors.pop(0)
        if self.object is None:
            raise ApiError(404, "NotFound", "there is none")
        if patch["metadata"]["resourceVersion"] != self.object["metadata"]["resourceVersion"]:
            raise ApiError(409, "Conflict", "somebody was faster")
        self.patches.append(deepcopy(dict(patch)))
        self.change(**patch["status"])
        return deepcopy(self.object)


def status(programmed: str = "True", *ejections: EjectedHost, generation: int = 1) -> ObjectStatus:
    return ObjectStatus((Condition(ConditionType.PROGRAMMED, programmed, "Because"),), generation, ejections)


def observe(sink: KubeStatusSink, objects: Objects) -> None:
    assert objects.object is not None
    sink.observe(KEY, objects.object.get("status", {}), objects.object["metadata"]["resourceVersion"])


async def test_an_object_that_says_it_already_is_not_written() -> None:
    objects = Objects()
    sink = KubeStatusSink(objects)
    observe(sink, objects)
    assert not sink.is_written(KEY, status())
    await sink.write(KEY, status())
    restarted = KubeStatusSink(objects)
    observe(restarted, objects)
    assert restarted.is_written(KEY, status())
    for other in (status("False"), status("True", EJECTED), status(generation=2)):
        assert not restarted.is_written(KEY, other)
    assert objects.reads == 0


async def test_what_somebody_else_makes_of_a_status_is_told_and_what_was_written_here_is_not() -> None:
    objects, altered = Objects(), list[Key]()
    sink = KubeStatusSink(objects, on_altered=altered.append)
    observe(sink, objects)
    altered.clear()
    await sink.write(KEY, status())
    observe(sink, objects)
    objects.change(conditions=[THEIRS, *objects.patches[-1]["status"]["conditions"]])
    observe(sink, objects)
    assert altered == []
    objects.change(conditions=[])
    observe(sink, objects)
    assert altered == [KEY]
    assert not sink.is_written(KEY, status())


class Hasty(Objects):
    """Tells of a write before it is answered."""

    sink: KubeStatusSink

    async def merge(self, *arguments: Any, **options: Any) -> dict[str, Any]:
        written = await super().merge(*arguments, **options)
        observe(self.sink, self)
        return written


async def test_a_status_that_comes_before_the_answer_to_its_write_is_no_news() -> None:
    objects, altered = Hasty(), list[Key]()
    sink = objects.sink = KubeStatusSink(objects, on_altered=altered.append)
    observe(sink, objects)
    altered.clear()
    await sink.write(KEY, status())
    assert (altered, len(objects.patches)) == ([], 1)


async def test_since_when_an_answer_holds_does_not_matter() -> None:
    objects = Objects()
    sink = KubeStatusSink(objects)
    await sink.write(KEY, status())
    assert objects.object is not None
    for condition in objects.object["status"]["conditions"]:
        condition["lastTransitionTime"] = "1999-01-01T00:00:00Z"
    objects.change()
    observe(sink, objects)
    assert sink.is_written(KEY, status())
    await sink.write(KEY, status(generation=2))
    assert objects.patches[-1]["status"]["conditions"][0]["lastTransitionTime"] == "1999-01-01T00:00:00Z"


async def test_kinds_that_carry_no_status_count_as_written() -> None:
    objects = Objects()
    sink = KubeStatusSink(objects)
    service = Key(Kind.SERVICE, "shop", "cart")
    sink.observe(service, {"loadBalancer": {}}, "1")
    assert sink.is_written(service, status())
    await sink.write(service, status())
    assert sink.is_written(KEY, ObjectStatus(()))
    assert (objects.reads, objects.patches) == (0, [])


async def test_a_write_that_somebody_was_faster_than_is_made_again_for_what_is_there_now() -> None:
    objects = Objects()
    sink = KubeStatusSink(objects)
    observe(sink, objects)
    objects.change(conditions=[THEIRS])
    await sink.write(KEY, status())
    assert objects.reads == 1
    assert [each["type"] for each in objects.patches[0]["status"]["conditions"]] == ["Reconciled", "Programmed"]


async def test_a_write_that_others_are_always_faster_than_is_left_for_later() -> None:
    objects = Objects()
    objects.rivals = 10
    sink = KubeStatusSink(objects)
    with pytest.raises(ApiError) as conflict:
        await sink.write(KEY, status())
    assert (conflict.value.is_conflict, objects.reads, objects.rivals) == (True, 3, 7)


async def test_what_somebody_else_has_written_rightly_is_not_written_again() -> None:
    objects = Objects()
    sink, other = KubeStatusSink(objects), KubeStatusSink(objects)
    observe(sink, objects)
    await other.write(KEY, status())
    await sink.write(KEY, status())
    assert (len(objects.patches), sink.writes, other.writes) == (1, 0, 1)


async def test_an_error_is_the_callers_and_changes_nothing() -> None:
    objects = Objects()
    objects.errors = [ApiError(503, "", "later")]
    sink = KubeStatusSink(objects)
    with pytest.raises(ApiError):
        await sink.write(KEY, status())
    await sink.write(KEY, status())
    assert (objects.reads, sink.writes) == (1, 1)


async def test_an_object_that_is_gone_needs_no_status() -> None:
    objects = Objects()
    sink = KubeStatusSink(objects)
    observe(sink, objects)
    objects.object = None
    await sink.write(KEY, status())
    await sink.write(KEY, status())
    assert (objects.reads, sink.writes) == (1, 0)


async def test_only_destination_rules_say_that_nothing_is_ejected() -> None:
    objects = Objects()
    sink = KubeStatusSink(objects)
    await sink.write(KEY, status("True", EJECTED))
    assert objects.patches[-1]["status"]["ejections"][0] == {
        "address": "10.1.2.3:8080",
        "pod": "cart-1",
        "service": "cart",
        "proxy": "lateen-1",
        "cause": "5 errors",
        "since": "2026-01-01T00:00:00Z",
    }
    await sink.write(KEY, status())
    assert objects.patches[-1]["status"]["ejections"] is None


async def test_who_listens_hears_of_writes_and_of_nothing_else() -> None:
    objects, heard = Objects(), []
    sink = KubeStatusSink(objects, on_written=lambda key, before, now: heard.append((key, dict(before), now)))
    await sink.write(KEY, status("False"))
    await sink.write(KEY, status("False"))
    await sink.write(KEY, status("True"))
    assert [now for _, _, now in heard] == [status("False"), status("True")]
    assert heard[0][1] == {}
    assert heard[1][1][ConditionType.PROGRAMMED].status == "False"


async def test_another_number_of_proxies_alone_is_a_recount() -> None:
    def counted(answer: str, reason: str, message: str, accepted: str = "True", generation: int = 1) -> ObjectStatus:
        conditions = (
            Condition(ConditionType.ACCEPTED, accepted, "Why"),
            Condition(ConditionType.PROGRAMMED, answer, reason, message),
        )
        return ObjectStatus(conditions, generation)

    objects = Objects()
    sink = KubeStatusSink(objects)
    assert not sink.is_recount(KEY, counted("True", "Programmed", "2 of 2")), "it says nothing yet"
    await sink.write(KEY, counted("True", "Programmed", "2 of 2"))
    assert sink.is_recount(KEY, counted("True", "Programmed", "1 of 1"))
    assert sink.is_recount(KEY, counted("False", "Pending", "1 of 2"))
    assert not sink.is_recount(KEY, counted("False", "Rejected", "bad regex"))
    assert not sink.is_recount(KEY, counted("False", "Pending", "1 of 2", accepted="False"))
    assert not sink.is_recount(KEY, counted("False", "Pending", "1 of 2", generation=2))
    await sink.write(KEY, counted("False", "Pending", "1 of 2", generation=2))
    assert not sink.is_recount(KEY, counted("True", "Programmed", "2 of 2", generation=2)), "it is live at last"
    assert sink.is_recount(KEY, counted("False", "Pending", "1 of 3", generation=2))


async def test_that_proxies_lag_behind_is_held_back_while_the_generation_is_live_by_what_is_said() -> None:
    def said(status: str, reason: str, message: str, *, accepted: str = "True", generation: int = 1) -> ObjectStatus:
        about = Condition(ConditionType.ACCEPTED, accepted, "Accepted")
        return ObjectStatus((about, Condition(ConditionType.PROGRAMMED, status, reason, message)), generation)

    sink = KubeStatusSink(Objects())
    pending = said("False", "Pending", "1 of 2", accepted="False")
    assert sink.hold(KEY, pending) == pending, "it says nothing yet"
    await sink.write(KEY, said("True", "Programmed", "2 of 2"))
    assert sink.hold(KEY, pending) == said("True", "Programmed", "2 of 2", accepted="False")
    for other in (
        said("False", "Pending", "1 of 2", generation=2),
        said("False", "Rejected", "bad regex"),
        said("False", "Invalid", "", accepted="False"),
        said("True", "Programmed", "1 of 1", accepted="False"),
    ):
        assert sink.hold(KEY, other) == other
    await sink.write(KEY, said("False", "Rejected", "bad regex"))
    assert sink.hold(KEY, pending) == pending


def test_whatever_somebody_has_written_of_a_generation_is_read() -> None:
    sink = KubeStatusSink(Objects())
    strange = {"type": "Programmed", "status": "True", "reason": "Programmed", "observedGeneration": [None]}
    sink.observe(KEY, {"conditions": [strange]}, "7")
    pending = ObjectStatus((Condition(ConditionType.PROGRAMMED, "False", "Pending"),), 1)
    assert sink.hold(KEY, pending) == pending


STRANGE: Final[tuple[Any, ...]] = (
    "down",
    ["down"],
    {"conditions": "down"},
    {"conditions": {"type": "Programmed"}},
    {"conditions": [None, "down", {}, {"type": ["Programmed"]}, {"type": None}]},
    {"ejections": ["10.0.0.1"]},
    {"ejections": [{"host": {"port": 1}}]},
    {"ejections": "none"},
)


@pytest.mark.parametrize("strange", STRANGE, ids=str)
async def test_whatever_somebody_has_made_of_a_status_it_is_written(strange: Any) -> None:
    objects = Objects()
    sink = KubeStatusSink(objects)
    sink.observe(KEY, strange, "1")
    await sink.write(KEY, status())
    written = objects.patches[-1]["status"]["conditions"][-1]
    assert (written["type"], written["status"]) == ("Programmed", "True")
    observe(sink, objects)
    assert sink.is_written(KEY, status())


class Contested(Objects):
    """Somebody else writes before our write is answered, and the watch tells of both first."""

    sink: KubeStatusSink

    async def merge(self, *arguments: Any, **options: Any) -> dict[str, Any]:
        written = await super().merge(*arguments, **options)
        observe(self.sink, self)
        self.change(conditions=[])
        observe(self.sink, self)
        return written


async def test_what_somebody_else_makes_of_a_status_before_the_answer_to_its_write_is_told() -> None:
    objects, altered = Contested(), list[Key]()
    sink = objects.sink = KubeStatusSink(objects, on_altered=altered.append)
    observe(sink, objects)
    altered.clear()
    await sink.write(KEY, status())
    assert altered == [KEY]
    assert not sink.is_written(KEY, status())
