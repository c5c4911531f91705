"""Which proxies there are, what Gateways are for which, and how Services translate their ports."""

from typing import Any

import pytest
from tests.unit.compile.site import EDGE, Site
from tests.unit.semantics.objects import gateway, make, server_fields, service, virtual_service

from lateen.compile.placement import OpenServer, ProxyServers, port_targets
from lateen.compile.settings import ProxyScope
from lateen.ir.proxy import PortTarget, Proxy, ProxyId
from lateen.model.gateway import GatewaySpec
from lateen.model.keys import Key, Kind
from lateen.model.objects import Object
from lateen.model.service import ServiceSpec
from lateen.semantics.servers import MergedServers

HTTP = server_fields(80, "HTTP")
LABELS = {"istio": "ingressgateway", "tier": "1"}
POD = Proxy(ProxyId("edge", "pods"), LABELS, "edge")
ANSWER = [{"directResponse": {"status": 200}}]


def front(path: str, port: int, target: int | str | None = None, **options: Any) -> Object[ServiceSpec]:
    """A Service in front of proxies."""
    fields: dict[str, Any] = {"port": port, "name": "http", **({} if target is None else {"targetPort": target})}
    selector = options.pop("selector", {"istio": "ingressgateway"})
    return make(Kind.SERVICE, ServiceSpec, {"ports": [fields], "selector": selector}, path, **options)


def proxies(site: Site) -> dict[str, Proxy]:
    return {str(proxy_id): proxy for proxy_id, proxy in site.graph.placement.proxies.values.items()}


def test_there_is_one_proxy_for_each_selector() -> None:
    site = Site()
    site.put(
        gateway("a/one", HTTP, app="edge"),
        gateway("b/two", HTTP, app="edge"),
        gateway("a/three", HTTP, app="other"),
    )
    assert list(proxies(site)) == ["shared/app=edge", "shared/app=other"]
    assert site.graph.placement.placements.values[Key(Kind.GATEWAY, "b", "two")] == (ProxyId("shared", "app=edge"),)


def test_there_is_one_proxy_for_each_selector_and_namespace_where_that_is_wanted() -> None:
    site = Site(proxy_scope=ProxyScope.NAMESPACE)
    site.put(gateway("a/one", HTTP, app="edge"), gateway("b/two", HTTP, app="edge"))
    assert list(proxies(site)) == ["a/app=edge", "b/app=edge"]


def test_a_shared_proxy_is_in_the_namespace_of_its_oldest_gateway() -> None:
    site = Site()
    old, young = (
        gateway("z/old", HTTP, created="2026-01-01T00:00:00Z"),
        gateway("a/young", HTTP, created="2026-01-02T00:00:00Z"),
    )
    site.put(young)
    assert proxies(site)[str(EDGE)].namespace == "a"
    site.put(old)
    assert proxies(site)[str(EDGE)] == Proxy(EDGE, {"istio": "ingressgateway"}, "z")
    site.remove(old, young)
    assert proxies(site) == {}


def test_what_a_shared_proxy_sees_follows_its_namespace() -> None:
    site = Site()
    private = virtual_service("a/v", "a.com", gateways=["a/young", "z/old"], http=ANSWER, exportTo=["."])
    old = gateway("z/old", HTTP, created="2026-01-01T00:00:00Z")
    site.put(gateway("a/young", HTTP, created="2026-01-02T00:00:00Z"), private)
    assert list(site.routes()) == ["http.80/a.com"]
    site.put(old)
    assert site.routes() == {}
    assert site.said(private) == [("LAT0302", "spec.exportTo")]
    site.remove(old)
    assert list(site.routes()) == ["http.80/a.com"]


def test_a_gateway_is_for_every_given_proxy_that_it_selects() -> None:
    other = Proxy(ProxyId("far", "pods"), {"istio": "other"}, "far")
    site = Site(proxies=(POD, other))
    everybody = make(Kind.GATEWAY, GatewaySpec, {"servers": [HTTP]}, "a/all")
    site.put(gateway("a/gw", HTTP), everybody, gateway("a/none", HTTP, app="none"))
    placed = {key.name: found for key, found in site.graph.placement.placements.values.items()}
    assert placed == {"gw": (POD.id,), "all": (POD.id, other.id), "none": ()}
    assert set(proxies(site)) == {"edge/pods", "far/pods"}


