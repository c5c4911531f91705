"""The door: from documents to objects."""

from datetime import UTC, datetime
from typing import Any

import pytest

from lateen.model.gateway import TlsMode
from lateen.model.keys import Key, Kind
from lateen.model.objects import Severity, print_path
from lateen.validation.intake import Admission, Intake

LENIENT = Intake()
STRICT = Intake(unknown_fields=Severity.ERROR)

PORT = {"number": 80, "name": "http", "protocol": "HTTP"}
SERVER = {"hosts": ["*"], "port": PORT}


def admit(kind: Kind, spec: Any, *, intake: Intake = LENIENT, **parts: Any) -> Admission:
    return intake.admit(Key(kind, "shop", "one"), {"metadata": {"name": "one"}, "spec": spec, **parts})


def gateway(server: Any, *, intake: Intake = LENIENT) -> Admission:
    return admit(Kind.GATEWAY, {"servers": [server]}, intake=intake)


def told(admission: Admission) -> dict[str, str]:
    return {print_path(problem.path): problem.message for problem in admission.problems}


def test_a_valid_object_passes_with_its_labels_age_and_generation() -> None:
    metadata = {
        "name": "one",
        "labels": {"app": "edge"},
        "annotations": {"note": "x"},
        "creationTimestamp": "2026-01-02T03:04:05Z",
        "generation": 7,
    }
    admission = admit(Kind.GATEWAY, {"servers": [SERVER]}, metadata=metadata)
    assert admission.problems == ()
    assert admission.object is not None
    assert admission.object.meta.labels == {"app": "edge"}
    assert admission.object.meta.annotations == {"note": "x"}
    assert admission.object.meta.age_order == ("2026-01-02T03:04:05Z", "one", "shop")
    assert admission.object.generation == 7
    assert admission.object.spec.servers[0].port.number == 80


def test_names_may_be_written_in_snake_case() -> None:
    admission = gateway({**SERVER, "tls": {"https_redirect": True, "min_protocol_version": "TLSV1_2"}})
    assert admission.problems == ()
    assert admission.object is not None
    assert admission.object.spec.servers[0].tls.https_redirect


def test_an_unknown_field_costs_a_warning_and_a_hint_but_not_the_object() -> None:
    admission = gateway({**SERVER, "hostz": ["a"], "tls": {"httpRedirect": True}})
    assert admission.object is not None
    assert {problem.severity for problem in admission.problems} == {Severity.WARNING}
    assert told(admission) == {
        "spec.servers[0].hostz": "unknown field 'hostz'; did you mean 'hosts'?",
        "spec.servers[0].tls.httpRedirect": "unknown field 'httpRedirect'; did you mean 'httpsRedirect'?",
    }


def test_a_strict_door_refuses_unknown_fields() -> None:
    admission = gateway({**SERVER, "zzz": 1}, intake=STRICT)
    assert admission.object is None
    assert told(admission) == {"spec.servers[0].zzz": "unknown field 'zzz'"}


def test_unknown_fields_do_not_hide_errors_nor_errors_unknown_fields() -> None:
    admission = gateway({"hosts": ["short"], "port": {**PORT, "nummer": 1}, "tls": {"mode": "SIMPEL"}})
    assert admission.object is None
    assert set(told(admission)) == {"spec.servers[0].port.nummer", "spec.servers[0].tls.mode"}


def test_null_counts_as_absent() -> None:
    spec = {"selector": None, "servers": [{**SERVER, "tls": None, "bind": None, "name": None}]}
    admission = admit(Kind.GATEWAY, spec)
    assert admission.problems == ()
    assert admission.object is not None
    assert admission.object.spec.servers[0].bind == ""


def test_null_is_no_entry_of_a_list() -> None:
    assert told(admit(Kind.GATEWAY, {"servers": [None]})) == {"spec.servers[0]": "a mapping is expected, not null"}


def test_a_required_field_that_is_null_is_missing() -> None:
    assert told(gateway({"hosts": ["*"], "port": None})) == {"spec.servers[0].port": "'port' is required"}


@pytest.mark.parametrize(
    ("spec", "path", "message"),
    [
        ({"servers": {}}, "spec.servers", "a list is expected, not a mapping"),
        ({"servers": ["x"]}, "spec.servers[0]", "a mapping is expected, not 'x'"),
        ({"servers": [{"port": PORT}]}, "spec.servers[0].hosts", "'hosts' is required"),
        ({"servers": [{**SERVER, "hosts": [5]}]}, "spec.servers[0].hosts[0]", "text is expected, not 5"),
        ({"servers": [SERVER], "selector": {"a": True}}, "spec.selector.a", "text is expected, not true"),
        ({"servers": [SERVER], "selector": {1: "a"}}, "spec.selector[1]", "text is expected, not 1"),
        (
            {"servers": [{**SERVER, "port": {**PORT, "number": "http"}}]},
            "spec.servers[0].port.number",
            "a whole number is expected, not 'http'",
        ),
        (
            {"servers": [{**SERVER, "port": {**PORT, "number": -1}}]},
            "spec.servers[0].port.number",
            "a value of at least 0 is expected, not -1",
        ),
        (
            {"servers": [{**SERVER, "tls": {"httpsRedirect": "true"}}]},
            "spec.servers[0].tls.httpsRedirect",
            "true or false is expected, not 'true'",
        ),
        ([], "spec", "a mapping is expected, not a list"),
        ("x", "spec", "a mapping is expected, not 'x'"),
    ],
)
def test_a_wrong_value_is_one_problem_in_plain_words(spec: Any, path: str, message: str) -> None:
    admission = admit(Kind.GATEWAY, spec)
    assert admission.object is None
    assert told(admission) == {path: message}


