"""What an operator writes: of many objects those that changed, each once, and nothing because it has started again."""

from collections.abc import Iterator
from typing import Final

import pytest
from tests.apiserver.audit_log import Asked
from tests.apiserver.control_plane import ControlPlane, wait_until
from tests.integration.operator.shop import REPLICAS, Shop
from tests.operator.counts import value
from tests.operator.process import OperatorProcess
from tests.operator.world import virtual_service

pytestmark = [pytest.mark.apiserver, pytest.mark.envoy, pytest.mark.slow, pytest.mark.timeout(240)]

_COUNT: Final = 1000


@pytest.fixture(scope="module")
def operator(cluster: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OperatorProcess]:
    """One that may write without end."""
    folder = tmp_path_factory.mktemp("operator")
    status = {"writesPerSecond": 10 * _COUNT, "burst": 10 * _COUNT}
    with OperatorProcess(cluster.kubeconfig(folder, REPLICAS[0]), folder, status=status) as running:
        yield running


def test_a_start_writes_nothing_and_a_change_of_one_in_a_thousand_objects_one_status(
    cluster: ControlPlane, shop: Shop, operator: OperatorProcess
) -> None:
    shop.backend("cart")
    shop.apply(*(virtual_service(_name(number), "cart") for number in range(_COUNT)))
    wait_until(lambda: _programmed(shop) == _COUNT)
    wait_until(lambda: _told(shop) == _COUNT)  # Events come after status
    settled = cluster.audit.mark()
    operator.end()
    operator.start()
    for mark in ("one", "two"):  # the newest news is written first, so that the second change comes after all others
        route = virtual_service(_name(7), "cart", mark=mark)
        shop.apply(route)
        shop.until_condition(route, "Programmed", "True")
    wait_until(lambda: value(operator.metrics(), "lateen_status_waiting") == 0)
    written = [(each.verb, each.resource, each.name) for each in _writes(cluster, settled)]
    assert written == [("patch", "virtualservices/status", _name(7))] * 2


def _name(number: int) -> str:
    return f"host-{number:04}"


def _programmed(shop: Shop) -> int:
    """How many VirtualServices say that they are live."""
    url = f"/apis/networking.istio.io/v1/namespaces/{shop.name}/virtualservices"
    conditions = [each.get("status", {}).get("conditions") or () for each in shop.api.http.get(url).json()["items"]]
    return sum(any((c["type"], c["status"]) == ("Programmed", "True") for c in each) for each in conditions)


def _told(shop: Shop) -> int:
    """How many VirtualServices have an Event that says so."""
    only = {"fieldSelector": "reason=Programmed,involvedObject.kind=VirtualService"}
    found = shop.api.http.get(f"/api/v1/namespaces/{shop.name}/events", params=only).json()["items"]
    return len({each["involvedObject"]["name"] for each in found})


def _writes(cluster: ControlPlane, since: int) -> list[Asked]:
    """Whatever was written, but for the sign of life of the leader."""
    return [each for each in cluster.audit.requests(since) if each.writes and each.resource != "leases"]
