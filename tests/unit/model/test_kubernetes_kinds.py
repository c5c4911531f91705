"""What is read of Services, EndpointSlices, Pods and Secrets."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from lateen.model.endpointslice import EndpointConditions, SliceEndpoint
from lateen.model.pod import PodSpec
from lateen.model.secret import SecretSpec
from lateen.model.service import ServiceSpec


def read(spec: Any, value: object) -> Any:
    return TypeAdapter(spec).validate_python(value)


def test_fields_of_kubernetes_that_nobody_needs_pass_unseen() -> None:
    spec = read(ServiceSpec, {"ports": [{"port": 80, "brandNew": 1}], "brandNew": {"a": 1}})
    assert [port.port for port in spec.ports] == [80]


def test_a_target_port_is_a_number_or_a_name() -> None:
    spec = read(ServiceSpec, {"ports": [{"port": 80, "targetPort": 8080}, {"port": 81, "targetPort": "http"}]})
    assert [port.target_port for port in spec.ports] == [8080, "http"]
    with pytest.raises(ValidationError, match="a port number or a port name"):
        read(ServiceSpec, {"ports": [{"port": 80, "targetPort": 1.5}]})


def test_an_external_name_is_an_alias() -> None:
    spec = read(ServiceSpec, {"type": "ExternalName", "externalName": "example.com"})
    assert spec.is_alias
    assert spec.external_name == "example.com"
    assert not read(ServiceSpec, {}).is_alias


def test_an_endpoint_is_ready_unless_it_says_otherwise() -> None:
    assert SliceEndpoint(addresses=("10.0.0.1",)).is_ready
    assert not SliceEndpoint(addresses=("10.0.0.1",), conditions=EndpointConditions(ready=False)).is_ready


def test_a_pods_main_address_comes_first_and_none_twice() -> None:
    pod = read(PodSpec, {"status": {"podIP": "10.0.0.1", "podIPs": [{"ip": "::1"}, {"ip": "10.0.0.1"}, {"ip": ""}]}})
    assert pod.addresses == ("10.0.0.1", "::1")
    assert read(PodSpec, {}).addresses == ()


def test_a_pod_is_ready_if_it_says_so() -> None:
    conditions = [{"type": "Initialized", "status": "True"}, {"type": "Ready", "status": "True"}]
    assert read(PodSpec, {"status": {"conditions": conditions}}).is_ready
    assert not read(PodSpec, {"status": {"conditions": conditions[:1]}}).is_ready


def test_a_secret_shows_its_values_to_nobody() -> None:
    secret = read(SecretSpec, {"data": {"tls.key": "aHVzaA=="}, "stringData": {"tls.crt": "hush"}})
    assert "hush" not in repr(secret)
    assert "aHVzaA" not in repr(secret)


def test_plain_values_of_a_secret_win_over_encoded_ones() -> None:
    secret = read(SecretSpec, {"data": {"a": "b25l", "b": "b\n25l"}, "stringData": {"a": "two"}})
    assert secret.values == {"a": b"two", "b": b"one"}


def test_the_complaint_about_a_secret_does_not_repeat_it() -> None:
    for wrong in ("hush!", 5):
        with pytest.raises(ValidationError) as raised:
            read(SecretSpec, {"data": {"a": wrong}})
        assert "hush" not in raised.value.errors()[0]["msg"]
