"""One AdmissionReview in, one out."""

from typing import Any

import pytest

from lateen.model.objects import Severity
from lateen.validation.intake import Intake
from lateen.webhook.review import ReviewError, review

SPEC: dict[str, Any] = {
    "hosts": ["shop.example.com"],
    "http": [{"route": [{"destination": {"host": "cart"}}], "timeout": "5s"}],
}
BAD: dict[str, Any] = {**SPEC, "http": [{**SPEC["http"][0], "timeout": "soon"}]}
KIND = {"group": "networking.istio.io", "version": "v1", "kind": "VirtualService"}


def virtual_service(spec: Any = SPEC, **metadata: Any) -> dict[str, Any]:
    named = {"name": "shop", "namespace": "default", **metadata}
    return {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": named, "spec": spec}


def request(new: Any, old: Any = None, operation: str = "CREATE", **fields: Any) -> dict[str, Any]:
    asked = {"uid": "1", "kind": KIND, "operation": operation, "name": "shop", "namespace": "default"}
    return {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {**asked, "object": new, "oldObject": old, **fields},
    }


def answer(asked: dict[str, Any], intake: Intake | None = None) -> dict[str, Any]:
    given = review(asked, intake or Intake())
    assert (given["apiVersion"], given["kind"]) == ("admission.k8s.io/v1", "AdmissionReview")
    response: dict[str, Any] = given["response"]
    assert response["uid"] == "1"
    return response


def test_a_good_object_is_let_in_without_a_word() -> None:
    assert answer(request(virtual_service())) == {"uid": "1", "allowed": True}


def test_a_bad_object_is_refused_in_the_doors_words_with_the_fields_path() -> None:
    response = answer(request(virtual_service(BAD)))
    assert response["allowed"] is False
    (cause,) = response["status"]["details"]["causes"]
    assert cause["field"] == "spec.http[0].timeout"
    assert cause["message"].startswith("'soon' is not a duration")
    assert response["status"]["message"] == f"spec.http[0].timeout: {cause['message']}"
    assert (response["status"]["code"], response["status"]["reason"]) == (422, "Invalid")
    details = response["status"]["details"]
    assert (details["name"], details["group"], details["kind"]) == ("shop", "networking.istio.io", "VirtualService")


def test_what_is_doubtful_is_let_in_with_warnings() -> None:
    spec = {**SPEC, "colour": "red"}
    response = answer(request(virtual_service(spec)))
    assert response["allowed"] is True
    assert [each.partition(":")[0] for each in response["warnings"]] == ["spec.colour"]
    assert answer(request(virtual_service(spec)), Intake(unknown_fields=Severity.ERROR))["allowed"] is False


def test_an_update_is_judged_by_what_it_changes() -> None:
    bad, labelled = virtual_service(BAD), virtual_service(BAD, labels={"a": "b"}, generation=2)
    assert answer(request(labelled, bad, "UPDATE"))["allowed"] is True, "a label is no fault of the spec"
    assert answer(request(bad, virtual_service(), "UPDATE"))["allowed"] is False
    annotated = virtual_service(annotations={"internal.istio.io/always-reject": "true"})
    assert answer(request(annotated, virtual_service(), "UPDATE"))["allowed"] is False


@pytest.mark.parametrize(
    "asked",
    [
        request(None, virtual_service(BAD), "DELETE"),
        request(virtual_service(BAD), operation="CONNECT"),
        request(virtual_service(BAD), subResource="status", operation="UPDATE"),
        request(virtual_service(BAD, deletionTimestamp="2026-01-01T00:00:00Z"), virtual_service(), "UPDATE"),
    ],
)
def test_what_brings_nothing_new_is_let_through(asked: dict[str, Any]) -> None:
    assert answer(asked)["allowed"] is True


def test_a_name_that_is_yet_to_be_made_is_no_fault() -> None:
    raw = virtual_service()
    raw["metadata"] = {"generateName": "shop-"}
    assert answer(request(raw, name="")) == {"uid": "1", "allowed": True}


@pytest.mark.parametrize(
    "raw",
    [
        {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": "a"}, "spec": 7},
        {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": 7},
        {},
    ],
)
def test_whatever_is_sent_is_answered(raw: dict[str, Any]) -> None:
    assert answer(request(raw))["allowed"] is False


def test_messages_are_one_line_each() -> None:
    response = answer(request(virtual_service({**SPEC, "a\nb": 1})))
    assert all("\n" not in each for each in response["warnings"])


@pytest.mark.parametrize(
    "asked",
    [
        None,
        [],
        {},
        {"apiVersion": "admission.k8s.io/v1beta1", "kind": "AdmissionReview"},
        {**request(None), "request": {}},
    ],
)
def test_what_is_no_review_is_an_error(asked: Any) -> None:
    with pytest.raises(ReviewError):
        review(asked, Intake())
