"""From a plan to objects. What they look like stands in `tests/golden/proxies`."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from jinja2 import UndefinedError

from lateen.errors import InputError
from lateen.infra.base import ProxyPlan
from lateen.infra.naming import APPLIED
from lateen.infra.pods import ControlPlane, plan_pods
from lateen.infra.render import CONFIG, Renderer, wants_service
from lateen.ir.deployment import ProxyDeployment, ServicePort
from lateen.ir.proxy import ProxyId
from lateen.kube.client import Manifest
from lateen.settings import ProxyDefaults, ProxyService

EDGE = ProxyId("shop", "istio=ingressgateway")
XDS = ControlPlane("lateen-xds.lateen-system.svc:18000", "lateen-xds.lateen-system.svc")
HTTP = ServicePort("http-80", 80, 10080)


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return Renderer.load()


def plan(*ports: ServicePort, labels: Mapping[str, str] | None = None, **options: str) -> ProxyPlan:
    named = {name.replace("_", "-"): text for name, text in options.items()}
    return plan_pods(ProxyDeployment(EDGE, "shop", labels or {"istio": "ingressgateway"}, ports, named), XDS)


def rendered(renderer: Renderer, wanted: ProxyPlan, instance: str = "lateen-system", **defaults: Any) -> list[Manifest]:
    return list(renderer.render(wanted, ProxyDefaults(**defaults), instance))


def find(manifests: list[Manifest], kind: str) -> Manifest:
    (found,) = (each for each in manifests if each["kind"] == kind)
    return found


def hashes(manifests: list[Manifest]) -> dict[str, str]:
    return {each["kind"]: each["metadata"]["annotations"][APPLIED] for each in manifests}


def pod_of(manifests: list[Manifest]) -> Mapping[str, Any]:
    template: Mapping[str, Any] = find(manifests, "Deployment")["spec"]["template"]
    return template


def test_a_plan_of_a_laptop_is_refused(renderer: Renderer) -> None:
    with pytest.raises(InputError, match="shop/istio=ingressgateway is not planned for a cluster"):
        rendered(renderer, ProxyPlan(EDGE, "{}"))
    assert not wants_service(ProxyPlan(EDGE, "{}"), ProxyDefaults())


def test_equal_plans_give_equal_objects(renderer: Renderer) -> None:
    assert rendered(renderer, plan(HTTP)) == rendered(renderer, plan(HTTP))


def test_a_hash_differs_with_its_object_only(renderer: Renderer) -> None:
    before, after = hashes(rendered(renderer, plan(HTTP))), hashes(rendered(renderer, plan(HTTP, replicas="3")))
    assert {kind for kind, each in before.items() if after[kind] != each} == {"Deployment"}


def test_another_bootstrap_means_other_pods(renderer: Renderer) -> None:
    first = plan(HTTP)
    before, after = rendered(renderer, first), rendered(renderer, replace(first, bootstrap="{}"))
    assert pod_of(before)["metadata"]["annotations"][CONFIG] != pod_of(after)["metadata"]["annotations"][CONFIG]


def test_labels_of_the_selector_win_but_for_lateens_own(renderer: Renderer) -> None:
    selector = {"app.kubernetes.io/name": "edge", "app.kubernetes.io/managed-by": "me", "lateen.io/proxy": "other"}
    labels = pod_of(rendered(renderer, plan(labels=selector, pod_labels='{"app.kubernetes.io/name": "x", "a": "b"}')))
    assert labels["metadata"]["labels"] == {
        "app.kubernetes.io/name": "edge",
        "app.kubernetes.io/component": "proxy",
        "app.kubernetes.io/managed-by": "me",
        "a": "b",
        "lateen.io/instance": "lateen-system",
        "lateen.io/proxy": "lateen-ingressgateway",
    }


def test_beside_the_operator_nobody_looks_like_it(renderer: Renderer) -> None:
    selector = {"app.kubernetes.io/name": "lateen", "app.kubernetes.io/component": "operator"}
    labels = pod_of(rendered(renderer, plan(labels=selector), instance="shop"))["metadata"]["labels"]
    assert (labels["app.kubernetes.io/name"], labels["app.kubernetes.io/component"]) == ("lateen-proxy", "proxy")


def test_a_port_more_changes_the_service_and_no_pod(renderer: Renderer) -> None:
    one = rendered(renderer, plan(ServicePort("http-80", 80, 8080)))
    two = rendered(renderer, plan(ServicePort("http-80", 80, 8080), ServicePort("http-8080", 8080, 8080)))
    assert find(one, "Deployment") == find(two, "Deployment")
    assert [each["targetPort"] for each in find(two, "Service")["spec"]["ports"]] == [8080, 8080]


@pytest.mark.parametrize(
    ("target", "sysctls"), [(10080, None), (80, [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}])]
)
def test_a_port_under_1024_is_allowed_where_one_is_bound(renderer: Renderer, target: int, sysctls: Any) -> None:
    manifests = rendered(renderer, plan(ServicePort("http-80", 80, target)))
    assert pod_of(manifests)["spec"]["securityContext"].get("sysctls") == sysctls


def test_the_user_can_be_left_to_the_cluster(renderer: Renderer) -> None:
    context = pod_of(rendered(renderer, plan(), run_as_user=0))["spec"]["securityContext"]
    assert context == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}


def test_node_ports_are_for_services_that_have_some(renderer: Renderer) -> None:
    service = ProxyService(type="ClusterIP", node_ports={"80": 30080}, load_balancer_class="x")
    spec = find(rendered(renderer, plan(HTTP), service=service), "Service")["spec"]
    assert set(spec) == {"type", "selector", "ports"}
    assert "nodePort" not in spec["ports"][0]


def test_as_many_threads_as_processors_are_envoys_own_choice(renderer: Renderer) -> None:
    (container,) = pod_of(rendered(renderer, plan(concurrency="0")))["spec"]["containers"]
    assert "--concurrency" not in container["args"]


def test_text_stays_text_whatever_is_in_it(renderer: Renderer) -> None:
    odd = "yes: [{{ x }}] # no\n- 'a' \"b\" \\ \x7f\x00 😀 1e3 ~"
    annotations = pod_of(rendered(renderer, plan(), pod_annotations={"odd": odd}))["metadata"]["annotations"]
    assert annotations["odd"] == odd


def test_what_a_template_does_not_know_is_an_error(renderer: Renderer) -> None:
    with pytest.raises(UndefinedError, match="'unknown' is undefined"):
        renderer.templates.from_string("a: {{ unknown }}").render()
