"""Certificates from Secrets: served, and rotated without a lost request."""

import base64
import ssl
from pathlib import Path
from typing import Any

import pytest
from tests.apiserver.client import Manifest
from tests.integration.operator.shop import Shop
from tests.integration.traffic.certificates import Authority, Credential
from tests.operator.traffic import ask, load, until_answered
from tests.operator.world import gateway, virtual_service
from tests.ports import free_ports

pytestmark = [pytest.mark.apiserver, pytest.mark.envoy, pytest.mark.slow, pytest.mark.timeout(180)]

HOST = "cart.example.com"


def test_a_certificate_is_rotated_without_a_lost_request(shop: Shop, tmp_path: Path) -> None:
    old, new = Authority(tmp_path, "old"), Authority(tmp_path, "new")
    port = _serve(shop, old.issue(HOST))
    until_answered(port, HOST, lambda answer: answer.backend == "cart", tls=_trusting(old))
    with load(port, HOST, renew=5, tls=_trusting(old, new)) as found:
        shop.apply(_secret(new.issue(HOST)))
        until_answered(port, HOST, lambda answer: answer.backend == "cart", tls=_trusting(new))
        found.until(100)
    assert found.failures == []


def _serve(shop: Shop, credential: Credential) -> int:
    (port,) = free_ports(1)
    shop.backend("cart")
    shop.apply(_secret(credential), _gateway(port), _route())
    return port


def _gateway(port: int) -> Manifest:
    return gateway(port, name="secure", secret="cart-cert")


def _route() -> Manifest:
    route = virtual_service("cart", "cart")
    return {**route, "spec": {**route["spec"], "gateways": ["secure"]}}


def _secret(credential: Credential) -> dict[str, Any]:
    files = {"tls.crt": credential.certificate, "tls.key": credential.key}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/tls",
        "metadata": {"name": "cart-cert"},
        "data": {name: base64.b64encode(file.read_bytes()).decode() for name, file in files.items()},
    }


def _trusting(*authorities: Authority) -> ssl.SSLContext:
    context = ssl.create_default_context()
    for authority in authorities:
        context.load_verify_locations(authority.file)
    return context


@pytest.mark.parametrize("kind", ["garbage", "another key"])
def test_a_broken_certificate_is_named_and_the_last_good_one_kept(shop: Shop, tmp_path: Path, kind: str) -> None:
    authority = Authority(tmp_path, "authority")
    good, other = authority.issue(HOST), authority.issue(HOST)
    port = _serve(shop, good)
    until_answered(port, HOST, lambda answer: answer.backend == "cart", tls=_trusting(authority))
    broken = _secret(good)
    if kind == "garbage":
        broken["data"]["tls.crt"] = base64.b64encode(b"garbage").decode()
    else:
        broken["data"]["tls.key"] = _secret(other)["data"]["tls.key"]
    # The API server warns of such a Secret and stores it, which `apply` takes for a mistake.
    shop.api.http.put(shop.api.url_of(broken, namespace=shop.name), json=broken).raise_for_status()
    told = shop.until_condition(_gateway(port), "ResolvedRefs", "False")
    assert "servers[0].tls.credentialName" in told["message"]
    assert ask(port, HOST, tls=_trusting(authority)).backend == "cart"
    shop.apply(_secret(good))
    shop.until_condition(_gateway(port), "ResolvedRefs", "True")
