"""What the chart makes of values is what is written down; `make golden` writes it anew, to be read as a diff."""

import re
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from tests.chart.helm import CHART, NAMESPACE, RELEASE, find, needs_helm, objects, render, run_helm
from tests.chart.value_sets import BARE, GOLDENS, names, read
from tests.golden.proxies.proxy_golden import manifests_of
from tests.golden.proxies.proxy_golden import names as proxy_goldens

_METRIC: Final = re.compile(r"\blateen_[a-z_]+")
_DEFINITIONS: Final = CHART.parents[1] / "crds"


@needs_helm
@pytest.mark.parametrize("name", names())
def test_the_chart_renders_to_what_is_written_down(name: str, *, rewrite_goldens: bool) -> None:
    text = render(read(name))
    path = GOLDENS / f"{name}.yaml"
    if rewrite_goldens:
        path.write_text(text)
    assert path.read_text().splitlines() == text.splitlines(), f"{path} differs; see `make golden`"


def test_every_golden_has_its_values() -> None:
    assert {path.name for path in GOLDENS.iterdir()} == {
        name + ending for name in names() for ending in (".values.yaml", ".yaml")
    }


def test_chart_images_and_package_have_one_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    version = tomllib.loads((CHART.parents[1] / "pyproject.toml").read_text())["project"]["version"]
    assert (chart["version"], chart["appVersion"]) == (version, version)
    assert f"\nIMAGE_TAG ?= {version}\n" in (CHART.parents[1] / "Makefile").read_text()


@needs_helm
def test_the_linter_has_nothing_to_say_about_the_chart() -> None:
    said = run_helm("lint", "--strict", str(CHART), values={})
    assert "1 chart(s) linted, 0 chart(s) failed" in said
    assert "WARNING" not in said


def test_the_chart_holds_the_definitions_that_are_generated() -> None:
    def files(folder: Path) -> dict[str, str]:
        return {path.name: path.read_text() for path in folder.glob("*.yaml")}

    held, generated = files(CHART / "files" / "crds"), files(_DEFINITIONS)
    assert held.keys() == generated.keys()
    assert [name for name, text in generated.items() if held[name] != text] == [], "see `make crds`"


@needs_helm
def test_definitions_are_rendered_as_they_are_and_outlive_the_chart() -> None:
    rendered = {
        each["metadata"]["name"]: each
        for each in objects(render({}, "--show-only", "templates/crds.yaml"))
        if each["kind"] == "CustomResourceDefinition"
    }
    generated = [each for path in _DEFINITIONS.glob("*.yaml") for each in objects(path.read_text())]
    assert rendered.keys() == {each["metadata"]["name"] for each in generated}
    for each in generated:
        found = rendered[each["metadata"]["name"]]
        assert found["spec"] == each["spec"]
        assert found["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
        assert found["metadata"]["labels"].items() >= each["metadata"]["labels"].items()


@needs_helm
def test_a_changed_configuration_replaces_the_pods_and_nothing_else_does() -> None:
    def annotations(**values: Any) -> dict[str, str]:
        deployment = find(objects(render({**BARE, **values}, "--show-only", "templates/deployment.yaml")), "Deployment")
        found: dict[str, str] = deployment["spec"]["template"]["metadata"]["annotations"]
        return found

    before = annotations()
    assert annotations(replicas=3, serviceAccount={"annotations": {"a": "b"}}) == before
    assert annotations(log={"level": "debug"}) != before


@pytest.mark.parametrize("name", names())
def test_the_guide_names_every_right_of_the_operator(name: str) -> None:
    guide = (CHART.parents[1] / "docs" / "install.md").read_text()
    rendered = objects((GOLDENS / f"{name}.yaml").read_text())
    rules = [rule for each in rendered if each["kind"] in {"Role", "ClusterRole"} for rule in each["rules"]]
    resources = {resource.removesuffix("/status") for rule in rules for resource in rule["resources"]}
    assert {resource for resource in resources if f"`{resource}`" not in guide} == set()


@needs_helm
def test_names_begin_with_the_release_and_can_be_chosen() -> None:
    def deployment(release: str, **values: Any) -> str:
        text = run_helm("template", release, str(CHART), "--namespace", NAMESPACE, values={**BARE, **values})
        [found] = [each for each in objects(text) if each["kind"] == "Deployment"]
        return str(found["metadata"]["name"])

    assert deployment("lateen") == "lateen"
    assert deployment("edge") == "edge-lateen"
    assert deployment("edge", nameOverride="proxies") == "edge-proxies"
    assert deployment("edge", fullnameOverride="sails") == "sails"


@needs_helm
def test_numbers_as_names_staynames() -> None:
    text = run_helm("template", "1e3", str(CHART), "--namespace", "42", values=BARE)
    config = find(objects(text), "ConfigMap", "1e3-lateen")
    assert config["metadata"]["namespace"] == "42"
    assert config["metadata"]["labels"]["app.kubernetes.io/instance"] == "1e3"
    assert yaml.safe_load(config["data"]["config.yaml"])["namespace"] == "42"


@needs_helm
def test_the_dashboard_asks_for_metrics_that_the_operator_has() -> None:
    values = {**BARE, "metrics": {"dashboard": {"enabled": True}}}
    config = find(objects(render(values, "--show-only", "templates/dashboard.yaml")), "ConfigMap", "lateen-dashboard")
    dashboard = yaml.safe_load(config["data"]["lateen.json"])
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
    named = {name for expression in asked for name in _METRIC.findall(expression)}
    assert len(named) > 10
    sources = "".join(path.read_text() for path in (CHART.parents[1] / "operator/lateen/runtime").rglob("*.py"))
    known = {name.removesuffix("_bucket").removesuffix("_total") for name in named}
    assert {name for name in known if f'"{name}"' not in sources} == set()


@needs_helm
@pytest.mark.parametrize(("scope", "everywhere"), [("namespace", True), ("cluster", False)])
def test_the_policy_lets_proxies_in_wherever_they_are(scope: str, *, everywhere: bool) -> None:
    values = {**BARE, "networkPolicy": {"enabled": True}, "gateways": {"scope": scope}}
    policy = find(objects(render(values, "--show-only", "templates/networkpolicy.yaml")), "NetworkPolicy", RELEASE)
    proxies = policy["spec"]["ingress"][0]["from"][0]
    assert proxies.get("namespaceSelector") == ({} if everywhere else None)
    wanted = proxies["podSelector"]
    deployments = [each for name in proxy_goldens() for each in manifests_of(name) if each["kind"] == "Deployment"]
    for labels in (each["spec"]["template"]["metadata"]["labels"] for each in deployments):
        assert wanted["matchLabels"].items() <= labels.items()
        assert {each["key"] for each in wanted["matchExpressions"]} <= labels.keys()


@needs_helm
def test_the_policy_is_about_the_operator_and_its_ports() -> None:
    rendered = objects(render({**BARE, "networkPolicy": {"enabled": True}, "webhook": {"enabled": True}}))
    policy, deployment = find(rendered, "NetworkPolicy", RELEASE), find(rendered, "Deployment", RELEASE)
    pods = deployment["spec"]["template"]
    assert policy["spec"]["podSelector"]["matchLabels"].items() <= pods["metadata"]["labels"].items()
    allowed = [port["port"] for rule in policy["spec"]["ingress"] for port in rule["ports"]]
    assert allowed == [port["name"] for port in pods["spec"]["containers"][0]["ports"]]
