"""Rules for ServiceEntries and WorkloadEntries."""

from typing import Any

import pytest

from lateen.model.keys import Key, Kind
from lateen.model.objects import Severity, print_path
from lateen.validation.intake import Admission, Intake

INTAKE = Intake()
HTTP = {"number": 80, "name": "http", "protocol": "HTTP"}
TCP = {"number": 9000, "name": "tcp", "protocol": "TCP"}


def service(labels: Any = None, **spec: Any) -> Admission:
    whole = {"hosts": ["api.example.com"], "ports": [HTTP], "resolution": "STATIC", **spec}
    raw = {"metadata": {"name": "one", "labels": labels or {}}, "spec": whole}
    return INTAKE.admit(Key(Kind.SERVICE_ENTRY, "shop", "one"), raw)


def workload(**spec: Any) -> Admission:
    return INTAKE.admit(Key(Kind.WORKLOAD_ENTRY, "shop", "one"), {"metadata": {"name": "one"}, "spec": spec})


def errors(admission: Admission) -> list[str]:
    found = [print_path(each.path) for each in admission.problems if each.severity is Severity.ERROR]
    assert bool(found) == (admission.object is None)
    return found


def warnings(admission: Admission) -> list[str]:
    return [print_path(each.path) for each in admission.problems if each.severity is Severity.WARNING]


def test_a_service_has_hosts_that_are_domain_names() -> None:
    assert errors(service(hosts=[])) == ["spec.hosts"]
    assert errors(service(hosts=["*"])) == ["spec.hosts[0]"]
    assert errors(service(hosts=["a.com", "a_b.com"])) == ["spec.hosts[1]"]
    assert not errors(service(hosts=["short", "*.a.com"]))


def test_a_partial_wildcard_is_served_but_worth_a_warning() -> None:
    assert warnings(service(hosts=["*a.com"])) == ["spec.hosts[0]"]
    assert not warnings(service(hosts=["*a.com"], resolution="DYNAMIC_DNS"))


def test_lists_have_limits() -> None:
    assert errors(service(hosts=[f"h{number}.com" for number in range(257)])) == ["spec.hosts"]
    assert errors(service(addresses=[f"10.0.{number % 200}.{number // 200}" for number in range(257)])) == [
        "spec.addresses",
    ]


def test_addresses_are_addresses_or_subnets() -> None:
    assert not errors(service(addresses=["10.0.0.1", "10.0.0.0/8", "::1"]))
    assert errors(service(addresses=["a.com", "10.0.0.0/99"])) == ["spec.addresses[0]", "spec.addresses[1]"]
    assert errors(service(addresses=["0" * 65])) == ["spec.addresses[0]"] * 2


def test_subnets_need_a_resolution_that_keeps_them() -> None:
    assert not errors(service(addresses=["10.0.0.0/8"], resolution="NONE"))
    assert errors(service(addresses=["10.0.0.0/8"], resolution="DNS")) == ["spec.addresses[0]"]


def test_ports_differ_in_name_and_number() -> None:
    assert errors(service(ports=[HTTP, {**TCP, "name": "http"}])) == ["spec.ports[1].name"]
    assert errors(service(ports=[HTTP, {**TCP, "number": 80}])) == ["spec.ports[1].number"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": "a.b"}, "name"),
        ({"name": "x" * 64}, "name"),
        ({"number": 0}, "number"),
        ({"targetPort": 70000}, "targetPort"),
        ({"protocol": "SCTP"}, "protocol"),
    ],
)
def test_a_wrong_port_is_refused(change: Any, field: str) -> None:
    assert errors(service(ports=[{**HTTP, **change}])) == [f"spec.ports[0].{field}"]


def test_a_port_may_leave_its_protocol_open() -> None:
    assert not errors(service(ports=[{"number": 80, "name": "http"}]))


def test_endpoints_are_listed_or_selected() -> None:
    selector = {"labels": {"app": "a"}}
    assert not errors(service(workloadSelector=selector))
    assert errors(service(workloadSelector=selector, endpoints=[{"address": "10.0.0.1"}])) == ["spec.workloadSelector"]
    assert errors(service(workloadSelector={"labels": {"app": "*"}})) == ["spec.workloadSelector.labels.app"]
    assert warnings(service(workloadSelector={})) == ["spec.workloadSelector.labels"]


def test_the_original_destination_needs_no_endpoints() -> None:
    assert errors(service(resolution="NONE", endpoints=[{"address": "10.0.0.1"}])) == ["spec.endpoints"]
    assert warnings(service(resolution="NONE", workloadSelector={"labels": {"a": "b"}})) == ["spec.workloadSelector"]


@pytest.mark.parametrize(
    ("endpoint", "field"),
    [
        ({}, "address"),
        ({"address": "a.com"}, "address"),
        ({"address": "unix://relative"}, "address"),
        ({"address": "10.0.0.1", "ports": {"other": 80}}, "ports.other"),
        ({"address": "10.0.0.1", "ports": {"http": 0}}, "ports.http"),
        ({"address": "10.0.0.1", "labels": {"-": "a"}}, "labels.-"),
    ],
)
def test_a_static_endpoint_has_an_address_and_known_ports(endpoint: Any, field: str) -> None:
    assert errors(service(endpoints=[endpoint])) == [f"spec.endpoints[0].{field}"]


def test_a_unix_socket_serves_one_port() -> None:
    socket = {"address": "unix:///run/a.sock"}
    assert not errors(service(endpoints=[socket]))
    assert errors(service(ports=[HTTP, TCP], endpoints=[socket])) == ["spec.endpoints[0].address"]
    assert errors(service(endpoints=[{**socket, "ports": {"http": 80}}])) == ["spec.endpoints[0].ports"]


