"""An upgrade replaces operators and proxies, and no request is lost."""

import pytest
from tests.e2e.cluster import Doors
from tests.e2e.commands import CommandError, becomes, eventually, run
from tests.e2e.kubernetes import OPERATOR, RELEASE, Namespace
from tests.e2e.scene import EDGE, PROXIES, host_of, routes, to


@pytest.mark.timeout(400)
def test_an_upgrade_with_other_values_loses_nothing(doors: Doors, shop: Namespace) -> None:
    shop.apply(routes("upgrade", f"- route: [{to('web')}]"))
    shop.programmed("vs/upgrade")
    values = ("podAnnotations.round=two", "proxies.podAnnotations.round=two", "log.level=debug")
    with doors.http.load(host_of("upgrade")) as load:
        _set(*values)

        def renewed() -> bool:
            template = EDGE.get("deployment", PROXIES)["spec"]["template"]
            return bool(template["metadata"]["annotations"].get("round") == "two")

        eventually(renewed, within=60, what="the proxies are to have the new annotation")
        EDGE.rolled_out(PROXIES)
        Namespace(OPERATOR).rolled_out(RELEASE)
    load.assert_nothing_failed()
    shop.programmed("vs/upgrade")


def test_with_the_webhook_a_mistake_is_refused_when_it_is_written(shop: Namespace) -> None:
    _set("webhook.enabled=true")
    bad = routes("mistake", f'- match: [{{uri: {{regex: "(["}}}}]\n  route: [{to("web")}]')
    # The new leader tells the API server whom to trust, a moment after its pod is ready.
    eventually(lambda: "is not an RE2 expression" in _objection(shop, bad), within=60, what="the mistake is refused")
    Namespace(OPERATOR).kubectl("scale", f"deployment/{RELEASE}", "--replicas=0")
    eventually(lambda: _is_applied(shop, bad), within=60, what="without an operator it is stored")
    Namespace(OPERATOR).kubectl("scale", f"deployment/{RELEASE}", "--replicas=2")
    shop.says("vs", "mistake", "Accepted", "False", "is not an RE2 expression", within=60)
    _set("webhook.enabled=false")
    assert not run(
        "kubectl", "get", "validatingwebhookconfigurations", "-o", "name", "-l", "app.kubernetes.io/name=lateen"
    )


def test_what_scales_and_guards_proxies_comes_and_goes(shop: Namespace) -> None:
    kinds = "horizontalpodautoscalers,networkpolicies"
    _set("proxies.autoscaling.enabled=true", "proxies.networkPolicy.enabled=true")
    becomes(lambda: set(EDGE.names(kinds)), {PROXIES}, within=60, what="objects of the proxies")
    _set("proxies.autoscaling.enabled=false", "proxies.networkPolicy.enabled=false")
    eventually(lambda: not EDGE.names(kinds), within=60, what="none of them")
    EDGE.rolled_out(PROXIES)


def _set(*values: str) -> None:
    command = ("helm", "upgrade", RELEASE, "charts/lateen", "--namespace", OPERATOR, "--reuse-values", "--wait")
    run(*command, *(f"--set={value}" for value in values), within=200)


def _objection(namespace: Namespace, text: str) -> str:
    """What the API server has against an object; it is not stored in any case."""
    try:
        namespace.kubectl("create", "--dry-run=server", "-f", "-", given=text)
    except CommandError as error:
        return str(error)
    return ""


def _is_applied(namespace: Namespace, text: str) -> bool:
    namespace.apply(text)
    return True


def test_the_charts_own_test_passes(shop: Namespace) -> None:
    assert "Phase:          Succeeded" in run("helm", "test", RELEASE, "--namespace", OPERATOR, within=120)
