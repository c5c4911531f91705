"""Proxies as objects of a real API server: written once, put back, removed."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from tests.apiserver.client import ApiClient
from tests.apiserver.control_plane import ControlPlane

from lateen.errors import ProxyError
from lateen.infra.base import OnState, Phase, ProxyPlan, ProxyState
from lateen.infra.kube import MADE, KubeProxyRunner
from lateen.infra.naming import APPLIED, object_name
from lateen.infra.pods import ControlPlane as Xds
from lateen.infra.pods import plan_pods
from lateen.infra.render import Renderer
from lateen.ir.deployment import PROXY_LABEL, ProxyDeployment, ServicePort
from lateen.ir.proxy import ProxyId
from lateen.kube.client import ApiError, KubeClient
from lateen.kube.ownership import ForeignObjectError
from lateen.kube.resources import CONFIG_MAPS, DEPLOYMENTS, SERVICES
from lateen.settings import ProxyDefaults

pytestmark = [pytest.mark.apiserver, pytest.mark.timeout(240)]

NAMESPACE: Final = "shop"
INSTANCE: Final = "lateen-system"
NAME: Final = "lateen-ingressgateway"
EDGE: Final = ProxyId(NAMESPACE, "istio=ingressgateway")
HTTP: Final = ServicePort("http-80", 80, 10080)
HTTPS: Final = ServicePort("https-443", 443, 10443)
XDS: Final = Xds("lateen-xds.lateen-system.svc:18000", "lateen-xds.lateen-system.svc")
EVERYTHING: Final = {
    "autoscaling": "{}",
    "network-policy": "true",
    "affinity": '{"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": '
    '[{"matchExpressions": [{"key": "kubernetes.io/arch", "operator": "In", "values": ["amd64"]}]}]}}}',
    "extra-env": '[{"name": "A", "value": "b"}]',
    "image-pull-secrets": '["mine"]',
    "load-balancer-class": "example.com/mine",
    "load-balancer-source-ranges": '["10.0.0.0/8"]',
    "node-ports": '{"80": 30080}',
    "node-selector": '{"a": "b"}',
    "pod-annotations": '{"what": "\\ud83d\\ude00 it\'s <b>\\u007f\\u0000: {{ x }} #"}',
    "pod-labels": '{"team": "edge"}',
    "priority-class-name": "high",
    "resources": '{"requests": {"cpu": 0.5, "memory": "1Gi"}, "limits": {"cpu": "2000m"}}',
    "service-annotations": '{"example.com/a": "b"}',
    "tolerations": '[{"key": "a", "operator": "Exists"}]',
    "topology-spread-constraints": '[{"maxSkew": 2, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}]',
}


class CountingClient(KubeClient):
    """Remembers what was written."""

    writes: list[str]

    async def request(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        if method != "GET":
            self.writes.append(f"{method} {path.rpartition('/')[0].rpartition('/')[2]}")
        return await super().request(method, path, **options)


@pytest.fixture(scope="module")
def api(control_plane: ControlPlane) -> Iterator[ApiClient]:
    with control_plane.client() as http:
        client = ApiClient(http)
        for name in (NAMESPACE, INSTANCE):
            metadata = {"name": name, "labels": {"pod-security.kubernetes.io/warn": "restricted"}}
            client.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        yield client


@pytest.fixture
async def kube(api: ApiClient, control_plane: ControlPlane, tmp_path: Path) -> AsyncIterator[CountingClient]:
    client = await CountingClient.connect(kubeconfig=control_plane.kubeconfig(tmp_path))
    client.writes = []
    yield client
    for resource in MADE:
        for found in (await client.list(resource, labelSelector=PROXY_LABEL))[0]:
            await client.delete(resource, found["metadata"]["namespace"], found["metadata"]["name"])
    await client.close()


@pytest.fixture(scope="session")
def renderer() -> Renderer:
    return Renderer.load()


def plan(*ports: ServicePort, **options: str) -> ProxyPlan:
    return plan_of(EDGE, *ports, **options)


def plan_of(proxy: ProxyId, *ports: ServicePort, **options: str) -> ProxyPlan:
    named = {name.replace("_", "-"): text for name, text in options.items()}
    return plan_pods(ProxyDeployment(proxy, proxy.namespace, {"istio": "ingressgateway"}, ports, named), XDS)


class Identities:
    """Leaves Secrets to others."""

    async def ensure(self, proxy: ProxyId) -> None:
        """Write none."""

    async def remove(self, proxy: ProxyId) -> None:
        """Delete none."""


def runner_of(kube: KubeClient, instance: str = INSTANCE, *, on_state: OnState | None = None) -> KubeProxyRunner:
    return KubeProxyRunner(kube, ProxyDefaults(), instance=instance, identities=Identities(), on_state=on_state)


async def audit(runner: KubeProxyRunner, *wanted: ProxyId) -> list[ProxyId]:
    """Have everything put back as it should be, and tell what is not wanted."""
    unwanted: list[ProxyId] = []
    await runner.audit(lambda: wanted, unwanted.append)
    return unwanted


async def kinds(kube: KubeClient, selector: str = PROXY_LABEL) -> list[str]:
    return [resource.kind for resource in MADE for _ in (await kube.list(resource, labelSelector=selector))[0]]


async def spec_of(kube: KubeClient, resource: Any = DEPLOYMENTS, name: str = NAME) -> Mapping[str, Any]:
    found = await kube.get(resource, NAMESPACE, name)
    assert found is not None
    spec: Mapping[str, Any] = found["spec"]
    return spec


@pytest.mark.parametrize("options", [{}, EVERYTHING], ids=["defaults", "everything"])
async def test_the_api_server_finds_nothing_doubtful_in_what_is_rendered(
    api: ApiClient, renderer: Renderer, options: Mapping[str, str]
) -> None:
    ssh = ServicePort("tcp-22", 22, 22)  # where a Service of somebody else leads
    for manifest in renderer.render(plan(HTTP, HTTPS, ssh, **options), ProxyDefaults(), INSTANCE):
        api.apply(manifest, dry_run=True)


async def test_a_class_of_proxies_is_written_once(kube: CountingClient) -> None:
    runner = runner_of(kube)
    state = await runner.ensure(plan(HTTP, HTTPS, **EVERYTHING))
    assert state.phase is Phase.STARTING
    assert await kinds(kube) == [resource.kind for resource in MADE]
    kube.writes.clear()
    await runner.ensure(plan(HTTP, HTTPS, **EVERYTHING))
    await audit(runner, EDGE)
    await runner_of(kube).ensure(plan(HTTP, HTTPS, **EVERYTHING))  # the operator starts again
    assert kube.writes == []


async def test_only_what_differs_is_written(kube: CountingClient) -> None:
    runner = runner_of(kube)
    await runner.ensure(plan(HTTP))
    kube.writes.clear()
    await runner.ensure(plan(HTTP, replicas="3"))
    assert kube.writes == ["PATCH deployments"]
    assert (await spec_of(kube))["replicas"] == 3


async def test_what_is_not_wanted_any_more_goes(kube: CountingClient) -> None:
    runner = runner_of(kube)
    await runner.ensure(plan(HTTP, network_policy="true"))
    await runner.ensure(plan(HTTP, service_type="None", pod_disruption_budget='{"enabled": false}'))
    assert await kinds(kube) == ["ServiceAccount", "ConfigMap", "Deployment"]


async def test_a_service_outlives_its_ports(kube: CountingClient) -> None:
    runner = runner_of(kube)
    await runner.ensure(plan())
    assert "Service" not in await kinds(kube)
    await runner.ensure(plan(HTTP))
    await runner.ensure(plan())
    assert "Service" in await kinds(kube)


async def test_what_somebody_changes_is_put_back(kube: CountingClient, api: ApiClient) -> None:
    runner = runner_of(kube)
    await runner.ensure(plan(HTTP))
    await kube.request(
        "PATCH",
        DEPLOYMENTS.path(NAMESPACE, NAME),
        body={"spec": {"replicas": 7, "paused": True}},
        content_type="application/merge-patch+json",
        query={"fieldManager": "somebody"},
    )
    await kube.delete(SERVICES, NAMESPACE, NAME)
    kube.writes.clear()
    await audit(runner, EDGE)
    assert sorted(kube.writes) == ["PATCH deployments", "PATCH services"]
    spec = await spec_of(kube)
    assert (spec["replicas"], spec["paused"]) == (2, True)  # what nobody wishes is theirs
    kube.writes.clear()
    await audit(runner, EDGE)
    assert kube.writes == []


async def test_an_autoscaler_takes_over_as_many_pods_as_there_are(kube: CountingClient) -> None:
    runner = runner_of(kube)
    await runner.ensure(plan(HTTP, replicas="5"))
    await runner.ensure(plan(HTTP, replicas="5", autoscaling='{"minReplicas": 3}'))
    assert (await spec_of(kube))["replicas"] == 5
    kube.writes.clear()
    await audit(runner, EDGE)
    assert kube.writes == []
    await runner.ensure(plan(HTTP, replicas="4"))
    assert (await spec_of(kube))["replicas"] == 4


async def test_a_class_that_is_removed_leaves_nothing(kube: CountingClient) -> None:
    runner = runner_of(kube)
    await runner.ensure(plan(HTTP, **EVERYTHING))
    await runner.remove(EDGE)
    await runner.remove(EDGE)
    assert await kinds(kube) == []
    assert runner.states == {}


async def test_classes_that_went_while_no_operator_ran_are_removed(kube: CountingClient) -> None:
    other = ProxyId(NAMESPACE, "app=other")
    foreign = runner_of(kube, instance="another-lateen")
    await foreign.ensure(plan_of(ProxyId(NAMESPACE, "app=foreign"), HTTP))
    await runner_of(kube).ensure(plan_of(other, HTTP))
    runner = runner_of(kube)
    await runner.ensure(plan(HTTP))
    for proxy in await audit(runner, EDGE):
        await runner.remove(proxy)
    assert await kinds(kube, "lateen.io/instance=another-lateen") != []
    assert set(await names(kube)) == {NAME, "lateen-app-foreign-2ef2a5e8"}


async def names(kube: KubeClient) -> list[str]:
    return [each["metadata"]["name"] for each in (await kube.list(DEPLOYMENTS, labelSelector=PROXY_LABEL))[0]]


async def test_what_is_somebody_elses_is_not_taken_over(kube: CountingClient) -> None:
    metadata = {"name": NAME, "namespace": NAMESPACE, "labels": {PROXY_LABEL: "theirs"}}
    spec = {"selector": {"a": "b"}, "ports": [{"port": 80}]}
    await kube.create(SERVICES, {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})
    with pytest.raises(ForeignObjectError, match=f"Service {NAMESPACE}/{NAME} exists already"):
        await runner_of(kube).ensure(plan(HTTP))
    assert (await spec_of(kube, SERVICES))["selector"] == {"a": "b"}


async def deploy_status(kube: KubeClient, **status: Any) -> None:
    body = {"status": status}
    merge = "application/merge-patch+json"
    await kube.request("PATCH", f"{DEPLOYMENTS.path(NAMESPACE, NAME)}/status", body=body, content_type=merge)


def ignore(_: ProxyId) -> None:
    """Leave what is not wanted as it is."""


@contextlib.asynccontextmanager
async def running(runner: KubeProxyRunner, *wanted: ProxyId, leads: bool = True) -> AsyncIterator[None]:
    task = asyncio.create_task(runner.run(leads=lambda: leads, wanted=lambda: wanted, on_unwanted=ignore))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_how_proxies_are_is_what_their_deployment_says(kube: CountingClient) -> None:
    states: asyncio.Queue[ProxyState] = asyncio.Queue()
    runner = runner_of(kube, on_state=states.put_nowait)
    await runner.ensure(plan(HTTP))
    async with running(runner, EDGE, leads=False):
        assert await states.get() == ProxyState(EDGE, Phase.STARTING, pods=2)
        await deploy_status(kube, observedGeneration=1, replicas=2, readyReplicas=1)
        assert await states.get() == ProxyState(EDGE, Phase.READY, pods=2, ready_pods=1, is_unready=True)
        await deploy_status(kube, availableReplicas=1)
        assert await states.get() == ProxyState(EDGE, Phase.READY, pods=2, ready_pods=1)
        assert runner.states[EDGE].phase is Phase.READY
        await runner.remove(EDGE)
        assert await states.get() == ProxyState(EDGE, Phase.STOPPED)


async def test_a_deployment_that_somebody_deletes_comes_back_at_once(kube: CountingClient) -> None:
    states: asyncio.Queue[ProxyState] = asyncio.Queue()
    runner = runner_of(kube, on_state=states.put_nowait)
    await runner.ensure(plan(HTTP))
    async with running(runner, EDGE):
        await states.get()
        await deploy_status(kube, observedGeneration=1, replicas=2, readyReplicas=1)
        await states.get()
        await kube.delete(DEPLOYMENTS, NAMESPACE, NAME)
        assert (await states.get()).phase is Phase.STARTING
        assert await states.get() == ProxyState(EDGE, Phase.STARTING, pods=2)


async def test_who_does_not_lead_writes_nothing(kube: CountingClient) -> None:
    await runner_of(kube).ensure(plan(HTTP))
    states: asyncio.Queue[ProxyState] = asyncio.Queue()
    follower = runner_of(kube, on_state=states.put_nowait)
    kube.writes.clear()
    async with running(follower, leads=False):
        assert (await states.get()).proxy == EDGE
        await deploy_status(kube, observedGeneration=1, replicas=2, readyReplicas=2)
        assert (await states.get()).ready_pods == 2
    assert kube.writes == ["PATCH lateen-ingressgateway"]  # the test's own


ODD: Final = {
    "affinity": '{"nodeAffinity": {}, "podAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}}',
    "autoscaling": '{"behavior": {"scaleUp": {}}}',
    "extra-env": '[{"name": "A"}, {"name": "B", "value": ""}]',
    "resources": '{"limits": {}, "requests": {"cpu": "1000m"}}',
    "tolerations": "[]",
}


async def test_wishes_that_mean_nothing_are_not_written_again_and_again(kube: CountingClient) -> None:
    runner = runner_of(kube)
    await runner.ensure(plan(HTTP, **ODD))
    kube.writes.clear()
    await audit(runner, EDGE)
    assert kube.writes == []


async def test_a_label_that_somebody_takes_away_comes_back(kube: CountingClient) -> None:
    runner = runner_of(kube)
    await runner.ensure(plan(HTTP))
    await kube.merge(DEPLOYMENTS, NAMESPACE, NAME, {"metadata": {"labels": {"lateen.io/instance": None}}})
    kube.writes.clear()
    await audit(runner, EDGE)
    assert kube.writes == ["PATCH deployments"]


async def test_what_others_have_copied_with_its_labels_is_theirs(kube: CountingClient) -> None:
    runner = runner_of(kube)
    await runner.ensure(plan(HTTP))
    copied = await kube.get(CONFIG_MAPS, NAMESPACE, NAME)
    assert copied is not None
    for name, namespace in (("copy", NAMESPACE), (NAME, INSTANCE)):
        kept = {key: copied["metadata"][key] for key in ("labels", "annotations")}
        await kube.create(CONFIG_MAPS, {**copied, "metadata": {"name": name, "namespace": namespace, **kept}})
    await audit(runner, EDGE)
    assert await audit(runner) == [EDGE]
    await runner.remove(EDGE)
    left = [each["metadata"]["name"] for each in (await kube.list(CONFIG_MAPS, labelSelector=PROXY_LABEL))[0]]
    assert sorted(left) == ["copy", NAME]


async def test_a_class_that_is_refused_holds_up_no_other_one(kube: CountingClient) -> None:
    runner = runner_of(kube)
    other = ProxyId(NAMESPACE, "app=other")
    with pytest.raises(ApiError, match="nodeAfinity"):
        await runner.ensure(plan(HTTP, affinity='{"nodeAfinity": {}}'))
    assert runner.states[EDGE].phase is Phase.FAILING
    assert "nodeAfinity" in runner.states[EDGE].error
    await runner.ensure(plan_of(other, HTTP))
    await kube.delete(DEPLOYMENTS, NAMESPACE, object_name(other))
    await audit(runner, EDGE, other)
    assert await names(kube) == [object_name(other)]
    await runner.ensure(plan(HTTP))
    assert runner.states[EDGE] == ProxyState(EDGE, Phase.STARTING)


async def test_closing_leaves_everything_running(kube: CountingClient) -> None:
    runner = runner_of(kube)
    await runner.ensure(plan(HTTP))
    kube.writes.clear()
    await runner.close()
    assert kube.writes == []


async def test_a_plan_for_a_laptop_is_refused(kube: CountingClient) -> None:
    with pytest.raises(Exception, match="not planned for a cluster"):
        await runner_of(kube).ensure(ProxyPlan(EDGE, "{}"))


async def test_two_classes_never_share_objects(kube: CountingClient, monkeypatch: pytest.MonkeyPatch) -> None:
    runner = runner_of(kube)
    await runner.ensure(plan(HTTP))
    monkeypatch.setattr("lateen.infra.kube.object_name", lambda _: NAME)
    with pytest.raises(ProxyError, match="have the name"):
        await runner.ensure(plan_of(ProxyId(NAMESPACE, "app=other"), HTTP))


async def test_every_object_tells_what_was_applied(kube: CountingClient) -> None:
    await runner_of(kube).ensure(plan(HTTP))
    for resource in MADE:
        for found in (await kube.list(resource, labelSelector=PROXY_LABEL))[0]:
            assert found["metadata"]["annotations"][APPLIED]
