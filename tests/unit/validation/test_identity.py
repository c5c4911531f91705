"""Names of documents."""

from typing import Any

import pytest

from lateen.model.keys import Key, Kind
from lateen.model.objects import Problem, Severity
from lateen.validation.intake import Intake, identify


def document(**changes: Any) -> dict[str, Any]:
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "Gateway",
        "metadata": {"name": "edge", "namespace": "shop"},
    } | changes


def reason(raw: Any) -> Problem:
    found = identify(raw)
    assert isinstance(found, Problem)
    return found


@pytest.mark.parametrize("version", ["v1", "v1beta1", "v1alpha3"])
def test_every_served_version_of_a_kind_is_that_kind(version: str) -> None:
    assert identify(document(apiVersion=f"networking.istio.io/{version}")) == Key(Kind.GATEWAY, "shop", "edge")


@pytest.mark.parametrize(
    ("api_version", "kind", "expected"),
    [
        ("v1", "Service", Kind.SERVICE),
        ("v1", "Secret", Kind.SECRET),
        ("v1", "Pod", Kind.POD),
        ("discovery.k8s.io/v1", "EndpointSlice", Kind.ENDPOINT_SLICE),
        ("networking.istio.io/v1", "WorkloadEntry", Kind.WORKLOAD_ENTRY),
    ],
)
def test_kinds_are_known_by_group_and_name(api_version: str, kind: str, expected: Kind) -> None:
    assert identify(document(apiVersion=api_version, kind=kind)) == Key(expected, "shop", "edge")


def test_an_object_without_namespace_is_in_the_default_one() -> None:
    raw = document(metadata={"name": "edge"})
    assert identify(raw) == Key(Kind.GATEWAY, "default", "edge")
    assert Intake(default_namespace="mine").identify(raw) == Key(Kind.GATEWAY, "mine", "edge")


def test_an_unknown_istio_kind_is_an_error_that_lists_the_known_ones() -> None:
    found = reason(document(kind="Gatway"))
    assert found.severity is Severity.ERROR
    assert "VirtualService" in found.message


def test_an_istio_kind_that_is_not_supported_yet_says_so() -> None:
    assert reason(document(kind="EnvoyFilter")).message == "EnvoyFilter is not supported yet"


def test_other_policies_of_istio_are_worth_a_warning_because_they_have_no_effect() -> None:
    found = reason(document(apiVersion="security.istio.io/v1", kind="AuthorizationPolicy"))
    assert found.severity is Severity.WARNING


def test_kinds_of_other_groups_are_nobodys_fault() -> None:
    for api_version, kind in (
        ("apps/v1", "Deployment"),
        ("v1", "ConfigMap"),
        ("gateway.networking.k8s.io/v1", "Gateway"),
    ):
        assert reason(document(apiVersion=api_version, kind=kind)).severity is Severity.INFO


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        ([], ()),
        ("text", ()),
        ({}, ("apiVersion",)),
        (document(apiVersion=1), ("apiVersion",)),
        (document(apiVersion="networking.istio.io/v9"), ("apiVersion",)),
        (document(apiVersion="v2", kind="Service"), ("apiVersion",)),
        (document(kind=None), ("kind",)),
        (document(metadata=None), ("metadata",)),
        (document(metadata=["a"]), ("metadata",)),
        (document(metadata={}), ("metadata", "name")),
        (document(metadata={"name": 5}), ("metadata", "name")),
        (document(metadata={"name": ""}), ("metadata", "name")),
        (document(metadata={"name": "a/b"}), ("metadata", "name")),
        (document(metadata={"name": "a" * 254}), ("metadata", "name")),
        (document(metadata={"name": "a", "namespace": 5}), ("metadata", "namespace")),
        (document(metadata={"name": "a", "namespace": "a/b"}), ("metadata", "namespace")),
    ],
)
def test_what_cannot_be_named_says_where_it_is_wrong(raw: Any, path: tuple[str, ...]) -> None:
    found = reason(raw)
    assert found.path == path
    assert found.severity is Severity.ERROR
