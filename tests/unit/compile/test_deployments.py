"""What it takes to run each class of proxies in a cluster: ports, labels, wishes, and who translates ports."""

from typing import Any

import pytest
from tests.unit.compile.site import Site
from tests.unit.compile.test_placement import POD, front
from tests.unit.semantics.objects import gateway, make, server_fields

from lateen.compile.settings import ProxyScope
from lateen.ir.deployment import ProxyDeployment, ServicePort
from lateen.ir.proxy import ProxyId
from lateen.model.gateway import GatewaySpec
from lateen.model.keys import Kind
from lateen.model.objects import Object
from lateen.semantics.servers import PortRules

EDGE = ProxyId("edge", "istio=ingressgateway")
HTTP = server_fields(80, "HTTP")
MUTUAL: dict[str, Any] = {"tls": {"mode": "SIMPLE", "credentialName": "cert"}}
OLD, YOUNG = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"


def cluster(**settings: Any) -> Site:
    rules = PortRules(shift=10_000, reserved=frozenset({15000, 15021}))
    return Site(**{"proxy_scope": ProxyScope.NAMESPACE, "ports": rules, "deploys": True, **settings})


def tuned(path: str, created: str = OLD, **options: str) -> Object[GatewaySpec]:
    annotations = {f"proxy.lateen.io/{name.replace('_', '-')}": text for name, text in options.items()}
    spec = {"selector": {"istio": "ingressgateway"}, "servers": [HTTP]}
    return make(Kind.GATEWAY, GatewaySpec, spec, path, created=created, annotations=annotations)


def deployed(site: Site, proxy: ProxyId = EDGE) -> ProxyDeployment:
    return site.graph.deployments.deployments.values[proxy]


def targets(site: Site) -> dict[int, int]:
    return {port.port: port.target for port in deployed(site).ports}


def test_a_class_has_the_ports_of_all_its_gateways() -> None:
    site = cluster()
    site.put(
        gateway("edge/a", HTTP, server_fields(443, "HTTPS", **MUTUAL), server_fields(8443, "TLS", **MUTUAL)),
        gateway("edge/b", HTTP, server_fields(9000, "GRPC-WEB"), server_fields(9001, "MONGO", name="m")),
    )
    assert deployed(site) == ProxyDeployment(
        EDGE,
        "edge",
        {"istio": "ingressgateway"},
        (
            ServicePort("http-80", 80, 10080),
            ServicePort("https-443", 443, 10443),
            ServicePort("tls-8443", 8443, 8443),
            ServicePort("grpc-web-9000", 9000, 9000),
            ServicePort("tcp-9001", 9001, 9001),
        ),
    )


def test_names_of_ports_are_short_enough() -> None:
    site = cluster()
    protocols = ("HTTP", "HTTP2", "GRPC", "GRPC-WEB", "TCP", "MONGO", "MYSQL", "REDIS")
    site.put(gateway("edge/a", *(server_fields(60000 + n, each, name=f"p{n}") for n, each in enumerate(protocols))))
    names = [port.name for port in deployed(site).ports]
    assert len({*names}) == len(protocols)
    assert max(map(len, names)) <= 15


def test_what_clients_cannot_reach_is_no_port() -> None:
    site = cluster()
    site.put(
        gateway(
            "edge/a",
            server_fields(8080, "HTTP", bind="127.0.0.1"),
            server_fields(0, "HTTP", bind="unix:///run/x.sock", name="s"),
        )
    )
    assert deployed(site).ports == ()


@pytest.mark.parametrize("number", [15000, 15021])
def test_ports_of_the_proxy_itself_are_refused(number: int) -> None:
    site = cluster()
    edge = gateway("edge/a", server_fields(number, "HTTP"))
    site.put(edge)
    assert deployed(site).ports == ()
    assert site.said(edge) == [("LAT0201", "spec.servers[0]")]
    assert site.messages(edge) == [f"port {number} is the proxy's own"]


