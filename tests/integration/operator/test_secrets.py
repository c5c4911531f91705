"""Certificates from Secrets: served, rotated without a lost request, and read only where something names them."""

import base64
from pathlib import Path

import pytest
from tests.apiserver.audit_log import Asked
from tests.apiserver.control_plane import ControlPlane, wait_until
from tests.integration.operator.secure import (
    CERTIFICATE,
    HOST,
    secret,
    secure_gateway,
    secure_route,
    serve_securely,
    trusting,
)
from tests.integration.operator.shop import SYSTEM, Shop
from tests.integration.traffic.certificates import Authority
from tests.operator.traffic import ask, load, until_answered
from tests.operator.world import PROXIES, gateway

from lateen.settings import AUTHORITY_SECRET

pytestmark = [pytest.mark.apiserver, pytest.mark.envoy, pytest.mark.slow, pytest.mark.timeout(180)]


def test_a_certificate_is_rotated_without_a_lost_request(shop: Shop, tmp_path: Path) -> None:
    old, new = Authority(tmp_path, "old"), Authority(tmp_path, "new")
    port = serve_securely(shop, old.issue(HOST))
    until_answered(port, HOST, lambda answer: answer.backend == "cart", tls=trusting(old))
    with load(port, HOST, renew=5, tls=trusting(old, new)) as found:
        shop.apply(secret(new.issue(HOST)))
        until_answered(port, HOST, lambda answer: answer.backend == "cart", tls=trusting(new))
        found.until(100)
    assert found.failures == []


@pytest.mark.parametrize("kind", ["garbage", "another key"])
def test_a_broken_certificate_is_named_and_the_last_good_one_kept(shop: Shop, tmp_path: Path, kind: str) -> None:
    authority = Authority(tmp_path, "authority")
    good, other = authority.issue(HOST), authority.issue(HOST)
    port = serve_securely(shop, good)
    until_answered(port, HOST, lambda answer: answer.backend == "cart", tls=trusting(authority))
    broken = secret(good)
    if kind == "garbage":
        broken["data"]["tls.crt"] = base64.b64encode(b"garbage").decode()
    else:
        broken["data"]["tls.key"] = secret(other)["data"]["tls.key"]
    # The API server warns of such a Secret and stores it, which `apply` takes for a mistake.
    shop.api.http.put(shop.api.url_of(broken, namespace=shop.name), json=broken).raise_for_status()
    told = shop.until_condition(secure_gateway(port), "ResolvedRefs", "False")
    assert "servers[0].tls.credentialName" in told["message"]
    assert ask(port, HOST, tls=trusting(authority)).backend == "cart"
    shop.apply(secret(good))
    shop.until_condition(secure_gateway(port), "ResolvedRefs", "True")


def test_secrets_that_nothing_names_are_never_read(cluster: ControlPlane, shop: Shop, tmp_path: Path) -> None:
    authority = Authority(tmp_path, "authority")
    shop.apply(secret(authority.issue("private.example.com"), "private"))
    port = serve_securely(shop, authority.issue(HOST))
    until_answered(port, HOST, lambda answer: answer.backend == "cart", tls=trusting(authority))
    named = {CERTIFICATE, f"{CERTIFICATE}-cacert", f"{PROXIES}-xds"}
    everywhere = _readings(cluster)
    assert {each.name for each in everywhere if each.namespace == shop.name} <= named
    assert {each.name for each in everywhere if each.namespace == SYSTEM} == {AUTHORITY_SECRET}
    assert all(each.namespace and each.name for each in everywhere)
    assert _is_watched(cluster, shop)

    shop.apply(gateway(port, name="secure"))
    wait_until(lambda: not _is_watched(cluster, shop))
    over = cluster.audit.mark()
    shop.apply(secret(authority.issue(HOST)), secure_route("after"))
    until_answered(port, HOST, lambda answer: answer.mark == "after")
    assert [each for each in _readings(cluster, over) if each.namespace == shop.name] == []


def _readings(cluster: ControlPlane, since: int = 0) -> list[Asked]:
    """Whatever would have brought a Secret to an operator."""
    return [each for each in cluster.audit.requests(since) if each.resource == "secrets" and not each.writes]


def _is_watched(cluster: ControlPlane, shop: Shop) -> bool:
    key = (shop.name, CERTIFICATE)
    return any(each.is_open for each in _readings(cluster) if (each.namespace, each.name) == key)
