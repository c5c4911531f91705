"""Whether an object still says what was applied to it, by its metadata."""

from typing import Any

import pytest

from lateen.kube.ownership import lost_field

MANIFEST: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Thing",
    "metadata": {"name": "a", "namespace": "b", "labels": {"x.y/z": "1"}},
    "spec": {
        "replicas": 2,
        "selector": {"a": "b"},
        "args": ["x", "y"],
        "empty": {},
        "ports": [{"port": 80, "name": "http"}, {"port": 443, "protocol": "UDP"}],
    },
}
SPEC: dict[str, Any] = {
    "f:replicas": {},
    "f:selector": {},
    "f:args": {},
    "f:empty": {},
    "f:ports": {
        'k:{"port":80,"protocol":"TCP"}': {".": {}, "f:port": {}, "f:name": {}},
        'k:{"port":443,"protocol":"UDP"}': {".": {}, "f:port": {}, "f:protocol": {}},
    },
}
FIELDS: dict[str, Any] = {"f:metadata": {"f:labels": {"f:x.y/z": {}}}, "f:spec": SPEC}


def metadata(fields: dict[str, Any], **entry: str) -> dict[str, Any]:
    ours = {"manager": "lateen", "operation": "Apply", "fieldsV1": fields, **entry}
    return {"managedFields": [{"manager": "lateen", "operation": "Update", "fieldsV1": {"f:status": {}}}, ours]}


def spec(**changed: Any) -> dict[str, Any]:
    kept = {name: value for name, value in {**SPEC, **changed}.items() if value is not None}
    return metadata({**FIELDS, "f:spec": kept})


def test_all_fields_are_ours() -> None:
    assert lost_field(metadata(FIELDS), MANIFEST) == ""


def test_fields_of_others_do_not_matter() -> None:
    assert lost_field(spec(**{"f:more": {}}), MANIFEST) == ""


@pytest.mark.parametrize(
    ("changed", "lost"),
    [
        ({"f:replicas": None}, "spec.replicas"),
        ({"f:selector": None}, "spec.selector"),
        ({"f:args": None}, "spec.args"),
        ({"f:empty": None}, "spec.empty"),
        ({"f:ports": None}, "spec.ports"),
        ({"f:ports": {'k:{"port":443,"protocol":"UDP"}': {}}}, "spec.ports.0"),
        (
            {"f:ports": {**SPEC["f:ports"], 'k:{"port":80,"protocol":"TCP"}': {".": {}, "f:port": {}}}},
            "spec.ports.0.name",
        ),
    ],
)
def test_a_field_that_somebody_changed_is_found(changed: dict[str, Any], lost: str) -> None:
    assert lost_field(spec(**changed), MANIFEST) == lost


def test_labels_are_fields_too() -> None:
    assert lost_field(metadata({**FIELDS, "f:metadata": {"f:labels": {}}}), MANIFEST) == ""
    assert lost_field(metadata({**FIELDS, "f:metadata": {"f:labels": {"f:other": {}}}}), MANIFEST) == (
        "metadata.labels.x.y/z"
    )


@pytest.mark.parametrize(
    "other", [{"manager": "somebody"}, {"operation": "Update"}, {"subresource": "status"}], ids=str
)
def test_what_others_or_other_requests_own_is_not_ours(other: dict[str, str]) -> None:
    assert lost_field(metadata(FIELDS, **other), MANIFEST) == "metadata"
    assert lost_field({}, MANIFEST) == "metadata"


def test_elements_that_are_known_by_themselves_are_taken_as_one() -> None:
    finalizers = {"metadata": {"name": "a", "finalizers": ["x"]}}
    owned = metadata({"f:metadata": {"f:finalizers": {".": {}, 'v:"x"': {}}}})
    assert lost_field(owned, finalizers) == ""
