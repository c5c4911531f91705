"""Rules for Sidecars."""

from typing import Any

import pytest

from lateen.model.keys import Key, Kind
from lateen.model.objects import Severity, print_path
from lateen.validation.intake import Admission, Intake

INTAKE = Intake()
HTTP = {"number": 80, "name": "http", "protocol": "HTTP"}
HTTPS = {"number": 443, "name": "https", "protocol": "HTTPS"}
FILES = {"mode": "SIMPLE", "serverCertificate": "/cert", "privateKey": "/key"}


def admit(**spec: Any) -> Admission:
    return INTAKE.admit(Key(Kind.SIDECAR, "shop", "one"), {"metadata": {"name": "one"}, "spec": spec})


def ingress(**parts: Any) -> Admission:
    return admit(ingress=[{"port": HTTP, **parts}])


def egress(*hosts: str, **parts: Any) -> Admission:
    return admit(egress=[{"hosts": list(hosts), **parts}])


def errors(admission: Admission) -> list[str]:
    found = [print_path(each.path) for each in admission.problems if each.severity is Severity.ERROR]
    assert bool(found) == (admission.object is None)
    return found


def warnings(admission: Admission) -> list[str]:
    found = [print_path(each.path) for each in admission.problems if each.severity is Severity.WARNING]
    assert found.pop(0) == "kind"  # every Sidecar is told that it is not served yet
    return found


def test_a_sidecar_is_accepted_with_a_word_that_it_is_not_served() -> None:
    admission = egress("*/*")
    assert not errors(admission)
    assert not warnings(admission)


def test_a_sidecar_says_something() -> None:
    assert errors(admit()) == ["spec"]
    assert errors(admit(workloadSelector={"labels": {"app": "a"}})) == ["spec"]
    assert not errors(admit(outboundTrafficPolicy={}))


@pytest.mark.parametrize("host", ["*/*", "./*", "~/*", "shop/a.com", "*/*.a.com", "~shop/*", "~/a.com"])
def test_hosts_are_in_a_namespace(host: str) -> None:
    assert not errors(egress(host))


@pytest.mark.parametrize("host", ["a.com", "/", "shop/", "/a.com", "shop/short", "a.b/a.com", "*/*a.com", "*/10.0.0.1"])
def test_short_names_addresses_and_partial_wildcards_are_no_hosts(host: str) -> None:
    assert set(errors(egress(host))) == {"spec.egress[0].hosts[0]"}


def test_hosts_that_repeat_others_are_worth_a_warning() -> None:
    assert warnings(egress("./a.com", "shop/a.com")) == ["spec.egress[0].hosts[1]"]
    assert warnings(egress("shop/a.com", "shop/*")) == ["spec.egress[0].hosts[1]"]
    assert warnings(egress("*/*", "shop/a.com")) == ["spec.egress[0].hosts"]
    assert not warnings(egress("*/*", "~shop/*"))


def test_one_egress_listener_goes_without_port_and_it_is_the_last() -> None:
    rest = {"hosts": ["*/*"]}
    assert not errors(admit(egress=[{**rest, "port": HTTP}, rest]))
    assert errors(admit(egress=[rest, {**rest, "port": HTTP}])) == ["spec.egress[0]"]
    assert errors(admit(egress=[rest, rest])) == ["spec.egress[0]"]


def test_egress_listeners_differ_in_port_or_socket() -> None:
    listener = {"hosts": ["*/*"], "port": HTTP}
    socket = {"hosts": ["*/*"], "port": {**HTTP, "number": 0}, "bind": "unix:///a"}
    assert errors(admit(egress=[listener, listener])) == ["spec.egress[1].port.number"]
    assert errors(admit(egress=[socket, socket])) == ["spec.egress[1].bind"]


def test_a_socket_has_no_port_number_and_is_not_redirected_to() -> None:
    assert not errors(egress("*/*", port={**HTTP, "number": 0}, bind="unix://@a", captureMode="NONE"))
    assert errors(egress("*/*", port={**HTTP, "number": 0}, bind="10.0.0.1")) == ["spec.egress[0].bind"]
    redirected = egress("*/*", port={**HTTP, "number": 0}, bind="unix:///a", captureMode="IPTABLES")
    assert errors(redirected) == ["spec.egress[0].captureMode"]
    assert errors(egress("*/*", port=HTTP, bind="unix:///a")) == ["spec.egress[0].bind"]
    assert errors(egress()) == ["spec.egress[0].hosts"]


