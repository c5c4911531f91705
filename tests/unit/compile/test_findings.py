"""Findings about DestinationRules, ServiceEntries and Services."""

import pytest
from tests.unit.compile.site import Site
from tests.unit.semantics.objects import entry, rule, service, virtual_service

from lateen.compile.codes import Code
from lateen.model.keys import Key, Kind
from lateen.model.objects import Severity


@pytest.fixture
def site() -> Site:
    return Site()


def test_a_rule_whose_host_no_service_has_is_told_so(site: Site) -> None:
    obj = rule("shop/cart", "cart", {"loadBalancer": {"simple": "RANDOM"}})
    site.put(obj)
    assert site.said(obj) == [("LAT0309", "spec.host")]
    assert site.messages(obj) == ["no service has the host cart.shop.svc.cluster.local"]
    site.put(service("shop/cart"))
    assert site.said(obj) == []


def test_a_rule_for_many_hosts_needs_no_service(site: Site) -> None:
    obj = rule("shop/all", "*.shop.svc.cluster.local", {"loadBalancer": {"simple": "RANDOM"}})
    site.put(obj)
    assert site.said(obj) == []


def test_fields_that_cannot_be_honoured_are_told(site: Site) -> None:
    mesh = rule("shop/cart", "cart", {"tls": {"mode": "ISTIO_MUTUAL"}})
    dynamic = entry("shop/e", ["*.a.com"], resolution="DYNAMIC_DNS")
    local = service("shop/cart", internalTrafficPolicy="Local")
    site.put(mesh, dynamic, local)
    assert site.said(mesh) == [("LAT0203", "spec.trafficPolicy.tls")]
    assert site.said(dynamic) == [("LAT0203", "spec.resolution")]
    assert site.said(local) == [("LAT0102", "spec.internalTrafficPolicy")]


def test_findings_go_with_their_object(site: Site) -> None:
    objects = (
        rule("shop/cart", "cart"),
        entry("shop/e", ["*.a.com"], resolution="DYNAMIC_DNS"),
        service("shop/other", internalTrafficPolicy="Local"),
        virtual_service("shop/v", "a.com", gateways=["gone"], http=[{"directResponse": {"status": 200}}]),
    )
    site.put(*objects)
    assert all(site.said(obj) for obj in objects)
    site.remove(*objects)
    assert [table.values for table in site.graph.findings] == [{}] * 5


def test_every_code_is_stable_and_unique() -> None:
    ids = [code.id for code in Code]
    assert ids == sorted(set(ids))
    finding = Code.PORT_TAKEN.about(Key(Kind.GATEWAY, "a", "b"), "why", ("spec",))
    assert (finding.code, finding.severity, finding.message, finding.path) == (
        "LAT0202",
        Severity.ERROR,
        "why",
        ("spec",),
    )
