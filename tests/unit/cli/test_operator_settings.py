"""The operator's file of settings."""

from pathlib import Path

import pytest

from lateen.cli.operator_settings import read_operator_settings
from lateen.errors import InputError
from lateen.settings import OperatorSettings


def written(folder: Path, text: str) -> Path:
    file = folder / "config.yaml"
    file.write_text(text)
    return file


def test_an_empty_file_gives_the_defaults(tmp_path: Path) -> None:
    assert read_operator_settings(written(tmp_path, "")) == OperatorSettings()


def test_settings_are_written_as_in_the_values_of_the_chart(tmp_path: Path) -> None:
    settings = read_operator_settings(
        written(tmp_path, "namespace: edge\ngateways: {scope: cluster}\nstatus: {writesPerSecond: 5}\n")
    )
    assert (settings.namespace, settings.gateways.scope, settings.status.writes_per_second) == ("edge", "cluster", 5.0)


def test_every_mistake_is_named(tmp_path: Path) -> None:
    file = written(tmp_path, "namespaces: edge\nxdsPort: many\n")
    with pytest.raises(InputError) as refusal:
        read_operator_settings(file)
    unknown, wrong = sorted(str(refusal.value).splitlines())
    assert unknown.startswith(f"{file}: namespaces: ")
    assert wrong.startswith(f"{file}: xdsPort: ")


def test_a_choice_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gateways\.scope: one of namespace, cluster is expected, not 'planet'"):
        read_operator_settings(written(tmp_path, "gateways: {scope: planet}"))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.yaml: No such file"):
        read_operator_settings(tmp_path / "nowhere.yaml")


def test_proxies_are_checked_like_wishes_of_gateways(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(
        "gateways: {options: [replicas, size]}\nproxies: {service: {type: Node}, podLabels: {lateen.io/a: b}}\n"
    )
    with pytest.raises(InputError) as refused:
        read_operator_settings(file)
    options, labels, service = str(refused.value).splitlines()
    assert options.startswith(f"{file}: gateways.options: 'size' is no option; there are affinity, ")
    assert labels == f"{file}: proxies.podLabels: lateen.io/a: names of lateen.io are Lateen's own"
    assert service.startswith(f"{file}: proxies.service.type: one of ClusterIP, ")


def test_a_delay_that_cannot_be_waited_for_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"proxies\.removal\.delaySeconds: 0 or more is expected, not -1"):
        read_operator_settings(written(tmp_path, "proxies: {removal: {delaySeconds: -1}}"))
