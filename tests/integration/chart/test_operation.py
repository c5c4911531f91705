"""Parts of the operator at work with the rights that the chart gives it, and no others."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
from tests.apiserver.control_plane import ControlPlane
from tests.chart.helm import NAMESPACE, needs_helm
from tests.chart.value_sets import BARE
from tests.integration.chart.cluster import OPERATOR, Cluster

from lateen.infra.base import Phase, ProxyPlan, ProxyState
from lateen.infra.kube import KubeProxyRunner
from lateen.infra.naming import secret_name
from lateen.infra.pods import ControlPlane as Xds
from lateen.infra.pods import plan_pods
from lateen.ir.deployment import ProxyDeployment, ServicePort
from lateen.ir.proxy import ProxyId
from lateen.kube.client import KubeClient
from lateen.kube.resources import SECRETS
from lateen.runtime.certificate_keeper import CertificateKeeper, CertificateSettings
from lateen.runtime.leadership import AlwaysLeader
from lateen.settings import ProxyDefaults

pytestmark = [pytest.mark.apiserver, pytest.mark.timeout(240), needs_helm]

_XDS: Final = Xds(f"lateen-xds.{NAMESPACE}.svc:18000", f"lateen-xds.{NAMESPACE}.svc")
_OPTIONS: Final = {"autoscaling": "{}", "network-policy": "true"}


@pytest.fixture
async def operator(bare_plane: ControlPlane, tmp_path: Path) -> AsyncIterator[KubeClient]:
    """A client with the operator's own identity."""
    client = await KubeClient.connect(bare_plane.kubeconfig(tmp_path, OPERATOR))
    yield client
    await client.close()


def _plan(namespace: str) -> ProxyPlan:
    proxy = ProxyId(namespace, "istio=ingressgateway")
    port = ServicePort("http-80", 80, 10080)
    return plan_pods(ProxyDeployment(proxy, namespace, {"istio": "ingressgateway"}, (port,), _OPTIONS), _XDS)


@pytest.mark.parametrize(
    ("scope", "where", "namespace"), [("namespace", "", "shop"), ("cluster", NAMESPACE, NAMESPACE)]
)
async def test_proxies_are_made_followed_and_removed(
    cluster: Cluster, operator: KubeClient, scope: str, where: str, namespace: str
) -> None:
    cluster.install(**BARE, gateways={"scope": scope})
    cluster.create_namespace(namespace)
    states: asyncio.Queue[ProxyState] = asyncio.Queue()
    certificates = CertificateKeeper(operator, AlwaysLeader(), CertificateSettings(NAMESPACE, ()))
    await certificates.start()
    runner = KubeProxyRunner(
        operator,
        ProxyDefaults(),
        instance=NAMESPACE,
        identities=certificates,
        namespace=where,
        on_state=states.put_nowait,
    )
    plan = _plan(namespace)
    assert (await runner.ensure(plan)).phase is Phase.STARTING
    assert await operator.get(SECRETS, namespace, secret_name(plan.proxy)) is not None
    following = asyncio.create_task(
        runner.run(leads=lambda: True, wanted=lambda: {plan.proxy}, on_unwanted=lambda _: None)
    )
    assert (await states.get()).proxy == plan.proxy
    await runner.remove(plan.proxy)
    assert await operator.get(SECRETS, namespace, secret_name(plan.proxy)) is None
    while (await states.get()).phase is not Phase.STOPPED:
        pass
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
