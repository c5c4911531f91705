"""An uninstallation takes away what Lateen has made, and leaves what users have."""

import json

from tests.e2e.cluster import Doors
from tests.e2e.commands import eventually, run
from tests.e2e.kubernetes import OPERATOR, RELEASE, Namespace
from tests.e2e.readers import install
from tests.e2e.scene import EDGE, PROXIES, host_of, routes, to

KINDS = (
    "deployments,services,serviceaccounts,configmaps,secrets,poddisruptionbudgets,horizontalpodautoscalers,"
    "networkpolicies,leases,roles,rolebindings,jobs,pods"
)
CLUSTER_KINDS = "clusterroles,clusterrolebindings,validatingwebhookconfigurations"


def _names(*command: str) -> set[str]:
    found = json.loads(run("kubectl", "get", *command, "-o", "json"))["items"]
    return {f"{each['kind']}/{each['metadata']['name']}" for each in found}


def test_lateen_comes_back_to_what_was_there(doors: Doors, shop: Namespace) -> None:
    install(doors)
    shop.apply(routes("again", f"- route: [{to('web')}]"))
    shop.programmed("vs/again", within=90)
    doors.http.answers(host_of("again"))


def test_nothing_is_left_but_what_users_have(shop: Namespace) -> None:
    uninstall()


def test_proxies_beside_the_operator_come_and_go_as_well(doors: Doors, shop: Namespace) -> None:
    install(doors, "gateways.scope=cluster")
    shop.apply(routes("shared", f"- route: [{to('web')}]"))
    eventually(lambda: PROXIES in Namespace(OPERATOR).names("deployments"), what="proxies beside the operator")
    Namespace(OPERATOR).rolled_out(PROXIES)
    shop.programmed("vs/shared")
    doors.http.answers(host_of("shared"))
    assert PROXIES not in EDGE.names("deployments")
    uninstall()


def uninstall() -> None:
    """Uninstall Lateen, and look whether anything of it is left."""
    before = _names("gateways,virtualservices,destinationrules", "-A")
    run("helm", "uninstall", RELEASE, "--namespace", OPERATOR, "--wait", within=240)
    managed = ("-A", "-l", "app.kubernetes.io/managed-by=lateen")
    eventually(lambda: not _names(KINDS, *managed), within=60, what="the last proxies have drained")
    assert _names(CLUSTER_KINDS, "-l", "app.kubernetes.io/name=lateen") == set()
    of_every_namespace = {"ConfigMap/kube-root-ca.crt", "ServiceAccount/default"}
    eventually(
        lambda: _names(KINDS, "--namespace", OPERATOR) <= of_every_namespace, within=60, what="its namespace is empty"
    )
    assert _names("gateways,virtualservices,destinationrules", "-A") == before
    assert len(_names("crd", "-l", "app.kubernetes.io/part-of=lateen")) == 6