@pytest.mark.parametrize("endpoint", ["", "127.0.0.1:80", "[::1]:80", "0.0.0.0:80", "[::]:80", ":80", "unix:///a"])
def test_the_workload_listens_on_its_own_addresses(endpoint: str) -> None:
    assert not errors(ingress(defaultEndpoint=endpoint))


@pytest.mark.parametrize(
    "endpoint", ["10.0.0.1:80", "127.0.0.1", "127.0.0.1:http", ":0", ":99999999", "unix://a", "::1:80"]
)
def test_the_workload_listens_nowhere_else(endpoint: str) -> None:
    assert errors(ingress(defaultEndpoint=endpoint)) == ["spec.ingress[0].defaultEndpoint"]


def test_ingress_listeners_have_ports_of_their_own() -> None:
    assert errors(admit(ingress=[{}])) == ["spec.ingress[0].port"]
    assert errors(admit(ingress=[{"port": HTTP}, {"port": HTTP}])) == ["spec.ingress[1].port.number"]
    assert errors(ingress(port={**HTTP, "targetPort": 8080})) == ["spec.ingress[0].port.targetPort"]
    assert errors(ingress(port={**HTTP, "protocol": "SCTP"})) == ["spec.ingress[0].port.protocol"]
    assert errors(ingress(port={**HTTP, "name": "a.b"})) == ["spec.ingress[0].port.name"]
    assert errors(ingress(bind="a.com")) == ["spec.ingress[0].bind"]


def test_ingress_terminates_tls_with_files_on_tls_ports() -> None:
    assert not errors(ingress(port=HTTPS, tls=FILES))
    assert errors(ingress(tls=FILES)) == ["spec.ingress[0].tls"]


@pytest.mark.parametrize(
    "settings",
    [
        {**FILES, "httpsRedirect": True},
        {**FILES, "subjectAltNames": ["a"]},
        {"mode": "SIMPLE", "credentialName": "a"},
        {"mode": "SIMPLE", "credentialNames": ["a"]},
        {"mode": "ISTIO_MUTUAL"},
        {"mode": "AUTO_PASSTHROUGH"},
    ],
)
def test_other_tls_settings_are_not_possible(settings: Any) -> None:
    assert errors(ingress(port=HTTPS, tls=settings))


def test_limits_are_those_of_destination_rules() -> None:
    assert errors(admit(inboundConnectionPool={})) == ["spec.inboundConnectionPool"]
    assert errors(ingress(connectionPool={})) == ["spec.ingress[0].connectionPool"]
    pool = {"http": {"http2MaxRequests": 5}}
    assert warnings(ingress(port={**HTTP, "protocol": "TCP"}, connectionPool=pool)) == [
        "spec.ingress[0].connectionPool.http",
    ]


def test_a_proxy_for_unknown_destinations_needs_that_they_pass() -> None:
    proxy = {"host": "proxy.shop.svc.cluster.local", "port": {"number": 80}}
    assert not errors(admit(outboundTrafficPolicy={"mode": "ALLOW_ANY", "egressProxy": proxy}))
    field = "spec.outboundTrafficPolicy.egressProxy"
    assert errors(admit(outboundTrafficPolicy={"egressProxy": proxy})) == [field]
    without_port = {"mode": "ALLOW_ANY", "egressProxy": {"host": "proxy.shop"}}
    assert errors(admit(outboundTrafficPolicy=without_port)) == [f"{field}.port"]
    wildcard = {"mode": "ALLOW_ANY", "egressProxy": {**proxy, "host": "*.shop"}}
    assert set(errors(admit(outboundTrafficPolicy=wildcard))) == {f"{field}.host"}
    assert errors(admit(outboundTrafficPolicy={"mode": "ALLOW_ANY_DYNAMIC_DNS"})) == ["spec.outboundTrafficPolicy.mode"]
