"""Proxies are replaced, scaled, and lost under load; and appear and go with their Gateways."""

from tests.e2e.cluster import Doors
from tests.e2e.commands import becomes, eventually, run
from tests.e2e.kubernetes import Namespace
from tests.e2e.pod_load import PodLoad
from tests.e2e.scene import EDGE, PROXIES, host_of, routes, to

PODS = f"lateen.io/proxy={PROXIES}"


def _route(shop: Namespace, name: str) -> str:
    shop.apply(routes(name, f"- route: [{to('web')}]"))
    shop.programmed(f"vs/{name}")
    return host_of(name)


def test_proxies_are_restarted_one_after_the_other_and_nothing_is_lost(doors: Doors, shop: Namespace) -> None:
    host = _route(shop, "restart")
    inner = f"{PROXIES}.{EDGE.name}.svc.cluster.local:80"
    with PodLoad(shop, inner, host) as within, doors.http.load(host) as outside:
        old = set(EDGE.pods(PODS))
        EDGE.kubectl("rollout", "restart", f"deployment/{PROXIES}")
        EDGE.rolled_out(PROXIES)
        assert not old & set(EDGE.pods(PODS))
    outside.assert_nothing_failed()
    within.assert_nothing_failed()


def test_proxies_scale_by_annotation_and_nothing_is_lost(doors: Doors, shop: Namespace) -> None:
    host = _route(shop, "scale")
    with doors.http.load(host) as load:
        for replicas in (4, 1, 2):
            EDGE.kubectl("annotate", "--overwrite", "gateway/edge", f"proxy.lateen.io/replicas={replicas}")
            becomes(lambda: EDGE.get("deployment", PROXIES)["spec"]["replicas"], replicas, what="wanted proxies")
            EDGE.rolled_out(PROXIES)
        EDGE.kubectl("annotate", "gateway/edge", "proxy.lateen.io/replicas-")
    load.assert_nothing_failed()


def test_a_proxy_is_deleted_and_nothing_is_lost(doors: Doors, shop: Namespace) -> None:
    host = _route(shop, "deleted")
    with doors.http.load(host) as load:
        EDGE.kubectl("delete", "pod", EDGE.pods(PODS)[0], "--wait=false")
        EDGE.rolled_out(PROXIES)
    load.assert_nothing_failed()


def test_what_somebody_changes_or_deletes_comes_back(shop: Namespace) -> None:
    EDGE.kubectl("scale", f"deployment/{PROXIES}", "--replicas=3")
    EDGE.delete(f"poddisruptionbudget/{PROXIES}")
    eventually(lambda: EDGE.get("deployment", PROXIES)["spec"]["replicas"] == 2, within=60, what="two proxies")
    eventually(lambda: PROXIES in EDGE.names("poddisruptionbudgets"), within=60, what="the budget is back")
    EDGE.rolled_out(PROXIES)


def test_proxies_are_as_little_trusted_as_can_be(shop: Namespace) -> None:
    spec = EDGE.get("deployment", PROXIES)["spec"]["template"]["spec"]
    assert spec["automountServiceAccountToken"] is False
    for container in spec["containers"]:
        security = {**spec["securityContext"], **container["securityContext"]}
        assert security["runAsNonRoot"] is True
        assert security["readOnlyRootFilesystem"] is True
        assert security["capabilities"] == {"drop": ["ALL"]}
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}


def test_a_gateway_elsewhere_has_proxies_of_its_own_that_go_with_it(shop: Namespace) -> None:
    other = Namespace("e2e-other")
    run("kubectl", "create", "namespace", other.name)
    gateway = """
apiVersion: networking.istio.io/v1
kind: Gateway
metadata:
  name: inner
  annotations:
    proxy.lateen.io/service-type: ClusterIP
    proxy.lateen.io/node-ports: "{}"
    proxy.lateen.io/replicas: "1"
spec:
  selector: {istio: inner}
  servers:
    - port: {number: 80, name: http, protocol: HTTP}
      hosts: ["*/*.e2e.example.com"]
"""
    other.apply(gateway)
    shop.apply(routes("inner", f"- route: [{to('web')}]", gateway=f"{other.name}/inner"))
    eventually(lambda: "lateen-inner" in other.names("deployments"), what="a Deployment for the Gateway")
    other.rolled_out("lateen-inner")
    shop.programmed("vs/inner")
    with PodLoad(shop, f"lateen-inner.{other.name}.svc.cluster.local:80", host_of("inner")) as load:
        assert "lateen-inner" in other.names("services", "app.kubernetes.io/managed-by=lateen")
    load.assert_nothing_failed()
    before = _versions_that_stay(other)
    other.kubectl("replace", "--force", "-f", "-", given=gateway)  # deletes it, and makes it again
    other.programmed("gateway/inner")
    shop.programmed("vs/inner")
    assert _versions_that_stay(other) == before
    other.delete("gateway/inner")
    kinds = "deployments,services,serviceaccounts,configmaps,secrets,poddisruptionbudgets"
    eventually(
        lambda: not other.names(kinds, "app.kubernetes.io/managed-by=lateen"), within=90, what="nothing is left of them"
    )
    run("kubectl", "delete", "namespace", other.name, "--wait=false")


def _versions_that_stay(namespace: Namespace) -> dict[str, tuple[str, int | None]]:
    """Objects of proxies, as long as they are the same, and nobody writes anything but their status."""
    found = [*namespace.list("deployments,services,secrets,pods", "lateen.io/proxy")]
    return {
        f"{each['kind']} {each['metadata']['name']}": (each["metadata"]["uid"], each["metadata"].get("generation"))
        for each in found
    }
