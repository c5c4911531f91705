"""Proxies whose Gateway goes: they wait a while before they go as well."""

import socket
from collections.abc import Iterator, Mapping
from typing import Final

import pytest
from tests.apiserver.client import Manifest, RefusedError
from tests.apiserver.control_plane import ControlPlane, wait_until
from tests.integration.operator.shop import Shop
from tests.operator.process import OperatorProcess
from tests.operator.traffic import until_answered
from tests.operator.world import PROXIES, gateway, virtual_service

pytestmark = [pytest.mark.apiserver, pytest.mark.envoy, pytest.mark.slow, pytest.mark.timeout(180)]

DELAY: Final = 15
OBJECTS: Final[tuple[Manifest, ...]] = (
    {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": PROXIES}},
    {"apiVersion": "v1", "kind": "Service", "metadata": {"name": PROXIES}},
    {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": f"{PROXIES}-xds"}},
)


@pytest.fixture(scope="module")
def operator(cluster: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OperatorProcess]:
    """One that waits no longer than a test can."""
    folder = tmp_path_factory.mktemp("operator")
    proxies = {"removal": {"delaySeconds": DELAY}}
    with OperatorProcess(cluster.kubeconfig(folder), folder, proxies=proxies) as running:
        yield running


def test_a_gateway_that_is_deleted_and_made_again_keeps_its_proxies(shop: Shop) -> None:
    shop.backend("cart")
    shop.apply(virtual_service("cart", "cart"))
    until_answered(shop.port, "cart.example.com", lambda answer: answer.backend == "cart")
    before = versions(shop)
    streams = shop.pods[0].stats(r"^cluster\.lateen-xds\.upstream_rq_total$")
    shop.delete(gateway(shop.port))
    wait_until(lambda: not is_open(shop.port))
    shop.apply(gateway(shop.port))
    until_answered(shop.port, "cart.example.com", lambda answer: answer.backend == "cart")
    shop.until_condition(gateway(shop.port), "Programmed", "True")
    assert versions(shop) == before
    assert shop.pods[0].stats(r"^cluster\.lateen-xds\.upstream_rq_total$") == streams, "by the same stream"


def test_proxies_that_no_gateway_wants_go_after_a_while_also_under_a_new_operator(
    shop: Shop, operator: OperatorProcess
) -> None:
    assert left(shop) == ["Deployment", "Service", "Secret"]
    shop.delete(gateway(shop.port))
    wait_until(lambda: not is_open(shop.port))
    operator.end()
    operator.start()
    assert left(shop) == ["Deployment", "Service", "Secret"], "a new leader begins to count anew"
    wait_until(lambda: left(shop) == [], 4 * DELAY)


def versions(shop: Shop) -> Mapping[str, str]:
    """Everything that the proxies are made of, in the state in which it is."""
    found = {each["kind"]: shop.api.get(each, namespace=shop.name)["metadata"] for each in OBJECTS}
    return {kind: metadata["resourceVersion"] for kind, metadata in found.items()}


def left(shop: Shop) -> list[str]:
    """The kinds of those objects that exist."""
    kinds = []
    for each in OBJECTS:
        try:
            shop.api.get(each, namespace=shop.name)
        except RefusedError as error:
            assert error.code == 404, error  # noqa: PT017 - any other error is one of the test
        else:
            kinds.append(each["kind"])
    return kinds


def is_open(port: int) -> bool:
    """Whether somebody listens on a port of this machine."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except ConnectionRefusedError:
        return False
    return True