def test_a_service_translates_the_ports_of_proxies_that_it_selects() -> None:
    site = Site(proxies=(POD,))
    translating = front("edge/front", 80, 8080)
    site.put(gateway("a/gw", HTTP, server_fields(443, "HTTP")), translating)
    assert list(site.listeners(POD.id)) == ["0.0.0.0_443", "0.0.0.0_8080"]
    site.remove(translating)
    assert list(site.listeners(POD.id)) == ["0.0.0.0_443", "0.0.0.0_80"]


@pytest.mark.parametrize(
    "other",
    [
        front("far/front", 80, 8080),
        front("edge/front", 80, 8080, selector={"istio": "ingressgateway", "tier": "2"}),
        front("edge/front", 80, 8080, selector={}),
        front("edge/front", 80, 8080, labels={"experimental.istio.io/disable-gateway-port-translation": ""}),
        front("edge/front", 8080, 80),
    ],
    ids=["other namespace", "other labels", "no selector", "switched off", "other port"],
)
def test_other_services_translate_nothing(other: Object[ServiceSpec]) -> None:
    site = Site(proxies=(POD,))
    site.put(gateway("a/gw", HTTP), other)
    assert list(site.listeners(POD.id)) == ["0.0.0.0_80"]


def test_of_several_services_the_oldest_one_translates() -> None:
    site = Site(proxies=(POD,))
    site.put(
        gateway("a/gw", HTTP),
        front("edge/young", 80, 9090, created="2026-01-02T00:00:00Z", selector={"tier": "1"}),
        front("edge/old", 80, 8080, created="2026-01-01T00:00:00Z", selector=LABELS),
    )
    assert list(site.listeners(POD.id)) == ["0.0.0.0_8080"]


def test_a_proxy_that_knows_its_ports_asks_no_service() -> None:
    known = Proxy(ProxyId("edge", "pods"), LABELS, "edge", (PortTarget(80, 8888),))
    site = Site(proxies=(known,))
    site.put(gateway("a/gw", HTTP), front("edge/front", 80, 8080))
    assert list(site.listeners(known.id)) == ["0.0.0.0_8888"]


@pytest.mark.parametrize(("target", "reached"), [(8080, 8080), (None, 80), (0, 80), ("http", 80)])
def test_a_target_that_is_no_number_is_the_port_itself(target: int | str | None, reached: int) -> None:
    assert list(port_targets([front("edge/front", 80, target)])) == [PortTarget(80, reached)]


def test_servers_are_grouped_by_gateway() -> None:
    assert ProxyServers.of(MergedServers()) == ProxyServers({}, {})
    site = Site()
    site.put(gateway("a/one", HTTP, server_fields(80, "TCP"), server_fields(81, "HTTP")), gateway("a/two", HTTP))
    (servers,) = site.graph.placement.proxy_servers.values.values()
    assert {key.name: [server.index for server in found] for key, found in servers.accepted.items()} == {
        "one": [0, 2],
        "two": [0],
    }
    assert {key.name: [refusal.index for refusal in found] for key, found in servers.refused.items()} == {"one": [1]}


def test_rules_see_http_servers_only() -> None:
    site = Site()
    site.put(gateway("a/one", server_fields(9000, "TCP"), server_fields(80, "HTTP", "./a.com")))
    key = Key(Kind.GATEWAY, "a", "one")
    (opened,) = site.graph.placement.open_servers.values[key]
    assert opened == OpenServer.of(site.graph.placement.gateway_servers.values[key][1])
    assert (opened.chain, opened.hosts, opened.port, opened.has_tls) == ("http.80", ("a/a.com",), 80, False)


def test_a_change_that_rules_do_not_see_is_not_looked_at() -> None:
    site = Site()
    site.put(service("a/cart"), virtual_service("a/v", "a.com", gateways=["a/gw"], http=ANSWER))
    tls = {"mode": "SIMPLE", "credentialName": "cert"}
    site.put(gateway("a/gw", server_fields(443, "HTTPS", tls=tls)))
    commit = site.put(gateway("a/gw", server_fields(443, "HTTPS", tls={**tls, "credentialName": "new"})))
    assert "bindings" not in commit.recomputed_of
