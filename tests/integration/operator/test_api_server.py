"""An API server that is killed and comes back: proxies serve, nothing goes, and what changed after it is seen."""

from pathlib import Path
from typing import Final

import pytest
from tests.apiserver.control_plane import ControlPlane
from tests.integration.operator.secure import HOST, secure_gateway, secure_route, serve_securely, trusting
from tests.integration.operator.shop import Shop
from tests.integration.traffic.certificates import Authority
from tests.operator.traffic import load, until_answered
from tests.operator.world import destination_rule, gateway, virtual_service

pytestmark = [pytest.mark.apiserver, pytest.mark.envoy, pytest.mark.slow, pytest.mark.timeout(180)]

_MADE: Final = (
    "/apis/apps/v1/{}/deployments",
    "/apis/policy/v1/{}/poddisruptionbudgets",
    "/api/v1/{}/configmaps",
    "/api/v1/{}/secrets",
    "/api/v1/{}/serviceaccounts",
    "/api/v1/{}/services",
)


def test_no_request_is_lost_and_no_object_while_the_api_server_is_killed_and_comes_back(
    cluster: ControlPlane, shop: Shop, tmp_path: Path
) -> None:
    authority = Authority(tmp_path, "authority")
    secure = serve_securely(shop, authority.issue(HOST))
    until_answered(secure, HOST, lambda answer: answer.backend == "cart", tls=trusting(authority))
    till = virtual_service("till", "till", mark="before")
    rule = destination_rule("till", loadBalancer={"simple": "RANDOM"})
    shop.backend("till")
    shop.apply(till, rule)
    stays = (gateway(shop.port), secure_gateway(secure), secure_route(), rule)
    for manifest in (*stays, till):
        shop.until_condition(manifest, "Programmed", "True")
    made, killed = _made(shop), cluster.audit.mark()

    with load(secure, HOST, renew=10, tls=trusting(authority)) as carts, load(shop.port, "till.example.com") as tills:
        cluster.kill_server()
        carts.until(200)
        cluster.start_server()
        till = virtual_service("till", "till", mark="after")
        shop.apply(till)
        tills.until_marked("after")
        shop.until_condition(till, "Programmed", "True")
        carts.until(50)
    assert carts.failures == tills.failures == []
    for manifest in stays:
        shop.until_condition(manifest, "Programmed", "True")
        shop.until_condition(manifest, "ResolvedRefs", "True")
    assert _made(shop) == made
    assert [each for each in cluster.audit.requests(killed) if each.verb.startswith("delete")] == []


def _made(shop: Shop) -> dict[str, str]:
    """Every object of the namespace that is not the user's own kind, by path, with what tells it from a later one."""
    found = {}
    for collection in _MADE:
        url = collection.format(f"namespaces/{shop.name}")
        for each in shop.api.http.get(url).raise_for_status().json()["items"]:
            found[f"{url}/{each['metadata']['name']}"] = each["metadata"]["uid"]
    return found
