"""The file that the chart writes is the file that the operator reads."""

from dataclasses import fields, replace

import pytest
from tests.chart.helm import RELEASE, find, objects
from tests.chart.value_sets import GOLDENS, names

from lateen.cli.operator_settings import parse_operator_settings
from lateen.settings import OperatorSettings


def _settings(name: str) -> OperatorSettings:
    config = find(objects((GOLDENS / f"{name}.yaml").read_text()), "ConfigMap", RELEASE)
    return parse_operator_settings(config["data"]["config.yaml"], name)


@pytest.mark.parametrize("name", names())
def test_the_operator_understands_all_that_the_chart_writes(name: str) -> None:
    assert _settings(name).namespace == "lateen-system"


def test_the_chart_and_the_operator_have_the_same_defaults() -> None:
    written, own = _settings("default"), OperatorSettings()
    proxies = replace(written.proxies, image=own.proxies.image, resources=own.proxies.resources)
    assert replace(written, proxies=proxies) == own


def test_every_setting_of_proxies_is_a_value_of_the_chart() -> None:
    written = find(objects((GOLDENS / "default.yaml").read_text()), "ConfigMap", RELEASE)["data"]["config.yaml"]
    names_of_fields = {each.name.replace("_", "") for each in fields(OperatorSettings().proxies)}
    names_of_values = {line.strip().partition(":")[0].lower() for line in written.splitlines()}
    assert names_of_fields - names_of_values == set()
