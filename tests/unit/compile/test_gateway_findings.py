"""What is said about a Gateway beyond its own fields."""

from typing import Any

import pytest
from tests.unit.compile.site import Site, secret
from tests.unit.semantics.objects import gateway, proxy, server_fields

from lateen.ir.proxy import ProxyId
from lateen.model.gateway import GatewaySpec
from lateen.model.objects import Object

PEM = "-----BEGIN X-----"
PAIR = {"tls_crt": PEM, "tls_key": PEM}


@pytest.fixture
def site() -> Site:
    return Site()


def https(**tls: Any) -> Object[GatewaySpec]:
    return gateway("edge/gw", server_fields(443, "HTTPS", "a.com", tls={"mode": "SIMPLE", **tls}))


def test_a_refused_server_is_named_with_its_reason(site: Site) -> None:
    young = gateway("edge/young", server_fields(8080, "HTTP"), server_fields(80, "TCP"), created="2026-01-02T00:00:00Z")
    old = gateway("edge/z", server_fields(80, "HTTP"), created="2026-01-01T00:00:00Z")
    site.put(young, old)
    assert site.said(young) == [("LAT0201", "spec.servers[1]")]
    assert "already serves HTTP" in site.messages(young)[0]
    site.remove(old)
    assert site.said(young) == []


@pytest.mark.parametrize(
    ("tls", "said"),
    [
        ({"credentialName": "cert"}, []),
        ({"credentialName": "absent"}, [("LAT0307", "credentialName")]),
        ({"credentialName": "kubernetes://shop/cert"}, [("LAT0307", "credentialName")]),
        ({"credentialName": "half"}, [("LAT0308", "credentialName")]),
        ({"credentialNames": ["cert", "absent"]}, [("LAT0307", "credentialNames[1]")]),
        ({"mode": "MUTUAL", "credentialName": "full"}, []),
        ({"mode": "MUTUAL", "credentialName": "cert"}, [("LAT0308", "credentialName")]),
        ({"mode": "MUTUAL", "credentialNames": ["cert"]}, [("LAT0308", "credentialNames[0]")]),
        ({"mode": "MUTUAL", "credentialName": "cert", "caCertCredentialName": "full"}, []),
        (
            {"mode": "MUTUAL", "credentialName": "cert", "caCertCredentialName": "absent"},
            [("LAT0307", "caCertCredentialName")],
        ),
        (
            {"mode": "MUTUAL", "credentialName": "cert", "caCertCredentialName": "configmap://edge/full"},
            [("LAT0203", "caCertCredentialName")],
        ),
        ({"serverCertificate": "/c", "privateKey": "/k"}, []),
        ({"mode": "MUTUAL", "serverCertificate": "/c", "privateKey": "/k", "caCertificates": "/ca"}, []),
        ({"mode": "PASSTHROUGH", "credentialName": "absent"}, []),
        ({"mode": "ISTIO_MUTUAL"}, [("LAT0203", "mode")]),
    ],
)
def test_credentials_that_cannot_be_used_are_named_by_their_field(
    site: Site, tls: dict[str, Any], said: list[tuple[str, str]]
) -> None:
    gw = https(**tls)
    site.put(gw, secret("edge/cert", **PAIR), secret("shop/cert", **PAIR), secret("edge/half", tls_crt=PEM))
    site.put(secret("edge/full", **PAIR, ca_crt=PEM))
    assert site.said(gw) == [(code, f"spec.servers[0].tls.{field}") for code, field in said]


def test_a_finding_goes_when_the_secret_comes(site: Site) -> None:
    gw = https(credentialName="cert")
    site.put(gw)
    assert site.messages(gw) == [
        "there is no Secret edge/cert in the proxy's namespace; handshakes fail, unless proxies have one from before"
    ]
    site.put(secret("edge/cert", **PAIR))
    assert site.said(gw) == []


def test_a_finding_that_holds_on_several_proxies_is_told_once() -> None:
    site = Site(proxies=(proxy("a", app="edge"), proxy("b", app="edge")))
    gw = gateway("edge/gw", server_fields(80, "HTTP"), server_fields(80, "TCP", name="x"), app="edge")
    site.put(gw)
    assert len(site.listeners(ProxyId("a", "istio=ingressgateway"))) == 1
    assert len(site.listeners(ProxyId("b", "istio=ingressgateway"))) == 1
    assert site.said(gw) == [("LAT0201", "spec.servers[1]")]