def test_a_class_ends_with_its_last_gateway() -> None:
    site = cluster()
    edge = gateway("edge/a", HTTP)
    site.put(edge)
    commit = site.remove(edge)
    assert [new for _, new in commit.changes_of(site.graph.deployments.deployments).values()] == [None]


def test_proxies_that_somebody_else_runs_are_not_deployed() -> None:
    site = cluster(proxies=(POD,))
    site.put(gateway("edge/a", HTTP))
    assert site.graph.deployments.deployments.values == {}


def test_wishes_are_handed_on_as_they_were_written() -> None:
    site = cluster()
    site.put(tuned("edge/old", replicas="3"), tuned("edge/young", YOUNG, replicas="4", concurrency="1", image=""))
    assert deployed(site).options == {"concurrency": "1", "replicas": "3"}


def test_what_is_wished_in_vain_is_said() -> None:
    site = cluster()
    old, young = tuned("edge/old", replicas="3"), tuned("edge/young", YOUNG, replicas="4", concurrency="all")
    site.put(old, young)
    assert site.said(old) == []
    assert site.said(young) == [
        ("LAT0102", "metadata.annotations.proxy.lateen.io/concurrency"),
        ("LAT0103", "metadata.annotations.proxy.lateen.io/replicas"),
    ]
    site.remove(old)
    assert site.said(young) == [("LAT0102", "metadata.annotations.proxy.lateen.io/concurrency")]


def test_shared_proxies_run_in_the_operators_namespace() -> None:
    site = cluster(proxy_scope=ProxyScope.SHARED, shared_namespace="lateen-system")
    site.put(tuned("a/one", replicas="7"), tuned("lateen-system/two", YOUNG, concurrency="1"))
    shared = ProxyId("lateen-system", EDGE.name)
    found = deployed(site, shared)
    assert (found.namespace, found.options) == ("lateen-system", {"concurrency": "1"})
    assert site.graph.placement.proxies.values[shared].namespace == "lateen-system"
    assert site.messages(tuned("a/one")) == [
        ("the proxies are shared by all namespaces, so only Gateways of lateen-system can tune them; it has no effect")
    ]


def test_a_selector_that_no_pod_can_carry_is_an_error() -> None:
    broken = gateway("edge/a", HTTP, istio="two words")
    site = cluster()
    site.put(broken)
    assert site.said(broken) == [("LAT0101", "spec.selector.istio")]
    laptop = Site()
    laptop.put(broken)
    assert laptop.said(broken) == []


def test_a_service_of_somebody_else_decides_what_is_bound() -> None:
    site = cluster()
    theirs = front("edge/istio-ingressgateway", 80, 8080)
    site.put(gateway("edge/a", HTTP), theirs)
    assert targets(site) == {80: 8080}
    assert list(site.listeners(EDGE)) == ["0.0.0.0_8080"]
    site.remove(theirs)
    assert targets(site) == {80: 10080}


def test_lateens_own_service_follows() -> None:
    site = cluster()
    own = front("edge/lateen-ingressgateway", 80, 8080, labels={"lateen.io/proxy": "lateen-ingressgateway"})
    site.put(gateway("edge/a", HTTP), own)
    assert targets(site) == {80: 10080}


@pytest.mark.parametrize(
    "other",
    [front("edge/f", 80, "http"), front("far/f", 80, 8080), front("edge/f", 80, 8080, selector={"app": "web"})],
    ids=["by name", "far away", "for others"],
)
def test_other_services_change_nothing(other: Object[Any]) -> None:
    site = cluster()
    site.put(gateway("edge/a", HTTP), other)
    assert targets(site) == {80: 10080}


def test_pods_are_selected_by_all_their_labels() -> None:
    site = cluster(pod_labels={"app": "edge"})
    both = front("edge/f", 80, 8080, selector={"app": "edge", "istio": "ingressgateway"})
    site.put(gateway("edge/a", HTTP), both)
    assert targets(site) == {80: 8080}
    assert deployed(site).labels == {"istio": "ingressgateway"}
    site.put(tuned("edge/a", pod_labels='{"app": "other"}'))
    assert targets(site) == {80: 10080}
