"""Pods write of ejections where their log is, and soon enough for those who follow it."""

import json

from lateen.infra.pods import ControlPlane, plan_pods
from lateen.infra.render import Renderer
from lateen.ir.deployment import ProxyDeployment
from lateen.ir.proxy import ProxyId
from lateen.settings import ProxyDefaults

EDGE = ProxyId("shop", "istio=edge")


def test_a_pods_events_are_written_promptly() -> None:
    xds = ControlPlane("lateen-xds:18000", "lateen-xds", event_log="/dev/stdout")
    plan = plan_pods(ProxyDeployment(EDGE, "shop", {"istio": "edge"}), xds)
    assert json.loads(plan.bootstrap)["cluster_manager"] == {"outlier_detection": {"event_log_path": "/dev/stdout"}}
    made = Renderer.load().render(plan, ProxyDefaults(), "lateen-system")
    (deployment,) = (manifest for manifest in made if manifest["kind"] == "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["name"] == "envoy"
    place = container["args"].index("--file-flush-interval-msec")
    assert int(container["args"][place + 1]) <= 1000
