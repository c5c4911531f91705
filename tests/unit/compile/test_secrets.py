"""Secrets as tables: what proxies are given, and what stays in use when a Secret goes bad."""

from dataclasses import replace
from typing import Any

import pytest
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret as SecretMessage
from tests.unit.compile.site import EDGE, Site, secret
from tests.unit.semantics.objects import gateway, rule, server_fields, service, to, virtual_service

from lateen.compile.names import WantedSecret
from lateen.ir.deployment import PROXY_LABEL
from lateen.ir.resource import ResourceType
from lateen.model.gateway import GatewaySpec
from lateen.model.keys import Key, Kind
from lateen.model.objects import Object

PEM = "-----BEGIN X-----"


def https(**tls: Any) -> Object[GatewaySpec]:
    settings = {"mode": "SIMPLE", "credentialName": "cert", **tls}
    return gateway("edge/gw", server_fields(443, "HTTPS", "a.com", tls=settings))


def delivered(site: Site) -> dict[str, SecretMessage]:
    found = site.resources(ResourceType.SECRET)
    return {name: SecretMessage.FromString(row.body) for name, row in sorted(found.items())}


def errors(site: Site) -> dict[str, str]:
    return {key.name: str(error) for key, error in site.graph.secrets.encoded.errors.items()}


@pytest.fixture
def site() -> Site:
    return Site()


def test_a_proxy_is_given_the_certificate_that_its_gateway_names(site: Site) -> None:
    site.put(https(), secret("edge/cert", tls_crt=PEM, tls_key=PEM), secret("edge/other", tls_crt=PEM, tls_key=PEM))
    assert list(delivered(site)) == ["kubernetes://cert"]
    (row,) = site.resources(ResourceType.SECRET).values()
    assert row.origins == (Key(Kind.SECRET, "edge", "cert"), Key(Kind.GATEWAY, "edge", "gw"))


def test_a_secret_of_another_namespace_is_not_given_away(site: Site) -> None:
    site.put(https(credentialName="kubernetes://shop/cert"), secret("shop/cert", tls_crt=PEM, tls_key=PEM))
    assert delivered(site) == {}
    assert errors(site) == {
        "kubernetes://shop/cert": "Secret shop/cert is not in the proxy's namespace edge, so the proxy does not get it",
    }


def test_authorities_come_from_the_secret_of_that_name(site: Site) -> None:
    site.put(
        https(mode="MUTUAL"),
        secret("edge/cert", tls_crt=PEM, tls_key=PEM, ca_crt=f"{PEM}base"),
        secret("edge/cert-cacert", cacert=f"{PEM}own"),
    )
    trust = delivered(site)["kubernetes://cert-cacert"].validation_context.trusted_ca
    assert trust.inline_bytes == f"{PEM}own".encode()


def test_authorities_may_stand_beside_the_certificate(site: Site) -> None:
    site.put(https(mode="MUTUAL"), secret("edge/cert", tls_crt=PEM, tls_key=PEM, ca_crt=f"{PEM}base"))
    trust = delivered(site)["kubernetes://cert-cacert"].validation_context.trusted_ca
    assert trust.inline_bytes == f"{PEM}base".encode()


def test_authorities_of_the_wrong_form_are_not_replaced_by_others(site: Site) -> None:
    site.put(
        https(mode="MUTUAL"),
        secret("edge/cert", tls_crt=PEM, tls_key=PEM, ca_crt=PEM),
        secret("edge/cert-cacert", wrong=PEM),
    )
    assert list(delivered(site)) == ["kubernetes://cert"]
    assert errors(site) == {
        "kubernetes://cert-cacert": "Secret edge/cert-cacert cannot be used: it has neither ca.crt nor cacert"
    }


def test_authorities_may_have_a_secret_of_their_own(site: Site) -> None:
    site.put(
        https(mode="MUTUAL", caCertCredentialName="partners"),
        secret("edge/cert", tls_crt=PEM, tls_key=PEM),
        secret("edge/partners", ca_crt=PEM),
    )
    assert list(delivered(site)) == ["kubernetes://cert", "kubernetes://partners-cacert"]


def test_a_config_map_is_not_read(site: Site) -> None:
    site.put(https(mode="MUTUAL", caCertCredentialName="configmap://edge/ca"), secret("edge/ca", ca_crt=PEM))
    message = "configmap://edge/ca-cacert names a ConfigMap, and authorities are read from Secrets only"
    assert errors(site)["configmap://edge/ca-cacert"] == message


def test_the_last_good_material_stays_in_use(site: Site) -> None:
    good = secret("edge/cert", tls_crt=PEM, tls_key=PEM)
    site.put(https(), good)
    site.put(secret("edge/cert", tls_crt=PEM))
    assert list(delivered(site)) == ["kubernetes://cert"]
    assert list(errors(site)) == ["kubernetes://cert"]
    site.remove(good)
    assert list(delivered(site)) == ["kubernetes://cert"]
    site.put(secret("edge/cert", tls_crt=f"{PEM}new", tls_key=PEM))
    assert delivered(site)["kubernetes://cert"].tls_certificate.certificate_chain.inline_bytes == f"{PEM}new".encode()
    assert errors(site) == {}


def test_what_nothing_names_is_no_longer_delivered(site: Site) -> None:
    gw = https()
    site.put(gw, secret("edge/cert", tls_crt=PEM, tls_key=PEM))
    site.remove(gw)
    assert delivered(site) == {}
    assert WantedSecret(EDGE, "kubernetes://cert") not in site.graph.secrets.encoded.values


def test_material_from_files_is_not_delivered(site: Site) -> None:
    site.put(https(credentialName="", serverCertificate="/c", privateKey="/k"))
    assert delivered(site) == {}
    assert errors(site) == {}


def test_clusters_name_secrets_as_well(site: Site) -> None:
    site.put(
        gateway("edge/gw", server_fields(80, "HTTP", "a.com")),
        virtual_service("edge/v", "a.com", gateways=["gw"], http=[{"route": [to("cart")]}]),
        service("edge/cart"),
        rule("edge/cart", "cart", {"tls": {"mode": "MUTUAL", "credentialName": "client"}}),
        secret("edge/client", tls_crt=PEM, tls_key=PEM, ca_crt=PEM),
    )
    assert list(delivered(site)) == ["kubernetes://client", "kubernetes://client-cacert"]
    rule_key = Key(Kind.DESTINATION_RULE, "edge", "cart")
    assert all(rule_key in row.origins for row in site.resources(ResourceType.SECRET).values())


def test_only_secrets_that_a_proxy_may_have_are_asked_for(site: Site) -> None:
    site.put(https(mode="MUTUAL"), https_elsewhere())
    places = site.graph.secrets.places(lambda _: "edge")
    assert places == {Key(Kind.SECRET, "edge", "cert"), Key(Kind.SECRET, "edge", "cert-cacert")}
    assert site.graph.secrets.places(lambda _: None) == frozenset()


def https_elsewhere() -> Object[GatewaySpec]:
    settings = {"mode": "SIMPLE", "credentialName": "kubernetes://shop/cert"}
    return gateway("edge/gw-elsewhere", server_fields(8443, "HTTPS", "b.com", tls=settings))


def test_the_certificate_that_proxies_show_the_control_plane_is_shown_to_nobody_else(site: Site) -> None:
    own = secret("edge/cert", tls_crt=PEM, tls_key=PEM)
    site.put(https(), replace(own, meta=replace(own.meta, labels={PROXY_LABEL: "lateen-other"})))
    assert delivered(site) == {}
    assert "is a proxy's own" in errors(site)["kubernetes://cert"]
