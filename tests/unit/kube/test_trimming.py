"""What of an object crosses to the main loop, and what makes two versions of it differ."""

from typing import Any

import pytest

from lateen.kube.resources import RESOURCES
from lateen.kube.trimming import sight
from lateen.model.keys import Key, Kind
from lateen.model.objects import Object
from lateen.validation.intake import Intake

NOISE: dict[str, Any] = {
    "resourceVersion": "7",
    "uid": "a",
    "managedFields": [{"manager": "kubectl"}],
    "selfLink": "/api",
    "finalizers": ["x"],
}

POD: dict[str, Any] = {
    "metadata": {"name": "cart-1", "namespace": "shop", "labels": {"app": "cart"}, **NOISE},
    "spec": {
        "nodeName": "n1",
        "volumes": [{"name": "v"}],
        "containers": [
            {"name": "cart", "image": "cart:1", "ports": [{"name": "http", "containerPort": 8080}]},
            {"name": "sidecar", "image": "log:1"},
        ],
    },
    "status": {
        "phase": "Running",
        "podIP": "10.0.0.1",
        "podIPs": [{"ip": "10.0.0.1"}],
        "hostIP": "1.2.3.4",
        "conditions": [
            {"type": "Ready", "status": "True", "lastProbeTime": None},
            {"type": "Initialized", "status": "True"},
        ],
    },
}

SERVICE: dict[str, Any] = {
    "metadata": {"name": "cart", "namespace": "shop", "annotations": {"networking.istio.io/exportTo": "."}, **NOISE},
    "spec": {
        "clusterIP": "10.0.0.7",
        "ports": [{"port": 80, "targetPort": "http", "nodePort": 30080}],
        "selector": {"app": "cart"},
        "type": "NodePort",
        "sessionAffinity": "None",
    },
    "status": {"loadBalancer": {}},
}

SLICE: dict[str, Any] = {
    "addressType": "IPv4",
    "metadata": {
        "name": "cart-abc",
        "namespace": "shop",
        "labels": {"kubernetes.io/service-name": "cart"},
        "annotations": {"endpoints.kubernetes.io/last-change-trigger-time": "2025-01-01T00:00:00Z"},
        **NOISE,
    },
    "endpoints": [
        {
            "addresses": ["10.0.0.1"],
            "conditions": {"ready": True, "serving": True, "terminating": False},
            "nodeName": "n1",
            "zone": "z1",
            "targetRef": {"kind": "Pod", "name": "cart-1", "namespace": "shop", "uid": "b"},
            "hints": {"forZones": [{"name": "z1"}]},
        }
    ],
    "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
}

SECRET: dict[str, Any] = {
    "metadata": {"name": "tls", "namespace": "shop", "labels": {"a": "b"}, **NOISE},
    "type": "kubernetes.io/tls",
    "data": {"tls.crt": "YQ==", "tls.key": "Yg=="},
}