def test_an_endpoint_in_another_network_needs_no_address() -> None:
    assert warnings(service(endpoints=[{"network": "west"}])) == ["spec.endpoints[0].address"]


def test_dns_resolves_hosts_or_endpoints() -> None:
    assert not errors(service(resolution="DNS"))
    assert not errors(service(resolution="DNS", hosts=["*.a.com"], endpoints=[{"address": "a.com"}]))
    assert errors(service(resolution="DNS", hosts=["a.com", "*.a.com"])) == ["spec.hosts[1]"]
    assert errors(service(resolution="DNS", endpoints=[{"address": "unix:///a"}])) == ["spec.endpoints[0].address"]
    assert errors(service(resolution="DNS", endpoints=[{}])) == ["spec.endpoints[0].address"]


def test_one_endpoint_is_enough_for_connections_that_resolve_each_by_itself() -> None:
    two = [{"address": "a.com"}, {"address": "b.com"}]
    assert not errors(service(resolution="DNS_ROUND_ROBIN", endpoints=two[:1]))
    assert errors(service(resolution="DNS_ROUND_ROBIN", endpoints=two)) == ["spec.endpoints"]


def test_hosts_of_requests_are_resolved_for_wildcards_only() -> None:
    wildcard = {"resolution": "DYNAMIC_DNS", "hosts": ["*.a.com"]}
    assert not errors(service(**wildcard))
    assert errors(service(resolution="DYNAMIC_DNS")) == ["spec.hosts[0]"]
    assert errors(service(**wildcard, addresses=["10.0.0.1"])) == ["spec.addresses"]
    assert errors(service(**wildcard, endpoints=[{"address": "a.com"}])) == ["spec.endpoints"]
    assert errors(service(**wildcard, ports=[TCP])) == ["spec.ports[0].protocol"]
    assert not errors(service(**wildcard, location="MESH_INTERNAL"))
    labels = {"istio.io/use-waypoint": "w"}
    assert errors(service(labels, **wildcard, location="MESH_INTERNAL")) == ["spec.location"]


def test_several_hosts_need_a_protocol_that_names_the_host() -> None:
    both = ["a.com", "b.com"]
    assert errors(service(hosts=both, ports=[HTTP, TCP])) == ["spec.ports[1].protocol"]
    assert not errors(service(hosts=both, ports=[HTTP, {**TCP, "protocol": "TLS"}]))
    assert not errors(service(hosts=both, ports=[TCP], resolution="NONE"))
    shared = service(hosts=both, addresses=["10.0.0.1"], resolution="DNS", ports=[{**TCP, "protocol": "TLS"}])
    assert warnings(shared) == ["spec.addresses"]


def test_a_tcp_port_without_any_address_takes_every_connection() -> None:
    assert warnings(service(resolution="NONE", ports=[TCP])) == ["spec.ports[0].protocol"]
    assert not warnings(service(ports=[TCP]))
    opted_out = {"networking.istio.io/enable-autoallocate-ip": "false"}
    assert warnings(service(opted_out, ports=[TCP])) == ["spec.ports[0].protocol"]


def test_a_service_may_hide_from_everybody() -> None:
    assert not errors(service(exportTo=["~"]))
    assert errors(service(exportTo=["~", "a"])) == ["spec.exportTo"]
    assert errors(service(exportTo=[".", "shop"])) == ["spec.exportTo[1]"]


@pytest.mark.parametrize("address", ["10.0.0.1", "::1", "a.com", "host", "unix:///run/a.sock", "unix://@a"])
def test_a_workload_has_any_kind_of_address(address: str) -> None:
    assert not errors(workload(address=address))


@pytest.mark.parametrize("address", ["", "*.a.com", "a_b", "unix://", "unix://run/a", "unix:///run/", "10.0.0.1:80"])
def test_a_workload_without_usable_address_is_refused(address: str) -> None:
    assert errors(workload(address=address)) == ["spec.address"]


def test_a_workload_in_another_network_needs_no_address() -> None:
    assert warnings(workload(network="west")) == ["spec.address"]
    assert errors(workload()) == ["spec.address"]


def test_ports_of_a_workload_are_named_like_ports() -> None:
    assert not errors(workload(address="10.0.0.1", ports={"http": 8080}))
    assert errors(workload(address="10.0.0.1", ports={"a.b": 80, "ok": 70000})) == ["spec.ports.a.b", "spec.ports.ok"]
    assert errors(workload(address="unix:///a", ports={"http": 80})) == ["spec.ports"]


def test_a_workload_has_at_most_256_labels() -> None:
    assert not errors(workload(address="10.0.0.1", labels={f"l{number}": "" for number in range(256)}))
    assert errors(workload(address="10.0.0.1", labels={f"l{number}": "" for number in range(257)})) == ["spec.labels"]


@pytest.mark.parametrize("field", ["network", "locality", "serviceAccount"])
def test_texts_of_a_workload_have_limits(field: str) -> None:
    assert not errors(workload(address="10.0.0.1", **{field: "x" * 253}))
    assert errors(workload(address="10.0.0.1", **{field: "x" * 2049})) == [f"spec.{field}"]


def test_ports_of_a_workload_have_limits() -> None:
    ports = {f"p{number}": 80 for number in range(129)}
    assert errors(workload(address="10.0.0.1", ports=ports)) == ["spec.ports"]
    assert errors(workload(address="10.0.0.1", ports={"x" * 63: 80})) == [f"spec.ports.{'x' * 63}"]
    assert not errors(workload(address="10.0.0.1", ports={"x" * 62: 80}))
