"""Two replicas: whichever ends, proxies serve, and the other one goes on with all that there is to do."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.apiserver.client import ApiClient
from tests.apiserver.control_plane import ControlPlane, wait_until
from tests.integration.operator.shop import REPLICAS, SYSTEM, Shop
from tests.operator.counts import value
from tests.operator.process import OperatorProcess
from tests.operator.service import Service
from tests.operator.traffic import load, until_answered
from tests.operator.world import virtual_service

pytestmark = [pytest.mark.apiserver, pytest.mark.envoy, pytest.mark.slow, pytest.mark.timeout(180)]

_LEASE = f"/apis/coordination.k8s.io/v1/namespaces/{SYSTEM}/leases/lateen"


@pytest.fixture
def replicas(cluster: ControlPlane, tmp_path: Path) -> Iterator[dict[str, OperatorProcess]]:
    """Both, by name."""
    with ExitStack() as stack:
        made = {name: OperatorProcess(cluster.kubeconfig(tmp_path, name), tmp_path, name) for name in REPLICAS}
        for each in made.values():
            stack.enter_context(each)
        yield made


def test_the_leader_is_killed_under_load_and_the_other_replica_leads_on(
    cluster: ControlPlane,
    api: ApiClient,
    replicas: dict[str, OperatorProcess],
    open_shop: Callable[[int], Shop],
) -> None:
    with Service([each.xds_port for each in replicas.values()]) as service:
        shop = open_shop(service.port)
        shop.pod(service.port, "pod-1")
        shop.backend("cart")
        shop.apply(virtual_service("cart", "cart", mark="before"))
        until_answered(shop.port, "cart.example.com", lambda answer: answer.mark == "before")
        assert {name: _proxies(each) for name, each in replicas.items()} == dict.fromkeys(REPLICAS, 1)
        leader = _leader(api)
        (other,) = {*REPLICAS} - {leader}
        with load(shop.port, "cart.example.com", renew=10) as found:
            replicas[leader].kill()
            wait_until(lambda: _proxies(replicas[other]) == 2)
            changed = cluster.audit.mark()
            route = virtual_service("cart", "cart", mark="after")
            shop.apply(route)
            found.until_marked("after")
            programmed = shop.until_condition(route, "Programmed", "True")
        assert found.failures == []
        assert "2 of 2" in programmed["message"]
        assert _leader(api) == other
        asked = (each for each in cluster.audit.requests(changed) if each.namespace == shop.name)
        assert {each.user for each in asked if each.resource == "virtualservices/status"} == {other}


def _leader(api: ApiClient) -> str:
    """Which replica leads, once one does."""
    wait_until(lambda: api.http.get(_LEASE).is_success)
    holder: str = api.http.get(_LEASE).json()["spec"]["holderIdentity"]
    return holder.partition("_")[0]


def _proxies(replica: OperatorProcess) -> int:
    """How many proxies have a stream with a replica."""
    return int(value(replica.metrics(), "lateen_streams"))