GATEWAY: dict[str, Any] = {
    "apiVersion": "networking.istio.io/v1",
    "kind": "Gateway",
    "metadata": {
        "name": "edge",
        "namespace": "shop",
        "generation": 4,
        "creationTimestamp": "2025-01-01T00:00:00Z",
        "labels": {"a": "b"},
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "c": "d"},
        **NOISE,
    },
    "spec": {
        "selector": {"istio": "ingressgateway"},
        "servers": [{"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}],
    },
    "status": {"observedGeneration": 3},
}

ALL = {
    Kind.GATEWAY: GATEWAY,
    Kind.SERVICE: SERVICE,
    Kind.ENDPOINT_SLICE: SLICE,
    Kind.POD: POD,
    Kind.SECRET: SECRET,
}


def admit(key: Key, raw: Any) -> Object[Any]:
    admitted = Intake().admit(key, raw).object
    assert admitted is not None
    return admitted


@pytest.mark.parametrize("kind", ALL)
def test_what_is_read_survives(kind: Kind) -> None:
    seen = sight(kind, ALL[kind])
    assert admit(seen.key, seen.raw).spec == admit(seen.key, ALL[kind]).spec or kind is Kind.POD


def test_of_a_pod_only_containers_with_ports_and_the_ready_condition_are_read() -> None:
    pod = admit(Key(Kind.POD, "shop", "cart-1"), sight(Kind.POD, POD).raw)
    assert [container.name for container in pod.spec.spec.containers] == ["cart"]
    assert [condition.type for condition in pod.spec.status.conditions] == ["Ready"]
    assert pod.spec.is_ready
    assert pod.spec.addresses == ("10.0.0.1",)
    assert pod.spec.status.phase == "Running"
    assert pod.spec.spec.node_name == "n1"
    assert pod.meta.labels == {"app": "cart"}


def test_a_sighting_names_the_object_and_its_version() -> None:
    seen = sight(Kind.GATEWAY, GATEWAY)
    assert seen.key == Key(Kind.GATEWAY, "shop", "edge")
    assert (seen.version, seen.generation, seen.uid) == (7, 4, "a")


def test_a_deleted_object_has_no_content() -> None:
    seen = sight(Kind.GATEWAY, GATEWAY, is_deleted=True)
    assert (seen.raw, seen.version) == (None, 7)


def test_a_version_that_is_no_number_compares_with_nothing() -> None:
    assert sight(Kind.SERVICE, {"metadata": {"name": "cart", "resourceVersion": "v7"}}).version == 0


@pytest.mark.parametrize("kind", ALL)
def test_what_the_api_server_keeps_for_itself_does_not_cross(kind: Kind) -> None:
    raw = sight(kind, ALL[kind]).raw
    assert raw is not None
    assert not {"managedFields", "selfLink", "finalizers", "resourceVersion"} & set(raw["metadata"])


def test_the_status_of_our_kinds_goes_beside_the_object() -> None:
    seen = sight(Kind.GATEWAY, GATEWAY)
    assert seen.raw is not None
    assert "status" not in seen.raw
    assert seen.status == {"observedGeneration": 3}


def test_what_kubectl_applied_last_does_not_cross() -> None:
    raw = sight(Kind.GATEWAY, GATEWAY).raw
    assert raw is not None
    assert raw["metadata"]["annotations"] == {"c": "d"}
    assert "kubectl.kubernetes.io/last-applied-configuration" in GATEWAY["metadata"]["annotations"]


def test_unknown_parts_of_our_kinds_reach_the_door() -> None:
    raw = sight(Kind.GATEWAY, {**GATEWAY, "sepc": {}}).raw
    assert raw is not None
    assert "sepc" in raw


@pytest.mark.parametrize(
    ("kind", "edit"),
    [
        (Kind.GATEWAY, {"status": {"observedGeneration": 4}}),
        (Kind.GATEWAY, {"metadata": {**GATEWAY["metadata"], "resourceVersion": "8", "managedFields": []}}),
        (Kind.SERVICE, {"status": {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}}}),
        (Kind.SERVICE, {"spec": {**SERVICE["spec"], "sessionAffinity": "ClientIP"}}),
        (Kind.ENDPOINT_SLICE, {"metadata": {**SLICE["metadata"], "annotations": {}, "generation": 2}}),
        (Kind.ENDPOINT_SLICE, {"endpoints": [{**SLICE["endpoints"][0], "hints": {}}]}),
        (Kind.POD, {"status": {**POD["status"], "hostIP": "1.2.3.5"}}),
        (Kind.POD, {"metadata": {**POD["metadata"], "annotations": {"a": "b"}}}),
        (Kind.SECRET, {"metadata": {**SECRET["metadata"], "annotations": {"a": "b"}}}),
    ],
)
def test_what_nobody_reads_leaves_the_mark_as_it_is(kind: Kind, edit: dict[str, Any]) -> None:
    assert sight(kind, {**ALL[kind], **edit}).mark == sight(kind, ALL[kind]).mark


@pytest.mark.parametrize(
    ("kind", "edit"),
    [
        (Kind.SERVICE, {"metadata": {**SERVICE["metadata"], "annotations": {}}}),
        (Kind.SERVICE, {"metadata": {**SERVICE["metadata"], "uid": "b"}}),
        (Kind.SERVICE, {"spec": {**SERVICE["spec"], "selector": {"app": "basket"}}}),
        (Kind.ENDPOINT_SLICE, {"endpoints": [{**SLICE["endpoints"][0], "conditions": {"ready": False}}]}),
        (Kind.ENDPOINT_SLICE, {"endpoints": []}),
        (Kind.POD, {"status": {**POD["status"], "phase": "Failed"}}),
        (Kind.POD, {"metadata": {**POD["metadata"], "labels": {}}}),
        (Kind.SECRET, {"data": {"tls.crt": "Yw==", "tls.key": "Yg=="}}),
    ],
)
def test_what_is_read_changes_the_mark(kind: Kind, edit: dict[str, Any]) -> None:
    assert sight(kind, {**ALL[kind], **edit}).mark != sight(kind, ALL[kind]).mark


@pytest.mark.parametrize("kind", RESOURCES)
def test_an_object_with_nothing_but_a_name_can_be_seen(kind: Kind) -> None:
    assert sight(kind, {"metadata": {"name": "cart"}}).key == Key(kind, "", "cart")
