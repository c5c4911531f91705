"""The command line on a laptop, pointed at the cluster."""

import json
import sys

from tests.e2e.commands import eventually, run
from tests.e2e.kubernetes import Namespace
from tests.e2e.scene import EDGE, routes, to


def lateen(*arguments: str) -> str:
    return run(sys.executable, "-m", "lateen", *arguments)


def test_wait_returns_when_an_object_is_live(shop: Namespace) -> None:
    shop.apply(routes("waited", f"- route: [{to('web')}]"))
    told = lateen("wait", "--cluster", f"vs/{shop.name}/waited", f"gw/{EDGE.name}/edge")
    assert f"VirtualService {shop.name}/waited: Programmed is True" in told


def test_status_shows_proxies_and_objects(shop: Namespace) -> None:
    status = json.loads(lateen("status", "--cluster", "-o", "json"))
    assert any("istio=ingressgateway" in str(each["proxy"]) for each in status["proxies"])
    assert any(each["name"] == "web" for each in status["objects"] if each["kind"] == "DestinationRule")


def test_dump_shows_what_proxies_were_given(shop: Namespace) -> None:
    shop.apply(routes("dumped", f"- route: [{to('web', 'v2')}]"))
    shop.programmed("vs/dumped")
    text = eventually(lambda: lateen("dump", "routes", "--cluster", "--name", "*/dumped.e2e.example.com"))
    assert "outbound|8080|v2|web.e2e.svc.cluster.local" in text
    assert "# from VirtualService/e2e/dumped" in text


def test_validate_judges_files_over_the_cluster(shop: Namespace) -> None:
    lateen("validate", "--cluster", "examples/kubernetes/canary.yaml")
