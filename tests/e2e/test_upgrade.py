"""An upgrade replaces operators and proxies, and no request is lost."""

import pytest
from tests.e2e.cluster import Doors
from tests.e2e.commands import eventually, run
from tests.e2e.kubernetes import OPERATOR, RELEASE, Namespace
from tests.e2e.scene import EDGE, PROXIES, host_of, routes, to


@pytest.mark.timeout(400)
def test_an_upgrade_with_other_values_loses_nothing(doors: Doors, shop: Namespace) -> None:
    shop.apply(routes("upgrade", f"- route: [{to('web')}]"))
    shop.programmed("vs/upgrade")
    values = ("podAnnotations.round=two", "proxies.podAnnotations.round=two", "log.level=debug")
    with doors.http.load(host_of("upgrade")) as load:
        command = ("helm", "upgrade", RELEASE, "charts/lateen", "--namespace", OPERATOR, "--reuse-values", "--wait")
        run(*command, *(f"--set={value}" for value in values), within=200)

        def renewed() -> bool:
            template = EDGE.get("deployment", PROXIES)["spec"]["template"]
            return bool(template["metadata"]["annotations"].get("round") == "two")

        eventually(renewed, within=60, what="the proxies are to have the new annotation")
        EDGE.rolled_out(PROXIES)
        Namespace(OPERATOR).rolled_out(RELEASE)
    load.assert_nothing_failed()
    shop.programmed("vs/upgrade")


def test_the_charts_own_test_passes(shop: Namespace) -> None:
    assert "Phase:          Succeeded" in run("helm", "test", RELEASE, "--namespace", OPERATOR, within=120)