def test_long_wrong_values_are_cut_in_messages() -> None:
    (message,) = told(gateway({**SERVER, "port": "x" * 500})).values()
    assert len(message) < 120


def test_problems_of_rules_are_spelled_as_the_author_wrote_the_field() -> None:
    admission = admit(Kind.SERVICE_ENTRY, {"hosts": ["a.com"], "export_to": ["a.b"]})
    assert list(told(admission)) == ["spec.export_to[0]"]


def test_an_object_without_spec_is_judged_like_an_empty_one() -> None:
    admission = LENIENT.admit(Key(Kind.SERVICE_ENTRY, "shop", "one"), {"metadata": {"name": "one"}})
    assert told(admission) == {"spec.hosts": "'hosts' is required"}


def test_enumerations_are_read_by_number_too() -> None:
    admission = gateway({**SERVER, "port": {**PORT, "protocol": "TLS"}, "tls": {"mode": 3}})
    assert admission.object is not None
    assert admission.object.spec.servers[0].tls.mode is TlsMode.AUTO_PASSTHROUGH


@pytest.mark.parametrize(
    "annotation",
    [
        "internal.istio.io/always-reject",
        "internal.istio.io/parents",
        "internal.istio.io/parent-namespace",
        "istio.io/dry-run",
    ],
)
def test_annotations_that_no_user_may_set_refuse_the_object(annotation: str) -> None:
    metadata = {"name": "one", "annotations": {annotation: "x"}}
    admission = admit(Kind.GATEWAY, {"servers": [SERVER]}, metadata=metadata)
    assert admission.object is None
    assert [problem.path for problem in admission.problems] == [("metadata", "annotations", annotation)]


def test_an_object_has_no_parts_beside_the_usual() -> None:
    assert admit(Kind.GATEWAY, {"servers": [SERVER]}, status={"a": 1}).object is not None
    assert told(admit(Kind.GATEWAY, {"servers": [SERVER]}, specs={})) == {
        "specs": "unknown field 'specs' beside apiVersion, kind, metadata, spec and status",
    }


def test_labels_that_are_not_text_are_reported_where_they_stand() -> None:
    metadata = {"name": "one", "labels": {"a": 5, "b": "c", "d": None}, "annotations": "x"}
    admission = admit(Kind.GATEWAY, {"servers": [SERVER]}, metadata=metadata)
    assert admission.object is None
    assert told(admission) == {
        "metadata.labels.a": "text is expected, not 5",
        "metadata.annotations": "a mapping is expected, not 'x'",
    }


def test_kinds_of_kubernetes_are_read_without_fuss() -> None:
    service = {
        "metadata": {"name": "one", "labels": None},
        "spec": {"ports": [{"port": 80}], "selector": None, "new": 1},
    }
    assert LENIENT.admit(Key(Kind.SERVICE, "shop", "one"), service).problems == ()
    slice_: dict[str, Any] = {"metadata": {}, "addressType": "IPv4", "endpoints": None, "ports": None, "new": 1}
    assert LENIENT.admit(Key(Kind.ENDPOINT_SLICE, "shop", "one"), slice_).problems == ()
    pod = {"metadata": {}, "spec": {"containers": []}, "status": {"podIP": "10.0.0.1"}}
    admission = LENIENT.admit(Key(Kind.POD, "shop", "one"), pod)
    assert admission.object is not None
    assert admission.object.spec.addresses == ("10.0.0.1",)


def test_what_is_wrong_with_a_secret_is_told_without_telling_the_secret() -> None:
    raw = {"metadata": {"name": "one"}, "data": {"tls.key": "hush!", "tls.crt": 12345}, "stringData": {"a": 67890}}
    admission = LENIENT.admit(Key(Kind.SECRET, "shop", "one"), raw)
    assert admission.object is None
    assert [problem.path for problem in admission.problems] == [
        ("data", "tls.key"),
        ("data", "tls.crt"),
        ("stringData", "a"),
    ]
    assert not any(value in str(admission) for value in ("hush", "12345", "67890"))


def test_a_source_that_hands_over_dates_is_understood() -> None:

    metadata = {"name": "one", "creationTimestamp": datetime(2026, 1, 2, tzinfo=UTC)}
    admission = admit(Kind.GATEWAY, {"servers": [SERVER]}, metadata=metadata)
    assert admission.object is not None
    assert admission.object.meta.created == "2026-01-02T00:00:00Z"


def test_an_unknown_condition_refuses_the_object_because_without_it_more_would_match() -> None:
    rule = {"match": [{"uri": {"prefx": "/users"}}], "route": [{"destination": {"host": "users"}}]}
    admission = admit(Kind.VIRTUAL_SERVICE, {"hosts": ["a.example.com"], "http": [rule]})
    assert admission.object is None
    assert "did you mean 'prefix'?" in told(admission)["spec.http[0].match[0].uri.prefx"]


def test_an_annotation_of_generated_gateways_that_is_not_followed_is_told() -> None:
    annotations = {"internal.istio.io/gateway-service": "ingress.shop.svc.cluster.local"}
    admission = admit(Kind.GATEWAY, {"servers": [SERVER]}, metadata={"name": "one", "annotations": annotations})
    assert admission.object is not None
    (problem,) = admission.problems
    assert problem.severity is Severity.WARNING
    assert problem.path == ("metadata", "annotations", "internal.istio.io/gateway-service")
